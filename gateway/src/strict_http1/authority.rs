//! `host[:port]` as it stands in `Host`, `:authority`, CONNECT and absolute-form targets (RFC 3986, section
//! 3.2): shape only. Which hosts may be spoken to, and which spellings name one, is the policy's affair.

use std::net::Ipv6Addr;

use super::Fault;

/// An authority without user information, borrowed from the wire.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    /// As sent, an IPv6 address in its brackets.
    pub host: &'a str,
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Refuses user information, escapes, anything that is not ASCII, brackets around anything but an IPv6
    /// address, and ports that are empty, zero, signed or too large.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::Malformed("authority is not ASCII"))?;
        if text.contains('@') {
            return Err(Fault::Malformed("user information in the authority"));
        }
        let (host, port) = if text.starts_with('[') {
            let end = text.find(']').ok_or(Fault::Malformed("bracket left open"))? + 1;
            let (host, rest) = text.split_at(end);
            if host[1..end - 1].parse::<Ipv6Addr>().is_err() {
                return Err(Fault::Malformed("brackets around something else than an IPv6 address"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(Fault::Malformed("text after the bracket")),
            }
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || (!host.starts_with('[') && !host.bytes().all(is_name)) {
            return Err(Fault::Malformed("not a host name"));
        }
        Ok(Self { host, port: port.map(parse_port).transpose()? })
    }

    /// Whether both name one place, case and the default port folded (RFC 9110, section 4.2.3).
    pub fn same(&self, other: &Self, default_port: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

fn parse_port(digits: &str) -> Result<u16, Fault> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(port) if plain && port != 0 => Ok(port),
        _ => Err(Fault::Malformed("not a port")),
    }
}
