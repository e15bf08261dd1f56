#![allow(clippy::unwrap_used)]

use super::PAGE_TEXT_LIMIT;
use crate::console::desk::Browser;
use crate::console::records::escaped;
use crate::console::tests::{ATTACK, Desk, PASSWORD};
use crate::policy_store::VersionState;
use crate::staff::Role;

const SMALL: &str = r#"version = 1
[[service]]
id = "steps"
category = "administrative"
name = { fr = "Démarches", en = "Steps" }
start = "https://steps.example.fr/"
  [[service.rule]]
  hosts = ["steps.example.fr"]
  paths = ["/", "/form/*"]
  queries = ["page"]
"#;

#[tokio::test]
async fn two_people_publish_and_one_goes_back() {
    let desk = Desk::new().await;
    let sam = Browser::of(&desk, Role::Security);
    let ada = Browser::of(&desk, Role::Administrator);
    sam.get("/policy")
        .await
        .done()
        .shows("In force: version 1")
        .shows("France Travail")
        .shows("/policy/draft");

    // Browsers send CR LF; the text's lines end as in a file.
    let typed = SMALL.replace('\n', "\r\n");
    let draft = |password, comment| {
        [("text", typed.as_str()), ("comment", comment), ("password", password), ("do", "propose")]
    };
    let wrong = sam.post("/policy/draft", &draft("not it", ATTACK)).await;
    wrong.wrong("The password is wrong").shows("steps.example.fr").shows("&lt;script&gt;");
    sam.post("/policy/draft", &draft(PASSWORD, "Only steps"))
        .await
        .goes_to("/policy/versions/2?done=done-policy-proposed");
    assert_eq!(desk.gateway.policies.text(2).await.unwrap(), SMALL);

    let own = sam.get("/policy/versions/2").await;
    own.done().shows("another person must sign").lacks("/policy/versions/2/sign").shows("class=\"removed\"");
    sam.post("/policy/versions/2/sign", &[("password", PASSWORD)]).await.wrong("another person must sign");
    ada.get("/policy").await.shows("Waiting for a signature");
    ada.get("/policy/versions/2").await.done().shows("/policy/versions/2/sign").shows("Only steps");
    ada.post("/policy/versions/2/sign", &[("password", "not it")]).await.wrong("The password is wrong");
    ada.confirm("/policy/versions/2/sign", &[]).await.goes_to("/policy?done=done-policy-published");
    assert_eq!(desk.gateway.policies.current().version, 2);

    ada.confirm("/policy/versions/1/again", &[])
        .await
        .goes_to("/policy/versions/3?done=done-policy-proposed");
    let back = desk.gateway.policies.show(Some(3)).await.unwrap();
    assert_eq!((back.state, back.comment.as_str()), (VersionState::Proposed, "Back to version 1"));
    sam.get("/policy/history").await.done().shows("Back to version 1").shows("superseded");
    sam.get("/policy/versions/2?against=3").await.done().shows("Differences with version 3");
    sam.get("/policy/versions/99").await.shows("There is nothing here");

    assert_eq!(
        desk.records("policy-proposed").await,
        ["by security: Only steps", "by administrator: Back to version 1"]
    );
    assert_eq!(desk.records("policy-published").await.last().unwrap(), "by administrator: Only steps");
    assert_eq!(desk.records("staff-sign-in-failed").await.len(), 2);
}

#[tokio::test]
async fn a_draft_is_checked_and_tried_and_never_lost() {
    let desk = Desk::new().await;
    let sam = Browser::of(&desk, Role::Security);
    sam.get("/policy/draft").await.done().shows("candidat.francetravail.fr");
    sam.get("/policy/draft?from=1").await.done();

    let broken =
        SMALL.replace("\"administrative\"", &format!("'''{ATTACK}'''")).replace("\"/form/*\"", "\"form\"");
    let page = sam.post("/policy/draft", &[("text", &broken), ("do", "check")]).await;
    page.wrong("2 mistakes").shows("line 4, column").shows("line 9, column").shows("To mend it:");
    page.shows("&lt;script&gt;").shows("steps.example.fr");
    let page =
        sam.post("/policy/draft", &[("text", &broken), ("do", "propose"), ("password", PASSWORD)]).await;
    page.wrong("2 mistakes");
    assert_eq!(desk.gateway.policies.history().await.unwrap().len(), 1);

    let warned = SMALL.replace("  queries = [\"page\"]\n", "");
    let page = sam.post("/policy/draft", &[("text", &warned), ("do", "check")]).await;
    page.done().shows("This text has no mistake").shows("class=\"removed\"").shows("steps.example.fr");
    let page = sam.post("/policy/draft", &[("text", SMALL), ("do", "preview"), ("days", "3")]).await;
    page.done().shows("Would be refused: 0").shows("steps.example.fr");
    assert_eq!(desk.records("staff-looked").await, ["policy preview of 3 days, by security"]);
}

#[tokio::test]
async fn an_emergency_refusal_only_narrows() {
    let desk = Desk::new().await;
    let sam = Browser::of(&desk, Role::Security);
    sam.get("/policy/refuse").await.done();
    let refuse = |host, password| [("host", host), ("password", password)];
    sam.post("/policy/refuse", &refuse(ATTACK, PASSWORD)).await.wrong("neither a host nor");
    sam.post("/policy/refuse", &refuse("x.example.fr", "")).await.wrong("wrong").shows("x.example.fr");
    sam.post("/policy/refuse", &refuse("*.example.fr", PASSWORD))
        .await
        .goes_to("/policy?done=done-policy-refused");
    sam.get("/policy?done=done-policy-refused").await.shows("refused to everybody").shows("*.example.fr");
    let current = desk.gateway.policies.current();
    assert!(current.policy.refusal_of(&passerelle_policy::Host::parse("x.example.fr").unwrap()).is_some());
    assert_eq!(current.version, 2);
}

#[tokio::test]
async fn explanations_show_the_walk() {
    let desk = Desk::new().await;
    let sam = Browser::of(&desk, Role::Auditor);
    desk.gateway
        .people
        .add(&"p1".parse().unwrap(), "A", &[], &[], "314159", jiff::Timestamp::now())
        .await
        .unwrap();
    let ask = async |query: &str| sam.get(&format!("/policy/explain?{query}")).await;
    ask("").await.done();
    let open = "url=https://candidat.francetravail.fr/&at=2026-12-01T10:30";
    ask(open).await.done().shows("allowed").shows("france-travail/1");
    ask("url=https://candidat.francetravail.fr/&at=2026-12-01T23:30").await.done().shows("window");
    ask("url=https://elsewhere.example/").await.done().shows("no-rule").shows("The person reads");
    ask(&format!("url={}", escaped(ATTACK))).await.shows("&lt;script&gt;");
    ask("url=https://a%5Cb/").await.done().shows("malformed");
    ask(&format!("{open}&at=never")).await.done();
    ask("url=https://a.example/&at=never").await.wrong("This moment").shows("https://a.example/");
    ask("url=https://a.example/&person=nobody").await.wrong("no such person");
    ask(&format!("{open}&person=p1")).await.done().shows("allowed");
    assert_eq!(desk.records("staff-looked").await, ["policy explain, by auditor"]);
    ask("url=https://a.example/&version=9").await.wrong("no such version");
}

/// Lists come with hundreds of thousands of hosts: what changed in them is told, and no page carries them whole.
#[tokio::test]
async fn a_long_policy_stays_readable() {
    let desk = Desk::new().await;
    let sam = Browser::of(&desk, Role::Security);
    let publish = async |hosts: std::ops::Range<usize>, signatures| {
        let hosts: String = hosts.map(|n| format!("\"h{n}.list-of-sites.example\",\n")).collect();
        let text = format!("{SMALL}[[refuse]]\nreason = \"List\"\nhosts = [\n{hosts}]\n");
        assert!(text.len() > PAGE_TEXT_LIMIT);
        let by = desk.gateway.staff.get(&"security".parse().unwrap()).await.unwrap().unwrap();
        desk.gateway.policies.propose(text, &by, "", signatures, jiff::Timestamp::now()).await.unwrap();
    };
    publish(0..50_000, 1).await;
    publish(3..50_002, 2).await;
    for path in
        ["/policy", "/policy/history", "/policy/versions/3", "/policy/versions/3?against=1", "/policy/draft"]
    {
        let page = sam.get(path).await;
        page.done();
        assert!(page.0.body.len() < 3 * PAGE_TEXT_LIMIT, "{path}: {} bytes", page.0.body.len());
    }
    let version = sam.get("/policy/versions/3").await;
    version
        .shows("h50001.list-of-sites.example")
        .shows("only its beginning is shown")
        .shows("and 49959 more");
    assert_eq!(version.0.body.matches("class=\"added\"").count(), 2);
    assert_eq!(version.0.body.matches("class=\"removed\"").count(), 3);
    sam.get("/policy/draft").await.shows("too long to be changed here").lacks("<textarea");
    sam.get("/policy/explain?url=https://h49999.list-of-sites.example/").await.done().shows("refused-host");
    sam.get("/policy/explain?url=https://h1.list-of-sites.example/&version=3").await.done().shows("no-rule");
    let refused = sam.confirm("/policy/refuse", &[("host", "x.example.fr")]).await;
    refused.goes_to("/policy?done=done-policy-refused");
}
