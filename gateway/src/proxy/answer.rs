//! Whether an upstream's answer may go to a terminal: its head, its declared type, and what its body turns out to be. Called by
//! `forward` before a byte of the answer is passed on.
//!
//! A body is never kept and never rewritten. Its beginning is looked at: a few bytes, after which they pass as they came. Of codings
//! only gzip is asked for (`headers::clean_request`), and only the beginning of it is read, to see what is inside; so the memory
//! that a coding can cost us is one window, and the time that of [`CODED_BYTES`]. What it would cost the terminal is bounded by
//! `download_bytes` and by what its browser takes.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT};
use passerelle_policy::{Reason, Terms};
use tokio::time::timeout;

use super::sniff::{Kind, SNIFFED_BYTES};
use crate::strict_http1::{decisive_once_in_answers, is_token};

/// Coded bytes that are read of a body, at least its header and some text.
const CODED_BYTES: usize = 1024;
/// What so few bytes may become: no page begins with text that shrinks to a 128th, and what does is made to fill memory.
const DECODED_BYTES: usize = 128 * CODED_BYTES;
/// How long an answer's head waits for them; what comes later is judged on its way, and cut.
const BEGINNING_LIMIT: Duration = Duration::from_secs(1);
/// Checksum and length at the end of a gzip member.
const MEMBER_END_BYTES: usize = 8;
/// The window of deflate (RFC 1951, section 2), which the decoder writes round and round.
const WINDOW_BYTES: usize = 32 * 1024;

/// Judges the head of an answer; with a body, what it says it is.
///
/// Errors: `upstream-protocol`, `download-type`.
pub fn judge_head(parts: &Parts, has_body: bool, terms: &Terms) -> Result<Media, Reason> {
    decisive_once_in_answers(|name| parts.headers.get_all(name).iter().count())
        .map_err(|_| Reason::UpstreamProtocol)?;
    let media = Media { essence: essence(&parts.headers), coding: Coding::Identity };
    if !has_body || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(media);
    }
    if !is_page_type(&media.essence) && !media.is_named(terms) {
        return Err(Reason::DownloadType);
    }
    let media = Media { coding: Coding::of(&parts.headers)?, ..media };
    match parts.status == StatusCode::PARTIAL_CONTENT && !begins_at_zero(&parts.headers) {
        // The middle of something: nothing tells what it is but its name, which must be one that is asked for in parts.
        true if media.coding == Coding::Gzip => Err(Reason::UpstreamProtocol),
        true if !media.is_played() && !media.is_named(terms) => Err(Reason::DownloadType),
        _ => Ok(media),
    }
}

/// What an answer says of its body.
#[derive(Debug, PartialEq, Eq)]
pub struct Media {
    /// The media type without its parameters; empty where the answer names none, or none that can be read.
    pub essence: String,
    coding: Coding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
}

impl Media {
    /// None of what pages are made of.
    pub fn is_document(&self) -> bool {
        !is_page_type(&self.essence)
    }

    fn is_named(&self, terms: &Terms) -> bool {
        terms.download_types.iter().any(|named| **named == *self.essence)
    }

    fn is_played(&self) -> bool {
        ["audio/", "video/", "image/", "font/"].iter().any(|kind| self.essence.starts_with(kind))
    }

    /// Server-sent events: nothing may come for long, and the browser waits for the head.
    fn is_event_stream(&self) -> bool {
        self.essence == "text/event-stream"
    }

    /// Reads the beginning of `body` and judges it. Answers what was read, which goes before the rest, and the watch over that where
    /// too little came within [`BEGINNING_LIMIT`]: some answers trickle, and their head must not wait for ever.
    ///
    /// Errors: as [`Watch::look`] says, and whatever `broken` makes of a body that breaks off.
    pub async fn begin(
        &self,
        body: &mut Incoming,
        terms: &Terms,
        broken: impl Fn(&hyper::Error) -> Reason,
    ) -> Result<(Option<Bytes>, Option<Box<Watch>>), Reason> {
        let mut watch = Watch { coding: self.coding, named: terms.download_types.clone(), seen: Vec::new() };
        if self.is_event_stream() {
            return Ok((None, Some(Box::new(watch))));
        }
        let mut begun: Option<Bytes> = None;
        let reading = async {
            while !body.is_end_stream() {
                let Some(frame) = body.frame().await else { break };
                let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
                let known = watch.look(&data)?;
                begun = Some(match begun.take() {
                    None => data,
                    Some(before) => [before, data].concat().into(),
                });
                if known != Known::Nothing {
                    return Ok(known);
                }
            }
            Ok(Known::All)
        };
        match timeout(BEGINNING_LIMIT, reading).await {
            Ok(Ok(Known::All)) => Ok((begun, None)),
            Ok(Err(reason)) => Err(reason),
            _ => Ok((begun, Some(Box::new(watch)))),
        }
    }
}

/// What is known of a body by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Nothing,
    /// What it is, but not whether it swells.
    Kind,
    /// All that is looked for.
    All,
}

/// Looks at the beginning of a body as it comes.
#[derive(Debug)]
pub struct Watch {
    coding: Coding,
    named: Arc<[Box<str>]>,
    /// What came so far, while it is too little.
    seen: Vec<u8>,
}

impl Watch {
    /// Judges the next bytes, until all is known.
    ///
    /// Errors: `download-type` when it is something else than it says and the rule doesn't name that; `download-size` for a coded
    /// body that is made to swell; `upstream-protocol` for one that can't be read.
    pub fn look(&mut self, data: &[u8]) -> Result<Known, Reason> {
        if self.seen.is_empty() && self.judge(data)? == Known::All {
            return Ok(Known::All);
        }
        self.seen.extend_from_slice(&data[..data.len().min(CODED_BYTES)]);
        self.judge(&self.seen)
    }

    fn judge(&self, bytes: &[u8]) -> Result<Known, Reason> {
        let beginning = match self.coding {
            Coding::Identity => Cow::Borrowed(bytes),
            Coding::Gzip => Cow::Owned(gunzip(&bytes[..bytes.len().min(CODED_BYTES)])?),
        };
        self.pass(&beginning)?;
        let is_known = beginning.len() >= SNIFFED_BYTES;
        Ok(match self.coding {
            // A header that fills the beginning, or blocks with nothing in them, hide what follows.
            Coding::Gzip if bytes.len() >= CODED_BYTES && !is_known => return Err(Reason::UpstreamProtocol),
            Coding::Gzip if bytes.len() >= CODED_BYTES => Known::All,
            Coding::Gzip if is_known => Known::Kind,
            Coding::Identity if is_known => Known::All,
            _ => Known::Nothing,
        })
    }

    /// Refuses bytes whose kind the rule does not name.
    fn pass(&self, beginning: &[u8]) -> Result<(), Reason> {
        match Kind::of(beginning) {
            Some(kind) if !self.named.iter().any(|named| kind.is_named(named)) => Err(Reason::DownloadType),
            _ => Ok(()),
        }
    }
}

impl Coding {
    /// Several codings, and those that nobody asked for, are no answer to what was asked.
    fn of(headers: &HeaderMap) -> Result<Coding, Reason> {
        let mut coding = Coding::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = value.to_str().map_err(|_| Reason::UpstreamProtocol)?;
            for name in value.split(',').map(str::trim) {
                match name.to_ascii_lowercase().as_str() {
                    "" | "identity" => {}
                    "gzip" | "x-gzip" if coding == Coding::Identity => coding = Coding::Gzip,
                    _ => return Err(Reason::UpstreamProtocol),
                }
            }
        }
        Ok(coding)
    }
}

/// The first bytes of what a gzip member holds (RFC 1952), as far as `coded` goes; empty while its header is not whole.
///
/// Errors: `upstream-protocol` for what is no gzip, `download-size` for what swells.
fn gunzip(coded: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut beginning = Vec::new();
    let Some(mut rest) = gzip_body(coded)? else { return Ok(beginning) };
    let (mut decoder, mut window) = (Box::<DecompressorOxide>::default(), vec![0; WINDOW_BYTES]);
    let (mut at, mut decoded) = (0, 0);
    loop {
        let (status, read, written) =
            decompress(&mut decoder, rest, &mut window, at, TINFL_FLAG_HAS_MORE_INPUT);
        rest = &rest[read..];
        if beginning.len() < SNIFFED_BYTES {
            beginning.extend_from_slice(&window[at..(at + written).min(SNIFFED_BYTES)]);
        }
        (at, decoded) = ((at + written) % WINDOW_BYTES, decoded + written);
        match status {
            _ if decoded > DECODED_BYTES => return Err(Reason::DownloadSize),
            TINFLStatus::HasMoreOutput => {}
            // What follows a member that says next to nothing is read as more of it.
            TINFLStatus::Done if decoded < SNIFFED_BYTES && rest.len() > MEMBER_END_BYTES => {
                return Err(Reason::UpstreamProtocol);
            }
            TINFLStatus::Done | TINFLStatus::NeedsMoreInput => return Ok(beginning),
            _ => return Err(Reason::UpstreamProtocol),
        }
    }
}

/// What follows the header of a gzip member; `None` while that is not whole.
fn gzip_body(coded: &[u8]) -> Result<Option<&[u8]>, Reason> {
    const HEADER_BYTES: usize = 10;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let begins = b"\x1f\x8b\x08";
    if !coded.starts_with(&begins[..coded.len().min(begins.len())]) {
        return Err(Reason::UpstreamProtocol);
    }
    let Some((header, mut rest)) = coded.split_at_checked(HEADER_BYTES) else { return Ok(None) };
    let flags = header[3];
    if flags & EXTRA != 0 {
        let [low, high, after @ ..] = rest else { return Ok(None) };
        let Some(after) = after.get(usize::from(u16::from_le_bytes([*low, *high]))..) else {
            return Ok(None);
        };
        rest = after;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let Some(end) = memchr::memchr(0, rest) else { return Ok(None) };
            rest = &rest[end + 1..];
        }
    }
    Ok(if flags & CHECKSUM != 0 { rest.get(2..) } else { Some(rest) })
}

fn begins_at_zero(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_RANGE).is_some_and(|range| range.as_bytes().starts_with(b"bytes 0-"))
}

/// `type/subtype` in lower case, both tokens (RFC 9110, section 8.3.1); else nothing.
fn essence(headers: &HeaderMap) -> String {
    let declared = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let essence = declared.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let mut parts = essence.split(|byte| *byte == b'/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(name), None) if is_token(kind) && is_token(name) => {
            String::from_utf8_lossy(essence).to_ascii_lowercase()
        }
        _ => String::new(),
    }
}

/// Text, styles, scripts, JSON, XML, fonts, images, media, WebAssembly.
fn is_page_type(essence: &str) -> bool {
    const WHOLE: [&str; 12] = [
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/json",
        "application/xml",
        "application/wasm",
        "application/font-woff",
        "application/font-woff2",
        "application/x-font-ttf",
        "application/vnd.ms-fontobject",
        "application/x-mpegurl",
        "application/vnd.apple.mpegurl",
    ];
    let Some((kind, rest)) = essence.split_once('/') else { return false };
    match kind {
        "text" | "image" | "font" | "audio" | "video" => true,
        "application" => WHOLE.contains(&essence) || rest.ends_with("+json") || rest.ends_with("+xml"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use miniz_oxide::deflate::compress_to_vec;
    use proptest::prelude::*;

    fn parts(status: u16, fields: &[(&'static str, &str)]) -> Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn terms(types: &[&str]) -> Terms {
        Terms { download_types: types.iter().map(|name| (*name).into()).collect(), ..Terms::default() }
    }

    fn watch(coding: Coding, types: &[&str]) -> Watch {
        Watch { coding, named: terms(types).download_types, seen: Vec::new() }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &compress_to_vec(text, 6)].concat()
    }

    #[test]
    fn pages_are_made_of_these() {
        for (declared, expected) in [
            ("text/html", true),
            ("Text/HTML; charset=utf-8", true),
            ("application/json", true),
            ("application/ld+json", true),
            ("image/svg+xml", true),
            ("font/woff2", true),
            ("application/pdf", false),
            ("application/octet-stream", false),
            ("application/zip", false),
            ("application/dns-message", false),
            ("", false),
            ("text/", false),
            ("text", false),
            ("text/html, application/pdf", false),
            ("text/html/x", false),
            ("text/ht ml", false),
        ] {
            let declared = parts(200, &[("content-type", declared)]);
            assert_eq!(is_page_type(&essence(&declared.headers)), expected, "{declared:?}");
        }
    }

    #[test]
    fn heads_are_judged() {
        const HTML: (&str, &str) = ("content-type", "text/html");
        const PDF: (&str, &str) = ("content-type", "application/pdf");
        let check = |status, fields: &[(&'static str, &str)], expected: Result<(), Reason>| {
            let judged = judge_head(&parts(status, fields), true, &terms(&["application/pdf"])).map(drop);
            assert_eq!(judged, expected, "{status} {fields:?}");
        };
        check(200, &[HTML], Ok(()));
        check(200, &[PDF], Ok(()));
        check(200, &[("content-type", "application/zip")], Err(Reason::DownloadType));
        check(200, &[], Err(Reason::DownloadType));
        check(204, &[], Ok(()));
        check(200, &[HTML, PDF], Err(Reason::UpstreamProtocol));
        check(302, &[HTML, ("location", "/a"), ("location", "/b")], Err(Reason::UpstreamProtocol));
        for (coding, expected) in [
            ("gzip", Ok(())),
            ("X-Gzip", Ok(())),
            ("identity", Ok(())),
            ("br", Err(Reason::UpstreamProtocol)),
            ("zstd", Err(Reason::UpstreamProtocol)),
            ("gzip, gzip", Err(Reason::UpstreamProtocol)),
            ("gzip,br", Err(Reason::UpstreamProtocol)),
        ] {
            check(200, &[HTML, ("content-encoding", coding)], expected);
        }
        let twice = [HTML, ("content-encoding", "gzip"), ("content-encoding", "gzip")];
        check(200, &twice, Err(Reason::UpstreamProtocol));
        for (fields, expected) in [
            (&[HTML, ("content-range", "bytes 0-9/20")][..], Ok(())),
            (&[HTML, ("content-range", "bytes 1-9/20")], Err(Reason::DownloadType)),
            (&[HTML], Err(Reason::DownloadType)),
            (&[("content-type", "video/mp4"), ("content-range", "bytes 1-9/20")], Ok(())),
            (&[PDF, ("content-range", "bytes 1-9/20")], Ok(())),
        ] {
            check(206, fields, expected);
        }
    }

    #[test]
    fn a_coded_beginning_hides_nothing_behind_next_to_nothing() {
        let check = |coded: &[u8], expected: Result<Known, Reason>| {
            assert_eq!(watch(Coding::Gzip, &[]).look(coded), expected, "{} bytes", coded.len());
        };
        let end: &[u8] = &[0; MEMBER_END_BYTES];
        let program = [b"MZ".as_slice(), &[0x90; 62]].concat();
        check(&[gzip(b"ok"), end.into()].concat(), Ok(Known::Nothing));
        check(&[gzip(b""), end.into(), gzip(&program)].concat(), Err(Reason::UpstreamProtocol));
        let name = [&b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"[..], &[b'n'; CODED_BYTES], b"\0"].concat();
        check(&[name, compress_to_vec(&program, 6)].concat(), Err(Reason::UpstreamProtocol));
        let empty_blocks = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &b"\0\0\0\xff\xff".repeat(250)].concat();
        check(&[empty_blocks, compress_to_vec(&program, 6)].concat(), Err(Reason::UpstreamProtocol));
    }

    #[test]
    fn a_coded_beginning_is_seen_through() {
        use Known::{All, Kind, Nothing};
        let check = |bytes: &[u8], types: &[&str], expected: Result<Known, Reason>| {
            assert_eq!(watch(Coding::Gzip, types).look(bytes), expected, "{}", bytes.escape_ascii());
            let (mut watch, mut known) = (watch(Coding::Gzip, types), Ok(Nothing));
            for piece in bytes.chunks(3) {
                known = watch.look(piece);
                if !matches!(known, Ok(Nothing | Kind)) {
                    break;
                }
            }
            assert_eq!(known, expected, "in pieces: {}", bytes.escape_ascii());
        };
        let page = gzip("<!doctype html><title>Exemple</title>".repeat(40).as_bytes());
        check(&page, &[], Ok(Kind));
        check(&page[..9], &[], Ok(Nothing));
        check(&page[..12], &[], Ok(Nothing));
        check(&gzip(b""), &[], Ok(Nothing));
        let pdf = gzip(&[&b"%PDF-1.7\n"[..], &[0xe2; 100]].concat());
        check(&pdf, &[], Err(Reason::DownloadType));
        check(&pdf, &["application/pdf"], Ok(Kind));
        check(&gzip(b"MZ\x90\0\x03\0\0\0\x04"), &["application/pdf"], Err(Reason::DownloadType));
        check(&gzip(&vec![b' '; 4 << 20]), &[], Err(Reason::DownloadSize));
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 | 0x40
        });
        let noise: Vec<u8> = noise.take(4096).collect();
        check(&gzip(&noise), &[], Ok(All));
        check(b"<!doctype html>", &[], Err(Reason::UpstreamProtocol));
        check(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff", &[], Err(Reason::UpstreamProtocol));
        // A gzip inside a gzip is an archive under the name of a page.
        check(&gzip(&page), &[], Err(Reason::DownloadType));
        let named =
            [&b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0xx"[..], b"name\0comment\0cc", &page[10..]].concat();
        for end in 0..30 {
            check(&named[..end], &[], Ok(Nothing));
        }
        check(&named, &[], Ok(Kind));
    }

    proptest! {
        #[test]
        fn random_beginnings_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), coded in any::<bool>()) {
            let coding = if coded { Coding::Gzip } else { Coding::Identity };
            let _ = watch(coding, &[]).look(&bytes);
            let _ = gunzip(&[&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &bytes].concat());
        }

        /// What is decoded is the beginning of what was coded, however much of it came.
        #[test]
        fn a_beginning_is_decoded_as_it_was(text in prop::collection::vec(any::<u8>(), 0..2000), cut in 0..2000_usize) {
            let coded = gzip(&text);
            let coded = &coded[..cut.min(coded.len())];
            let decoded = gunzip(coded).unwrap();
            prop_assert!(text.starts_with(&decoded));
        }
    }
}
