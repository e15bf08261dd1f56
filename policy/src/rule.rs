//! Services, rules and their parts, as the policy file names them, already judged: [`crate::parse`] is their only maker.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::hosts::{HostList, Packing};
use crate::methods::Methods;
use crate::path::PathGlob;
use crate::url::{Authority, Scheme, Url};

/// Text by language code (`fr`, `en`, …).
pub type Name = BTreeMap<String, String>;

/// The local catalogue is a service with this id.
pub const CATALOGUE: &str = "catalogue";

/// What staff approve and people see: a step, not a hostname.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) id: Arc<str>,
    pub(crate) category: Category,
    pub(crate) name: Name,
    pub(crate) start: Option<Url>,
    pub(crate) groups: Vec<String>,
    /// Indexes of the policy's windows; empty means always.
    pub(crate) windows: Vec<usize>,
    pub(crate) minutes_per_day: Option<u32>,
    pub(crate) expires: Option<Date>,
    pub(crate) confidential: bool,
    pub(crate) rules: Vec<Rule>,
}

impl Service {
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub fn category(&self) -> Category {
        self.category
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The address its first page is opened at; absent for the local catalogue.
    pub fn start(&self) -> Option<&Url> {
        self.start.as_ref()
    }

    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Positions in [`crate::Policy::windows`]; none means always.
    pub fn windows(&self) -> &[usize] {
        &self.windows
    }

    pub fn minutes_per_day(&self) -> Option<u32> {
        self.minutes_per_day
    }

    /// That day included.
    pub fn expires(&self) -> Option<Date> {
        self.expires
    }

    pub fn is_confidential(&self) -> bool {
        self.confidential
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// One of the two doors of the kiosk's home screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Administrative,
    Training,
}

impl Category {
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Administrative => "administrative",
            Category::Training => "training",
        }
    }
}

/// One `[[refuse]]`: beats every rule of every service and every personal grant.
#[derive(Clone, Debug)]
pub struct Refuse {
    pub(crate) hosts: HostList,
    pub(crate) reason: String,
}

impl Refuse {
    pub fn hosts(&self) -> &HostList {
        &self.hosts
    }

    /// Why, in the words of staff.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every request is read and judged.
    Inspect,
    /// Bytes are spliced after the ClientHello was judged.
    Tunnel,
}

/// One `[[service.rule]]`.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) hosts: HostList,
    pub(crate) ports: Vec<u16>,
    /// Absent in mode tunnel, where there is nothing to inspect.
    pub(crate) inspect: Option<Inspect>,
}

impl Rule {
    /// The rule of a personal grant: pages of one host and port, at paths that match one of `paths` (none: any path).
    pub fn granting(authority: &Authority, paths: Vec<PathGlob>, methods: Methods) -> Rule {
        let inspect =
            Inspect { paths, methods, upload_limit: default_upload_limit(methods), ..Inspect::pages() };
        let mut hosts = Packing::default();
        hosts.push(authority.host().as_str(), false);
        Rule { hosts: hosts.finish(), ports: vec![authority.port()], inspect: Some(inspect) }
    }

    /// The rule of a recording run: whatever one host and port offer, documents of the usual kinds included.
    pub fn recording(authority: &Authority) -> Rule {
        let methods = Methods::KNOWN.iter().filter_map(|method| Methods::of(method));
        let mut rule = Rule::granting(authority, Vec::new(), methods.fold(Methods::NONE, Methods::with));
        if let Some(inspect) = &mut rule.inspect {
            inspect.upload_limit = RECORDING_UPLOAD_LIMIT_BYTES;
            inspect.download_types = DOCUMENTS.map(Into::into).into();
            inspect.websocket = true;
        }
        rule
    }

    /// The one rule of the local catalogue: its items are reached by their origins, and what they send stays in the house.
    pub(crate) fn catalogue() -> Rule {
        let methods = ["POST", "PUT"]
            .iter()
            .filter_map(|method| Methods::of(method))
            .fold(Methods::READ, Methods::with);
        let inspect = Inspect { methods, upload_limit: default_upload_limit(methods), ..Inspect::pages() };
        Rule { hosts: HostList::default(), ports: vec![443], inspect: Some(inspect) }
    }

    pub fn hosts(&self) -> &HostList {
        &self.hosts
    }

    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    pub fn mode(&self) -> Mode {
        if self.inspect.is_some() { Mode::Inspect } else { Mode::Tunnel }
    }

    pub fn inspect(&self) -> Option<&Inspect> {
        self.inspect.as_ref()
    }

    /// A rule in mode tunnel passes nothing that we would have to read. Plain http goes to port 80 and only where the rule names
    /// it: a port named beside it, 443 above all, is meant for TLS.
    pub(crate) fn reads(&self, url: &Url) -> bool {
        let in_clear = url.scheme() == Scheme::Http;
        self.inspect.is_some() && (!in_clear || (url.port() == 80 && self.ports.contains(&80)))
    }
}

/// What an inspect rule asks of a request.
#[derive(Clone, Debug)]
pub struct Inspect {
    /// With `path_regex`: either may match; both empty means any path.
    pub(crate) paths: Vec<PathGlob>,
    pub(crate) path_regex: Vec<Regex>,
    /// Allowed parameter names; absent means any.
    pub(crate) queries: Option<Vec<Box<str>>>,
    pub(crate) methods: Methods,
    pub(crate) kind: AccessKind,
    pub(crate) upload_limit: u64,
    pub(crate) download_types: Arc<[Box<str>]>,
    pub(crate) websocket: bool,
    pub(crate) record_query: bool,
}

impl Inspect {
    /// Every default of the file.
    pub(crate) fn pages() -> Inspect {
        Inspect {
            paths: Vec::new(),
            path_regex: Vec::new(),
            queries: None,
            methods: Methods::READ,
            kind: AccessKind::Page,
            upload_limit: 0,
            download_types: Arc::new([]),
            websocket: false,
            record_query: false,
        }
    }

    /// `path` in comparison form.
    pub fn allows_path(&self, path: &str) -> bool {
        (self.paths.is_empty() && self.path_regex.is_empty())
            || self.paths.iter().any(|glob| glob.matches(path))
            || self.path_regex.iter().any(|regex| regex.is_match(path))
    }

    pub(crate) fn allows_query(&self, parameters: &[Box<str>]) -> bool {
        self.queries.as_ref().is_none_or(|allowed| parameters.iter().all(|name| allowed.contains(name)))
    }

    pub fn kind(&self) -> AccessKind {
        self.kind
    }

    /// With [`Inspect::path_regex`]: either may match; both empty means any path.
    pub fn paths(&self) -> &[PathGlob] {
        &self.paths
    }

    pub fn path_regex(&self) -> &[Regex] {
        &self.path_regex
    }

    /// Allowed parameter names; absent means any.
    pub fn queries(&self) -> Option<&[Box<str>]> {
        self.queries.as_deref()
    }

    pub fn methods(&self) -> Methods {
        self.methods
    }

    /// In bytes.
    pub fn upload_limit(&self) -> u64 {
        self.upload_limit
    }

    pub fn download_types(&self) -> &[Box<str>] {
        &self.download_types
    }

    pub fn websocket(&self) -> bool {
        self.websocket
    }

    pub fn record_query(&self) -> bool {
        self.record_query
    }
}

/// A recording run may send a scanned document.
const RECORDING_UPLOAD_LIMIT_BYTES: u64 = 50 * 1024 * 1024;

/// What steps hand out, beyond what pages are made of.
const DOCUMENTS: [&str; 6] = [
    "application/pdf",
    "application/zip",
    "application/msword",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/octet-stream",
];

/// Forms fit in this; a rule that takes documents says more.
const FORM_UPLOAD_LIMIT_BYTES: u64 = 1024 * 1024;

/// Bytes a rule takes when it does not say: none without a method that carries a body.
pub(crate) fn default_upload_limit(methods: Methods) -> u64 {
    if methods.uploads() { FORM_UPLOAD_LIMIT_BYTES } else { 0 }
}

/// The `access` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// May be opened.
    Page,
    /// Only from a page of its service.
    Resource,
}

/// A host, or every host below one, that stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(Host),
    /// `*.x`: one or more labels below x, never x itself.
    Below(Host),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exact(host) => host.fmt(f),
            HostPattern::Below(base) => write!(f, "*.{base}"),
        }
    }
}
