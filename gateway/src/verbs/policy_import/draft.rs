//! The draft under way: services and refusals, each host judged as it is added.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use passerelle_policy::{Host, HostError};

use super::ImportError;
use crate::policy_store::LONGEST_POLICY;

/// Longest draft in bytes: `policy propose` takes it, with a mebibyte of services beside it.
const DRAFT_LIMIT_BYTES: usize = LONGEST_POLICY - (1 << 20);
/// Longest line in bytes: a host has 253, an address of a list some hundreds.
const LINE_LIMIT_BYTES: u64 = 8 * 1024;
/// Lines between two words of progress: a second's worth or so.
const PROGRESS_LINES: u64 = 100_000;

/// Where an entry stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub file: &'a Path,
    pub line: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One `[[service.rule]]` to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Patterns as the policy file writes them.
    pub hosts: Vec<String>,
    /// Empty: the default, 443.
    pub ports: Vec<u16>,
    /// Globs; empty: any.
    pub paths: Vec<String>,
}

struct Service {
    name: String,
    /// Who may, where it was said; to be filled by staff.
    group: Option<String>,
    from: String,
    rules: Vec<Rule>,
}

struct Refusal {
    reason: String,
    hosts: Vec<String>,
}

/// How much was read and taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub lines: u64,
    pub services: usize,
    /// Patterns of all refusals.
    pub refused: u64,
    pub repeated: u64,
    pub left_out: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { lines, services, refused, repeated, left_out } = self;
        write!(
            f,
            "{lines} lines read: {services} service(s), {refused} refused host pattern(s), {repeated} repeated, {left_out} left out"
        )
    }
}

pub struct Draft<'n> {
    notes: &'n mut dyn Write,
    services: Vec<Service>,
    refusals: Vec<Refusal>,
    /// Every refused pattern.
    refused: HashSet<Box<str>>,
    bytes: usize,
    is_full: bool,
    /// It was said that the draft is full.
    is_cut: bool,
    figures: Figures,
}

impl<'n> Draft<'n> {
    pub fn new(notes: &'n mut dyn Write) -> Draft<'n> {
        Draft {
            notes,
            services: Vec::new(),
            refusals: Vec::new(),
            refused: HashSet::new(),
            bytes: 0,
            is_full: false,
            is_cut: false,
            figures: Figures::default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.refusals.is_empty()
    }

    /// Reads a file line by line, comments and blank lines left aside, and hands each line on with its place.
    pub fn each_line(
        &mut self,
        file: &Path,
        mut take: impl FnMut(&mut Self, Place<'_>, &str) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let failed = |source| ImportError::Read { path: file.to_owned(), source };
        let mut reader = BufReader::new(File::open(file).map_err(failed)?);
        let mut bytes = Vec::new();
        let mut place = Place { file, line: 0 };
        while read_line(&mut reader, &mut bytes).map_err(failed)? {
            place.line += 1;
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim();
            if bytes.len() as u64 >= LINE_LIMIT_BYTES {
                self.leave_out(place, "a line", "longer than 8 KiB")?;
            } else if !text.is_empty() && !text.starts_with('#') {
                take(self, place, text)?;
            }
            self.figures.lines += 1;
            if self.figures.lines.is_multiple_of(PROGRESS_LINES) {
                writeln!(self.notes, "{} …", self.figures())?;
            }
        }
        Ok(())
    }

    /// Names what is not in the draft, and why.
    pub fn leave_out(&mut self, place: Place<'_>, what: &str, why: &str) -> Result<(), ImportError> {
        self.figures.left_out += 1;
        Ok(writeln!(self.notes, "{place}: left out {what}: {why}")?)
    }

    /// Makes room for one more entry, if there is any.
    pub fn takes(&mut self, bytes: usize) -> bool {
        /// Quotes, comma and end of line.
        const AROUND_BYTES: usize = 4;
        self.is_full |= self.bytes + bytes + AROUND_BYTES > DRAFT_LIMIT_BYTES;
        self.bytes += if self.is_full { 0 } else { bytes + AROUND_BYTES };
        !self.is_full
    }

    /// Counts what a full draft can't take; naming millions would tell nobody anything.
    pub fn leave_out_unnamed(&mut self, place: Place<'_>) -> Result<(), ImportError> {
        if !std::mem::replace(&mut self.is_cut, true) {
            writeln!(
                self.notes,
                "{place}: the draft is full ({} bytes): all that follows is left out",
                self.bytes
            )?;
        }
        self.figures.left_out += 1;
        Ok(())
    }

    /// Says something about the whole.
    pub fn note(&mut self, text: &str) -> Result<(), ImportError> {
        Ok(writeln!(self.notes, "{text}")?)
    }

    /// Adds a rule to the service of this name and group.
    pub fn allow(&mut self, name: &str, group: Option<&str>, place: Place<'_>, rule: Rule) {
        let is_it = |service: &Service| service.name == name && service.group.as_deref() == group;
        let at = self.services.iter().position(is_it).unwrap_or_else(|| {
            self.services.push(Service {
                name: name.to_owned(),
                group: group.map(str::to_owned),
                from: place.to_string(),
                rules: Vec::new(),
            });
            self.services.len() - 1
        });
        let rules = &mut self.services[at].rules;
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }

    /// Refuses what one entry names: patterns that [`pattern`] made.
    pub fn refuse(&mut self, reason: &str, place: Place<'_>, patterns: &[String]) -> Result<(), ImportError> {
        if patterns.iter().all(|pattern| self.refuses(pattern)) {
            self.figures.repeated += 1;
            return Ok(());
        }
        for pattern in patterns {
            if self.refuses(pattern) {
                continue;
            }
            if !self.takes(pattern.len()) {
                return self.leave_out_unnamed(place);
            }
            self.refused.insert(pattern.as_str().into());
            match self.refusals.iter_mut().find(|refusal| refusal.reason == reason) {
                Some(refusal) => refusal.hosts.push(pattern.clone()),
                None => {
                    self.refusals.push(Refusal { reason: reason.to_owned(), hosts: vec![pattern.clone()] })
                }
            }
        }
        Ok(())
    }

    /// The pattern itself, or a wildcard above it.
    fn refuses(&self, pattern: &str) -> bool {
        let dots = pattern.match_indices('.').map(|(dot, _)| &pattern[dot + 1..]);
        self.refused.contains(pattern)
            || dots.skip(usize::from(pattern.starts_with('*'))).any(|above| {
                let wildcard = format!("*.{above}");
                self.refused.contains(wildcard.as_str())
            })
    }

    fn figures(&self) -> Figures {
        Figures { services: self.services.len(), refused: self.refused.len() as u64, ..self.figures }
    }

    /// The text of the draft.
    pub fn finish(self, path: &Path) -> Result<(String, Figures), ImportError> {
        let figures = self.figures();
        let mut text = String::with_capacity(self.bytes + 4096);
        // A `String` takes every word.
        let _ = self.write(path, &mut text);
        Ok((text, figures))
    }

    fn write(&self, path: &Path, text: &mut String) -> fmt::Result {
        writeln!(
            text,
            "# Draft made from {path:?}. Nobody has verified it: learn each step, and name paths and queries."
        )?;
        writeln!(
            text,
            "# What no rule allows is refused anyway: a [[refuse]] matters only where a rule or grant is wider."
        )?;
        writeln!(text, "\nversion = 1")?;
        let mut ids = HashSet::new();
        for service in &self.services {
            service.write(unused_id(&service.name, &mut ids), text)?;
        }
        for Refusal { reason, hosts } in &self.refusals {
            writeln!(text, "\n[[refuse]]\nreason = {}\nhosts = [", quoted(reason))?;
            for host in hosts {
                writeln!(text, "\"{host}\",")?;
            }
            writeln!(text, "]")?;
        }
        Ok(())
    }
}

impl Service {
    fn write(&self, id: String, text: &mut String) -> fmt::Result {
        let Service { name, group, from, rules } = self;
        let (name, plain) = (quoted(name), |rule: &&Rule| rule.ports.is_empty() && rule.paths.is_empty());
        writeln!(text, "\n[[service]] # unverified: from {from:?}")?;
        writeln!(
            text,
            "id = \"{id}\"\ncategory = \"administrative\"\nname = {{ fr = {name}, en = {name} }}"
        )?;
        let start =
            rules.iter().filter(plain).flat_map(|rule| &rule.hosts).find(|host| !host.starts_with('*'));
        if let Some(host) = start {
            writeln!(text, "start = \"https://{host}/\"")?;
        }
        if let Some(group) = group {
            writeln!(text, "groups = [\"{group}\"] # to be filled")?;
        }
        for Rule { hosts, ports, paths } in rules {
            writeln!(text, "\n  [[service.rule]] # unverified")?;
            let words = |list: &[String]| list.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
            writeln!(text, "  hosts = [{}]", words(hosts))?;
            if !ports.is_empty() {
                writeln!(text, "  ports = {ports:?}")?;
            }
            if !paths.is_empty() {
                writeln!(text, "  paths = [{}]", words(paths))?;
            }
        }
        Ok(())
    }
}

/// A host as the policy file writes it, or why it can't stand there.
pub fn pattern(name: &str, is_below: bool) -> Result<String, &'static str> {
    let host = Host::parse_written(name.trim_end_matches('.')).map_err(|error| match error {
        HostError::AddressLiteral => "an address, not a name",
        HostError::ThisMachine => "a name of this machine",
        HostError::Malformed(_) if !name.contains('.') => "one label: too broad, or a machine of the house",
        HostError::Malformed(why) => why.en,
    })?;
    match host {
        host if host.is_internal() => Err("a name of the gateway"),
        host if is_below => Ok(format!("*.{host}")),
        host => Ok(host.to_string()),
    }
}

/// The name in small letters, digits and hyphens.
pub fn slug(name: &str) -> String {
    /// Ids have at most 64 bytes; some are left for a number.
    const LENGTH: usize = 56;
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let id: String = letters.take(LENGTH).collect();
    match id.trim_matches('-') {
        // The catalogue is ours and takes no rules, everybody is in `everyone`.
        "" | "catalogue" | "everyone" => "import".to_owned(),
        id => id.to_owned(),
    }
}

/// The slug, with a number where it is taken.
fn unused_id(name: &str, ids: &mut HashSet<String>) -> String {
    let id = slug(name);
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    let mut free = std::iter::once(id.clone()).chain(numbered).filter(|id| !ids.contains(id));
    let id = free.next().expect("there are more numbers than services");
    ids.insert(id.clone());
    id
}

fn quoted(text: &str) -> String {
    toml::Value::from(text.replace(char::is_control, " ")).to_string()
}

/// The next line without its end; a longer one is cut. False at the end of the file.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    reader.by_ref().take(LINE_LIMIT_BYTES).read_until(b'\n', line)?;
    if line.len() as u64 == LINE_LIMIT_BYTES && line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    Ok(!line.is_empty())
}
