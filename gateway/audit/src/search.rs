//! Finding records: every entry is read, its clear part matched first, the rest with the keys that are left.
//!
//! What a destroyed key sealed matches nothing that asks for it. This is the plain walk; an index may be derived from it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::checkpoint;
use crate::entries::{Published, read_end};
use crate::record::{self, Effect, EntryError, Header, Kind, Record, Sealed};
use crate::seal::{HintKey, KeyId, SealingKey};
use crate::store::{Disk, Folder};
use crate::tail::Segment;

/// What to look for; every field that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub person: Option<String>,
    pub terminal: Option<String>,
    pub session: Option<String>,
    /// From this time, included.
    pub from: Option<Timestamp>,
    /// To this time, excluded.
    pub to: Option<Timestamp>,
    /// The host of `url`; `*.x` is anything below x.
    pub host: Option<String>,
    pub decision: Option<Effect>,
    pub kind: Option<Kind>,
    /// Anywhere in any text of the record, upper and lower case alike.
    pub text: Option<String>,
    /// At most so many records, the oldest.
    pub limit: Option<usize>,
}

/// Why the walk ended early.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the journal cannot be read")]
    Disk(#[from] io::Error),
    #[error("record {index} of the journal cannot be read")]
    Entry {
        index: u64,
        #[source]
        source: EntryError,
    },
}

/// The matching records, oldest first; `hints` tells which key of the ring each needs.
pub fn search<K>(
    folder: &Path,
    hints: HintKey,
    keyring: K,
    query: Query,
) -> Result<impl Iterator<Item = Result<Record, SearchError>> + use<K>, SearchError>
where
    K: Fn(&KeyId) -> Option<SealingKey>,
{
    search_on(Arc::new(Folder::unlocked(folder)), hints, keyring, query)
}

pub(crate) fn search_on<K>(
    disk: Arc<dyn Disk>,
    hints: HintKey,
    keyring: K,
    query: Query,
) -> Result<impl Iterator<Item = Result<Record, SearchError>> + use<K>, SearchError>
where
    K: Fn(&KeyId) -> Option<SealingKey>,
{
    let (note, segments) = read_end(&*disk).map_err(|damage| damage.source)?;
    let size = checkpoint::size(&note)?;
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut walk = Walk { published: Published::new(disk, size)?, segments, next: size };
    let mut failed = false;
    let matches = std::iter::from_fn(move || {
        while !failed {
            let found = walk.next()?.map_err(SearchError::Disk).and_then(|(index, entry)| {
                query.read(&entry, &hints, &keyring).map_err(|source| SearchError::Entry { index, source })
            });
            failed = found.is_err();
            if let Some(found) = found.transpose() {
                return Some(found);
            }
        }
        None
    });
    Ok(matches.take(limit))
}

/// Every entry, oldest first.
struct Walk {
    published: Published,
    segments: Vec<Segment>,
    /// The next index of the tail.
    next: u64,
}

impl Walk {
    fn next(&mut self) -> Option<io::Result<(u64, Vec<u8>)>> {
        if let Some(read) = self.published.next() {
            return Some(read);
        }
        let index = self.next;
        self.next += 1;
        self.segments.iter().find_map(|segment| segment.entry(index)).map(|entry| Ok((index, entry.to_vec())))
    }
}

impl Query {
    /// The record of `entry`, if it matches.
    fn read(
        &self,
        entry: &[u8],
        hints: &HintKey,
        keyring: &impl Fn(&KeyId) -> Option<SealingKey>,
    ) -> Result<Option<Record>, EntryError> {
        let parts = record::decode(entry)?;
        if !self.matches_header(&parts.header) {
            return Ok(None);
        }
        let key = parts.key_id(hints).as_ref().and_then(keyring);
        let record = record::read(entry, key.as_ref())?;
        Ok(self.matches(&record).then_some(record))
    }

    fn matches_header(&self, header: &Header) -> bool {
        self.kind.is_none_or(|kind| kind == header.kind)
            && self.decision.is_none_or(|decision| Some(decision) == header.decision)
            && self.from.is_none_or(|from| header.time >= from)
            && self.to.is_none_or(|to| header.time < to)
    }

    fn matches(&self, Record { header, sealed }: &Record) -> bool {
        let is = |asked: &Option<String>, said: &Option<String>| asked.is_none() || asked == said;
        is(&self.person, &sealed.person)
            && is(&self.terminal, &sealed.terminal)
            && is(&self.session, &sealed.session)
            && self.host.as_ref().is_none_or(|host| {
                sealed.url.as_deref().map(host_of).is_some_and(|found| is_host(&host.to_lowercase(), found))
            })
            && self.text.as_ref().is_none_or(|text| has_text(&text.to_lowercase(), header, sealed))
    }
}

/// The host of a URL, or of the `host:port` of a tunnel.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_host(asked: &str, found: &str) -> bool {
    let found = found.to_lowercase();
    match asked.strip_prefix('*') {
        Some(below) if below.starts_with('.') => found.len() > below.len() && found.ends_with(below),
        _ => found == asked,
    }
}

fn has_text(text: &str, header: &Header, sealed: &Sealed) -> bool {
    let Sealed { terminal, person, session, service, rule, method, url, page, address, detail, .. } = sealed;
    [&header.reason, terminal, person, session, service, rule, method, url, page, address, detail]
        .into_iter()
        .flatten()
        .any(|said| said.to_lowercase().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_urls_and_tunnels() {
        for (url, expected) in [
            ("https://www.caf.fr/a?b", "www.caf.fr"),
            ("http://www.caf.fr:8080/", "www.caf.fr"),
            ("www.caf.fr:443", "www.caf.fr"),
            ("https://caf.fr?x", "caf.fr"),
            ("https://[2001:db8::1]:443/", "[2001:db8::1]"),
        ] {
            assert_eq!(host_of(url), expected, "{url}");
        }
    }

    #[test]
    fn a_star_is_below_and_never_the_host_itself() {
        for (asked, found, expected) in [
            ("caf.fr", "CAF.fr", true),
            ("caf.fr", "www.caf.fr", false),
            ("*.caf.fr", "www.caf.fr", true),
            ("*.caf.fr", "caf.fr", false),
            ("*.caf.fr", "xcaf.fr", false),
        ] {
            assert_eq!(is_host(asked, found), expected, "{asked} {found}");
        }
    }
}
