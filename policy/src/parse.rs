//! Reading the policy file: every mistake at once, each with its place and its mend.
//!
//! Called by `policy check`, by every publication and at every start. Invariants: a [`Policy`] exists only without errors;
//! reading never panics, whatever the text; nothing that is wrong is ignored or repaired, since a rule that means less than
//! it says, or more, is worse than none. The sub-modules follow the file: `fields` (typed keys), `value` and `hosts` (small
//! values), `service`, `rule`, `conflicts` (what only shows across rules); `source` keeps long lists out of the TOML reader.

mod conflicts;
mod fields;
mod hosts;
mod rule;
mod service;
mod source;
mod value;

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use toml::de::DeTable;

use crate::Policy;
use crate::candidate::RuleAt;
use crate::confidential;
use crate::finding::{Finding, Severity, Text, text};
use crate::index::HostIndex;
use crate::lint;
use crate::rule::Refuse;
use crate::window::Window;
use fields::Fields;
pub(crate) use rule::ReadRule;
pub(crate) use service::ReadService;
pub(crate) use source::Source;

/// Largest policy file in bytes: a million hosts, each for itself and for all below it, take less.
pub const FILE_LIMIT_BYTES: usize = 48 * 1024 * 1024;
/// Findings of a severity that are told; nobody mends more at a time, and a file may be wrong a million times.
const FINDINGS_LIMIT: usize = 1000;
const DEFAULT_TIME_ZONE: &str = "Europe/Paris";

/// A part of what the TOML reader got, in bytes.
pub(crate) type Span = Range<usize>;

/// A place in the text, in bytes, at a character boundary. Half the size of a `usize`: a list has one for each of its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u32);

impl Place {
    pub fn new(at: usize) -> Place {
        Place(u32::try_from(at).expect("a policy file is shorter than 4 GiB"))
    }

    pub fn at(self) -> usize {
        self.0 as usize
    }
}

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
        let source = Source::whole(&readable);
        let mut notes = Notes::new(&source);
        notes.error(
            readable.len()..readable.len(),
            text!("le fichier n'est pas en UTF-8", "the file is not UTF-8"),
            text!("l'enregistrer en « UTF-8 sans BOM »", "save it as \"UTF-8 without BOM\""),
        );
        Err(notes.into_findings())
    }

    /// Reads a policy file. The error holds every mistake and every warning, in the order of the file.
    pub fn parse(text: &str) -> Result<Checked, Vec<Finding>> {
        read(text, Care::Everything)
    }

    /// [`Policy::parse`] without the warnings, for a text that was parsed before: a start takes no time to look for them.
    pub fn parse_again(text: &str) -> Result<Policy, Vec<Finding>> {
        read(text, Care::Errors).map(|checked| checked.policy)
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    Everything,
    Errors,
}

fn read(text: &str, care: Care) -> Result<Checked, Vec<Finding>> {
    if text.len() > FILE_LIMIT_BYTES {
        let source = Source::whole("");
        let mut notes = Notes::new(&source);
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
    read_source(&Source::of(text), care).unwrap_or_else(|Uncertain| {
        read_source(&Source::whole(text), care).expect("a whole text is read to its end")
    })
}

/// What was left of a cut text is not TOML, or not where it was cut: only the whole text tells what is wrong.
#[derive(Debug)]
struct Uncertain;

fn read_source(source: &Source<'_>, care: Care) -> Result<Result<Checked, Vec<Finding>>, Uncertain> {
    let mut notes = Notes::new(source);
    if source.text.starts_with('\u{feff}') {
        notes.warn(
            0..0,
            text!("le fichier commence par une marque BOM", "the file begins with a byte order mark"),
            text!("l'enregistrer en « UTF-8 sans BOM »", "save it as \"UTF-8 without BOM\""),
        );
    }
    let (root, errors) = DeTable::parse_recoverable(source.short());
    if source.is_cut() && !errors.is_empty() {
        return Err(Uncertain);
    }
    for error in &errors {
        notes.syntax(error);
    }
    let policy = read_root(root.get_ref(), care, &mut notes);
    if !source.is_read() {
        return Err(Uncertain);
    }
    let has_errors = notes.has_errors;
    let findings = notes.into_findings();
    Ok(if has_errors { Err(findings) } else { Ok(Checked { policy, warnings: findings }) })
}

fn read_root(root: &DeTable<'_>, care: Care, notes: &mut Notes<'_>) -> Policy {
    let file = Fields::open(root, 0..0, &["version", "time_zone", "window", "service", "refuse"], notes);
    read_version(&file, notes);
    let time_zone = read_time_zone(&file, notes);
    let windows = read_windows(&file, notes);
    let services = service::read_services(&file, &windows, notes);
    let refusals = read_refusals(&file, notes);
    let refused = HostIndex::new(refusals.iter().map(|refusal| refusal.hosts.clone()).zip(0..));
    let rules = index_rules(&services);
    conflicts::check(&services, &rules, notes);
    if care == Care::Everything {
        lint::check(&services, &rules, &refused, notes);
    }
    let services: Vec<_> = services.into_iter().map(ReadService::into_service).collect();
    let confidential_pieces = confidential::pieces(&services);
    Policy { time_zone, windows, services, rules, refused, refusals, confidential_pieces }
}

fn index_rules(services: &[ReadService]) -> HostIndex<RuleAt> {
    let rules = services.iter().enumerate().flat_map(|(service, read)| {
        let hosts = read.rules.iter().map(|read| read.rule.hosts.clone());
        hosts.enumerate().map(move |(rule, hosts)| (hosts, RuleAt { service, rule }))
    });
    HostIndex::new(rules)
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
        let (hosts, _) = hosts::read_hosts(&fields, notes);
        let reason = fields.string("reason", notes).map(|(reason, _)| reason.to_owned()).unwrap_or_default();
        Refuse { hosts, reason }
    });
    refusals.collect()
}

/// Collects findings.
pub(crate) struct Notes<'t> {
    source: &'t Source<'t>,
    noted: Vec<Noted>,
    /// Beyond [`FINDINGS_LIMIT`]: how many more, and where the last was noted.
    untold: BTreeMap<Severity, (usize, Place)>,
    told: BTreeMap<Severity, usize>,
    has_errors: bool,
    /// The TOML itself was broken: what is missing may only have been unreadable.
    broken: bool,
}

struct Noted {
    at: Place,
    severity: Severity,
    what: Text,
    mend: Text,
}

impl<'t> Notes<'t> {
    fn new(source: &'t Source<'t>) -> Notes<'t> {
        Notes {
            source,
            noted: Vec::new(),
            untold: BTreeMap::new(),
            told: BTreeMap::new(),
            has_errors: false,
            broken: false,
        }
    }

    pub fn source(&self) -> &'t Source<'t> {
        self.source
    }

    pub fn error(&mut self, span: Span, what: Text, mend: Text) {
        self.error_at(self.source.place(span.start), what, mend);
    }

    pub fn error_at(&mut self, at: Place, what: Text, mend: Text) {
        self.has_errors = true;
        self.note(at, Severity::Error, what, mend);
    }

    pub fn warn(&mut self, span: Span, what: Text, mend: Text) {
        self.warn_at(self.source.place(span.start), what, mend);
    }

    pub fn warn_at(&mut self, at: Place, what: Text, mend: Text) {
        self.note(at, Severity::Warning, what, mend);
    }

    /// An error about something absent.
    pub fn missing(&mut self, span: Span, what: Text, mend: Text) {
        if !self.broken {
            self.error(span, what, mend);
        }
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let text = self.source.text;
        let span = error.span().unwrap_or(text.len()..text.len());
        let message = error.message().replace('\n', ", ");
        let mend = match span.start >= text.trim_end().len() {
            true => {
                text!("le fichier s'arrête trop tôt : le compléter", "the file ends too soon: complete it")
            }
            false => text!("corriger la syntaxe TOML à cet endroit", "mend the TOML syntax at this place"),
        };
        self.error(span, text!("ce n'est pas du TOML : {message}", "this is not TOML: {message}"), mend);
        self.broken = true;
    }

    fn note(&mut self, at: Place, severity: Severity, what: Text, mend: Text) {
        let told = self.told.entry(severity).or_default();
        *told += 1;
        if *told > FINDINGS_LIMIT {
            self.untold.insert(severity, (*told - FINDINGS_LIMIT, at));
            return;
        }
        self.noted.push(Noted { at, severity, what, mend });
    }

    /// In the order of the file. Lines and columns are counted in one pass, however many findings stand on one line.
    fn into_findings(mut self) -> Vec<Finding> {
        for (severity, (count, at)) in self.untold {
            let what = text!("et {count} autres, jusqu'ici ou avant", "and {count} more, here or before");
            let mend = text!("corriger d'abord les premières", "mend the first ones first");
            self.noted.push(Noted { at, severity, what, mend });
        }
        self.noted.sort_by_key(|noted| (noted.at, noted.severity));
        let (mut from, mut line, mut column) = (0, 1, 1);
        let place = |noted: Noted| {
            for character in self.source.text[from..noted.at.at()].chars() {
                match character {
                    '\n' => (line, column) = (line + 1, 1),
                    '\u{feff}' => {}
                    _ => column += 1,
                }
            }
            from = noted.at.at();
            Finding { line, column, severity: noted.severity, what: noted.what, mend: noted.mend }
        };
        self.noted.into_iter().map(place).collect()
    }
}
