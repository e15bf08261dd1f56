//! Every reason code of the contract, with the status and the Proxy-Status error word it is told with.
//!
//! One table, so that a code cannot exist without its status. The gateway, the journal, the kiosk API and the kiosk's texts
//! all name reasons through this type; codes are never spelled elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:literal, $error:literal;)+) => {
        /// Why something was refused, or why a live exchange ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// All of them, in the order of the contract.
            pub const ALL: &[Reason] = &[$(Reason::$variant),+];

            /// The code as records, headers and problem details write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $code),+ }
            }

            /// HTTP status. For tunnel reasons and endings, which a client learns from an alert or a closed connection,
            /// the status it would have been told had there been time. `no-session` is 407 here; the kiosk API answers 401.
            pub const fn status(self) -> u16 {
                match self { $(Reason::$variant => $status),+ }
            }

            /// Error word of the Proxy-Status header (RFC 9209, section 2.3).
            pub const fn proxy_error(self) -> &'static str {
                match self { $(Reason::$variant => $error),+ }
            }
        }
    };
}

reasons! {
    /// Unreadable, or not written the one normal way.
    Malformed = "malformed", 400, "http_request_error";
    /// Two readers could understand two different things.
    Ambiguous = "ambiguous", 400, "http_request_error";
    /// The connection shows no terminal certificate.
    NoTerminal = "no-terminal", 403, "http_request_denied";
    /// No session, an ended one, or one of another terminal.
    NoSession = "no-session", 407, "http_request_denied";
    /// The person is locked.
    PersonLocked = "person-locked", 403, "http_request_denied";
    /// Staff stopped all access, or the access of one of the person's groups.
    AccessStopped = "access-stopped", 403, "http_request_denied";
    /// No rule names this host.
    NoRule = "no-rule", 403, "http_request_denied";
    /// A `[[refuse]]` names this host.
    RefusedHost = "refused-host", 403, "http_request_denied";
    /// An address in place of a name.
    AddressLiteral = "address-literal", 403, "http_request_denied";
    /// A name of the gateway itself.
    OurOwnName = "our-own-name", 403, "http_request_denied";
    /// The host is allowed, this port is not.
    Port = "port", 403, "http_request_denied";
    /// Plain http where only https is allowed.
    PlainHttp = "plain-http", 403, "http_request_denied";
    /// The path is not in the rule.
    Path = "path", 403, "http_request_denied";
    /// A query parameter is not in the rule.
    Query = "query", 403, "http_request_denied";
    /// Outside the service's hours.
    Window = "window", 403, "http_request_denied";
    /// The service's windows are closed on this date.
    ClosedDay = "closed-day", 403, "http_request_denied";
    /// The person is in none of the service's groups.
    Group = "group", 403, "http_request_denied";
    /// The minutes of the day are used.
    MinutesUsed = "minutes-used", 403, "http_request_denied";
    /// The service or the personal grant has expired.
    Expired = "expired", 403, "http_request_denied";
    /// A resource host opened as if it were a page.
    NotAPage = "not-a-page", 403, "http_request_denied";
    /// A resource asked for from outside its service.
    NotThisService = "not-this-service", 403, "http_request_denied";
    /// A WebSocket handshake that the rule does not allow.
    Websocket = "websocket", 403, "http_request_denied";
    /// Name resolution hidden in HTTPS (RFC 8484).
    DnsOverHttps = "dns-over-https", 403, "http_request_denied";
    /// A label below a wildcard that looks like carried data.
    SuspiciousName = "suspicious-name", 403, "http_request_denied";
    /// The name leads to an address that is not public.
    PrivateAddress = "private-address", 403, "destination_ip_prohibited";
    /// The method is not in the rule.
    Method = "method", 405, "http_request_denied";
    /// The upload is larger than the rule allows.
    Upload = "upload", 413, "http_request_denied";
    /// The request target is longer than [`crate::TARGET_LIMIT_BYTES`].
    TargetSize = "target-size", 414, "http_request_error";
    /// The request names another authority than the connection is for.
    Authority = "authority", 421, "http_request_denied";
    /// The request head is too large.
    HeaderSize = "header-size", 431, "http_request_error";
    /// Too many refusals or requests in a short time.
    Rate = "rate", 429, "http_request_denied";
    /// A protocol feature the gateway does not speak.
    Unsupported = "unsupported", 501, "http_request_error";
    /// The name could not be resolved.
    Dns = "dns", 502, "dns_error";
    /// The upstream could not be reached.
    Connect = "connect", 502, "connection_refused";
    /// The upstream's TLS or certificate does not hold.
    TlsUpstream = "tls-upstream", 502, "tls_certificate_error";
    /// The upstream does not speak proper HTTP.
    UpstreamProtocol = "upstream-protocol", 502, "http_protocol_error";
    /// The answer is of a type the rule does not allow.
    DownloadType = "download-type", 502, "http_request_denied";
    /// The answer is too large.
    DownloadSize = "download-size", 502, "http_response_body_size";
    /// The upstream took too long.
    Timeout = "timeout", 504, "http_response_timeout";
    /// The journal could not record, so nothing may pass.
    JournalUnavailable = "journal-unavailable", 503, "proxy_internal_error";
    /// The gateway is at one of its limits.
    Busy = "busy", 503, "proxy_internal_error";
    /// The gateway is shutting down.
    Stopping = "stopping", 503, "proxy_internal_error";
    /// Tunnel: the ClientHello names another server.
    ServerName = "server-name", 403, "http_request_denied";
    /// Tunnel: the ClientHello names no server.
    NoServerName = "no-server-name", 403, "http_request_denied";
    /// Tunnel: the ClientHello hides the server's name.
    Ech = "ech", 403, "http_request_denied";
    /// Tunnel: the first bytes are not TLS.
    NotTls = "not-tls", 403, "http_request_denied";
    /// Ending: the client went away.
    ClientGone = "client-gone", 400, "http_request_error";
    /// Ending: the upstream went away.
    UpstreamGone = "upstream-gone", 502, "connection_terminated";
    /// Ending: the person signed out.
    SignedOut = "signed-out", 407, "http_request_denied";
    /// Ending: the session expired.
    SessionExpired = "session-expired", 407, "http_request_denied";
    /// Ending: the terminal was revoked.
    TerminalRevoked = "terminal-revoked", 403, "http_request_denied";
    /// Ending: a new policy no longer allows it.
    PolicyChanged = "policy-changed", 403, "http_request_denied";
    /// Ending: nothing was sent for too long.
    Idle = "idle", 504, "http_response_timeout";
    /// Ending: a limit of time or size was reached.
    Limit = "limit", 403, "http_request_denied";
    /// Ending: the gateway crashed; written by the next start.
    Crash = "crash", 503, "proxy_internal_error";
    /// Kiosk API: wrong person or PIN.
    SignInFailed = "sign-in-failed", 401, "http_request_denied";
    /// Kiosk API: a growing delay after wrong PINs.
    TooManyTries = "too-many-tries", 429, "http_request_denied";
    /// Kiosk API: an enrolment code that is unknown, used or too old.
    InvalidCode = "invalid-code", 403, "http_request_denied";
    /// Kiosk API: a body that cannot be accepted.
    Invalid = "invalid", 422, "http_request_error";
    /// Kiosk API: no such thing.
    NotFound = "not-found", 404, "http_request_error";
}

/// The text is no reason code of the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no reason code")]
pub struct UnknownReason(pub String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Reason, UnknownReason> {
        let found = Reason::ALL.iter().find(|reason| reason.as_str() == code);
        found.copied().ok_or_else(|| UnknownReason(code.to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_code_reads_back_and_stands_once() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.as_str().parse::<Reason>().unwrap(), *reason);
            assert!(
                !Reason::ALL[..index].iter().any(|other| other.as_str() == reason.as_str()),
                "{reason} twice"
            );
        }
        assert_eq!("No-Rule".parse::<Reason>(), Err(UnknownReason("No-Rule".into())));
    }

    #[test]
    fn statuses_are_those_of_the_contract() {
        let check = |status: u16, codes: &str| {
            for code in codes.split(' ') {
                assert_eq!(code.parse::<Reason>().unwrap().status(), status, "{code}");
            }
        };
        check(400, "malformed ambiguous");
        check(401, "sign-in-failed");
        check(
            403,
            "no-terminal person-locked access-stopped no-rule refused-host address-literal our-own-name port",
        );
        check(
            403,
            "plain-http path query window closed-day group minutes-used expired not-a-page not-this-service",
        );
        check(403, "websocket dns-over-https suspicious-name private-address invalid-code");
        check(404, "not-found");
        check(405, "method");
        check(407, "no-session");
        check(413, "upload");
        check(414, "target-size");
        check(421, "authority");
        check(422, "invalid");
        check(429, "rate too-many-tries");
        check(431, "header-size");
        check(501, "unsupported");
        check(502, "dns connect tls-upstream upstream-protocol download-type download-size");
        check(503, "journal-unavailable busy stopping");
        check(504, "timeout");
        assert_eq!(Reason::PrivateAddress.proxy_error(), "destination_ip_prohibited");
    }

    #[test]
    fn serde_uses_the_code() {
        assert_eq!(serde_json::to_string(&Reason::NotAPage).unwrap(), "\"not-a-page\"");
        assert_eq!(serde_json::from_str::<Reason>("\"not-a-page\"").unwrap(), Reason::NotAPage);
    }
}
