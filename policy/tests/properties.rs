//! What holds for every policy and every access.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use passerelle_policy::{
    Access, Authority, Caller, Decision, Policy, Reason, Request, STARTER, Target, Url, Usage,
};
use proptest::prelude::*;

/// Cases a property: enough for a second or two in all.
const CASES: u32 = 256;

/// A rule as text: few hosts, ports and paths, so that rules and accesses often meet.
fn rule() -> impl Strategy<Value = String> {
    let host =
        prop::sample::select(vec!["a.test.example", "b.test.example", "*.test.example", "*.b.test.example"]);
    let ports = prop::sample::select(vec!["[443]", "[80, 443]", "[8443]"]);
    let extra = prop::sample::select(vec![
        "",
        "paths = [\"/x*\"]",
        "queries = [\"q\"]",
        "methods = [\"POST\"]",
        "access = \"resource\"",
    ]);
    (host, ports, extra).prop_map(|(host, ports, extra)| {
        format!("[[service.rule]]\nhosts = [\"{host}\"]\nports = {ports}\n{extra}\n")
    })
}

fn service(index: usize) -> impl Strategy<Value = String> {
    let extra =
        prop::sample::select(vec!["", "groups = [\"g\"]", "expires = 2020-01-01", "minutes_per_day = 1"]);
    (extra, prop::collection::vec(rule(), 1..4)).prop_map(move |(extra, rules)| {
        format!("[[service]]\nid = \"s{index}\"\ncategory = \"training\"\n{extra}\n{}", rules.concat())
    })
}

fn services() -> impl Strategy<Value = Vec<String>> {
    (service(0), service(1), service(2)).prop_map(|(first, second, third)| vec![first, second, third])
}

fn target() -> impl Strategy<Value = Target> {
    let host = prop::sample::select(vec![
        "a.test.example",
        "b.test.example",
        "c.b.test.example",
        "test.example",
        "other.example",
    ]);
    let port = prop::sample::select(vec!["", ":443", ":8443"]);
    let rest = prop::sample::select(vec!["/", "/x/y", "/?q=1", "/?z"]);
    let url = (prop::sample::select(vec!["http", "https"]), host.clone(), port, rest);
    let url = url.prop_map(|(scheme, host, port, rest)| {
        Target::Http(Url::parse(&format!("{scheme}://{host}{port}{rest}")).unwrap())
    });
    let connect = (host, prop::sample::select(vec!["80", "443", "8443"]));
    let connect =
        connect.prop_map(|(host, port)| Target::Tunnel(Authority::parse(&format!("{host}:{port}")).unwrap()));
    prop_oneof![url, connect]
}

fn policy(services: &[String]) -> Policy {
    Policy::parse(&format!("version = 1\n{}", services.concat()))
        .unwrap_or_else(|findings| panic!("{findings:?}"))
        .policy
}

fn decide(policy: &Policy, target: &Target, method: &str) -> Decision {
    policy.decide(&Access {
        caller: Caller { terminal: "t", person: "p", session: "s" },
        groups: &["g".to_owned()],
        grants: &[],
        usage: &Usage::default(),
        own_names: &[],
        now: "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap(),
        target,
        request: Request { method, ..Request::default() },
    })
}

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "HEAD", "POST", "DELETE"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_allowed_that_no_rule_names(services in services(), target in target(), method in method()) {
        let policy = policy(&services);
        let decision = decide(&policy, &target, method);
        let rules = policy.services().iter().flat_map(|service| service.rules());
        let named = rules.into_iter().any(|rule| {
            rule.hosts().iter().any(|pattern| pattern.matches(target.host())) && rule.ports().contains(&target.port())
        });
        prop_assert!(named || !decision.is_allowed());
        prop_assert_eq!(decision.is_allowed(), decision.reason.is_none());
    }

    #[test]
    fn the_order_of_services_never_matters(services in services(), target in target(), method in method()) {
        let reversed: Vec<String> = services.iter().rev().cloned().collect();
        prop_assert_eq!(decide(&policy(&services), &target, method), decide(&policy(&reversed), &target, method));
    }

    #[test]
    fn the_order_of_rules_changes_no_effect_and_no_reason(
        rules in prop::collection::vec(rule(), 1..5), target in target(), method in method(),
    ) {
        let head = "[[service]]\nid = \"s\"\ncategory = \"training\"\n".to_owned();
        let forwards = [vec![head.clone()], rules.clone()].concat();
        let backwards = [vec![head], rules.into_iter().rev().collect()].concat();
        let (one, other) = (decide(&policy(&forwards), &target, method), decide(&policy(&backwards), &target, method));
        prop_assert_eq!((one.effect, one.reason), (other.effect, other.reason));
    }

    #[test]
    fn a_refusal_only_narrows(services in services(), target in target(), method in method(), refused in prop::sample::select(
        vec!["a.test.example", "*.test.example", "other.example"],
    )) {
        let before = decide(&policy(&services), &target, method);
        let mut narrowed = services;
        narrowed.push(format!("[[refuse]]\nhosts = [\"{refused}\"]\n"));
        let after = decide(&policy(&narrowed), &target, method);
        prop_assert!(after == before || after.reason == Some(Reason::RefusedHost));
    }

    #[test]
    fn a_further_rule_only_widens(services in services(), more in service(3), target in target(), method in method()) {
        let before = decide(&policy(&services), &target, method);
        let wider = [services, vec![more]].concat();
        prop_assert!(!before.is_allowed() || decide(&policy(&wider), &target, method).is_allowed());
    }

    #[test]
    fn any_text_is_checked_without_panic(text in "(?s).{0,200}") {
        let _ = Policy::parse(&text);
    }

    /// A good file, cut or with a piece replaced: never a panic, and every finding has a place in the text.
    #[test]
    fn a_damaged_file_is_checked_without_panic(
        from in 0..STARTER.len(), length in 0..40usize, piece in "[\\[\\]{}\"'=#,.\\-\\\\\n\r a-z0-9é]{0,12}", cut in any::<bool>(),
    ) {
        let from = STARTER.floor_char_boundary(from);
        let to = STARTER.ceil_char_boundary((from + length).min(STARTER.len()));
        let rest = if cut { "" } else { &STARTER[to..] };
        let text = format!("{}{piece}{rest}", &STARTER[..from]);
        if let Err(findings) = Policy::parse(&text) {
            let lines = text.matches('\n').count() + 1;
            prop_assert!(findings.iter().any(|finding| finding.is_error()));
            prop_assert!(findings.iter().all(|finding| (1..=lines).contains(&finding.line) && finding.column >= 1));
        }
    }
}
