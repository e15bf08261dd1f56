//! Replay as data: past requests, one a line, and what a proposed policy would have changed of them.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use passerelle_policy::{Authority, Caller, Outcome, Past, Policy, Preview, Skipped, Target, Url};

const PUBLISHED: &str = r#"
version = 1
[[service]]
id = "steps"
category = "administrative"
minutes_per_day = 60
[[service.rule]]
hosts = ["steps.example"]
methods = ["GET", "POST"]
[[service.rule]]
hosts = ["static.example"]
access = "resource"
[[service]]
id = "silent"
category = "administrative"
confidential = true
[[service.rule]]
hosts = ["silent.example"]
mode = "tunnel"
"#;

/// `MINUTE REASON METHOD ADDRESS [PAGE]`, the minutes from 10:00 in Paris, `-` for an allowance.
fn replay(proposed: &str, day: &str, decided_by_published: bool) -> Outcome {
    let policy = |text: &str| Policy::parse(text).unwrap().policy;
    let (published, proposed) = (policy(PUBLISHED), policy(proposed));
    let ten: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut preview = Preview::new(&published, &proposed);
    for line in day.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split(' ').collect();
        let [minute, reason, method, address, ref page @ ..] = words[..] else { panic!("{line}") };
        let target = match method {
            "CONNECT" => Target::Tunnel(Authority::parse(address).unwrap()),
            _ => Target::Http(Url::parse(address).unwrap()),
        };
        preview.replay(&Past {
            caller: Caller { terminal: "t1", person: "p1", session: "s1" },
            groups: &[],
            grants: &[],
            own_names: &[],
            at: ten + minute.parse::<i64>().unwrap().minutes(),
            target: &target,
            method,
            page: page.first().copied(),
            reason: Some(reason).filter(|reason| *reason != "-").map(|reason| reason.parse().unwrap()),
            count: 1,
            decided_by: decided_by_published.then_some(&published),
        });
    }
    preview.finish()
}

/// Refused, allowed: what changes, `SERVICE HOST REASON COUNT`; then still allowed, still refused, and why not replayed.
fn check(
    change: (&str, &str),
    day: &str,
    refused: &[&str],
    allowed: &[&str],
    still: (u64, u64),
    skipped: &[(Skipped, u64)],
) {
    assert!(PUBLISHED.contains(change.0), "{change:?}");
    let outcome = replay(&PUBLISHED.replace(change.0, change.1), day, true);
    let lines = |changes: &[passerelle_policy::Change]| {
        let line =
            |c: &passerelle_policy::Change| format!("{} {} {} {}", c.service, c.host, c.reason, c.count);
        changes.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&outcome.newly_refused), refused, "{change:?}");
    assert_eq!(lines(&outcome.newly_allowed), allowed, "{change:?}");
    assert_eq!((outcome.still_allowed, outcome.still_refused), still, "{change:?}");
    assert_eq!(outcome.not_replayed.into_iter().collect::<Vec<_>>(), skipped, "{change:?}");
}

const PAGES: &str = "
    0 - CONNECT steps.example:443
    0 - GET https://steps.example/
    1 - GET https://steps.example/a
    2 - GET https://steps.example/a
";

#[test]
fn pages_follow_hosts_paths_and_minutes() {
    check(("", ""), PAGES, &[], &[], (4, 0), &[]);
    check(
        ("\"steps.example\"]", "\"steps.example\"]\npaths = [\"/\"]"),
        PAGES,
        &["steps steps.example path 2"],
        &[],
        (2, 0),
        &[],
    );
    check(
        ("minutes_per_day = 60", "minutes_per_day = 2"),
        PAGES,
        &["steps steps.example minutes-used 1"],
        &[],
        (3, 0),
        &[],
    );
    let refuse = "version = 1\n[[refuse]]\nhosts = [\"steps.example\"]\nreason = \"x\"";
    check(("version = 1", refuse), PAGES, &["steps steps.example refused-host 4"], &[], (0, 0), &[]);
}

#[test]
fn what_was_refused_may_open() {
    let day = "
        0 no-rule GET https://new.example/a?x
        1 no-rule GET https://other.example/
        2 port CONNECT steps.example:8443
    ";
    let hosts = ("\"steps.example\"]", "\"steps.example\", \"new.example\"]\nports = [443, 8443]");
    check(hosts, day, &[], &["steps new.example no-rule 1", "steps steps.example port 1"], (0, 1), &[]);
}

#[test]
fn the_record_says_whether_a_resource_was_asked_for_by_a_page() {
    let day = "
        0 - GET https://steps.example/
        1 - GET https://static.example/a.js https://steps.example/
        1 not-a-page GET https://static.example/a.js
    ";
    let page = ("access = \"resource\"", "access = \"page\"");
    check(page, day, &[], &["steps static.example not-a-page 1"], (2, 0), &[]);
    // A page that would not have been opened leaves its resources without one.
    let method = ("methods = [\"GET\", \"POST\"]", "methods = [\"POST\"]");
    let refused = ["steps static.example not-this-service 1", "steps steps.example method 1"];
    check(method, day, &refused, &[], (0, 1), &[]);
}

#[test]
fn what_records_do_not_keep_is_not_guessed() {
    let unsure = |count| vec![(Skipped::Unsure, count)];
    // No page could have asked for it, so both readings are refused; the first, a page, tells why.
    let resource = ("methods = [\"GET\", \"POST\"]", "methods = [\"GET\", \"POST\"]\naccess = \"resource\"");
    check(
        resource,
        "0 - GET https://steps.example/",
        &["steps steps.example not-a-page 1"],
        &[],
        (0, 0),
        &[],
    );
    // Allowed then, and nothing that is kept says why: no page was opened before.
    let two = "0 - GET https://static.example/ https://steps.example/\n0 - GET https://steps.example/";
    check(resource, two, &["steps steps.example not-a-page 1"], &[], (0, 0), &unsure(1));
    // How large was it?
    let limit = ("methods = [\"GET\", \"POST\"]", "methods = [\"GET\", \"POST\"]\nupload_limit = \"9 MiB\"");
    check(limit, "0 upload POST https://steps.example/", &[], &[], (0, 0), &unsure(1));
    check(("", ""), "0 minutes-used GET https://steps.example/", &[], &[], (0, 0), &unsure(1));
    // Without the policy that decided then, a resource may have been either.
    let day = "0 - GET https://steps.example/\n1 - GET https://static.example/a.js https://steps.example/";
    let outcome = replay(&PUBLISHED.replace("access = \"resource\"", ""), day, false);
    assert_eq!(outcome.not_replayed.into_iter().collect::<Vec<_>>(), unsure(1));
}

#[test]
fn what_no_policy_decides_is_left_aside() {
    let day = "
        0 no-session GET https://steps.example/
        0 access-stopped GET https://steps.example/
        0 - OPTIONS https://steps.example/
        0 - CONNECT silent.example:443
    ";
    let skipped = [(Skipped::Confidential, 1), (Skipped::NotThePolicys, 2), (Skipped::Preflight, 1)];
    check(("silent.example", "gone.example"), day, &[], &[], (0, 0), &skipped);
}

#[test]
fn a_handshake_is_replayed_from_its_page() {
    let day = "
        0 - GET https://steps.example/
        0 websocket GET https://steps.example/live https://steps.example/
    ";
    let websocket = ("methods = [\"GET\", \"POST\"]", "methods = [\"GET\"]\nwebsocket = true");
    check(websocket, day, &[], &["steps steps.example websocket 1"], (1, 0), &[]);
}
