//! `[[service]]`.

use std::collections::HashSet;

use toml::de::DeTable;

use super::fields::Fields;
use super::rule::{ReadRule, read_rule};
use super::{Notes, Span, value};
use crate::access::EVERYONE;
use crate::finding::text;
use crate::rule::{CATALOGUE, Category, Mode, Name, Rule, Service};
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

/// A service and where its parts stand in the file; the checks across rules need both.
pub(crate) struct ReadService {
    pub service: Service,
    pub at: Span,
    pub start_at: Span,
    pub rules: Vec<ReadRule>,
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
            let french = error.french();
            notes.error(
                span.clone(),
                text!("start n'est pas une adresse ({french})", "start is no address ({error})"),
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
            if let Some((text, at)) = languages.string(language, notes) {
                if text.trim().is_empty() {
                    notes.error(
                        at,
                        text!("le nom est vide", "the name is empty"),
                        text!("écrire ce que les gens liront", "write what people will read"),
                    );
                }
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
        Some(groups) => groups.into_iter().map(|(group, at)| value::read_group(group, at, notes)).collect(),
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
