//! Mistakes that show only across rules: a start that nothing allows, a host that would be both inspected and tunnelled.

use super::{Notes, Place, ReadRule, ReadService};
use crate::candidate::RuleAt;
use crate::finding::text;
use crate::hosts::Pattern;
use crate::index::HostIndex;
use crate::rule::{AccessKind, Mode, Rule};
use crate::url::{Scheme, Url};

pub(super) fn check(services: &[ReadService], rules: &HostIndex<RuleAt>, notes: &mut Notes<'_>) {
    check_starts(services, notes);
    check_modes(services, rules, notes);
}

fn check_starts(services: &[ReadService], notes: &mut Notes<'_>) {
    for read in services {
        let Some(start) = &read.service.start else { continue };
        if !read.rules.iter().any(|read| opens(&read.rule, start)) {
            notes.missing(
                read.start_at.clone(),
                text!(
                    "aucune règle de ce service ne permet d'ouvrir {start}",
                    "no rule of this service allows to open {start}"
                ),
                text!("ajouter une règle, ou corriger start", "add a rule, or mend start"),
            );
        }
    }
}

/// Would a person who opens `start` be let through by this rule?
fn opens(rule: &Rule, start: &Url) -> bool {
    // A tunnel passes https unread.
    let scheme_passes = rule.reads(start) || (rule.inspect.is_none() && start.scheme() == Scheme::Https);
    let inspect_passes = rule.inspect.as_ref().is_none_or(|inspect| {
        inspect.kind == AccessKind::Page
            && inspect.methods.contains("GET")
            && inspect.allows_path(start.path_form())
            && inspect.allows_query(start.parameters())
    });
    let named = rule.hosts.names(start.host());
    named && rule.ports.contains(&start.port()) && scheme_passes && inspect_passes
}

/// A tunnel and an inspect rule must not meet on a host and port: which one held would hang on order. Two patterns meet only
/// when one covers the other, so each side is looked up in an index of the other; no pair is compared in vain, and of the side
/// that names more hosts, which may be a million, there is an index already.
fn check_modes(services: &[ReadService], all: &HostIndex<RuleAt>, notes: &mut Notes<'_>) {
    let rules = || services.iter().flat_map(|read| &read.rules);
    let count =
        |mode| rules().filter(|read| read.rule.mode() == mode).map(|read| read.rule.hosts.len()).sum();
    let (tunnels, inspected): (usize, usize) = (count(Mode::Tunnel), count(Mode::Inspect));
    let fewer = if tunnels < inspected { Mode::Tunnel } else { Mode::Inspect };
    let few = rules().filter(|read| read.rule.mode() == fewer);
    let few = HostIndex::new(few.map(|read| (read.rule.hosts.clone(), read)));
    for read in rules() {
        let meets = |other: &ReadRule| {
            let ports = &other.rule.ports;
            other.rule.mode() != read.rule.mode() && ports.iter().any(|port| read.rule.ports.contains(port))
        };
        for (pattern, at) in read.rule.hosts.iter().zip(&read.hosts_at) {
            let is_met = match read.rule.mode() == fewer {
                true => all.covering(pattern).any(|at| meets(&services[at.service].rules[at.rule])),
                false => few.covering(pattern).any(meets),
            };
            if is_met {
                both_modes(pattern, *at, notes);
            }
        }
    }
}

fn both_modes(pattern: Pattern<'_>, at: Place, notes: &mut Notes<'_>) {
    notes.error_at(
        at,
        text!(
            "{pattern} serait à la fois inspecté et en tunnel",
            "{pattern} would be both inspected and tunnelled"
        ),
        text!("garder un seul mode par hôte et port", "keep one mode for a host and port"),
    );
}
