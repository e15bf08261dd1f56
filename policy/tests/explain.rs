//! What staff read: the walk, the nearest rules; and what people see of services.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use passerelle_policy::{
    Access, Authority, Caller, Explanation, MinutesUsed, Mode, Person, Policy, Reason, Request, Target,
    Unavailable, Url, Usage,
};

const POLICY: &str = r#"
version = 1
[[window]]
id = "day"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
closed = [2026-12-25]

[[service]]
id = "france-travail"
category = "administrative"
start = "https://candidat.francetravail.fr/"
windows = ["day"]
minutes_per_day = 60
  [[service.rule]]
  hosts = ["candidat.francetravail.fr"]
  paths = ["/", "/espacepersonnel/*"]
  [[service.rule]]
  hosts = ["*.francetravail.fr"]
  ports = [8443]

[[service]]
id = "court"
category = "administrative"
start = "https://www.cglpl.fr/"
groups = ["b-wing"]
confidential = true
  [[service.rule]]
  hosts = ["www.cglpl.fr"]
  mode = "tunnel"

[[refuse]]
hosts = ["*.crisp.chat"]
reason = "A chat with strangers"

[[service]]
id = "old"
category = "training"
expires = 2026-03-02
start = "https://old.example/"
  [[service.rule]]
  hosts = ["old.example"]
"#;

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap().policy
}

fn explain(url: &str) -> Explanation {
    let target = Target::Http(Url::parse_written(url).unwrap());
    policy().explain_load(&Access {
        caller: Caller { terminal: "t1", person: "p1", session: "s1" },
        groups: &["b-wing".to_owned()],
        grants: &[],
        usage: &Usage::default(),
        own_names: &[],
        now: "2026-03-02T09:00:00Z".parse().unwrap(),
        target: &target,
        request: Request { destination: Some("document"), ..Request::default() },
    })
}

#[test]
fn a_refusal_names_the_rule_that_came_nearest() {
    insta::assert_snapshot!(explain("https://candidat.francetravail.fr/blog"), @r"
    https://candidat.francetravail.fr/blog
    refusé, path, france-travail/1
    parcours
      france-travail/1             path             le chemin /blog n'est pas dans la règle
      france-travail/2             port             port 443 : la règle dit 8443
    au plus près
      france-travail/1             path             le chemin /blog n'est pas dans la règle
      france-travail/2             port             port 443 : la règle dit 8443
    ");
}

#[test]
fn an_unknown_host_is_told_its_likely_slip() {
    insta::assert_snapshot!(explain("https://candidat.francetravial.fr/").to_english(), @r"
    candidat.francetravial.fr:443
    refused, no-rule
    nearest
      france-travail/1             no-rule          names candidat.francetravail.fr, not candidat.francetravial.fr
    ");
}

#[test]
fn a_refused_host_is_told_with_the_words_of_staff() {
    insta::assert_snapshot!(explain("https://client.crisp.chat/").to_english(), @r"
    client.crisp.chat:443
    refused, refused-host
    walk
      -                            refused-host     client.crisp.chat is refused by [[refuse]]: A chat with strangers
    ");
}

#[test]
fn a_tunnel_is_explained_by_its_connect() {
    let explanation = explain("https://www.cglpl.fr/anything#at-all");
    assert_eq!((explanation.decision.mode, explanation.decision.is_allowed()), (Mode::Tunnel, true));
    assert!(explanation.decision.terms.confidential);
}

#[test]
fn the_json_has_the_contract_s_shape() {
    let json = serde_json::to_value(explain("https://candidat.francetravail.fr/blog")).unwrap();
    assert_eq!(json["decision"], "refuse");
    assert_eq!(json["reason"], "path");
    assert_eq!(json["service"], "france-travail");
    assert_eq!(json["rule"], "france-travail/1");
    assert_eq!(json["trace"][1]["rule"], "france-travail/2");
    assert_eq!(json["trace"][1]["reason"], "port");
    assert_eq!(json["nearest"][0]["passed"][1], "port");
    let json = serde_json::to_value(explain("https://candidat.francetravail.fr/")).unwrap();
    assert_eq!((&json["decision"], &json["reason"]), (&"allow".into(), &serde_json::Value::Null));
}

/// What a person sees of each service at a time: `id minutes-left reason opens-at`.
fn services(groups: &[&str], now: &str, used: u32) -> Vec<String> {
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let mut usage = Usage::default();
    usage.set_minutes("france-travail", MinutesUsed { count: used, includes_now: false });
    let now: Timestamp = now.parse().unwrap();
    let policy = policy();
    let seen = policy.services_for(&Person { groups: &groups, usage: &usage, now });
    let unavailable = |unavailable: Option<Unavailable>| match unavailable {
        None => String::new(),
        Some(Unavailable { reason, opens_at: Some(at) }) => format!(" {reason} until {at}"),
        Some(Unavailable { reason, opens_at: None }) => format!(" {reason}"),
    };
    let line = |view: passerelle_policy::ServiceView<'_>| {
        let left = view.minutes_left.map(|minutes| format!(" {minutes} min")).unwrap_or_default();
        format!("{}{left}{}", view.service.id(), unavailable(view.unavailable))
    };
    seen.into_iter().map(line).collect()
}

#[test]
fn services_are_listed_with_what_is_left_and_when_they_open() {
    let check = |groups: &[&str], now: &str, used: u32, expected: &[&str]| {
        assert_eq!(services(groups, now, used), expected, "{now}")
    };
    check(&[], "2026-03-02T09:00:00Z", 20, &["france-travail 40 min", "court group", "old"]);
    check(&["b-wing"], "2026-03-02T09:00:00Z", 0, &["france-travail 60 min", "court", "old"]);
    check(
        &[],
        "2026-03-02T05:00:00Z",
        0,
        &["france-travail 60 min window until 2026-03-02T07:00:00Z", "court group", "old"],
    );
    // Friday evening: on Monday.
    check(
        &[],
        "2026-03-06T19:00:00Z",
        0,
        &["france-travail 60 min window until 2026-03-09T07:00:00Z", "court group", "old expired"],
    );
    check(
        &[],
        "2026-03-02T09:00:00Z",
        60,
        &["france-travail 0 min minutes-used until 2026-03-03T07:00:00Z", "court group", "old"],
    );
    // Christmas is a Friday; after it comes Monday.
    check(
        &[],
        "2026-12-25T09:00:00Z",
        0,
        &["france-travail 60 min closed-day until 2026-12-28T07:00:00Z", "court group", "old expired"],
    );
    // The clock is set on between: Monday 08:00 is an hour earlier.
    check(
        &[],
        "2026-03-27T19:00:00Z",
        0,
        &["france-travail 60 min window until 2026-03-30T06:00:00Z", "court group", "old expired"],
    );
}

/// Blocklists and big services name as many hosts as this; look-ups are by label, so only reading the file takes time.
#[test]
fn a_hundred_thousand_hosts_are_read_and_found() {
    let hosts: String = (0..100_000).map(|n| format!("\"h{n}.big.example\", ")).collect();
    let refused: String = (0..100_000).map(|n| format!("\"*.r{n}.example\", ")).collect();
    let text = format!(
        "version = 1\n[[service]]\nid = \"big\"\ncategory = \"training\"\n[[service.rule]]\nhosts = [{hosts}]\n\
         [[refuse]]\nhosts = [{refused}]\n"
    );
    let policy = Policy::parse(&text).unwrap().policy;
    let decide = |authority: &str| {
        let target = Target::Tunnel(Authority::parse(authority).unwrap());
        let access = Access {
            caller: Caller { terminal: "t1", person: "p1", session: "s1" },
            groups: &[],
            grants: &[],
            usage: &Usage::default(),
            own_names: &[],
            now: Timestamp::UNIX_EPOCH,
            target: &target,
            request: Request::default(),
        };
        policy.decide(&access).reason
    };
    assert_eq!(decide("h99999.big.example:443"), None);
    assert_eq!(decide("h100000.big.example:443"), Some(Reason::NoRule));
    assert_eq!(decide("x.r99999.example:443"), Some(Reason::RefusedHost));
}
