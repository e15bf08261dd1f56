//! Origin and Referer: where a request says it comes from.

use crate::host::Host;
use crate::url::{split_port, split_scheme};

/// Where a request says it comes from (Origin, RFC 6454; Referer, RFC 9110). Reading never fails: `null` and what cannot be
/// read belong to no service, which is all that is asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Option<Host>);

impl Origin {
    /// Reads the value of an Origin or Referer header.
    pub fn parse(value: &str) -> Origin {
        let host = split_scheme(value).ok().and_then(|(_, rest)| {
            let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
            Host::parse(split_port(authority).ok()?.0).ok()
        });
        Origin(host)
    }

    /// `None` where the origin is opaque or unreadable.
    pub fn host(&self) -> Option<&Host> {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_cannot_be_read_is_nobody_s() {
        let host = |value: &str| Origin::parse(value).host().map(|host| host.as_str().to_owned());
        assert_eq!(host("https://a.example"), Some("a.example".to_owned()));
        assert_eq!(host("https://A.example:8443/x?y"), Some("a.example".to_owned()));
        for value in [
            "null",
            "",
            "about:client",
            "https://",
            "https://a.example, https://b.example",
            "https://u@a.example/",
        ] {
            assert_eq!(host(value), None, "{value}");
        }
    }
}
