//! Reading the policy file: every mistake at once, each with its place and its mend.
//!
//! Called by `policy check`, by every publication and at every start. Invariants: a [`Policy`] exists only without errors;
//! reading never panics, whatever the text; nothing that is wrong is ignored or repaired, since a rule that means less than
//! it says, or more, is worse than none. The sub-modules follow the file: `fields` (typed keys), `value` and `hosts` (small
//! values), `service`, `rule`, `conflicts` (what only shows across rules).

mod conflicts;
mod fields;
mod hosts;
mod rule;
mod service;
mod value;

use std::ops::Range;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use toml::de::DeTable;

use crate::Policy;
use crate::candidate::RuleAt;
use crate::finding::{Finding, Severity, Text, text};
use crate::index::HostIndex;
use crate::lint;
use crate::rule::Refuse;
use crate::window::Window;
use fields::Fields;
pub(crate) use rule::ReadRule;
pub(crate) use service::ReadService;

/// Largest policy file in bytes: a hundred thousand hosts take about three million.
const FILE_LIMIT_BYTES: usize = 16 * 1024 * 1024;
const DEFAULT_TIME_ZONE: &str = "Europe/Paris";

/// A place in the file, in bytes.
pub(crate) type Span = Range<usize>;

/// A policy that was read, with its warnings.
#[derive(Clone, Debug)]
pub struct Checked {
    pub policy: Policy,
    pub warnings: Vec<Finding>,
}

impl Policy {
    /// [`Policy::parse`] of a file as it is on disk; what is not UTF-8 is one finding, at its first bad byte.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Checked, Vec<Finding>> {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => return Policy::parse(text),
            Err(error) => error,
        };
        let readable = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let mut notes = Notes::new(&readable);
        notes.error(
            readable.len()..readable.len(),
            text!("le fichier n'est pas en UTF-8", "the file is not UTF-8"),
            text!("l'enregistrer en « UTF-8 sans BOM »", "save it as \"UTF-8 without BOM\""),
        );
        Err(notes.into_findings())
    }

    /// Reads a policy file. The error holds every mistake and every warning, in the order of the file.
    pub fn parse(text: &str) -> Result<Checked, Vec<Finding>> {
        let mut notes = Notes::new(text);
        if text.len() > FILE_LIMIT_BYTES {
            notes.error(
                0..0,
                text!(
                    "le fichier dépasse {FILE_LIMIT_BYTES} octets",
                    "the file is larger than {FILE_LIMIT_BYTES} bytes"
                ),
                text!("le partager en moins d'hôtes", "name fewer hosts"),
            );
            return Err(notes.into_findings());
        }
        if text.starts_with('\u{feff}') {
            notes.warn(
                0..0,
                text!("le fichier commence par une marque BOM", "the file begins with a byte order mark"),
                text!("l'enregistrer en « UTF-8 sans BOM »", "save it as \"UTF-8 without BOM\""),
            );
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            notes.syntax(error);
        }
        let policy = read_root(root.get_ref(), &mut notes);
        let findings = notes.into_findings();
        if findings.iter().any(Finding::is_error) {
            return Err(findings);
        }
        Ok(Checked { policy, warnings: findings })
    }
}

fn read_root(root: &DeTable<'_>, notes: &mut Notes<'_>) -> Policy {
    let file = Fields::open(root, 0..0, &["version", "time_zone", "window", "service", "refuse"], notes);
    read_version(&file, notes);
    let time_zone = read_time_zone(&file, notes);
    let windows = read_windows(&file, notes);
    let services = service::read_services(&file, &windows, notes);
    let refusals = read_refusals(&file, notes);
    let refused = index_refusals(&refusals);
    conflicts::check(&services, notes);
    lint::check(&services, &refused, notes);
    assemble(time_zone, windows, services, refusals, refused)
}

fn assemble(
    time_zone: TimeZone,
    windows: Vec<Window>,
    services: Vec<ReadService>,
    refusals: Vec<Refuse>,
    refused: HostIndex<usize>,
) -> Policy {
    let services: Vec<_> = services.into_iter().map(ReadService::into_service).collect();
    let mut rules = HostIndex::new();
    for (service, owner) in services.iter().enumerate() {
        for (rule, hosts) in owner.rules.iter().map(|rule| &rule.hosts).enumerate() {
            hosts.iter().for_each(|pattern| rules.insert(pattern, RuleAt { service, rule }));
        }
    }
    Policy { time_zone, windows, services, rules, refused, refusals }
}

fn read_version(file: &Fields<'_>, notes: &mut Notes<'_>) {
    let mend = || text!("écrire version = 1", "write version = 1");
    match file.integer("version", 1..=1, notes) {
        None if !file.has("version") => {
            notes.missing(0..0, text!("la version manque", "the version is missing"), mend());
        }
        _ => {}
    }
}

fn read_time_zone(file: &Fields<'_>, notes: &mut Notes<'_>) -> TimeZone {
    let zones = TimeZoneDatabase::bundled();
    let (name, span) = file.string("time_zone", notes).unwrap_or((DEFAULT_TIME_ZONE, 0..0));
    zones.get(name).unwrap_or_else(|_| {
        notes.error(
            span,
            text!("fuseau horaire inconnu : {name}", "unknown time zone: {name}"),
            text!("écrire par exemple \"Europe/Paris\"", "write for example \"Europe/Paris\""),
        );
        TimeZone::UTC
    })
}

fn read_windows(file: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for (table, span) in file.tables("window", notes) {
        let fields = Fields::open(table, span.clone(), &["id", "days", "from", "to", "closed"], notes);
        let id = value::read_id(&fields, notes);
        if windows.iter().any(|window| window.id == id.0) && !id.0.is_empty() {
            value::duplicate_id(id.clone(), notes);
        }
        let days = value::read_days(&fields, notes);
        let (from, to) = value::read_hours(&fields, notes);
        let closed = value::read_dates(&fields, "closed", notes);
        windows.push(Window { id: id.0, days, from, to, closed });
    }
    windows
}

fn read_refusals(file: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<Refuse> {
    let tables = file.tables("refuse", notes).into_iter();
    let refusals = tables.map(|(table, span)| {
        let fields = Fields::open(table, span, &["hosts", "reason"], notes);
        let hosts = hosts::read_hosts(&fields, notes).into_iter().map(|(pattern, _)| pattern).collect();
        let reason = fields.string("reason", notes).map(|(reason, _)| reason.to_owned()).unwrap_or_default();
        Refuse { hosts, reason }
    });
    refusals.collect()
}

fn index_refusals(refusals: &[Refuse]) -> HostIndex<usize> {
    let mut refused = HostIndex::new();
    for (position, refusal) in refusals.iter().enumerate() {
        refusal.hosts.iter().for_each(|pattern| refused.insert(pattern, position));
    }
    refused
}

/// Collects findings.
pub(crate) struct Notes<'t> {
    text: &'t str,
    noted: Vec<Noted>,
    /// The TOML itself was broken: what is missing may only have been unreadable.
    broken: bool,
}

struct Noted {
    /// In bytes, at a character boundary.
    at: usize,
    severity: Severity,
    what: Text,
    mend: Text,
}

impl<'t> Notes<'t> {
    fn new(text: &'t str) -> Notes<'t> {
        Notes { text, noted: Vec::new(), broken: false }
    }

    pub fn error(&mut self, span: Span, what: Text, mend: Text) {
        self.note(span, Severity::Error, what, mend);
    }

    pub fn warn(&mut self, span: Span, what: Text, mend: Text) {
        self.note(span, Severity::Warning, what, mend);
    }

    /// An error about something absent.
    pub fn missing(&mut self, span: Span, what: Text, mend: Text) {
        if !self.broken {
            self.error(span, what, mend);
        }
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(self.text.len()..self.text.len());
        let message = error.message().replace('\n', ", ");
        let mend = match span.start >= self.text.trim_end().len() {
            true => {
                text!("le fichier s'arrête trop tôt : le compléter", "the file ends too soon: complete it")
            }
            false => text!("corriger la syntaxe TOML à cet endroit", "mend the TOML syntax at this place"),
        };
        self.error(span, text!("ce n'est pas du TOML : {message}", "this is not TOML: {message}"), mend);
        self.broken = true;
    }

    fn note(&mut self, span: Span, severity: Severity, what: Text, mend: Text) {
        let at = self.text.floor_char_boundary(span.start.min(self.text.len()));
        self.noted.push(Noted { at, severity, what, mend });
    }

    /// In the order of the file. Lines and columns are counted in one pass, however many findings stand on one line.
    fn into_findings(mut self) -> Vec<Finding> {
        self.noted.sort_by_key(|noted| (noted.at, noted.severity));
        let (mut from, mut line, mut column) = (0, 1, 1);
        let place = |noted: Noted| {
            for character in self.text[from..noted.at].chars() {
                match character {
                    '\n' => (line, column) = (line + 1, 1),
                    '\u{feff}' => {}
                    _ => column += 1,
                }
            }
            from = noted.at;
            Finding { line, column, severity: noted.severity, what: noted.what, mend: noted.mend }
        };
        self.noted.into_iter().map(place).collect()
    }
}
