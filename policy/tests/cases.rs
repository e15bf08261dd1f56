//! Decisions as data: every file in `cases/` is a policy and the accesses put to it, each with the decision *and* the reason,
//! the service and the rule that must come out. `explain` must say the same.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use jiff::Timestamp;
use passerelle_policy::{
    Access, Authority, Caller, Decision, Grant, Host, Methods, MinutesUsed, Origin, PathGlob, Policy, Reason,
    Request, Rule, Target, TargetError, Upload, Url, Usage,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: String,
    /// Default of every access.
    #[serde(default = "a_working_morning")]
    now: Timestamp,
    #[serde(default)]
    own_names: Vec<String>,
    access: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Absolute-form target.
    url: Option<String>,
    /// Target of a CONNECT.
    connect: Option<String>,
    #[serde(default = "get")]
    method: String,
    now: Option<Timestamp>,
    #[serde(default)]
    groups: Vec<String>,
    upload: Option<u64>,
    #[serde(default)]
    streamed: bool,
    destination: Option<String>,
    origin: Option<String>,
    referer: Option<String>,
    #[serde(default)]
    websocket: bool,
    content_type: Option<String>,
    accept: Option<String>,
    preflight: Option<String>,
    /// Services whose pages were opened, oldest first: `id` or `id@RFC3339`; default a minute ago.
    #[serde(default)]
    opened: Vec<String>,
    minutes: Option<Minutes>,
    grant: Option<Granted>,
    /// Began earlier and is judged again.
    began: Option<Timestamp>,

    /// `allow` or a reason code.
    expect: String,
    service: Option<String>,
    rule: Option<String>,
    mode: Option<String>,
    confidential: Option<bool>,
    page: Option<bool>,
    upload_limit: Option<u64>,
    allow: Option<String>,
}

#[derive(Deserialize)]
struct Minutes {
    service: String,
    count: u32,
    #[serde(default)]
    includes_now: bool,
}

#[derive(Deserialize)]
struct Granted {
    person: String,
    url: String,
    #[serde(default)]
    paths: Vec<String>,
    until: Timestamp,
}

/// A Monday, 10:00 in Paris.
fn a_working_morning() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn get() -> String {
    "GET".to_owned()
}

#[test]
fn every_case_decides_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut count, mut differences) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            count += check_file(&path, &mut differences);
        }
    }
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(count > 200, "only {count} cases were found");
}

fn check_file(path: &Path, differences: &mut Vec<String>) -> usize {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let file: File =
        toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let policy = match Policy::parse(&file.policy) {
        Ok(checked) => checked.policy,
        Err(findings) => panic!("{name}: {}", findings.iter().map(|f| format!("{f}\n")).collect::<String>()),
    };
    for case in &file.access {
        let found = check_case(&file, &policy, case);
        differences.extend(found.into_iter().map(|found| format!("{name}: {}: {found}", case.name)));
    }
    file.access.len()
}

/// What came out otherwise than written; keys that a case does not have are not compared.
fn check_case(file: &File, policy: &Policy, case: &Case) -> Vec<String> {
    let decision = match target(case) {
        Ok(target) => decide(file, policy, case, &target),
        Err(error) => Decision::refuse(error.reason()),
    };
    let (terms, written) = (&decision.terms, |value: &dyn ToString| Some(value.to_string()));
    let compared = [
        ("expect", Some(case.expect.clone()), written(&decision.reason.map_or("allow", Reason::as_str))),
        ("effect", written(&(case.expect == "allow")), written(&decision.is_allowed())),
        ("service", case.service.clone(), decision.service.as_ref().map(|service| service.to_string())),
        ("rule", case.rule.clone(), decision.rule.as_ref().map(|rule| rule.to_string())),
        ("mode", case.mode.clone(), Some(format!("{:?}", decision.mode).to_lowercase())),
        ("allow", case.allow.clone(), written(&decision.allow_methods)),
        ("confidential", case.confidential.map(|value| value.to_string()), written(&terms.confidential)),
        ("page", case.page.map(|value| value.to_string()), written(&terms.page)),
        ("upload_limit", case.upload_limit.map(|value| value.to_string()), written(&terms.upload_limit)),
    ];
    let different =
        compared.into_iter().filter(|(_, expected, actual)| expected.is_some() && expected != actual);
    different.map(|(key, expected, actual)| format!("{key}: expected {expected:?}, got {actual:?}")).collect()
}

fn target(case: &Case) -> Result<Target, TargetError> {
    match (&case.url, &case.connect) {
        (Some(url), None) => Url::parse(url).map(Target::Http),
        (None, Some(authority)) => Authority::parse(authority).map(Target::Tunnel),
        _ => panic!("{}: one of url and connect", case.name),
    }
}

fn decide(file: &File, policy: &Policy, case: &Case, target: &Target) -> Decision {
    let now = case.now.unwrap_or(file.now);
    let own_names: Vec<Host> = file.own_names.iter().map(|name| Host::parse(name).unwrap()).collect();
    let (usage, grants) = (usage(case, now), grants(case));
    let access = Access {
        caller: Caller { terminal: "t1", person: "p1", session: "s1" },
        groups: &case.groups,
        grants: &grants,
        usage: &usage,
        own_names: &own_names,
        now,
        target,
        request: request(case),
    };
    let mut decision = policy.decide(&access);
    let explanation = policy.explain(&access);
    assert_eq!(explanation.decision, decision, "{}: explain says otherwise", case.name);
    if let Some(began) = case.began {
        decision.reason = policy.review(&access, began);
        decision.effect =
            decision.reason.map_or(passerelle_policy::Effect::Allow, |_| passerelle_policy::Effect::Refuse);
    }
    decision
}

fn request(case: &Case) -> Request<'_> {
    Request {
        method: &case.method,
        upload: match case.upload {
            Some(bytes) => Upload::Declared(bytes),
            None if case.streamed => Upload::Streamed,
            None => Upload::None,
        },
        destination: case.destination.as_deref(),
        origin: case.origin.as_deref().map(Origin::parse),
        referer: case.referer.as_deref().map(Origin::parse),
        websocket: case.websocket,
        content_type: case.content_type.as_deref(),
        accept: case.accept.as_deref(),
        preflight: case.preflight.as_deref(),
    }
}

fn usage(case: &Case, now: Timestamp) -> Usage {
    let mut usage = Usage::default();
    for opened in &case.opened {
        let (service, at) = match opened.split_once('@') {
            Some((service, at)) => (service, at.parse().unwrap()),
            None => (opened.as_str(), now - jiff::SignedDuration::from_mins(1)),
        };
        usage.page_opened(service, at);
    }
    if let Some(minutes) = &case.minutes {
        let used = MinutesUsed { count: minutes.count, includes_now: minutes.includes_now };
        usage.set_minutes(&minutes.service, used);
    }
    usage
}

fn grants(case: &Case) -> Vec<Grant> {
    let grant = |granted: &Granted| {
        let url = Url::parse(&granted.url).unwrap();
        let paths = granted.paths.iter().map(|path| PathGlob::parse(path).unwrap()).collect();
        Grant {
            id: "7".to_owned(),
            person: granted.person.clone(),
            service: "grant".to_owned(),
            rule: Rule::granting(url.authority(), paths, Methods::READ),
            until: granted.until,
            granter: "cpip1".to_owned(),
            reason: "A form to fill in".to_owned(),
        }
    };
    case.grant.iter().map(grant).collect()
}
