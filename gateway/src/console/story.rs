//! The records of one session as a story: marks (sign-in, refusals, items) and visits, a visit being pages of one service in a row, each
//! with what it asked for folded below it. Pure.
//!
//! Records don't say what is a page and what a part of one. A page is what nobody asked for (no Referer), or what asked for something
//! itself; the rest is folded under the page that asked. A CONNECT is shown only where nothing was seen inside. Records of confidential
//! services name nothing, and the story leaves them out altogether.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use passerelle_audit::{Kind, Record};

/// What happened, in the order of the journal.
#[derive(Debug, PartialEq)]
pub enum Event {
    Mark(Box<Record>),
    Visit(Visit),
}

/// Pages of one service, opened in a row.
#[derive(Debug, PartialEq)]
pub struct Visit {
    pub service: String,
    pub pages: Vec<Page>,
}

#[derive(Debug, PartialEq)]
pub struct Page {
    pub time: Timestamp,
    pub load: Load,
    /// What the page asked for.
    pub parts: Vec<Load>,
}

/// One access and how it ended.
#[derive(Debug, PartialEq)]
pub struct Load {
    pub method: String,
    pub url: String,
    pub status: Option<u16>,
    /// Why it ended early, or was refused after it began.
    pub reason: Option<String>,
    pub received_bytes: u64,
    /// Not closed yet.
    pub open: bool,
}

/// `records` are of one session, oldest first.
pub fn tell(records: Vec<Record>) -> Vec<Event> {
    let closed: BTreeMap<u64, Record> = records
        .iter()
        .filter(|record| record.header.kind == Kind::Closed)
        .filter_map(|record| Some((record.header.opened?, record.clone())))
        .collect();
    let asking: BTreeSet<String> = records.iter().filter_map(|record| record.sealed.page.clone()).collect();
    let seen_inside: BTreeSet<String> = records
        .iter()
        .filter(|record| record.sealed.method.as_deref() != Some("CONNECT"))
        .filter_map(|record| Some(host(record.sealed.url.as_deref()?).to_owned()))
        .collect();

    let mut events = Vec::new();
    for record in records {
        match record.header.kind {
            Kind::Closed => {}
            Kind::Opened => {
                let Some(url) = record.sealed.url.clone() else { continue };
                let is_tunnel = record.sealed.method.as_deref() == Some("CONNECT");
                if is_tunnel && seen_inside.contains(host(&url)) {
                    continue;
                }
                let from = record.sealed.page.clone().filter(|_| !asking.contains(&url));
                let service = record.sealed.service.clone().unwrap_or_default();
                let load = load(&record, url, closed.get(&record.header.index));
                place(&mut events, &service, record.header.time, load, from.as_deref());
            }
            _ => events.push(Event::Mark(Box::new(record))),
        }
    }
    events
}

fn load(record: &Record, url: String, closed: Option<&Record>) -> Load {
    Load {
        method: record.sealed.method.clone().unwrap_or_default(),
        url,
        status: closed.and_then(|closed| closed.sealed.status),
        reason: closed.and_then(|closed| closed.header.reason.clone()),
        received_bytes: closed.and_then(|closed| closed.sealed.received_bytes).unwrap_or_default(),
        open: closed.is_none(),
    }
}

/// Below the page it came `from`, which is looked for from the last one back; else as a page of the visit that goes on, else of a new one.
fn place(events: &mut Vec<Event>, service: &str, time: Timestamp, load: Load, from: Option<&str>) {
    let mut visits = events.iter_mut().rev().filter_map(|event| match event {
        Event::Visit(visit) => Some(visit),
        Event::Mark(_) => None,
    });
    if let Some(from) = from
        && let Some(page) =
            visits.find_map(|visit| visit.pages.iter_mut().rev().find(|page| page.load.url == from))
    {
        page.parts.push(load);
        return;
    }
    let page = Page { time, load, parts: Vec::new() };
    match events.last_mut() {
        Some(Event::Visit(visit)) if visit.service == service => visit.pages.push(page),
        _ => events.push(Event::Visit(Visit { service: service.to_owned(), pages: vec![page] })),
    }
}

/// The host of a URL or of `host:port`.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use passerelle_audit::{Header, Sealed};

    use super::*;

    /// `kind method url page service`, `-` for nothing; a closing names the index it closes in place of a method.
    fn record(index: u64, line: &str) -> Record {
        let words: Vec<Option<String>> =
            line.split(' ').map(|word| (word != "-").then(|| word.to_owned())).collect();
        let word = |at: usize| words.get(at).cloned().flatten();
        let kind: Kind = word(0).and_then(|kind| kind.parse().ok()).expect("a kind");
        let closing = kind == Kind::Closed;
        Record {
            header: Header {
                index,
                gateway: "g".into(),
                time: Timestamp::UNIX_EPOCH,
                kind,
                decision: None,
                reason: None,
                opened: word(1).filter(|_| closing).and_then(|opened| opened.parse().ok()),
                count: None,
            },
            sealed: Sealed {
                method: word(1).filter(|_| !closing),
                url: word(2),
                page: word(3),
                service: word(4),
                status: closing.then_some(200),
                ..Sealed::default()
            },
        }
    }

    fn check(lines: &[&str], expected: &[&str]) {
        let records = (0..).zip(lines).map(|(index, line)| record(index, line)).collect();
        let told: Vec<String> = tell(records)
            .into_iter()
            .map(|event| match event {
                Event::Mark(record) => format!("{:?}", record.header.kind),
                Event::Visit(visit) => {
                    let pages = visit.pages.iter().map(|page| {
                        let (url, parts) = (&page.load.url, page.parts.len());
                        format!("{url} {:?} +{parts}", page.load.status)
                    });
                    format!("{}: {}", visit.service, pages.collect::<Vec<_>>().join(", "))
                }
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn parts_are_folded_under_the_page_that_asked() {
        check(
            &[
                "signed-in",
                "opened CONNECT a.fr:443 - s",
                "opened GET https://a.fr/ - s",
                "closed 2",
                "opened GET https://a.fr/style https://a.fr/ s",
                "opened GET https://a.fr/next https://a.fr/ s",
                "opened GET https://a.fr/picture https://a.fr/next s",
                "refused GET https://b.fr/ https://a.fr/next",
                "opened GET https://a.fr/late https://a.fr/ s",
                "signed-out",
            ],
            &["SignedIn", "s: https://a.fr/ Some(200) +2, https://a.fr/next None +1", "Refused", "SignedOut"],
        );
    }

    #[test]
    fn tunnels_and_services_stand_alone_and_what_is_confidential_is_not_there() {
        check(
            &[
                "opened CONNECT t.fr:443 - s",
                "closed 0",
                "opened CONNECT - - -",
                "closed 2",
                "opened GET https://a.fr/ - s",
                "opened GET https://b.fr/ - r",
                "opened GET https://c.fr/part https://gone.fr/ r",
            ],
            &[
                "s: t.fr:443 Some(200) +0, https://a.fr/ None +0",
                "r: https://b.fr/ None +0, https://c.fr/part None +0",
            ],
        );
    }
}
