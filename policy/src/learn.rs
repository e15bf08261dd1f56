//! Learning a step: from what one recorded run of it asked for, the draft of a service that lets the same run pass.
//!
//! Called by the gateway when a recording run ends. Pure: requests in, text and a list of what was left out. Invariants: only
//! what was allowed and asked for makes rules, so a draft is never wider than its generalisations, which are stated here: a
//! path segment that is an identifier stands for any segment; files of one folder that pages load stand for the folder; only
//! names of query parameters are kept. Staff read the draft and sign it like any other policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::access::{Access, Caller, Request, Upload, Usage};
use crate::methods::Methods;
use crate::origin::Origin;
use crate::rule::{AccessKind, Category};
use crate::url::{Scheme, Target, Url};
use crate::{Policy, Reason};

/// More page paths than this on one host are told by their folders.
const PAGE_PATHS_LIMIT: usize = 20;
/// A segment without a digit is a word up to this length.
const WORD_LIMIT: usize = 40;
/// A segment of hexadecimal digits alone is an identifier from this length on: `cafe` and `decade` are words.
const HEX_MINIMUM: usize = 8;
/// A longer segment that holds digits is an identifier.
const NUMBERED_WORD_LIMIT: usize = 20;

/// One request of the run.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Timestamp,
    pub url: Url,
    pub method: String,
    /// Sec-Fetch-Dest.
    pub destination: Option<String>,
    pub origin: Option<String>,
    pub referer: Option<String>,
    pub websocket: bool,
    /// Access-Control-Request-Method of a preflight.
    pub preflight: Option<String>,
    pub upload_bytes: u64,
    /// The answer's media type, where it is not one that pages are made of.
    pub download_type: Option<String>,
    /// Why it did not pass.
    pub refused: Option<Reason>,
}

impl Seen {
    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            upload: if self.upload_bytes == 0 { Upload::None } else { Upload::Declared(self.upload_bytes) },
            destination: self.destination.as_deref(),
            origin: self.origin.as_deref().map(Origin::parse),
            referer: self.referer.as_deref().map(Origin::parse),
            websocket: self.websocket,
            preflight: self.preflight.as_deref(),
            ..Request::default()
        }
    }

    fn kind(&self) -> AccessKind {
        match self.destination.as_deref() {
            Some("document") => AccessKind::Page,
            None if !self.websocket => AccessKind::Page,
            _ => AccessKind::Resource,
        }
    }
}

/// What staff call the step.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: String,
    pub category: Category,
    /// In French.
    pub name: String,
}

/// A `[[service]]` to read, to mend and to sign, and what it does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// TOML, to be put behind a policy file.
    pub text: String,
    pub left_out: Vec<LeftOut>,
}

/// Requests of the run that stay refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub host: String,
    pub reason: Reason,
    pub count: u64,
    /// One of them, without query values.
    pub example: String,
}

/// Drafts the service; nothing where the run opened no page.
pub fn draft(step: &Step, run: &[Seen]) -> Option<Draft> {
    let start = run.iter().find(|seen| seen.refused.is_none() && seen.kind() == AccessKind::Page)?;
    let mut rules: BTreeMap<Place, Learnt> = BTreeMap::new();
    for seen in run.iter().filter(|seen| seen.refused.is_none()) {
        rules.entry(Place::of(seen)).or_default().take(seen);
    }
    let left_out = left_out(run);
    let quote = |text: &str| toml::Value::from(text).to_string();
    let mut text =
        String::from("\n[[service]] # learnt from one run: read it, and try it, before you sign\n");
    // A `String` takes every word.
    let _ = writeln!(text, "id = {}\ncategory = \"{}\"", quote(&step.id), step.category.as_str());
    let name = quote(&step.name);
    let _ = writeln!(text, "name = {{ fr = {name}, en = {name} }}");
    let _ = writeln!(text, "start = {}", quote(&format!("{}{}", start.url.origin(), start.url.path())));
    for LeftOut { host, reason, count, example } in &left_out {
        let _ = writeln!(text, "# left out: {host} ({count}, {reason}): {example}");
    }
    for (place, learnt) in &rules {
        text.push_str(&learnt.rule(place));
    }
    Some(Draft { text, left_out })
}

/// Puts the run, in its order, to a policy: what it would refuse of what the run was allowed.
///
/// `caller` and `groups` are those of whoever ran it. Minutes are not counted: a draft has none.
pub fn refused_by<'s>(
    policy: &Policy,
    caller: Caller<'_>,
    groups: &[String],
    run: &'s [Seen],
) -> Vec<(&'s Seen, Reason)> {
    let mut usage = Usage::default();
    let mut refused = Vec::new();
    for seen in run.iter().filter(|seen| seen.refused.is_none()) {
        let target = Target::Http(seen.url.clone());
        let decision = policy.decide(&Access {
            caller,
            groups,
            grants: &[],
            usage: &usage,
            own_names: &[],
            now: seen.at,
            target: &target,
            request: seen.request(),
        });
        match (decision.reason, decision.service) {
            (Some(reason), _) => refused.push((seen, reason)),
            (None, Some(service)) if decision.terms.page => usage.page_opened(&service, seen.at),
            _ => {}
        }
    }
    refused
}

fn left_out(run: &[Seen]) -> Vec<LeftOut> {
    let mut found: BTreeMap<(String, &str), LeftOut> = BTreeMap::new();
    for seen in run {
        let Some(reason) = seen.refused else { continue };
        let host = seen.url.host().to_string();
        let left = found.entry((host.clone(), reason.as_str())).or_insert_with(|| LeftOut {
            host,
            reason,
            count: 0,
            example: seen.url.without_query_values(),
        });
        left.count += 1;
    }
    found.into_values().collect()
}

/// Requests that one rule can hold; ordered as a reader wants them: pages first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_resource: bool,
    host: String,
    /// 80 for plain http, as a rule must name it.
    port: u16,
    is_upload: bool,
    websocket: bool,
}

impl Place {
    fn of(seen: &Seen) -> Place {
        Place {
            is_resource: seen.kind() == AccessKind::Resource,
            host: seen.url.host().to_string(),
            port: seen.url.port(),
            is_upload: Methods::of(seen.request().judged_method()).is_some_and(Methods::uploads),
            websocket: seen.websocket,
        }
    }
}

/// What was asked for in one place.
#[derive(Default)]
struct Learnt {
    paths: BTreeSet<String>,
    queries: BTreeSet<Box<str>>,
    methods: BTreeSet<String>,
    download_types: BTreeSet<String>,
    upload_bytes: u64,
}

impl Learnt {
    fn take(&mut self, seen: &Seen) {
        self.paths.insert(seen.url.path_form().to_owned());
        self.queries.extend(seen.url.parameters().iter().cloned());
        self.methods.insert(seen.request().judged_method().to_owned());
        self.download_types.extend(seen.download_type.clone());
        self.upload_bytes = self.upload_bytes.max(seen.upload_bytes);
    }

    fn rule(&self, place: &Place) -> String {
        let list = |words: &mut dyn Iterator<Item = &str>| {
            let quoted: Vec<_> = words.map(|word| toml::Value::from(word).to_string()).collect();
            format!("[{}]", quoted.join(", "))
        };
        let mut text = String::from("\n  [[service.rule]]\n");
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "  {key} = {value}");
        };
        line("hosts", list(&mut [place.host.as_str()].into_iter()));
        if place.port != Scheme::Https.default_port() {
            line("ports", format!("[{}]", place.port));
        }
        let (globs, patterns) = match place.is_resource {
            true => (folders(&self.paths), BTreeSet::new()),
            false => pages(&self.paths),
        };
        if !globs.is_empty() {
            line("paths", list(&mut globs.iter().map(String::as_str)));
        }
        if !patterns.is_empty() {
            line("path_regex", list(&mut patterns.iter().map(String::as_str)));
        }
        if !self.queries.iter().any(|name| is_identifier(name)) {
            line("queries", list(&mut self.queries.iter().map(|name| &**name)));
        }
        let is_read = |method: &String| method == "GET" || method == "HEAD";
        if !self.methods.iter().all(is_read) {
            line("methods", list(&mut self.methods.iter().map(String::as_str)));
        }
        if place.is_resource {
            line("access", "\"resource\"".to_owned());
        }
        if place.websocket {
            line("websocket", "true".to_owned());
        }
        if let Some(limit) = upload_limit(self.upload_bytes) {
            line("upload_limit", format!("\"{limit} MiB\""));
        }
        if !self.download_types.is_empty() {
            line("download_types", list(&mut self.download_types.iter().map(String::as_str)));
        }
        text
    }
}

/// In MiB, where the default of 1 is too small: room for a document of the same kind.
fn upload_limit(bytes: u64) -> Option<u64> {
    const MIB: u64 = 1024 * 1024;
    [10, 50, 100, 1000].into_iter().find(|limit| bytes <= limit * MIB).filter(|_| bytes > MIB)
}

/// Globs and expressions for pages: each as it was, identifiers in it aside.
fn pages(paths: &BTreeSet<String>) -> (BTreeSet<String>, BTreeSet<String>) {
    let has_identifier = |path: &&String| path.split('/').any(is_identifier);
    let (with, without): (Vec<_>, Vec<_>) = paths.iter().partition(has_identifier);
    // A star in an address is a star, not any run of characters.
    let (starred, plain): (Vec<_>, Vec<_>) = without.into_iter().partition(|path| path.contains('*'));
    let globs: BTreeSet<_> = plain.into_iter().cloned().collect();
    let expression = |path: &String| {
        let any = |segment: &str| match is_identifier(segment) {
            true => "[^/]+".to_owned(),
            false => regex::escape(segment),
        };
        path.split('/').map(any).collect::<Vec<_>>().join("/")
    };
    let globs = if globs.len() > PAGE_PATHS_LIMIT { folders(&globs) } else { globs };
    (globs, with.into_iter().chain(starred).map(expression).collect())
}

/// The folder of each path, or the path itself where it lies at the top; none below another of them.
fn folders(paths: &BTreeSet<String>) -> BTreeSet<String> {
    let folder = |path: &String| match path.rfind('/') {
        Some(0) | None => path.clone(),
        Some(end) => format!("{}/*", &path[..end]),
    };
    let all: BTreeSet<String> = paths.iter().map(folder).collect();
    let is_below = |path: &str, other: &String| {
        other != path && other.strip_suffix('*').is_some_and(|folder| path.starts_with(folder))
    };
    all.iter().filter(|path| !all.iter().any(|other| is_below(path, other))).cloned().collect()
}

/// Digits, hexadecimal digits, UUIDs and long mixtures: the same place asks for another one next time.
fn is_identifier(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    let hex = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
    (has_digit && bytes.iter().all(u8::is_ascii_digit))
        || (has_digit && bytes.len() >= HEX_MINIMUM && bytes.iter().all(hex))
        || (has_digit && bytes.len() > NUMBERED_WORD_LIMIT)
        || bytes.len() > WORD_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn identifiers_are_told_from_words() {
        for identifier in
            ["7", "20261122", "3f2a9c1b", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", &"a".repeat(41)]
        {
            assert!(is_identifier(identifier), "{identifier}");
        }
        for word in ["", "etape2", "cafe", "v1", "demande-de-logement-social", "facade", "index.php"] {
            assert!(!is_identifier(word), "{word}");
        }
    }

    #[test]
    fn files_stand_for_their_folder() {
        let paths = set(&["/favicon.ico", "/css/a.css", "/css/deep/b.css", "/js/c.js"]);
        assert_eq!(folders(&paths), set(&["/favicon.ico", "/css/*", "/js/*"]));
    }

    #[test]
    fn pages_keep_their_paths_and_give_up_their_numbers() {
        let (globs, patterns) = pages(&set(&["/", "/dossier/12/suite", "/dossier/13/suite", "/a*b"]));
        assert_eq!(globs, set(&["/"]));
        assert_eq!(patterns, set(&["/dossier/[^/]+/suite", r"/a\*b"]));
    }
}
