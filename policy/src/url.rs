//! One strict reading of request targets: CONNECT authorities, absolute-form, origin-form, start URLs, Origin and Referer.
//!
//! Called by the gateway for every request head and by [`crate::parse`] for the policy file. Invariants: whatever is accepted
//! here means the same host, port and path to every URL reader of repute (tested against the `url` crate and the WHATWG test
//! data), and is forwarded exactly as it came. Nothing is normalised on the way; the [`Url::path_form`] that rules compare is
//! made beside it.

use std::fmt;

use crate::finding::Words;
use crate::host::{Host, HostError};
use crate::methods::Methods;
use crate::path::{self, PathError};
use crate::{Reason, query};

/// Longest request target in bytes; the journal keeps targets whole, and an entry has 64 KiB.
pub const TARGET_LIMIT_BYTES: usize = 8 * 1024;

/// `http` or `https`; nothing else passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// Why a target was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("reading the host: {0}")]
    Host(#[from] HostError),
    #[error("reading the path: {0}")]
    Path(#[from] PathError),
    #[error("{0}")]
    Malformed(Words),
    #[error("the request target is longer than {TARGET_LIMIT_BYTES} bytes")]
    TooLong,
}

impl TargetError {
    /// The reason code a refusal carries.
    pub fn reason(&self) -> Reason {
        match self {
            TargetError::Host(error) => error.reason(),
            TargetError::Path(_) | TargetError::Malformed(_) => Reason::Malformed,
            TargetError::TooLong => Reason::TargetSize,
        }
    }

    /// The same in French, for staff.
    pub fn french(&self) -> String {
        match self {
            TargetError::Host(error) => format!("dans l'hôte : {}", error.french()),
            TargetError::Path(error) => format!("dans le chemin : {}", error.french()),
            TargetError::Malformed(words) => words.fr.to_owned(),
            TargetError::TooLong => format!("l'adresse dépasse {TARGET_LIMIT_BYTES} octets"),
        }
    }
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `CONNECT host:port`.
    Tunnel(Authority),
    /// Any other request, absolute-form or inside an inspected tunnel.
    Http(Url),
}

impl Target {
    /// Host and port to be judged and dialled.
    pub fn authority(&self) -> &Authority {
        match self {
            Target::Tunnel(authority) => authority,
            Target::Http(url) => &url.authority,
        }
    }

    pub fn host(&self) -> &Host {
        &self.authority().host
    }

    pub fn port(&self) -> u16 {
        self.authority().port
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tunnel(authority) => authority.fmt(f),
            Target::Http(url) => url.fmt(f),
        }
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    host: Host,
    port: u16,
}

impl Authority {
    pub fn new(host: Host, port: u16) -> Authority {
        Authority { host, port }
    }

    /// Reads the target of a CONNECT (RFC 9112, section 3.2.3): the port must be there.
    pub fn parse(text: &str) -> Result<Authority, TargetError> {
        if text.len() > TARGET_LIMIT_BYTES {
            return Err(TargetError::TooLong);
        }
        let (host, port) = split_port(text)?;
        let port =
            port.ok_or(TargetError::Malformed(Words::new("CONNECT sans port", "CONNECT without a port")))?;
        Ok(Authority { host: Host::parse(host)?, port })
    }

    /// Reads a Host header or `:authority` beside a request whose scheme is known.
    pub fn parse_with_default(text: &str, scheme: Scheme) -> Result<Authority, TargetError> {
        let (host, port) = split_port(text)?;
        Ok(Authority { host: Host::parse(host)?, port: port.unwrap_or(scheme.default_port()) })
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// An http or https URL, read strictly. Without fragment and user information, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    authority: Authority,
    /// Path and query as sent; forwarded unchanged.
    path_and_query: Box<str>,
    path_length: usize,
    /// The comparison form of the path, where it differs from the path as sent.
    path_form: Option<Box<str>>,
    parameters: Box<[Box<str>]>,
}

impl Url {
    /// Reads an absolute-form request target (RFC 9112, section 3.2.2).
    pub fn parse(text: &str) -> Result<Url, TargetError> {
        if text.len() > TARGET_LIMIT_BYTES {
            return Err(TargetError::TooLong);
        }
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        let authority = Authority::parse_with_default(authority, scheme)?;
        match path_and_query.as_bytes() {
            [b'/', ..] => Url::of_origin(scheme, authority, path_and_query),
            [] => Url::of_origin(scheme, authority, "/"),
            _ => Url::of_origin(scheme, authority, &format!("/{path_and_query}")),
        }
    }

    /// Reads an origin-form request target (RFC 9112, section 3.2.1) that came for `authority`.
    pub fn of_origin(scheme: Scheme, authority: Authority, target: &str) -> Result<Url, TargetError> {
        if target.len() > TARGET_LIMIT_BYTES {
            return Err(TargetError::TooLong);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        path::check(path)?;
        let parameters = query.map(query::names).transpose()?.unwrap_or_default();
        let form = path::comparison_form(path);
        let path_form = (form != path).then(|| form.into_boxed_str());
        Ok(Url {
            scheme,
            authority,
            path_and_query: target.into(),
            path_length: path.len(),
            path_form,
            parameters,
        })
    }

    /// Reads a URL as staff and tools write it: as [`Url::parse`], but an international host and a non-ASCII path are
    /// converted and a fragment is left out.
    pub fn parse_written(text: &str) -> Result<Url, TargetError> {
        let text = text.split('#').next().unwrap_or(text);
        let (scheme, rest) = split_scheme(text)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        let (host, port) = split_port(authority)?;
        let host = Host::parse_written(host)?;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path_and_query = path::encode_non_ascii(path_and_query);
        Url::parse(&format!("{}://{host}{port}{path_and_query}", scheme.as_str()))
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    pub fn host(&self) -> &Host {
        &self.authority.host
    }

    pub fn port(&self) -> u16 {
        self.authority.port
    }

    /// The path as sent, from its first slash.
    pub fn path(&self) -> &str {
        &self.path_and_query[..self.path_length]
    }

    /// The query as sent, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.path_and_query[self.path_length..].strip_prefix('?')
    }

    /// What is forwarded: origin-form, byte for byte as sent.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The path as rules compare it: hex upper-cased, escapes of unreserved characters decoded (RFC 3986, section 6.2.2).
    pub fn path_form(&self) -> &str {
        self.path_form.as_deref().unwrap_or(self.path())
    }

    /// Decoded names of the query parameters, in order.
    pub fn parameters(&self) -> &[Box<str>] {
        &self.parameters
    }

    /// Methods that the query asks a server to take this request for; `None` in daily life, without a look at any value.
    pub(crate) fn methods_asked_for(&self) -> Option<impl Iterator<Item = String>> {
        self.parameters.iter().any(|name| query::overrides_method(name)).then(|| {
            let pairs = query::pairs(self.query().unwrap_or_default());
            let pairs = pairs.map(|(name, value)| (name.decode_utf8_lossy(), value.decode_utf8_lossy()));
            let asked = pairs.filter(|(name, _)| query::overrides_method(name));
            asked.map(|(_, value)| value.trim().to_ascii_uppercase()).filter(|value| is_method(value))
        })
    }

    /// `https://host` with the port where it is not the scheme's own.
    pub fn origin(&self) -> String {
        let (scheme, host) = (self.scheme.as_str(), &self.authority.host);
        match self.authority.port {
            port if port == self.scheme.default_port() => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        }
    }

    /// The URL as records keep it: names of query parameters without their values (`?page&q`), which carry one-time links.
    pub fn without_query_values(&self) -> String {
        let mut url = self.origin() + self.path();
        if let Some(query) = self.query() {
            let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
            url.push('?');
            url.push_str(&names.collect::<Vec<_>>().join("&"));
        }
        url
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path_and_query)
    }
}

/// A word that a server could take for a method; a payment's `_method=visa` is none.
fn is_method(value: &str) -> bool {
    Methods::of(value).is_some() || matches!(value, "TRACE" | "CONNECT" | "LINK" | "UNLINK" | "PURGE")
}

pub(crate) fn split_scheme(text: &str) -> Result<(Scheme, &str), TargetError> {
    let (scheme, rest) = text.split_once("://").ok_or(TargetError::Malformed(Words::new(
        "ni http:// ni https:// devant",
        "no http:// or https:// in front",
    )))?;
    match scheme {
        s if s.eq_ignore_ascii_case("https") => Ok((Scheme::Https, rest)),
        s if s.eq_ignore_ascii_case("http") => Ok((Scheme::Http, rest)),
        _ => Err(TargetError::Malformed(Words::new(
            "un autre protocole que http et https",
            "a scheme other than http and https",
        ))),
    }
}

/// Splits `host:port`; the port is canonical: 1 to 65535, no sign, no leading zero.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<u16>), TargetError> {
    if authority.contains('@') {
        return Err(TargetError::Malformed(Words::new(
            "un nom d'utilisateur devant l'hôte",
            "user information before the host",
        )));
    }
    let after_brackets = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[after_brackets..].find(':').map(|at| at + after_brackets) else {
        return Ok((authority, None));
    };
    let (host, digits) = (&authority[..colon], &authority[colon + 1..]);
    let canonical = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if canonical => Ok((host, Some(port))),
        _ => Err(TargetError::Malformed(Words::new(
            "un port est un nombre de 1 à 65535, sans zéro devant",
            "a port is a number from 1 to 65535 without leading zeros",
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_kept_as_sent_and_compared_in_its_form() {
        let url = Url::parse("HTTPS://A.Example/caf%c3%a9/%7Ex;j=1?q=%e9&page").unwrap();
        assert_eq!(url.path(), "/caf%c3%a9/%7Ex;j=1");
        assert_eq!(url.path_form(), "/caf%C3%A9/~x;j=1");
        assert_eq!(url.path_and_query(), "/caf%c3%a9/%7Ex;j=1?q=%e9&page");
        assert_eq!(url.origin(), "https://a.example");
        assert_eq!(Url::parse("http://a.example:8080/").unwrap().origin(), "http://a.example:8080");
        assert_eq!(url.to_string(), "https://a.example/caf%c3%a9/%7Ex;j=1?q=%e9&page");
    }

    #[test]
    fn records_keep_names_and_no_values() {
        let check =
            |url: &str, expected: &str| assert_eq!(Url::parse(url).unwrap().without_query_values(), expected);
        check("https://a.example/x?page=2&q=secret", "https://a.example/x?page&q");
        check("https://a.example:8443/?token=a=b;c=d", "https://a.example:8443/?token");
        check("https://a.example", "https://a.example/");
        check("https://a.example/?", "https://a.example/?");
    }

    #[test]
    fn targets_have_a_limit() {
        let path = format!("/{}", "a".repeat(TARGET_LIMIT_BYTES - 1));
        let authority = || Authority::parse("a.example:443").unwrap();
        assert!(Url::of_origin(Scheme::Https, authority(), &path).is_ok());
        assert_eq!(
            Url::of_origin(Scheme::Https, authority(), &format!("{path}a")),
            Err(TargetError::TooLong)
        );
        let long = Authority::parse(&path.replace('/', "a"));
        assert_eq!(long.unwrap_err().reason(), Reason::Malformed);
        assert_eq!(Url::parse(&format!("https://a.example{path}")).unwrap_err().reason(), Reason::TargetSize);
    }

    #[test]
    fn only_origin_form_follows_an_authority() {
        let read =
            |target: &str| Url::of_origin(Scheme::Https, Authority::parse("a.example:443").unwrap(), target);
        for target in ["", "*", "x", "https://b.example/", "?q", "\\", "#"] {
            assert_eq!(read(target).unwrap_err().reason(), Reason::Malformed, "{target}");
        }
    }

    #[test]
    fn written_urls_may_be_international() {
        let url = Url::parse_written("https://bücher.example:8443/café?q=é#part").unwrap();
        assert_eq!(url.to_string(), "https://xn--bcher-kva.example:8443/caf%C3%A9?q=%C3%A9");
    }
}
