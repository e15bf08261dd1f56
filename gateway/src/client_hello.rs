//! Reads a TLS ClientHello as raw bytes (RFC 8446, sections 4.1.2 and 5.1), to judge a tunnel before any of
//! its bytes is forwarded. Only the tunnel calls it, after its 200.
//!
//! The upstream will judge the TLS itself; here counts that what we read is what it will read, so every
//! length must be consistent, and that the name is in the clear. Hence:
//! - any cut into records and segments is read, an empty fragment never (section 5.1);
//! - `encrypted_client_hello` is refused, as its greasing form looks the same, and so is its ancestor
//!   `encrypted_server_name`;
//! - `early_data`, and any byte sent ahead behind the hello, is refused as `not-tls`: it would be replayable
//!   data in front of a handshake that was judged (section 8);
//! - a repeated extension is refused (section 4.2), since two readers could take either.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Bytes of one record's fragment (RFC 8446, section 5.1).
const FRAGMENT_BYTES: usize = 1 << 14;
const HEADER_BYTES: usize = 5;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// What a tunnel's judge needs of a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// The one host name asked for, lower-cased, a strict DNS name and no address.
    pub server_name: String,
    /// Protocols offered, in order; empty without the extension (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
    /// TLS versions offered (`supported_versions`, else `legacy_version`).
    pub versions: Vec<u16>,
}

/// Why a tunnel was not let through.
#[derive(Debug, thiserror::Error)]
pub enum HelloFault {
    #[error("not a TLS ClientHello: {0}")]
    NotTls(&'static str),
    #[error("the ClientHello names no server")]
    NoServerName,
    #[error("the server name is refused: {0}")]
    ServerName(&'static str),
    #[error("the server name is encrypted, or may be")]
    Ech,
    #[error("no whole ClientHello in time")]
    Timeout,
    #[error("the client went away before its ClientHello was whole")]
    ClientGone(#[source] io::Error),
}

impl HelloFault {
    /// The reason code of the contract's table.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotTls(_) => "not-tls",
            Self::NoServerName => "no-server-name",
            Self::ServerName(_) => "server-name",
            Self::Ech => "ech",
            Self::Timeout => "timeout",
            Self::ClientGone(_) => "client-gone",
        }
    }
}

impl ClientHello {
    /// Refuses a name that is not the CONNECT's host; case is folded, nothing else.
    pub fn matches(&self, host: &str) -> Result<(), HelloFault> {
        match self.server_name.eq_ignore_ascii_case(host) {
            true => Ok(()),
            false => Err(HelloFault::ServerName("not the host of the CONNECT")),
        }
    }
}

/// A fatal `access_denied` alert as a TLS record (RFC 8446, section 6.2).
pub const fn alert_access_denied() -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, 49]
}

/// Reads from `stream` until a ClientHello is whole, at most `limit` bytes within `deadline`. The bytes taken
/// from the stream are handed back: they are what must be forwarded first.
pub async fn read_client_hello<S: AsyncRead + Unpin>(
    stream: &mut S,
    deadline: Duration,
    limit: usize,
) -> Result<(Vec<u8>, ClientHello), HelloFault> {
    let mut reader = ClientHelloReader::new(limit);
    let mut bytes = vec![0; 4096];
    let read = async {
        loop {
            match stream.read(&mut bytes).await {
                Ok(0) => return Err(HelloFault::ClientGone(io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => {
                    if let Some(hello) = reader.push(&bytes[..n])? {
                        return Ok(hello);
                    }
                }
                Err(error) => return Err(HelloFault::ClientGone(error)),
            }
        }
    };
    let hello = tokio::time::timeout(deadline, read).await.unwrap_or(Err(HelloFault::Timeout))?;
    Ok((reader.into_bytes(), hello))
}

/// Reassembles a ClientHello from bytes in any cut; pure.
#[derive(Debug)]
pub struct ClientHelloReader {
    limit: usize,
    raw: Vec<u8>,
    /// Where in `raw` the next record begins.
    next: usize,
    handshake: Vec<u8>,
}

impl ClientHelloReader {
    /// Takes at most `limit` bytes, record headers included.
    pub const fn new(limit: usize) -> Self {
        Self { limit, raw: Vec::new(), next: 0, handshake: Vec::new() }
    }

    /// All bytes pushed.
    pub fn into_bytes(self) -> Vec<u8> {
        self.raw
    }

    /// Adds bytes; answers the hello once it is whole. Nothing may be pushed after an answer or a fault.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<ClientHello>, HelloFault> {
        self.raw.extend_from_slice(bytes);
        loop {
            judge_handshake(&self.handshake, self.limit)?;
            if let Some(hello) = whole_message(&self.handshake)? {
                if self.next < self.raw.len() {
                    return Err(HelloFault::NotTls("bytes behind the ClientHello"));
                }
                return parse_hello(hello).map(Some);
            }
            let record = &self.raw[self.next..];
            let Some(length) = fragment_length(record)? else { break };
            let Some(fragment) = record.get(HEADER_BYTES..HEADER_BYTES + length) else { break };
            self.handshake.extend_from_slice(fragment);
            self.next += HEADER_BYTES + length;
        }
        if self.raw.len() > self.limit {
            return Err(HelloFault::NotTls("too long"));
        }
        Ok(None)
    }
}

/// The length of a record's fragment, once its header is there; each header byte is judged as soon as it is.
fn fragment_length(record: &[u8]) -> Result<Option<usize>, HelloFault> {
    let bad = match record {
        [kind, ..] if *kind != HANDSHAKE => "not a handshake record",
        [_, major, ..] if *major != 3 => "not a TLS version",
        [_, _, minor, ..] if !(1..=3).contains(minor) => "not a TLS version",
        [_, _, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match length {
                0 => "an empty fragment",
                1..=FRAGMENT_BYTES => return Ok(Some(length)),
                _ => "a record over its limit",
            }
        }
        _ => return Ok(None),
    };
    Err(HelloFault::NotTls(bad))
}

/// Judges what is there of the message's header, before the rest is waited for.
fn judge_handshake(handshake: &[u8], limit: usize) -> Result<(), HelloFault> {
    match handshake {
        [kind, ..] if *kind != CLIENT_HELLO => Err(HelloFault::NotTls("not a ClientHello")),
        [_, a, b, c, ..] if u32::from_be_bytes([0, *a, *b, *c]) as usize > limit => {
            Err(HelloFault::NotTls("too long"))
        }
        _ => Ok(()),
    }
}

/// The body of the message, once it is whole; nothing may follow it in its record.
fn whole_message(handshake: &[u8]) -> Result<Option<&[u8]>, HelloFault> {
    let [_, a, b, c, body @ ..] = handshake else { return Ok(None) };
    match body.len().cmp(&(u32::from_be_bytes([0, *a, *b, *c]) as usize)) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => Ok(Some(body)),
        std::cmp::Ordering::Greater => Err(HelloFault::NotTls("bytes behind the ClientHello")),
    }
}

fn parse_hello(body: &[u8]) -> Result<ClientHello, HelloFault> {
    let mut body = Reader(body);
    let legacy_version = body.u16()?;
    body.take(32)?; // random
    let session_id = body.vec8()?;
    let suites = body.vec16()?;
    let compression = body.vec8()?;
    let sized =
        session_id.len() <= 32 && !suites.is_empty() && suites.len() % 2 == 0 && !compression.is_empty();
    if !sized {
        return Err(HelloFault::NotTls("a field of a wrong length"));
    }
    let extensions = if body.0.is_empty() { Vec::new() } else { parse_extensions(body.vec16()?)? };
    body.end()?;
    let find = |kind: u16| extensions.iter().find(|(k, _)| *k == kind).map(|(_, data)| *data);
    if find(ENCRYPTED_CLIENT_HELLO).or(find(ENCRYPTED_SERVER_NAME)).is_some() {
        return Err(HelloFault::Ech);
    }
    if find(EARLY_DATA).is_some() {
        return Err(HelloFault::NotTls("early data"));
    }
    Ok(ClientHello {
        server_name: parse_server_name(find(SERVER_NAME).ok_or(HelloFault::NoServerName)?)?,
        alpn: find(ALPN).map(parse_alpn).transpose()?.unwrap_or_default(),
        versions: find(SUPPORTED_VERSIONS)
            .map(parse_versions)
            .transpose()?
            .unwrap_or_else(|| vec![legacy_version]),
    })
}

fn parse_extensions(list: &[u8]) -> Result<Vec<(u16, &[u8])>, HelloFault> {
    let mut list = Reader(list);
    let mut extensions: Vec<(u16, &[u8])> = Vec::new();
    while !list.0.is_empty() {
        let (kind, data) = (list.u16()?, list.vec16()?);
        if extensions.iter().any(|(known, _)| *known == kind) {
            return Err(match kind {
                SERVER_NAME => HelloFault::ServerName("the extension stands twice"),
                _ => HelloFault::NotTls("an extension stands twice"),
            });
        }
        extensions.push((kind, data));
    }
    Ok(extensions)
}

/// The one `host_name` of the list (RFC 6066, section 3).
fn parse_server_name(data: &[u8]) -> Result<String, HelloFault> {
    let malformed = |_| HelloFault::ServerName("malformed");
    let mut data = Reader(data);
    let mut list = Reader(data.vec16().map_err(malformed)?);
    data.end().map_err(malformed)?;
    if list.0.is_empty() {
        return Err(HelloFault::NoServerName);
    }
    let kind = list.u8().map_err(malformed)?;
    let name = list.vec16().map_err(malformed)?;
    list.end().map_err(|_| HelloFault::ServerName("more than one name"))?;
    if kind != 0 {
        return Err(HelloFault::ServerName("not a host name"));
    }
    judge_name(name)?;
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A strict DNS name: LDH labels (and `_`, which real hosts have), no trailing dot, and nothing that reads as
/// an address.
fn judge_name(name: &[u8]) -> Result<(), HelloFault> {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    if name.len() > 253 || !name.split(|&b| b == b'.').all(is_label) {
        return Err(HelloFault::ServerName("not a DNS name"));
    }
    // The URL standard's "ends in a number": such a host is an IPv4 address, in whatever spelling.
    let last = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
    let hex = last.len() >= 2
        && last[..2].eq_ignore_ascii_case(b"0x")
        && last[2..].iter().all(u8::is_ascii_hexdigit);
    match hex || last.iter().all(u8::is_ascii_digit) {
        true => Err(HelloFault::ServerName("an address")),
        false => Ok(()),
    }
}

fn parse_alpn(data: &[u8]) -> Result<Vec<Vec<u8>>, HelloFault> {
    let mut data = Reader(data);
    let mut list = Reader(data.vec16()?);
    data.end()?;
    let mut protocols = Vec::new();
    while !list.0.is_empty() {
        protocols.push(list.vec8()?.to_vec());
    }
    match protocols.is_empty() || protocols.iter().any(Vec::is_empty) {
        true => Err(HelloFault::NotTls("an empty protocol name")),
        false => Ok(protocols),
    }
}

fn parse_versions(data: &[u8]) -> Result<Vec<u16>, HelloFault> {
    let mut data = Reader(data);
    let list = data.vec8()?;
    data.end()?;
    match !list.is_empty() && list.len() % 2 == 0 {
        true => Ok(list.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()),
        false => Err(HelloFault::NotTls("a version list of a wrong length")),
    }
}

/// TLS presentation language (RFC 8446, section 3), bounds checked.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], HelloFault> {
        let (taken, rest) =
            self.0.split_at_checked(n).ok_or(HelloFault::NotTls("a length beyond its field"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, HelloFault> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, HelloFault> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vec8(&mut self) -> Result<&'a [u8], HelloFault> {
        let n = self.u8()?;
        self.take(usize::from(n))
    }

    fn vec16(&mut self) -> Result<&'a [u8], HelloFault> {
        let n = self.u16()?;
        self.take(usize::from(n))
    }

    fn end(&self) -> Result<(), HelloFault> {
        if self.0.is_empty() { Ok(()) } else { Err(HelloFault::NotTls("bytes behind a field")) }
    }
}
