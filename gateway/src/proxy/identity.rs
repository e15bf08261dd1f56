//! Who is asking: the terminal from its certificate, the person from the session.
//!
//! Invariants: identity comes from nowhere else (no header but `Proxy-Authorization`, which is never forwarded); a session is
//! good only on the terminal it was opened on; a revoked terminal is nobody, on a connection from before its revocation too.

use std::sync::Arc;

use data_encoding::BASE64;
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;
use jiff::Timestamp;
use passerelle_policy::Reason;

use crate::Gateway;
use crate::session::LiveSession;
use crate::terminal::{Terminal, TerminalState};

/// Terminal and person of one request.
#[derive(Clone)]
pub struct Caller {
    pub terminal: Arc<Terminal>,
    pub session: Arc<LiveSession>,
}

/// The terminal of a connection, if it is still enrolled with this certificate.
///
/// Errors: `no-terminal`.
pub fn terminal(gateway: &Gateway, connected: Option<&Arc<Terminal>>) -> Result<Arc<Terminal>, Reason> {
    connected
        .and_then(|terminal| gateway.terminals.by_fingerprint(&terminal.fingerprint))
        .filter(|terminal| terminal.state == TerminalState::Active)
        .ok_or(Reason::NoTerminal)
}

/// Who sends this proxy request.
///
/// Errors: `no-terminal`, `no-session`.
pub fn identify(
    gateway: &Gateway,
    connected: Option<&Arc<Terminal>>,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Caller, Reason> {
    let terminal = terminal(gateway, connected)?;
    let token = proxy_token(headers).ok_or(Reason::NoSession)?;
    let session = gateway.sessions.find(&token, now).ok_or(Reason::NoSession)?;
    if session.terminal != terminal.name {
        return Err(Reason::NoSession);
    }
    Ok(Caller { terminal, session })
}

/// The same caller, asked again for a later request of the same tunnel.
///
/// Errors: `no-terminal`, `no-session`.
pub fn still(gateway: &Gateway, caller: &Caller, now: Timestamp) -> Result<(), Reason> {
    terminal(gateway, Some(&caller.terminal))?;
    let ended = caller.session.ended().is_some() || caller.session.is_over(now);
    if ended { Err(Reason::NoSession) } else { Ok(()) }
}

/// `Bearer TOKEN`, or `Basic` with the token as user name (RFC 6750, RFC 7617).
fn proxy_token(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(PROXY_AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(credentials.trim().to_owned()),
        "basic" => {
            let decoded = String::from_utf8(BASE64.decode(credentials.trim().as_bytes()).ok()?).ok()?;
            Some(decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tokens_come_in_two_schemes() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("Basic YWJjOng=", Some("abc")),
            ("Basic YWJj", Some("abc")),
            ("Basic !", None),
            ("Digest abc", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(PROXY_AUTHORIZATION, value.parse().unwrap());
            assert_eq!(proxy_token(&headers).as_deref(), expected, "{value}");
        }
    }
}
