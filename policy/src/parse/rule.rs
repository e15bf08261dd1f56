//! `[[service.rule]]`.

use std::sync::Arc;

use toml::de::DeTable;

use super::fields::Fields;
use super::hosts::read_hosts;
use super::{Notes, Place, Span, value};
use crate::finding::text;
use crate::methods::Methods;
use crate::path::PathGlob;
use crate::rule::{AccessKind, Inspect, Rule, default_upload_limit};

const TUNNEL_KEYS: &[&str] = &["hosts", "ports", "mode"];
const RULE_KEYS: &[&str] = &[
    "hosts",
    "ports",
    "mode",
    "paths",
    "path_regex",
    "queries",
    "methods",
    "access",
    "upload_limit",
    "download_types",
    "websocket",
    "record_query",
];

/// A rule and where its parts stand in the file.
pub(crate) struct ReadRule {
    pub rule: Rule,
    pub at: Span,
    /// As many as the rule has hosts.
    pub hosts_at: Vec<Place>,
    /// Of each name in `queries`.
    pub queries_at: Vec<Span>,
}

pub(super) fn read_rule(table: &DeTable<'_>, at: Span, notes: &mut Notes<'_>) -> ReadRule {
    let fields = Fields::open(table, at.clone(), RULE_KEYS, notes);
    let mode = value::read_word(&fields, "mode", &["inspect", "tunnel"], notes);
    let (hosts, hosts_at) = read_hosts(&fields, notes);
    fields.refuse_empty("ports", notes);
    let ports = fields.integers("ports", 1..=u32::from(u16::MAX), notes).unwrap_or_else(|| vec![443]);
    let ports = ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect();
    // Read in a tunnel too, so that a mistake in a key that must go is told at once: the mend may be to change the mode.
    let (inspect, queries_at) = read_inspect(&fields, notes);
    let inspect = match mode {
        Some("tunnel") => {
            refuse_keys_of_inspection(&fields, notes);
            None
        }
        _ => Some(inspect),
    };
    ReadRule { rule: Rule { hosts, ports, inspect }, at, hosts_at, queries_at }
}

fn refuse_keys_of_inspection(fields: &Fields<'_>, notes: &mut Notes<'_>) {
    for (key, at) in fields.keys().filter(|(key, _)| RULE_KEYS.contains(key) && !TUNNEL_KEYS.contains(key)) {
        notes.error(
            at,
            text!("{key} ne se juge pas dans un tunnel", "{key} cannot be judged in a tunnel"),
            text!("retirer {key}, ou mode = \"tunnel\"", "remove {key}, or mode = \"tunnel\""),
        );
    }
}

fn read_inspect(fields: &Fields<'_>, notes: &mut Notes<'_>) -> (Inspect, Vec<Span>) {
    let methods = read_methods(fields, notes);
    let queries = fields.strings("queries", notes);
    let queries_at = queries.iter().flatten().map(|(_, span)| span.clone()).collect();
    let kind = match value::read_word(fields, "access", &["page", "resource"], notes) {
        Some("resource") => AccessKind::Resource,
        _ => AccessKind::Page,
    };
    let inspect = Inspect {
        paths: read_paths(fields, notes),
        path_regex: read_path_regex(fields, notes),
        queries: queries.map(|names| names.into_iter().map(|(name, _)| name.into()).collect()),
        methods,
        kind,
        upload_limit: value::read_size(fields, "upload_limit", notes)
            .unwrap_or_else(|| default_upload_limit(methods)),
        download_types: read_download_types(fields, notes),
        websocket: fields.boolean("websocket", notes).unwrap_or(false),
        record_query: fields.boolean("record_query", notes).unwrap_or(false),
    };
    (inspect, queries_at)
}

fn read_paths(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<PathGlob> {
    fields.refuse_empty("paths", notes);
    let globs = fields.strings("paths", notes).unwrap_or_default().into_iter();
    let read = globs.filter_map(|(written, span)| match PathGlob::parse(written) {
        Ok(glob) => Some(glob),
        Err(error) => {
            let french = error.french();
            let mend = match written.contains('?') {
                true => text!("les paramètres vont dans queries", "parameters go into queries"),
                false => text!(
                    "écrire un chemin entier, * pour une suite quelconque : \"/espace/*\"",
                    "write a whole path, * for any run: \"/space/*\""
                ),
            };
            notes.error(
                span,
                text!("« {written} » n'est pas un chemin ({french})", "\"{written}\" is no path ({error})"),
                mend,
            );
            None
        }
    });
    read.collect()
}

fn read_path_regex(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<regex::Regex> {
    fields.refuse_empty("path_regex", notes);
    let written = fields.strings("path_regex", notes).unwrap_or_default().into_iter();
    let read = written.filter_map(|(written, span)| match value::path_regex(written) {
        Ok(regex) => Some(regex),
        Err(error) => {
            notes.error(
                span,
                text!("expression régulière incorrecte : {error}", "bad regular expression: {error}"),
                text!(
                    "la corriger ; elle vaut pour le chemin entier",
                    "mend it; it stands for the whole path"
                ),
            );
            None
        }
    });
    read.collect()
}

fn read_methods(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Methods {
    fields.refuse_empty("methods", notes);
    let Some(written) = fields.strings("methods", notes) else { return Methods::READ };
    written.into_iter().fold(Methods::NONE, |methods, (written, span)| match Methods::of(written) {
        Some(method) => methods.with(method),
        None => {
            let known = Methods::KNOWN.join(", ");
            notes.error(
                span,
                text!("méthode inconnue : {written}", "unknown method: {written}"),
                text!("choisir parmi {known}", "choose among {known}"),
            );
            methods
        }
    })
}

fn read_download_types(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Arc<[Box<str>]> {
    let written = fields.strings("download_types", notes).unwrap_or_default().into_iter();
    let read = written.filter_map(|(written, span)| {
        if value::is_media_type(written) {
            return Some(written.into());
        }
        notes.error(
            span,
            text!("« {written} » n'est pas un type de contenu", "\"{written}\" is no media type"),
            text!("écrire par exemple \"application/pdf\"", "write for example \"application/pdf\""),
        );
        None
    });
    read.collect()
}
