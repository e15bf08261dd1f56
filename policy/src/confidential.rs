//! What must not even be named: hosts of confidential services in texts that no rule has judged.
//!
//! Called before something is recorded that may be anything, a target that could not be read or a Referer. Errs on the side of
//! silence: a host that merely ends like a confidential one is left out too.

use crate::Policy;
use crate::rule::Service;

/// Longest host in bytes (RFC 1035, section 2.3.4).
const HOST_LIMIT_BYTES: usize = 253;

impl Policy {
    /// Whether `text` names a host of a confidential service, in any case and anywhere. It costs what the text has names, however
    /// many hosts there are.
    pub fn names_confidential(&self, text: &str) -> bool {
        if self.confidential_pieces == 0 {
            return false;
        }
        let text = text.to_ascii_lowercase();
        names(&text, self.confidential_pieces).any(|name| {
            let named =
                [false, true].into_iter().flat_map(|is_wildcard| self.rules.values(name, is_wildcard));
            named.into_iter().any(|at| self.services[at.service].confidential)
        })
    }
}

/// The most [`names`] need look at from one start to meet every host of a confidential service; 0 without such a service.
pub(crate) fn pieces(services: &[Service]) -> usize {
    let rules = services.iter().filter(|service| service.confidential).flat_map(Service::rules);
    let hosts = rules.flat_map(|rule| rule.hosts().iter());
    hosts
        .map(|pattern| 1 + pattern.name().bytes().filter(|byte| !is_in_label(*byte)).count())
        .max()
        .unwrap_or(0)
}

/// Everything in `text` that may be a host and is no part of a longer label, of at most so many pieces: what stands between
/// dots, underscores and the rest.
fn names(text: &str, pieces: usize) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let may_be_in_host = |byte: u8| is_in_label(byte) || byte == b'.' || byte == b'_';
    let starts = (0..bytes.len()).filter(move |start| *start == 0 || !is_in_label(bytes[start - 1]));
    starts.flat_map(move |start| {
        let longest = bytes.len().min(start + HOST_LIMIT_BYTES);
        let inside = (start + 1..=longest).take_while(move |end| may_be_in_host(bytes[end - 1]));
        let ends = inside.filter(move |end| bytes.get(*end).is_none_or(|after| !is_in_label(*after)));
        ends.take(pieces).map(move |end| &text[start..end])
    })
}

fn is_in_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_is_found_wherever_it_stands() {
        let service = |hosts: &str| {
            format!(
                "[[service]]\nid = \"s\"\ncategory = \"training\"\nconfidential = true\n\
                 [[service.rule]]\nmode = \"tunnel\"\nhosts = [{hosts}]\n"
            )
        };
        let policy = |hosts: &str| Policy::parse(&format!("version = 1\n{}", service(hosts))).unwrap().policy;
        for (text, expected) in [
            ("law.test:443", true),
            ("law.test.:443", true),
            ("https://www.law.test/dossier/77?x", true),
            ("/?next=https://LAW.test/", true),
            ("law.test", true),
            ("é_law.test", true),
            ("outlaw.test", false),
            ("law.testing", false),
            ("law-test", false),
            ("law", false),
            ("", false),
        ] {
            for hosts in ["\"law.test\"", "\"*.law.test\"", "\"law.test\", \"_x.y.z.bar.test\""] {
                assert_eq!(policy(hosts).names_confidential(text), expected, "{hosts} {text}");
            }
        }
        let policy = policy("\"_x.law.test\", \"a_b.law.test\"");
        for (text, expected) in
            [("._x.law.test", true), ("y_x.law.test", false), ("a_b.law.test", true), ("b.law.test", false)]
        {
            assert_eq!(policy.names_confidential(text), expected, "{text}");
        }
    }
}
