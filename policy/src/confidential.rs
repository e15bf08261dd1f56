//! What must not even be named: hosts of confidential services in texts that no rule has judged.
//!
//! Called before something is recorded that may be anything, a target that could not be read or a Referer. Errs on the side of
//! silence: a host that merely ends like a confidential one is left out too.

use crate::Policy;
use crate::rule::HostPattern;

impl Policy {
    /// Whether `text` names a host of a confidential service, in any case and anywhere.
    pub fn names_confidential(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let confidential = self.services.iter().filter(|service| service.confidential);
        confidential.flat_map(|service| service.rules()).flat_map(|rule| rule.hosts()).any(|pattern| {
            let (HostPattern::Exact(host) | HostPattern::Below(host)) = pattern;
            names(&text, host.as_str())
        })
    }
}

/// `host` in `text`, not as a part of a longer label.
fn names(text: &str, host: &str) -> bool {
    let in_label = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    text.match_indices(host).any(|(start, _)| {
        let before = text.as_bytes()[..start].last();
        let after = text.as_bytes().get(start + host.len());
        !before.is_some_and(in_label) && !after.is_some_and(in_label)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_host_is_found_wherever_it_stands() {
        for (text, expected) in [
            ("law.test:443", true),
            ("law.test.:443", true),
            ("https://www.law.test/dossier/77?x", true),
            ("/?next=https://law.test/", true),
            ("law.test", true),
            ("outlaw.test", false),
            ("law.testing", false),
            ("law-test", false),
            ("", false),
        ] {
            assert_eq!(names(text, "law.test"), expected, "{text}");
        }
    }
}
