//! A policy of a million hosts, read, checked and asked: times, and the memory that it keeps.
//!
//! `cargo bench -p passerelle-policy --bench million`; `cargo xtask bench` reads its lines `NAME <tab> FIGURE`.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use passerelle_policy::{Access, Authority, Caller, Policy, Request, Target, Usage};

const HOSTS: usize = 1_000_000;
const DECISIONS: u32 = 100_000;

fn main() {
    let tunnels = "[[service]]\nid = \"list\"\ncategory = \"training\"\n[[service.rule]]\nmode = \"tunnel\"\nhosts = [\n";
    measure("refused", "[[refuse]]\nreason = \"List\"\nhosts = [\n", "www.step.example:443");
    measure("in a rule", tunnels, "site500000.list-of-sites.example:443");
}

fn measure(name: &str, head: &str, asked: &str) {
    let mut text = String::from(
        "version = 1\n[[service]]\nid = \"step\"\ncategory = \"training\"\n[[service.rule]]\nhosts = [\"www.step.example\"]\n",
    );
    text.push_str(head);
    (0..HOSTS).for_each(|number| writeln!(text, "\"site{number}.list-of-sites.example\",").unwrap());
    text.push_str("]\n");

    let before = resident_kib();
    let begun = Instant::now();
    let policy = Policy::parse_again(&text).unwrap_or_else(|findings| panic!("{findings:?}"));
    let read = begun.elapsed();
    let kept = resident_kib().saturating_sub(before);
    let begun = Instant::now();
    let checked = Policy::parse(&text).unwrap_or_else(|findings| panic!("{findings:?}"));
    let with_warnings = begun.elapsed();
    println!(
        "policy, 1 million hosts {name}\t{:.1} MB of text, read in {:.3} s, with warnings ({}) in {:.3} s, keeps {:.1} MB",
        text.len() as f64 / 1e6,
        read.as_secs_f64(),
        checked.warnings.len(),
        with_warnings.as_secs_f64(),
        kept as f64 * 1024.0 / 1e6,
    );
    drop(checked);

    let usage = Usage::default();
    let target = Target::Tunnel(Authority::parse(asked).unwrap());
    let other = Target::Tunnel(Authority::parse("nobody.list-of-sites.example:443").unwrap());
    for (kind, target, allowed) in [("an allowance", &target, true), ("no rule", &other, false)] {
        let access = access(target, &usage);
        assert_eq!(policy.decide(&access).is_allowed(), allowed, "{target}");
        let begun = Instant::now();
        (0..DECISIONS).for_each(|_| drop(black_box(policy.decide(black_box(&access)))));
        println!("decide, 1 million hosts {name}, {kind}\t{:?}", begun.elapsed() / DECISIONS);
    }
    let begun = Instant::now();
    let explained = policy.explain(&access(&other, &usage));
    println!(
        "explain, 1 million hosts {name}, no rule\t{:.3} s, {} near",
        begun.elapsed().as_secs_f64(),
        explained.nearest.len()
    );
}

fn access<'a>(target: &'a Target, usage: &'a Usage) -> Access<'a> {
    Access {
        caller: Caller { terminal: "sample", person: "sample", session: "sample" },
        groups: &[],
        grants: &[],
        usage,
        own_names: &[],
        now: Timestamp::UNIX_EPOCH,
        target,
        request: Request::default(),
    }
}

/// Of this process; 0 where nobody tells.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
