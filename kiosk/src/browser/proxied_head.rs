//! Reads the head of what Chromium asks its proxy; pure, strict and minimal. Used by [`super::relay`].
//!
//! The gateway judges; here a head is only read far enough to set our own `Proxy-Authorization` and to know for whom a
//! refusal is. What is not plainly one of the two forms of RFC 9112 §3.2 (CONNECT's authority, absolute) is an error.

/// Bytes a head may have, as at the gateway.
pub const HEAD_LIMIT_BYTES: usize = 64 << 10;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("the head is longer than {HEAD_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("the head is malformed: {0}")]
    Malformed(&'static str),
}

/// One request to the proxy.
#[derive(Debug, PartialEq, Eq)]
pub struct ProxiedHead {
    /// `host:port` asked for, in lower case.
    pub authority: String,
    pub kind: Kind,
    /// Bytes of the head itself; what follows is body.
    pub length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Tunnel,
    /// The request line and the fields to forward, without any that concern the proxy connection.
    Absolute {
        line: String,
        fields: Vec<String>,
    },
}

impl ProxiedHead {
    /// `None`: not complete yet.
    pub fn parse(bytes: &[u8]) -> Result<Option<ProxiedHead>, HeadError> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() < HEAD_LIMIT_BYTES { Ok(None) } else { Err(HeadError::TooLong) };
        };
        if end + 4 > HEAD_LIMIT_BYTES {
            return Err(HeadError::TooLong);
        }
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| HeadError::Malformed("not text"))?;
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
        let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(HeadError::Malformed("request line"));
        };
        if !is_token(method) || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HeadError::Malformed("request line"));
        }
        let (authority, kind) = if method == "CONNECT" {
            (authority(target, None)?, Kind::Tunnel)
        } else {
            let rest =
                target.strip_prefix("http://").ok_or(HeadError::Malformed("not an absolute http target"))?;
            let name = rest.split(['/', '?']).next().unwrap_or_default();
            let kept = fields.iter().filter(|(name, _)| !is_for_the_proxy(name));
            let fields = kept.map(|(name, value)| format!("{name}:{value}")).collect();
            (authority(name, Some(80))?, Kind::Absolute { line: line.to_owned(), fields })
        };
        Ok(Some(ProxiedHead { authority, kind, length: end + 4 }))
    }

    /// What the gateway gets: the same question, asked in the name of the session.
    pub fn for_gateway(&self, token: &str) -> String {
        match &self.kind {
            Kind::Tunnel => format!(
                "CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nProxy-Authorization: Bearer {token}\r\n\r\n",
                self.authority
            ),
            Kind::Absolute { line, fields } => {
                let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
                format!("{line}\r\n{fields}Proxy-Authorization: Bearer {token}\r\nConnection: close\r\n\r\n")
            }
        }
    }
}

fn field(line: &str) -> Result<(&str, &str), HeadError> {
    let (name, value) = line.split_once(':').ok_or(HeadError::Malformed("a field without colon"))?;
    let plain = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    if !is_token(name) || !value.bytes().all(plain) {
        return Err(HeadError::Malformed("a field"));
    }
    Ok((name, value))
}

/// A token of RFC 9110 §5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_for_the_proxy(name: &str) -> bool {
    ["proxy-authorization", "proxy-connection", "connection", "keep-alive"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

fn authority(text: &str, default_port: Option<u16>) -> Result<String, HeadError> {
    const BAD: HeadError = HeadError::Malformed("authority");
    let (host, port) = match (text.rsplit_once(':'), default_port) {
        (Some((host, port)), _) if !port.ends_with(']') => {
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            (host, digits.then(|| port.parse::<u16>().ok()).flatten().ok_or(BAD)?)
        }
        (_, Some(port)) => (text, port),
        _ => return Err(BAD),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if host.is_empty() || !host.bytes().all(allowed) {
        return Err(BAD);
    }
    Ok(format!("{}:{port}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let check = |head: &str, authority: &str, sent: &str| {
            let parsed = ProxiedHead::parse(head.as_bytes()).unwrap().unwrap();
            assert_eq!((parsed.authority.as_str(), parsed.length), (authority, head.len()));
            assert_eq!(parsed.for_gateway("T"), sent);
        };
        check(
            "CONNECT A.example:443 HTTP/1.1\r\nHost: a.example:443\r\nProxy-Authorization: Basic eA==\r\n\r\n",
            "a.example:443",
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nProxy-Authorization: Bearer T\r\n\r\n",
        );
        check(
            "GET http://a.example/p?q HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\nproxy-authorization: Basic eA==\r\nAccept: */*\r\n\r\n",
            "a.example:80",
            "GET http://a.example/p?q HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nProxy-Authorization: Bearer T\r\nConnection: close\r\n\r\n",
        );
        check(
            "GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
            "[::1]:80",
            "GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\nProxy-Authorization: Bearer T\r\nConnection: close\r\n\r\n",
        );
    }

    #[test]
    fn anything_else_is_an_error() {
        let check = |head: &str, why: &'static str| {
            assert_eq!(ProxiedHead::parse(head.as_bytes()), Err(HeadError::Malformed(why)), "{head:?}");
        };
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "not an absolute http target");
        check("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "not an absolute http target");
        check("CONNECT a HTTP/1.1\r\n\r\n", "authority");
        check("CONNECT a:+443 HTTP/1.1\r\n\r\n", "authority");
        check("CONNECT a:70000 HTTP/1.1\r\n\r\n", "authority");
        check("CONNECT a@b:443 HTTP/1.1\r\n\r\n", "authority");
        check("CONNECT a:443 HTTP/1.0\r\n\r\n", "request line");
        check("CONNECT  a:443 HTTP/1.1\r\n\r\n", "request line");
        check("CONNECT a:443 HTTP/1.1\r\nHost : a\r\n\r\n", "a field");
        check("CONNECT a:443 HTTP/1.1\r\nX: a\nProxy-Authorization: b\r\n\r\n", "a field");
        check("CONNECT a:443 HTTP/1.1\r\n folded\r\n\r\n", "a field without colon");
    }

    #[test]
    fn a_head_without_end_is_an_error() {
        assert_eq!(ProxiedHead::parse(&[b'a'; 100]), Ok(None));
        assert_eq!(ProxiedHead::parse(&vec![b'a'; HEAD_LIMIT_BYTES]), Err(HeadError::TooLong));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = ProxiedHead::parse(&bytes);
        }

        #[test]
        fn what_goes_to_the_gateway_has_one_authorisation_only(name in "(?i)proxy-authorization", value in "[ -~]{0,20}") {
            let head = format!("GET http://a/ HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\n\r\n");
            let sent = ProxiedHead::parse(head.as_bytes()).unwrap().unwrap().for_gateway("T");
            prop_assert_eq!(sent.to_ascii_lowercase().matches("proxy-authorization").count(), 1);
            prop_assert!(sent.contains("Proxy-Authorization: Bearer T\r\n"));
        }
    }
}
