//! Searching the catalogue from outside: what the kiosk API and the verb find in items that were really taken in.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use passerelle_tests::authority::Authority;
use passerelle_tests::client::Client;
use passerelle_tests::lessons::{self, CV_ITEM, PAY_ITEM, POLICY};
use passerelle_tests::sample::CAMILLE;
use passerelle_tests::{Setup, Stand};
use serde_json::Value;

fn stand(policy: &str) -> Stand {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    Setup::new(authority, policy).start().unwrap()
}

async fn get(client: &Client, path: &str) -> Value {
    let answer = client.api("GET", path, None).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_is_found_by_words_typed_badly() {
    let stand = stand(POLICY);
    lessons::add(&stand).unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();

    let check = async |query: &str, path: &str, spelt: Option<&str>| {
        let found = get(&client, &format!("/v1/catalogue/search?q={query}")).await;
        let first = &found["results"][0];
        let expected = format!("https://{CV_ITEM}-passerelle.internal{path}");
        assert!(first["url"].as_str().is_some_and(|url| url.starts_with(&expected)), "{query}: {found}");
        assert_eq!(first["item"], CV_ITEM);
        assert_eq!(found["spelt"].as_str(), spelt, "{query}");
        assert!(
            first["snippet"].as_array().unwrap().iter().any(|part| part["found"] == true),
            "{query}: {found}"
        );
    };
    check("trouver+ses+comp%C3%A9tences", "/competences.html", None).await;
    check("TROUVER+SES+COMPETENCES", "/competences.html", None).await;
    check("p%C3%A9riode+sans+empoli+", "/experience.html", Some("période sans emploi ")).await;
    check("num%C3%A9ro+de+t%C3%A9l%C3%A9phonne+", "/relire.html", Some("numéro de téléphone ")).await;

    let none = get(&client, "/v1/catalogue/search?q=competences&language=ar").await;
    assert_eq!((none["total"].as_u64(), none["results"].as_array().unwrap().len()), (Some(0), 0), "{none}");
    let kind = client.api("GET", "/v1/catalogue/search?q=a&kind=film", None).await.unwrap();
    assert_eq!((kind.status, kind.reason().as_deref()), (422, Some("invalid")), "{kind:?}");

    let ends = get(&client, "/v1/catalogue/suggest?q=racont").await;
    assert_eq!(ends["suggestions"][0], "Raconter son expérience", "{ends}");

    // The verb finds the same, and neither finds what was taken away.
    let verb = || stand.verb(&["catalogue", "search", "--json", "compétences"], "").unwrap().json().unwrap();
    assert_eq!(verb()["results"][0]["item"], CV_ITEM);
    stand.verb(&["catalogue", "remove", CV_ITEM], "").unwrap();
    let found = get(&client, "/v1/catalogue/search?q=competences").await;
    assert!(found["results"].as_array().unwrap().iter().all(|result| result["item"] == PAY_ITEM), "{found}");
    assert!(verb()["results"].as_array().unwrap().iter().all(|result| result["item"] == PAY_ITEM));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_open_the_catalogue_searches_it() {
    let stand = stand("version = 1\ntime_zone = \"Europe/Paris\"\n");
    let nobody = stand.client("a").unwrap();
    let paths = ["/v1/catalogue/search?q=a", "/v1/catalogue/suggest?q=a"];
    for path in paths {
        let refused = nobody.api("GET", path, None).await.unwrap();
        assert_eq!((refused.status, refused.reason().as_deref()), (401, Some("no-session")), "{path}");
    }
    let client = nobody.sign_in(&CAMILLE).await.unwrap();
    for path in paths {
        let refused = client.api("GET", path, None).await.unwrap();
        assert_eq!((refused.status, refused.reason().as_deref()), (403, Some("no-rule")), "{path}");
    }
}
