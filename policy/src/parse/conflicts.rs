//! Mistakes that show only across rules: a start that nothing allows, a host that would be both inspected and tunnelled.

use super::{Notes, ReadRule, ReadService, Span};
use crate::finding::text;
use crate::index::HostIndex;
use crate::rule::{AccessKind, Mode, Rule};
use crate::url::{Scheme, Url};

pub(super) fn check(services: &[ReadService], notes: &mut Notes<'_>) {
    check_starts(services, notes);
    check_modes(services, notes);
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
    let named = rule.hosts.iter().any(|pattern| pattern.matches(start.host()));
    named && rule.ports.contains(&start.port()) && scheme_passes && inspect_passes
}

/// A tunnel and an inspect rule must not meet on a host and port: which one held would hang on order. Two patterns meet only
/// when one covers the other, so each side is looked up in an index of the other; no pair is compared in vain.
fn check_modes(services: &[ReadService], notes: &mut Notes<'_>) {
    let rules: Vec<&ReadRule> = services.iter().flat_map(|read| &read.rules).collect();
    let (tunnels, inspected) = (index(&rules, Mode::Tunnel), index(&rules, Mode::Inspect));
    for read in &rules {
        let others = if read.rule.mode() == Mode::Tunnel { &inspected } else { &tunnels };
        for (pattern, at) in read.rule.hosts.iter().zip(&read.hosts_at) {
            let meets =
                |other: usize| rules[other].rule.ports.iter().any(|port| read.rule.ports.contains(port));
            if others.covering(pattern).any(meets) {
                both_modes(&pattern.to_string(), at.clone(), notes);
            }
        }
    }
}

fn index(rules: &[&ReadRule], mode: Mode) -> HostIndex<usize> {
    let mut index = HostIndex::new();
    for (position, read) in rules.iter().enumerate().filter(|(_, read)| read.rule.mode() == mode) {
        read.rule.hosts.iter().for_each(|pattern| index.insert(pattern, position));
    }
    index
}

fn both_modes(pattern: &str, at: Span, notes: &mut Notes<'_>) {
    notes.error(
        at,
        text!(
            "{pattern} serait à la fois inspecté et en tunnel",
            "{pattern} would be both inspected and tunnelled"
        ),
        text!("garder un seul mode par hôte et port", "keep one mode for a host and port"),
    );
}
