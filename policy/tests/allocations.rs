//! An allowance allocates nothing: counted by the allocator itself, on every way a request is allowed, grants aside.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use passerelle_policy::{
    Access, Authority, Caller, Host, MinutesUsed, Origin, Policy, Request, Target, Upload, Url, Usage,
};

const POLICY: &str = r#"version = 1
[[window]]
id = "day"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
closed = [2026-12-25]
[[service]]
id = "step"
category = "administrative"
name = { fr = "Démarche", en = "Step" }
start = "https://www.step.example/"
groups = ["demarches"]
windows = ["day"]
minutes_per_day = 60
expires = 2027-06-30
[[service.rule]]
hosts = ["www.step.example", "www.step.example"]
ports = [80, 443]
paths = ["/", "/dossier/*"]
path_regex = ['/offres/[0-9]+']
queries = ["page", "q", "dns"]
methods = ["GET", "POST"]
download_types = ["application/pdf"]
[[service.rule]]
hosts = ["*.step.example"]
access = "resource"
websocket = true
[[service.rule]]
hosts = ["tunnel.example"]
mode = "tunnel"
[[service]]
id = "other"
category = "training"
start = "https://www.step.example/"
[[service.rule]]
hosts = ["www.step.example", "_underscore.step.example"]
[[service]]
id = "catalogue"
category = "training"
[[refuse]]
hosts = ["*.chat.step.example"]
"#;

fn http(url: &str) -> Target {
    Target::Http(Url::parse(url).unwrap())
}

#[test]
fn an_allowance_allocates_nothing() {
    let policy = Policy::parse(POLICY).unwrap_or_else(|findings| panic!("{findings:?}")).policy;
    let now: Timestamp = "2026-09-01T10:00:00+02:00".parse().unwrap();
    let mut usage = Usage::default();
    usage.page_opened("step", now);
    usage.set_minutes("step", MinutesUsed { count: 59, includes_now: false });
    let own_names = [Host::parse("gateway.example").unwrap()];
    let page = Request { destination: Some("document"), ..Request::default() };
    let part = Request {
        destination: Some("script"),
        origin: Some(Origin::parse("https://www.step.example")),
        referer: Some(Origin::parse("https://www.step.example/")),
        accept: Some("text/html, */*;q=0.8"),
        ..Request::default()
    };
    let socket = Request {
        websocket: true,
        origin: Some(Origin::parse("https://www.step.example")),
        ..Request::default()
    };
    let upload = Request {
        method: "POST",
        upload: Upload::Declared(10),
        content_type: Some("multipart/form-data; boundary=x"),
        ..page.clone()
    };
    let cases = [
        (http("https://www.step.example/"), &page),
        (http("http://www.step.example/"), &page),
        (http("https://www.step.example/dossier/7?page=2&q=a+b%20c&dns=no"), &page),
        (http("https://www.step.example/offres/1234567?q=%C3%A9&page"), &page),
        (http("https://www.step.example/dossier/7"), &upload),
        (http("https://cdn.assets.step.example/a/b.js?v=3"), &part),
        (http("https://live.step.example/socket"), &socket),
        (http("https://_underscore.step.example/"), &page),
        (http("https://lesson-passerelle.internal/index.html"), &page),
        (Target::Tunnel(Authority::parse("tunnel.example:443").unwrap()), &page),
        (Target::Tunnel(Authority::parse("www.step.example:443").unwrap()), &page),
    ];
    for (target, request) in &cases {
        let access = Access {
            caller: Caller { terminal: "t", person: "p", session: "s" },
            groups: &["demarches".to_owned()],
            grants: &[],
            usage: &usage,
            own_names: &own_names,
            now,
            target,
            request: (*request).clone(),
        };
        // The first match of an expression makes the place that it works in.
        let first = policy.decide(&access);
        assert!(first.is_allowed(), "{target}: {first:?}");
        let counted = allocation_counter::measure(|| {
            assert!(policy.decide(&access).is_allowed());
            assert_eq!(policy.review(&access, now), None);
        });
        assert_eq!(counted.count_total, 0, "{target}");
    }
}

/// The proof would be worth nothing if nobody counted.
#[test]
fn the_counter_counts() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}
