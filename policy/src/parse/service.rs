//! `[[service]]` and `[[service.rule]]`.

use std::collections::HashSet;
use std::sync::Arc;

use toml::de::DeTable;

use super::fields::Fields;
use super::{Notes, Span, value};
use crate::access::EVERYONE;
use crate::finding::text;
use crate::rule::{
    AccessKind, CATALOGUE, Category, HostPattern, Inspect, Methods, Mode, Name, PathGlob, Rule, Service,
    default_upload_limit,
};
use crate::url::Url;
use crate::window::{MINUTES_OF_DAY, Window};

const SERVICE_KEYS: &[&str] = &[
    "id",
    "category",
    "name",
    "start",
    "groups",
    "windows",
    "minutes_per_day",
    "expires",
    "confidential",
    "rule",
];
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

/// A service and where its parts stand in the file; the checks across rules need both.
pub(crate) struct ReadService {
    pub service: Service,
    pub at: Span,
    pub start_at: Span,
    pub rules: Vec<ReadRule>,
}

pub(crate) struct ReadRule {
    pub rule: Rule,
    pub at: Span,
    /// As many as the rule has hosts.
    pub hosts_at: Vec<Span>,
    /// Of each name in `queries`.
    pub queries_at: Vec<Span>,
}

impl ReadService {
    pub fn into_service(self) -> Service {
        let mut service = self.service;
        service.rules = self.rules.into_iter().map(|read| read.rule).collect();
        if *service.id == *CATALOGUE {
            service.rules = vec![Rule::catalogue()];
        }
        service
    }
}

pub(super) fn read_services(
    file: &Fields<'_>,
    windows: &[Window],
    notes: &mut Notes<'_>,
) -> Vec<ReadService> {
    let mut ids = HashSet::new();
    let mut services = Vec::new();
    for (table, span) in file.tables("service", notes) {
        let read = read_service(table, span, windows, notes);
        if !ids.insert(read.service.id.clone()) && !read.service.id.is_empty() {
            value::duplicate_id((read.service.id.to_string(), read.at.clone()), notes);
        }
        services.push(read);
    }
    services
}

fn read_service(table: &DeTable<'_>, span: Span, windows: &[Window], notes: &mut Notes<'_>) -> ReadService {
    let fields = Fields::open(table, span.clone(), SERVICE_KEYS, notes);
    let (id, at) = value::read_id(&fields, notes);
    let is_catalogue = id == CATALOGUE;
    let confidential = fields.boolean("confidential", notes).unwrap_or(false);
    let rules: Vec<ReadRule> =
        fields.tables("rule", notes).into_iter().map(|(table, at)| read_rule(table, at, notes)).collect();
    check_rules(&fields, &rules, is_catalogue, confidential, notes);
    let (start, start_at) = read_start(&fields, is_catalogue, notes);
    let service = Service {
        category: read_category(&fields, notes),
        name: read_name(&fields, &id, notes),
        start,
        groups: read_groups(&fields, notes),
        windows: read_window_ids(&fields, windows, notes),
        minutes_per_day: fields.integer("minutes_per_day", 1..=u32::from(MINUTES_OF_DAY), notes),
        expires: fields.date("expires", notes),
        confidential,
        rules: Vec::new(),
        id: id.into(),
    };
    ReadService { service, at, start_at, rules }
}

fn check_rules(
    fields: &Fields<'_>,
    rules: &[ReadRule],
    is_catalogue: bool,
    confidential: bool,
    notes: &mut Notes<'_>,
) {
    if is_catalogue && (!rules.is_empty() || confidential) {
        notes.error(
            fields.place(if confidential { "confidential" } else { "rule" }),
            text!(
                "le catalogue n'a ni règle ni confidentialité",
                "the catalogue has no rules and is not confidential"
            ),
            text!(
                "retirer ces lignes : ses contenus sont les nôtres",
                "remove these lines: its items are ours"
            ),
        );
    }
    if !is_catalogue && rules.is_empty() && !fields.has("rule") {
        notes.missing(
            fields.at.clone(),
            text!("un service sans règle n'ouvre rien", "a service without a rule opens nothing"),
            text!("ajouter [[service.rule]]", "add [[service.rule]]"),
        );
    }
    for read in rules.iter().filter(|read| confidential && read.rule.mode() == Mode::Inspect) {
        notes.error(
            read.at.clone(),
            text!("un service confidentiel ne s'inspecte pas", "a confidential service is not inspected"),
            text!("écrire mode = \"tunnel\" dans cette règle", "write mode = \"tunnel\" in this rule"),
        );
    }
}

fn read_start(fields: &Fields<'_>, is_catalogue: bool, notes: &mut Notes<'_>) -> (Option<Url>, Span) {
    let Some((written, span)) = fields.string("start", notes) else {
        if !is_catalogue && !fields.has("start") {
            notes.warn(
                fields.at.clone(),
                text!(
                    "sans start, ce service ne s'ouvre pas depuis le terminal",
                    "without start this service cannot be opened from the kiosk"
                ),
                text!("écrire start = \"https://…/\"", "write start = \"https://…/\""),
            );
        }
        return (None, fields.at.clone());
    };
    match Url::parse_written(written) {
        Ok(url) => (Some(url), span),
        Err(error) => {
            notes.error(
                span.clone(),
                text!("start n'est pas une adresse ({error})", "start is no address ({error})"),
                text!(
                    "écrire start = \"https://www.exemple.fr/\"",
                    "write start = \"https://www.example.fr/\""
                ),
            );
            (None, span)
        }
    }
}

fn read_category(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Category {
    if !fields.has("category") {
        notes.missing(
            fields.at.clone(),
            text!("category manque", "category is missing"),
            text!("écrire \"administrative\" ou \"training\"", "write \"administrative\" or \"training\""),
        );
    }
    match value::read_word(fields, "category", &["administrative", "training"], notes) {
        Some("training") => Category::Training,
        _ => Category::Administrative,
    }
}

/// Without a name people see the id.
fn read_name(fields: &Fields<'_>, id: &str, notes: &mut Notes<'_>) -> Name {
    let mut name = Name::new();
    if let Some((table, span)) = fields.table("name", notes) {
        let languages = Fields::open(
            table,
            span,
            &table.keys().map(|key| key.get_ref().as_ref()).collect::<Vec<_>>(),
            notes,
        );
        for (language, at) in languages.keys() {
            if !matches!(language.len(), 2 | 3) || !language.bytes().all(|b| b.is_ascii_lowercase()) {
                notes.error(
                    at,
                    text!("{language} n'est pas un code de langue", "{language} is no language code"),
                    text!("écrire fr, en, ar, …", "write fr, en, ar, …"),
                );
            }
            if let Some((text, _)) = languages.string(language, notes) {
                name.insert(language.to_owned(), text.to_owned());
            }
        }
    }
    if name.is_empty() {
        name.insert("fr".to_owned(), id.to_owned());
    }
    name
}

fn read_groups(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<String> {
    fields.refuse_empty("groups", notes);
    match fields.strings("groups", notes) {
        None => vec![EVERYONE.to_owned()],
        Some(groups) => groups.into_iter().map(|(group, _)| group.to_owned()).collect(),
    }
}

fn read_window_ids(fields: &Fields<'_>, windows: &[Window], notes: &mut Notes<'_>) -> Vec<usize> {
    fields.refuse_empty("windows", notes);
    let ids = fields.strings("windows", notes).unwrap_or_default().into_iter();
    let known = ids.filter_map(|(id, span)| {
        let index = windows.iter().position(|window| window.id == id);
        if index.is_none() {
            notes.error(
                span,
                text!("aucune fenêtre n'a l'id {id}", "no window has the id {id}"),
                text!("ajouter [[window]] avec id = \"{id}\"", "add [[window]] with id = \"{id}\""),
            );
        }
        index
    });
    known.collect()
}

fn read_rule(table: &DeTable<'_>, at: Span, notes: &mut Notes<'_>) -> ReadRule {
    let fields = Fields::open(table, at.clone(), RULE_KEYS, notes);
    let mode = value::read_word(&fields, "mode", &["inspect", "tunnel"], notes);
    let (hosts, hosts_at): (Vec<_>, Vec<_>) = value::read_hosts(&fields, notes).into_iter().unzip();
    warn_of_duplicates(&hosts, &hosts_at, notes);
    fields.refuse_empty("ports", notes);
    let ports = fields.integers("ports", 1..=u32::from(u16::MAX), notes).unwrap_or_else(|| vec![443]);
    let ports = ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect();
    let (inspect, queries_at) = match mode {
        Some("tunnel") => {
            refuse_keys_of_inspection(&fields, notes);
            (None, Vec::new())
        }
        _ => {
            let (inspect, queries_at) = read_inspect(&fields, notes);
            (Some(inspect), queries_at)
        }
    };
    ReadRule { rule: Rule { hosts, ports, inspect }, at, hosts_at, queries_at }
}

fn warn_of_duplicates(hosts: &[HostPattern], hosts_at: &[Span], notes: &mut Notes<'_>) {
    let mut seen = HashSet::new();
    for (pattern, at) in hosts.iter().zip(hosts_at) {
        if !seen.insert(pattern) {
            notes.warn(
                at.clone(),
                text!("{pattern} est écrit deux fois", "{pattern} is written twice"),
                text!("en retirer un", "remove one"),
            );
        }
    }
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
            let mend = match written.contains('?') {
                true => text!("les paramètres vont dans queries", "parameters go into queries"),
                false => text!(
                    "écrire un chemin entier, * pour une suite quelconque : \"/espace/*\"",
                    "write a whole path, * for any run: \"/space/*\""
                ),
            };
            notes.error(
                span,
                text!("« {written} » n'est pas un chemin ({error})", "\"{written}\" is no path ({error})"),
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
