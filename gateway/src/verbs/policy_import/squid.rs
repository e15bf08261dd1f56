//! Squid's `acl` and `http_access` (squid.conf, versions 2 to 7).
//!
//! Squid takes the first line that matches; here a refusal beats every rule. So each `allow` becomes a draft service that opens no
//! more than its line, each `deny` a refusal of no less than its hosts, and a line for which neither holds is left out. Who
//! asks (`src`, `proxy_auth`) becomes a group to be filled by staff, since addresses name nobody here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use passerelle_policy::PathGlob;

use super::ImportError;
use super::draft::{Draft, Place, Rule, pattern, slug};
use super::squid_regex;

/// How deep files include each other; Squid's own limit.
const INCLUDE_DEPTH_LIMIT: usize = 16;
/// Ports that a range may hold to be written out.
const RANGE_LIMIT_PORTS: usize = 16;
/// Ready-made and customary names for anybody in the house.
const ANYBODY: [&str; 3] = ["all", "localnet", "localhost"];

pub fn read(path: &Path, draft: &mut Draft<'_>) -> Result<(), ImportError> {
    let mut config = Config::default();
    config.read_file(path, draft, 0)?;
    let mut held = Held::default();
    config.access.iter().try_for_each(|line| config.take(line, &mut held, draft))?;
    if !config.passed_over.is_empty() {
        let names = config.passed_over.into_iter().collect::<Vec<_>>().join(", ");
        draft.note(&format!("passed over, since they open nothing: {names}"))?;
    }
    Ok(())
}

#[derive(Default)]
struct Config {
    acls: HashMap<String, Acl>,
    access: Vec<Access>,
    passed_over: BTreeSet<String>,
}

/// What `deny !NAME` lines hold all later lines to.
#[derive(Default)]
struct Held {
    to: Vec<String>,
    to_ports: Vec<Ports>,
}

type Ports = Vec<RangeInclusive<u16>>;

/// What an `acl` says, as far as it can be said here.
enum Acl {
    Destinations(Vec<Destination>),
    Ports(Ports),
    /// Who asks.
    Caller,
    /// Of a type that has no like here.
    Other(String),
}

struct Destination {
    hosts: Vec<String>,
    path: Option<String>,
}

/// One `http_access` line.
struct Access {
    file: PathBuf,
    line: u64,
    text: String,
    is_allowance: bool,
    names: Vec<String>,
}

impl Config {
    fn read_file(&mut self, path: &Path, draft: &mut Draft<'_>, depth: usize) -> Result<(), ImportError> {
        let mut begun = String::new();
        draft.each_line(path, |draft, place, line| {
            begun.push_str(line);
            match begun.strip_suffix('\\').map(str::len) {
                Some(length) => begun.truncate(length),
                None => self.read_line(&std::mem::take(&mut begun), place, draft, depth)?,
            }
            Ok(())
        })
    }

    fn read_line(
        &mut self,
        line: &str,
        place: Place<'_>,
        draft: &mut Draft<'_>,
        depth: usize,
    ) -> Result<(), ImportError> {
        let words = words(line);
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["acl", name, kind, ref values @ ..] => self.read_acl(name, kind, values, place, draft),
            ["http_access", effect @ ("allow" | "deny"), ref names @ ..] => {
                self.access.push(Access {
                    file: place.file.to_owned(),
                    line: place.line,
                    text: line.to_owned(),
                    is_allowance: effect == "allow",
                    names: names.iter().map(|name| (*name).to_owned()).collect(),
                });
                Ok(())
            }
            ["include", ref files @ ..] if depth < INCLUDE_DEPTH_LIMIT => {
                let files = files.iter().flat_map(|file| included(place.file, file)).collect::<Vec<_>>();
                if files.is_empty() {
                    return draft.leave_out(place, line, "no such file");
                }
                files.iter().try_for_each(|file| self.read_file(file, draft, depth + 1))
            }
            [directive, ..] if directive.ends_with("_access") || directive == "include" => {
                draft.leave_out(place, line, "only acl and http_access have a like here")
            }
            [directive, ..] => {
                self.passed_over.insert(directive.to_owned());
                Ok(())
            }
            [] => Ok(()),
        }
    }

    /// Values of a name that stands before are added to it.
    fn read_acl(
        &mut self,
        name: &str,
        kind: &str,
        values: &[&str],
        place: Place<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), ImportError> {
        let acl = self.acls.entry(name.to_owned()).or_insert_with(|| match kind {
            "dstdomain" | "dstdom_regex" | "url_regex" => Acl::Destinations(Vec::new()),
            "port" => Acl::Ports(Vec::new()),
            "src" | "srcdomain" | "proxy_auth" | "ident" => Acl::Caller,
            other => Acl::Other(other.to_owned()),
        });
        if matches!(acl, Acl::Caller | Acl::Other(_)) {
            return Ok(());
        }
        for value in values.iter().filter(|value| !is_flag(value)) {
            match value.strip_prefix('"') {
                None => read_value(acl, kind, value, place, draft)?,
                Some(file) => {
                    let file = beside(place.file, file);
                    draft.each_line(&file, |draft, place, line| {
                        words(line)
                            .iter()
                            .filter(|value| !is_flag(value))
                            .try_for_each(|value| read_value(acl, kind, value, place, draft))
                    })?;
                }
            }
        }
        Ok(())
    }

    fn take(&self, access: &Access, held: &mut Held, draft: &mut Draft<'_>) -> Result<(), ImportError> {
        let place = Place { file: &access.file, line: access.line };
        match self.conditions(access) {
            Ok(asked) if access.is_allowance => self.allow(access, &asked, held, place, draft),
            Ok(asked) if asked.destinations.is_empty() => self.hold(access, &asked, held, place, draft),
            Ok(asked) => self.deny(access, &asked, place, draft),
            Err(name) => draft.leave_out(place, &access.text, &format!("there is no acl {name}")),
        }
    }

    fn allow(
        &self,
        access: &Access,
        asked: &Conditions<'_>,
        held: &Held,
        place: Place<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), ImportError> {
        let leave_out = |draft: &mut Draft<'_>, why: &str| draft.leave_out(place, &access.text, why);
        if let Some(other) = &asked.other {
            return leave_out(draft, &format!("allowed under a condition that can't be said here ({other})"));
        }
        let name = match (&asked.destinations[..], &held.to[..]) {
            ([], []) => return leave_out(draft, "it opens everything"),
            ([], [held_to]) => held_to.as_str(),
            ([one], []) => one,
            ([one], [held_to]) if held_to == one => one,
            _ => return leave_out(draft, "allowed where several lists meet"),
        };
        let (ports, groups) = match (&asked.ports[..], &asked.callers[..]) {
            ([], []) => (Vec::new(), None),
            ([], [group]) => (Vec::new(), Some(slug(group))),
            ([ports], callers @ ([] | [_])) => match written_out(ports, held) {
                Some(ports) => (ports, callers.first().map(|group| slug(group))),
                None => return leave_out(draft, "its ports are none, or more than sixteen"),
            },
            _ => return leave_out(draft, "several conditions on who asks or on ports"),
        };
        let Some(Acl::Destinations(destinations)) = self.acls.get(name) else { return Ok(()) };
        let mut by_path: BTreeMap<Option<&str>, Vec<String>> = BTreeMap::new();
        for Destination { hosts, path } in destinations {
            by_path.entry(path.as_deref()).or_default().extend(hosts.iter().cloned());
        }
        if by_path.is_empty() {
            return leave_out(draft, "nothing of its list could be taken");
        }
        for (path, mut hosts) in by_path {
            let mut seen = HashSet::new();
            hosts.retain(|host| seen.insert(host.clone()));
            let paths = path.map(str::to_owned).into_iter().collect();
            draft.allow(name, groups.as_deref(), place, Rule { hosts, ports: ports.clone(), paths });
        }
        Ok(())
    }

    fn deny(
        &self,
        access: &Access,
        asked: &Conditions<'_>,
        place: Place<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), ImportError> {
        let name = asked.destinations[0];
        let Some(Acl::Destinations(destinations)) = self.acls.get(name) else { return Ok(()) };
        if access.names.len() > 1 && !asked.is_for_anybody {
            draft.note(&format!("{place}: {name} is refused always and to everybody: {}", access.text))?;
        }
        let reason = format!("Squid : {name}");
        for Destination { hosts, path } in destinations {
            match path {
                None => draft.refuse(&reason, place, hosts)?,
                Some(path) => {
                    let what = format!("{}{path}", hosts.join(" "));
                    draft.leave_out(place, &what, "a [[refuse]] names hosts, not paths")?;
                }
            }
        }
        Ok(())
    }

    /// A `deny` that names no hosts: `deny all` says nothing new, `deny !NAME` holds what follows to NAME.
    fn hold(
        &self,
        access: &Access,
        asked: &Conditions<'_>,
        held: &mut Held,
        place: Place<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), ImportError> {
        let names: Vec<_> =
            access.names.iter().map(String::as_str).filter(|name| *name != "CONNECT").collect();
        let to = match names[..] {
            [one] => one.strip_prefix('!').and_then(|name| Some((name, self.acls.get(name)?))),
            _ => None,
        };
        match to {
            Some((name, Acl::Destinations(_))) => held.to.push(name.to_owned()),
            Some((_, Acl::Ports(ports))) => held.to_ports.push(ports.clone()),
            _ if asked.is_for_anybody => {}
            _ => return draft.leave_out(place, &access.text, "it names no hosts to refuse"),
        }
        Ok(())
    }

    /// What the line asks for, by kind; the error names an acl that does not exist.
    fn conditions<'a>(&'a self, access: &'a Access) -> Result<Conditions<'a>, &'a str> {
        let mut found = Conditions::default();
        for written in &access.names {
            let name = written.strip_prefix('!').unwrap_or(written);
            match self.acls.get(name) {
                _ if ANYBODY.contains(&written.as_str()) => continue,
                Some(_) if written.starts_with('!') => found.other = Some(written.clone()),
                Some(Acl::Destinations(_)) => found.destinations.push(name),
                Some(Acl::Ports(ports)) => found.ports.push(ports),
                Some(Acl::Caller) => found.callers.push(name),
                Some(Acl::Other(kind)) => found.other = Some(format!("{name}, {kind}")),
                None if ["CONNECT", "manager", "to_localhost", "to_linklocal"].contains(&name) => {
                    found.other = Some(written.clone());
                }
                None => return Err(name),
            }
        }
        let Conditions { ports, callers, other, .. } = &found;
        found.is_for_anybody = ports.is_empty() && callers.is_empty() && other.is_none();
        Ok(found)
    }
}

/// The acls of one line, all of which must match.
#[derive(Default)]
struct Conditions<'a> {
    destinations: Vec<&'a str>,
    ports: Vec<&'a Ports>,
    callers: Vec<&'a str>,
    /// One that can't be said here.
    other: Option<String>,
    /// Nothing but hosts, if anything.
    is_for_anybody: bool,
}

/// Each port, those aside that a `deny !NAME` refused before.
fn written_out(ports: &Ports, held: &Held) -> Option<Vec<u16>> {
    let passes =
        |port: &u16| held.to_ports.iter().all(|ports| ports.iter().any(|range| range.contains(port)));
    let ports: Vec<_> = ports.iter().cloned().flatten().filter(passes).take(RANGE_LIMIT_PORTS + 1).collect();
    (1..=RANGE_LIMIT_PORTS).contains(&ports.len()).then_some(ports)
}

fn read_value(
    acl: &mut Acl,
    kind: &str,
    value: &str,
    place: Place<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), ImportError> {
    let read = match acl {
        Acl::Destinations(_) if !draft.takes(value.len()) => return draft.leave_out_unnamed(place),
        Acl::Destinations(destinations) => destination(kind, value).map(|read| destinations.push(read)),
        Acl::Ports(ports) => port_range(value).map(|range| ports.push(range)),
        Acl::Caller | Acl::Other(_) => Ok(()),
    };
    read.or_else(|why| draft.leave_out(place, value, why))
}

fn destination(kind: &str, value: &str) -> Result<Destination, &'static str> {
    let itself_and_below: &[bool] = &[false, true];
    let (names, below, path) = match kind {
        "dstdomain" => match value.strip_prefix('.') {
            Some(name) => (vec![name.to_owned()], itself_and_below, None),
            None => (vec![value.to_owned()], &itself_and_below[..1], None),
        },
        "dstdom_regex" => {
            let (name, below) = squid_regex::host(value)?;
            (vec![name], below, None)
        }
        _ => {
            let (names, path) = squid_regex::url(value)?;
            (names, &itself_and_below[..1], path)
        }
    };
    if path.as_deref().is_some_and(|path| PathGlob::parse(path).is_err()) {
        return Err("its path is not written the one normal way");
    }
    let patterns = names.iter().flat_map(|name| below.iter().map(|is_below| pattern(name, *is_below)));
    Ok(Destination { hosts: patterns.collect::<Result<_, _>>()?, path })
}

fn port_range(value: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let (from, to) = value.split_once('-').unwrap_or((value, value));
    match (from.parse::<u16>(), to.parse::<u16>()) {
        (Ok(from @ 1..), Ok(to)) if from <= to => Ok(from..=to),
        _ => Err("no port"),
    }
}

/// Options in front of values (`-i`, `+i`, `-n`, `--`).
fn is_flag(value: &str) -> bool {
    value.starts_with('-') || value == "+i"
}

/// Words of a line up to a comment; a quoted one keeps its opening quote and its blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let end = match rest.strip_prefix('"').and_then(|quoted| quoted.find('"')) {
            Some(end) => end + 1,
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start_matches('"').trim_start();
    }
    words
}

/// A file named in `config`: as written, else beside it, where a configuration was copied from another machine.
fn beside(config: &Path, written: &str) -> PathBuf {
    let folder = config.parent().unwrap_or(Path::new("."));
    let path = folder.join(written);
    match path.file_name() {
        Some(name) if !path.is_file() => folder.join(name),
        _ => path,
    }
}

/// Files of an `include`, whose last part may have one `*`.
fn included(config: &Path, written: &str) -> Vec<PathBuf> {
    let path = beside(config, written.trim_matches('"'));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((front, end)) = name.split_once('*') else {
        return if path.is_file() { vec![path] } else { Vec::new() };
    };
    let written = Path::new(written.trim_matches('"')).parent().unwrap_or(Path::new(""));
    let folder = config.parent().unwrap_or(Path::new(".")).join(written);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let matches = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        path.is_file()
            && name.len() >= front.len() + end.len()
            && name.starts_with(front)
            && name.ends_with(end)
    };
    let mut files: Vec<_> = entries.filter(matches).collect();
    files.sort();
    files
}
