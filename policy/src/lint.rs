//! Warnings: what is legal in a policy file but opens more than it seems to, or less.
//!
//! Called once by [`crate::parse`]; nothing here keeps a policy from being published.

use crate::candidate::RuleAt;
use crate::finding::text;
use crate::hosts::Pattern;
use crate::index::HostIndex;
use crate::parse::{Notes, Place, ReadRule, ReadService};
use crate::rule::{AccessKind, Inspect};

/// Hosts that show any other site inside themselves: at or below them every rule opens the net.
const SHOW_OTHER_SITES: &[&str] = &[
    "12ft.io",
    "archive.org",
    "archive.ph",
    "bit.ly",
    "cdn.ampproject.org",
    "docs.google.com",
    "is.gd",
    "r.jina.ai",
    "t.co",
    "tinyurl.com",
    "translate.goog",
    "translate.google.com",
    "translate.yandex.com",
    "web.archive.org",
    "webcache.googleusercontent.com",
];

/// Hosts where anybody publishes: an exact name below them with exact paths is fine, the whole is not.
const ANYBODY_PUBLISHES: &[&str] = &[
    "amazonaws.com",
    "appspot.com",
    "azureedge.net",
    "azurewebsites.net",
    "blob.core.windows.net",
    "cdn.jsdelivr.net",
    "cloud.ovh.net",
    "cloudfront.net",
    "esm.sh",
    "fastly.net",
    "firebaseapp.com",
    "github.io",
    "gitlab.io",
    "googleapis.com",
    "googleusercontent.com",
    "herokuapp.com",
    "netlify.app",
    "pages.dev",
    "raw.githubusercontent.com",
    "s3.fr-par.scw.cloud",
    "storage.googleapis.com",
    "unpkg.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// Suffixes under which many owners have names.
const MANY_OWNERS: &[&str] = &["asso.fr", "beta.gouv.fr", "co.uk", "com.fr", "gouv.fr", "nom.fr", "tm.fr"];

/// Parameters that commonly hold an address to go on to.
const REDIRECTS: &[&str] = &[
    "callback",
    "continue",
    "dest",
    "destination",
    "file",
    "goto",
    "link",
    "next",
    "q_url",
    "redir",
    "redirect",
    "redirect_to",
    "redirect_uri",
    "redirect_url",
    "ref",
    "return",
    "return_to",
    "return_url",
    "returnto",
    "returnurl",
    "service",
    "src",
    "target",
    "to",
    "u",
    "uri",
    "url",
];

pub(crate) fn check(
    services: &[ReadService],
    rules: &HostIndex<RuleAt>,
    refused: &HostIndex<usize>,
    notes: &mut Notes<'_>,
) {
    for (at, position) in rules.repeats() {
        let read = &services[at.service].rules[at.rule];
        let pattern = read.rule.hosts.at(position);
        notes.warn_at(
            read.hosts_at[position],
            text!("{pattern} est écrit deux fois", "{pattern} is written twice"),
            text!("en retirer un", "remove one"),
        );
    }
    for read in services.iter().flat_map(|read| &read.rules) {
        for (pattern, at) in read.rule.hosts.iter().zip(&read.hosts_at) {
            check_host(pattern, *at, refused, notes);
        }
        if let Some(inspect) = &read.rule.inspect {
            check_inspect(inspect, read, notes);
        }
    }
}

fn check_host(pattern: Pattern<'_>, at: Place, refused: &HostIndex<usize>, notes: &mut Notes<'_>) {
    let name = pattern.name();
    if refused.covering(pattern).next().is_some() {
        notes.warn_at(
            at,
            text!(
                "{pattern} est refusé par [[refuse]] : cette règle ne l'ouvrira jamais",
                "{pattern} is refused by [[refuse]]: this rule will never open it"
            ),
            text!("retirer l'un des deux", "remove one of the two"),
        );
    }
    if is_too_broad(pattern) {
        notes.warn_at(
            at,
            text!("{pattern} ouvre bien plus qu'une démarche", "{pattern} opens far more than one step"),
            text!(
                "nommer l'hôte et les chemins exacts, ou s'en passer",
                "name the exact host and paths, or do without"
            ),
        );
    }
    if name.split('.').any(|label| label.starts_with("xn--")) {
        let (shown, _) = idna::domain_to_unicode(name);
        notes.warn_at(
            at,
            text!(
                "{shown} s'écrit {name} : des lettres peuvent en imiter d'autres",
                "{shown} is written {name}: letters may imitate others"
            ),
            text!("vérifier chaque lettre, puis écrire {name}", "check every letter, then write {name}"),
        );
    }
}

fn is_too_broad(pattern: Pattern<'_>) -> bool {
    let (name, is_wildcard) = (pattern.name(), pattern.is_wildcard());
    let lineage = || std::iter::once(name).chain(pattern.parents());
    let at_or_below = |names: &[&str]| lineage().any(|name| names.contains(&name));
    at_or_below(SHOW_OTHER_SITES)
        || ANYBODY_PUBLISHES.contains(&name)
        || (is_wildcard && at_or_below(ANYBODY_PUBLISHES))
        || (is_wildcard && MANY_OWNERS.contains(&name))
}

fn check_inspect(inspect: &Inspect, read: &ReadRule, notes: &mut Notes<'_>) {
    if inspect.kind == AccessKind::Resource {
        notes.warn(
            read.at.clone(),
            text!(
                "un terminal compromis peut ouvrir ces ressources comme des pages",
                "a compromised terminal can open these resources as pages"
            ),
            text!(
                "n'y mettre que des hôtes que l'on accepterait comme pages",
                "name only hosts that would do as pages"
            ),
        );
    }
    match &inspect.queries {
        None if inspect.kind == AccessKind::Page => notes.warn(
            read.at.clone(),
            text!(
                "tout paramètre passe, même url= ou redirect= vers un autre site",
                "any parameter passes, even url= or redirect= to another site"
            ),
            text!(
                "nommer dans queries les paramètres de la démarche",
                "name the parameters of the step in queries"
            ),
        ),
        _ => check_redirects(inspect, read, notes),
    }
}

fn check_redirects(inspect: &Inspect, read: &ReadRule, notes: &mut Notes<'_>) {
    for (name, at) in inspect.queries.iter().flatten().zip(&read.queries_at) {
        if REDIRECTS.contains(&name.to_ascii_lowercase().as_str()) {
            notes.warn(
                at.clone(),
                text!(
                    "le paramètre {name} porte souvent l'adresse d'un autre site",
                    "the parameter {name} often holds another site's address"
                ),
                text!("le retirer si la démarche s'en passe", "remove it if the step does without"),
            );
        }
    }
}
