use serde::{Deserialize, Serialize};

/// Media type of [`Problem`] (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Problem details (RFC 9457) with the reason code as `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub status: u16,
    pub title: String,
    /// Reason code of the contract, `no-rule` for example.
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was asked for, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Seconds, as in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// The `Proxy-Status` of our refusals (RFC 9209): `passerelle; error=ERROR; details="REASON"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    pub error: String,
    pub reason: String,
}

impl ProxyStatus {
    /// Reads our own header; anything else, another proxy's included, is `None`.
    pub fn parse(value: &str) -> Option<ProxyStatus> {
        let rest = value.strip_prefix("passerelle; error=")?;
        let (error, rest) = rest.split_once("; details=\"")?;
        let reason = rest.strip_suffix('"')?;
        let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b));
        (word(error) && word(reason)).then(|| ProxyStatus { error: error.into(), reason: reason.into() })
    }
}

impl std::fmt::Display for ProxyStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "passerelle; error={}; details=\"{}\"", self.error, self.reason)
    }
}
