use std::sync::Arc;

use jiff::Timestamp;
use passerelle_audit::{Draft, Effect, Kind, Sealed};
use passerelle_gateway::Gateway;
use passerelle_gateway::config::Overrides;
use passerelle_gateway::identifier::PersonId;
use passerelle_gateway::journal_keys::{Subject, month};
use serde_json::json;

use super::support::{Folder, PIN};

/// What `init` publishes is replaced by this.
const PUBLISHED: &str = r#"
version = 1

[[service]]
id = "steps"
category = "administrative"
start = "https://steps.example.fr/"
  [[service.rule]]
  hosts = ["steps.example.fr"]
  methods = ["GET", "POST"]
  [[service.rule]]
  hosts = ["static.example.fr"]
  access = "resource"

[[service]]
id = "courses"
category = "training"
start = "https://courses.example.fr/"
groups = ["pupils"]
  [[service.rule]]
  hosts = ["courses.example.fr"]

[[service]]
id = "lawyers"
category = "administrative"
confidential = true
start = "https://lawyers.example.fr/"
  [[service.rule]]
  hosts = ["lawyers.example.fr"]
  mode = "tunnel"
"#;

/// A sample day: person, what came of it (`-` for allowed), method, address, page.
const DAY: &str = "
p1 - CONNECT steps.example.fr:443
p1 - GET https://steps.example.fr/
p1 - GET https://steps.example.fr/offers?page&q
p1 - POST https://steps.example.fr/offers/send https://steps.example.fr/offers
p1 - GET https://static.example.fr/a.js https://steps.example.fr/
p1 not-a-page GET https://static.example.fr/a.js
p1 group GET https://courses.example.fr/
p2 - GET https://courses.example.fr/
p1 no-rule GET https://other.example.fr/
p1 access-stopped GET https://steps.example.fr/
p1 - CONNECT
p3 - GET https://steps.example.fr/
";

/// Published, with two people, and the day recorded; p3's key is destroyed since.
fn with_a_day() -> Folder {
    let folder = Folder::with_staff();
    std::fs::write(folder.data.join("gateway.toml"), "[policy]\nsignatures = 1\n").unwrap();
    let file = folder.file("published.toml", PUBLISHED);
    folder
        .run_with(&format!("policy propose {file} --by sam --password-stdin"), super::support::PASSWORD)
        .done();
    for (id, group) in [("p1", ""), ("p2", "--group pupils")] {
        folder.run_with(&format!("person add --id {id} --name x {group} --pin-stdin"), PIN).done();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let gateway = Gateway::open(&folder.data, &Overrides::default()).await.unwrap();
        for line in DAY.lines().filter(|line| !line.is_empty()) {
            record(&gateway, line).await;
        }
        let p3 = Subject::Person(PersonId::parse("p3").unwrap());
        assert!(gateway.keys.destroy(&p3, &month(Timestamp::now())).await.unwrap());
        gateway.close().await;
    });
    folder
}

async fn record(gateway: &Arc<Gateway>, line: &str) {
    let mut words = line.split(' ').map(str::to_owned);
    let (person, reason) = (words.next().unwrap(), words.next().filter(|reason| reason != "-"));
    let (method, url, page) = (words.next(), words.next(), words.next());
    let subject = Subject::Person(PersonId::parse(&person).unwrap());
    let key = gateway.keys.key_for(&subject, Timestamp::now()).await.unwrap();
    let session = Some(format!("session of {person}"));
    let sealed =
        Sealed { person: Some(person), session, policy: Some(2), method, url, page, ..Sealed::default() };
    let draft = |kind| Draft { sealed: sealed.clone(), reason: reason.clone(), ..Draft::new(kind) };
    match reason {
        None => {
            let opened = Draft { decision: Some(Effect::Allow), ..draft(Kind::Opened) };
            gateway.journal.open(opened, key).await.unwrap().close(draft(Kind::Closed));
        }
        Some(_) => {
            let refused = Draft { decision: Some(Effect::Refuse), count: Some(3), ..draft(Kind::Refused) };
            gateway.journal.append(refused, key).await.unwrap();
        }
    }
}

#[test]
fn a_policy_s_effect_on_a_day_is_told_before_it_is_published() {
    let folder = with_a_day();
    let proposed = PUBLISHED
        .replace("methods = [\"GET\", \"POST\"]", "paths = [\"/\"]\nmethods = [\"GET\", \"POST\"]")
        .replace("groups = [\"pupils\"]\n", "")
        .replace("access = \"resource\"", "");
    let file = folder.file("proposed.toml", &proposed);
    let expected = json!({
        "newly_refused": [
            { "service": "steps", "host": "steps.example.fr", "reason": "path", "count": 2, "example": "GET https://steps.example.fr/offers?page&q" },
        ],
        "newly_allowed": [
            { "service": "courses", "host": "courses.example.fr", "reason": "group", "count": 3, "example": "GET https://courses.example.fr/" },
            { "service": "steps", "host": "static.example.fr", "reason": "not-a-page", "count": 3, "example": "GET https://static.example.fr/a.js" },
        ],
        "further_changes": 0,
        // CONNECT and page of steps, script, course of p2; other.example.fr.
        "still_allowed": 4,
        "still_refused": 3,
        "not_replayed": { "confidential": 1, "key-destroyed": 1, "not-the-policys": 3 },
    });
    for served in [false, true] {
        let _serving = served.then(|| folder.serve());
        let json = folder.run(&format!("policy preview {file} --days 1 --json")).done().json();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&json[name], value, "{name} of {json}");
        }
        assert_eq!((&json["records"], &json["published"]), (&json!(12), &json!(2)));
        assert!(!json["findings"].as_array().unwrap().is_empty(), "warnings of the file come with it");
    }
    let text = folder.run(&format!("policy preview {file}")).done().out;
    let order =
        [": attention : ", "Rejeu depuis le ", "Seraient refusées : 2", "path ", "Seraient autorisées : 6"];
    let places: Vec<_> =
        order.iter().map(|words| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("lawyers.example.fr"), "{text}");
}

#[test]
fn the_published_policy_changes_nothing() {
    let folder = with_a_day();
    let file = folder.file("same.toml", PUBLISHED);
    let json = folder.run(&format!("policy preview {file} --json")).done().json();
    assert_eq!((&json["newly_refused"], &json["newly_allowed"]), (&json!([]), &json!([])), "{json}");
    assert_eq!((&json["still_allowed"], &json["still_refused"]), (&json!(6), &json!(9)), "{json}");
}

#[test]
fn a_file_with_mistakes_is_not_replayed() {
    let folder = Folder::initialised();
    let file = folder.file("broken.toml", "version = 1\nserivce = 3\n");
    folder.run(&format!("policy preview {file}")).refused(&format!("{file}:2:1: "));
    assert_eq!(folder.run(&format!("policy preview {file} --json")).json()["ok"], false);
    assert_eq!(folder.run(&format!("policy preview {file} --days 0")).exit, 2);
}
