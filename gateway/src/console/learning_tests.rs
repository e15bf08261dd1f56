//! Learning a step at the desk.
#![allow(clippy::unwrap_used)]

use http::{HeaderMap, Method};
use jiff::Timestamp;
use passerelle_policy::Url;

use super::desk::Browser;
use super::tests::{ATTACK, Desk};
use crate::identifier::{GroupId, TerminalId};
use crate::learning::TEST_GROUP;
use crate::policy_store::VersionState;
use crate::proxy::question::Question;
use crate::staff::Role;

const PIN: &str = "314159";
const RUN: [(&str, &str); 6] = [
    ("person", "test"),
    ("hosts", "steps.example.fr\r\n\r\n files.example.fr:8443 "),
    ("minutes", "30"),
    ("service", "learnt-steps"),
    ("name", ATTACK),
    ("category", "training"),
];

/// The run with one field otherwise.
fn with<'a>(name: &str, value: &'a str) -> [(&'static str, &'a str); 6] {
    RUN.map(|(known, typed)| (known, if known == name { value } else { typed }))
}

async fn desk() -> Desk {
    let desk = Desk::new().await;
    let group = GroupId::parse(TEST_GROUP).unwrap();
    let now = Timestamp::now();
    desk.gateway.people.add(&"p1".parse().unwrap(), "A", &[], &[], PIN, now).await.unwrap();
    desk.gateway.people.add(&"test".parse().unwrap(), "T", &[group], &[], PIN, now).await.unwrap();
    desk
}

#[tokio::test]
async fn a_run_is_begun_as_the_domain_allows() {
    let desk = desk().await;
    let sam = Browser::of(&desk, Role::Security);
    sam.get("/learning").await.done().shows("No run is being recorded").shows("value=\"30\"");
    let published = desk.gateway.policies.current();
    let taken = published.policy.services()[0].id().to_string();
    for (name, value, words) in [
        ("person", "p1", "not of the group &quot;staff-test&quot;"),
        ("person", "nobody", "no person of this number"),
        ("person", ATTACK, "An identifier has"),
        ("hosts", " \r\n", "opens 1 to 30 hosts"),
        ("hosts", ATTACK, "is no host"),
        ("hosts", "localhost", "is no host"),
        ("hosts", "staff.test", "staff.test:443 can't be opened"),
        ("minutes", "61", "1 to 60 minutes"),
        ("minutes", "long", "1 to 60 minutes"),
        ("service", "a b", "An identifier has"),
        ("service", &taken, "has a step of this identifier"),
    ] {
        sam.confirm("/learning", &with(name, value)).await.wrong(words).shows("&lt;script");
    }
    sam.post("/learning", &RUN).await.wrong("The password is wrong").shows("value=\"learnt-steps\"");
    assert!(desk.gateway.learning.runs().is_empty());

    let ada = Browser::of(&desk, Role::Administrator);
    ada.confirm("/learning", &RUN).await.goes_to("/learning?done=done-learning-started");
    ada.confirm("/learning", &RUN).await.wrong("being recorded already");
    sam.post("/learning/test/stop", &[]).await.wrong("opened no page");
    sam.post("/learning/test/stop", &[]).await.wrong("No run of this person");
    assert_eq!(sam.post("/learning/a%20b/stop", &[]).await.0.status, 404);
}

#[tokio::test]
async fn a_run_becomes_a_draft_and_the_draft_a_proposal() {
    let desk = desk().await;
    let gateway = desk.gateway.clone();
    let sam = Browser::of(&desk, Role::Security);
    let terminal = TerminalId::parse("t1").unwrap();
    let session = gateway.sessions.sign_in("test", PIN, &terminal, Timestamp::now()).await.unwrap().session;
    let ask = |url: &str| {
        let (url, now) = (Url::parse_written(url).unwrap(), Timestamp::now());
        let question = Question::http(url, &Method::GET, &HeaderMap::new(), false, false, now);
        let decision = question.ask(&gateway, &gateway.policies.current().policy, &session, now);
        gateway.learning.judged(&session, &question, &decision);
        if decision.reason.is_none() {
            gateway.learning.keep(&session, || question.seen(0, None, None));
        }
        decision.reason.is_none()
    };
    assert!(!ask("https://steps.example.fr/form"), "before the run");
    sam.confirm("/learning", &RUN).await.goes_to("/learning?done=done-learning-started");
    assert!(ask("https://steps.example.fr/form"));
    assert!(ask("https://files.example.fr:8443/a"));
    assert!(!ask("https://elsewhere.example.fr/track?id=1"));

    let page = sam.get("/learning").await;
    page.done().shows("steps.example.fr").shows("files.example.fr:8443").shows("/learning/test/stop");
    page.shows("class=\"number\">2</td>").shows("class=\"number\">1</td>").lacks("tag warn");
    let page = sam.post("/learning/test/stop", &[]).await;
    page.done().shows("elsewhere.example.fr").shows("lets everything pass").shows("kept nowhere");
    page.lacks("/track?id=1").shows("value=\"propose\"");
    assert!(!ask("https://steps.example.fr/form"), "after the run");
    sam.get("/learning").await.done().shows("No run is being recorded");

    // The form of the draft goes on as that of any proposal.
    let shown = page.after("wrap=\"off\">\n");
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    let text = entities.iter().fold(shown.to_owned(), |text, (entity, sign)| text.replace(entity, sign));
    for line in ["id = \"learnt-steps\"", "hosts = [\"files.example.fr\"]", "ports = [8443]"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let proposed = [("text", text.as_str()), ("comment", "Learnt"), ("do", "propose")];
    sam.post("/policy/draft", &proposed).await.wrong("The password is wrong").shows("learnt-steps");
    sam.confirm("/policy/draft", &proposed).await.goes_to("/policy/versions/2?done=done-policy-proposed");
    assert_eq!(gateway.policies.show(Some(2)).await.unwrap().state, VersionState::Proposed);
    let told = desk.records("person-changed").await;
    let [.., begun, ended] = told.as_slice() else { panic!("{told:?}") };
    assert!(begun.contains("by security: steps.example.fr:443, files.example.fr:8443"), "{begun}");
    assert_eq!(ended, "recording learnt-steps ended, by security");
}
