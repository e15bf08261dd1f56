//! The starter policy passes its own check, opens what it names and refuses what it refuses.
#![allow(clippy::unwrap_used)]

use passerelle_policy::{Access, Caller, Decision, Policy, Reason, Request, STARTER, Target, Url, Usage};

fn starter() -> Policy {
    match Policy::parse(STARTER) {
        Ok(checked) => checked.policy,
        Err(findings) => {
            panic!("{}", findings.iter().map(|finding| format!("{finding}\n")).collect::<String>())
        }
    }
}

/// A Tuesday, 10:00 in Paris.
fn open(policy: &Policy, url: &Url) -> Decision {
    let target = Target::Http(url.clone());
    let access = Access {
        caller: Caller { terminal: "t1", person: "p1", session: "s1" },
        groups: &[],
        grants: &[],
        usage: &Usage::default(),
        own_names: &[],
        now: "2026-03-03T09:00:00Z".parse().unwrap(),
        target: &target,
        request: Request { destination: Some("document"), ..Request::default() },
    };
    policy.explain_load(&access).decision
}

#[test]
fn every_start_opens() {
    let policy = starter();
    for service in policy.services() {
        let Some(start) = service.start() else { continue };
        let decision = open(&policy, start);
        assert!(decision.is_allowed(), "{start}: {decision:?}");
        assert_eq!(decision.terms.confidential, service.is_confidential(), "{start}");
    }
}

#[test]
fn the_steps_and_the_catalogue_are_there() {
    let policy = starter();
    for id in [
        "france-travail",
        "caf",
        "ameli",
        "impots",
        "inclusion",
        "service-public",
        "papiers",
        "pix",
        "fun-mooc",
        "catalogue",
    ] {
        assert!(policy.service(id).is_some(), "{id}");
    }
    assert!(policy.services().iter().any(|service| service.is_confidential()));
}

#[test]
fn channels_out_stay_refused() {
    let policy = starter();
    for url in [
        "https://client.crisp.chat/",
        "https://www.google.com/",
        "https://bucket.s3.amazonaws.com/",
        "https://unpkg.com/",
    ] {
        assert_eq!(open(&policy, &Url::parse(url).unwrap()).reason, Some(Reason::RefusedHost), "{url}");
    }
}
