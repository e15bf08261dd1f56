//! One decision under a policy of 200 services: its time, and the allocations it makes (none on the way of an allowance).
//!
//! `cargo bench -p passerelle-policy --bench decide`; `cargo xtask bench` reads its table.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use divan::{AllocProfiler, Bencher, black_box};
use jiff::Timestamp;
use passerelle_policy::{Access, Authority, Caller, Decision, Policy, Request, Target, Url, Usage};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// As many as a large establishment approves.
const SERVICES: usize = 200;

fn main() {
    divan::main();
}

/// Each service as staff write them: a page rule with paths, a wildcard with resources, a tunnel, a window and minutes.
fn policy() -> Policy {
    let mut text = String::from(
        "version = 1\n[[window]]\nid = \"day\"\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\nfrom = \"08:00\"\nto = \"18:00\"\n",
    );
    for number in 0..SERVICES {
        write!(
            text,
            r#"
[[service]]
id = "service-{number}"
category = "administrative"
name = {{ fr = "Service {number}", en = "Service {number}" }}
start = "https://www.service-{number}.example/"
windows = ["day"]
minutes_per_day = 60
[[service.rule]]
hosts = ["www.service-{number}.example"]
paths = ["/", "/dossier/*"]
path_regex = ['/offres/[0-9]+']
queries = ["page", "q"]
[[service.rule]]
hosts = ["*.ressources.service-{number}.example"]
access = "resource"
[[service.rule]]
hosts = ["tunnel.service-{number}.example"]
mode = "tunnel"
"#
        )
        .unwrap();
    }
    Policy::parse(&text).unwrap_or_else(|findings| panic!("{findings:?}")).policy
}

fn page(url: &str) -> Target {
    Target::Http(Url::parse(url).unwrap())
}

/// Measures decisions on `target` inside the window, by somebody who opened a page before.
fn decide(bencher: Bencher<'_, '_>, target: &Target, is_as_expected: impl Fn(&Decision) -> bool) {
    let policy = policy();
    let now: Timestamp = "2026-09-01T10:00:00+02:00".parse().unwrap();
    let mut usage = Usage::default();
    usage.page_opened("service-100", now);
    let access = Access {
        caller: Caller { terminal: "sample", person: "sample", session: "sample" },
        groups: &["demarches".to_owned()],
        grants: &[],
        usage: &usage,
        own_names: &[],
        now,
        target,
        request: Request::default(),
    };
    let decision = policy.decide(&access);
    assert!(is_as_expected(&decision), "{decision:?}");
    bencher.bench_local(|| policy.decide(black_box(&access)));
}

#[divan::bench]
fn allowed_page(bencher: Bencher<'_, '_>) {
    decide(bencher, &page("https://www.service-100.example/dossier/7?page=2"), Decision::is_allowed);
}

/// Both globs fail first.
#[divan::bench]
fn allowed_by_expression(bencher: Bencher<'_, '_>) {
    decide(bencher, &page("https://www.service-100.example/offres/1234567"), Decision::is_allowed);
}

#[divan::bench]
fn allowed_tunnel(bencher: Bencher<'_, '_>) {
    let target = Target::Tunnel(Authority::parse("tunnel.service-100.example:443").unwrap());
    decide(bencher, &target, Decision::is_allowed);
}

#[divan::bench]
fn refused_host(bencher: Bencher<'_, '_>) {
    decide(bencher, &page("https://www.ailleurs.example/"), |decision| !decision.is_allowed());
}
