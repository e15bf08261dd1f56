//! One field block as the client wrote it: what h2 would refuse without a word to us, and what it would hide from us. What h2
//! hands over is judged again by [`judge`](super::judge), which has the whole rules.

use super::hpack::{Decoder, Unreadable};
use super::{OF_CONNECTIONS, REFUSED};
use crate::strict_http1::{Authority, Fault, Limits, content_length, is_decisive, is_token, judge_path};

/// What the standard counts of a field beside its text (RFC 9113, section 6.5.2).
const FIELD_BYTES: usize = 32;

impl From<Unreadable> for Fault {
    fn from(_: Unreadable) -> Fault {
        Fault::Malformed("a field block that nobody can read")
    }
}

/// A request head that is being read. What could be read of a bad one is for the record.
#[derive(Debug, Default)]
pub struct Head {
    pub method: Option<Vec<u8>>,
    pub path: Option<Vec<u8>>,
    pub authority: Option<Vec<u8>>,
    scheme: Option<Vec<u8>>,
    /// Asks for another protocol (RFC 8441).
    pub extended: bool,
    length: Option<u64>,
    fields_begun: bool,
    bytes: usize,
}

impl Head {
    /// Reads a whole block; `ends`: no body follows.
    pub fn judge(
        &mut self,
        decoder: &mut Decoder,
        block: &[u8],
        ends: bool,
        limits: &Limits,
    ) -> Result<(), Fault> {
        decoder.decode(block, |name, value| self.field(name, value, limits))?;
        self.complete(ends, limits)
    }

    fn field(&mut self, name: &[u8], value: &[u8], limits: &Limits) -> Result<(), Fault> {
        self.bytes += name.len() + value.len() + FIELD_BYTES;
        // Twice our own limit, as h2 is told: what lies between is refused by `judge`, by its own count.
        if self.bytes > limits.head_bytes * 2 {
            return Err(Fault::HeaderSize);
        }
        if !is_text(value) {
            return Err(Fault::Malformed("control character in a field value"));
        }
        if name.starts_with(b":") {
            return self.pseudo(name, value);
        }
        self.fields_begun = true;
        judge_name(name)?;
        if name == REFUSED.as_bytes() {
            return Err(Fault::Malformed("a field of our own"));
        }
        if OF_CONNECTIONS.iter().any(|of| of.as_bytes() == name) || (name == b"te" && value != b"trailers") {
            return Err(Fault::Malformed("a field of HTTP/1 connections"));
        }
        if name == b"content-length" {
            let length = content_length(value)?;
            if self.length.replace(length).is_some() {
                return Err(Fault::Ambiguous("a decisive field stands twice"));
            }
        }
        Ok(())
    }

    /// RFC 9113, section 8.3: each once, and before every field.
    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if self.fields_begun {
            return Err(Fault::Malformed("a pseudo-header field behind a field"));
        }
        let place = match name {
            b":method" => &mut self.method,
            b":path" => &mut self.path,
            b":authority" => &mut self.authority,
            b":scheme" => &mut self.scheme,
            b":protocol" if !self.extended => {
                self.extended = true;
                return Ok(());
            }
            _ => return Err(Fault::Malformed("a pseudo-header field that no request has")),
        };
        match place.replace(value.to_vec()) {
            None => Ok(()),
            Some(_) => Err(Fault::Ambiguous("a pseudo-header field stands twice")),
        }
    }

    fn complete(&self, ends: bool, limits: &Limits) -> Result<(), Fault> {
        let method = self.method.as_deref().ok_or(Fault::Malformed("no :method"))?;
        if !is_token(method) {
            return Err(Fault::Malformed("method is not a token"));
        }
        if let Some(authority) = &self.authority {
            Authority::parse(authority)?;
        }
        if ends && self.length.is_some_and(|length| length > 0) {
            return Err(Fault::Malformed("a length without a body"));
        }
        if method == b"CONNECT" && !self.extended {
            return match (&self.authority, &self.path, &self.scheme) {
                (Some(_), None, None) => Ok(()),
                _ => Err(Fault::Malformed("a CONNECT has an authority and nothing else")),
            };
        }
        match self.scheme.as_deref() {
            Some(b"http" | b"https") => {}
            _ => return Err(Fault::Malformed("neither http nor https")),
        }
        let path = self.path.as_deref().ok_or(Fault::Malformed("no :path"))?;
        if path.len() > limits.target_bytes {
            return Err(Fault::TargetSize);
        }
        judge_path(path)
    }

    /// What the request asked for, where it can be put on record: a path, or an authority.
    pub fn target(&self) -> Option<&[u8]> {
        self.path.as_deref().or(self.authority.as_deref())
    }
}

/// Judges a block of trailers (RFC 9113, section 8.1), as HTTP/1's are judged.
pub fn judge_trailers(decoder: &mut Decoder, block: &[u8], limits: &Limits) -> Result<(), Fault> {
    let mut bytes = 0;
    decoder.decode(block, |name, value| {
        bytes += name.len() + value.len() + FIELD_BYTES;
        if bytes > limits.head_bytes {
            return Err(Fault::HeaderSize);
        }
        judge_name(name)?;
        if is_decisive(name) || OF_CONNECTIONS.iter().any(|of| of.as_bytes() == name) {
            return Err(Fault::Ambiguous("a decisive field in a trailer"));
        }
        if is_text(value) { Ok(()) } else { Err(Fault::Malformed("control character in a field value")) }
    })
}

/// A token without upper case (RFC 9113, section 8.2.1).
fn judge_name(name: &[u8]) -> Result<(), Fault> {
    match is_token(name) && !name.iter().any(u8::is_ascii_uppercase) {
        true => Ok(()),
        false => Err(Fault::Malformed("field name is not a token in lower case")),
    }
}

fn is_text(value: &[u8]) -> bool {
    !value.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
}
