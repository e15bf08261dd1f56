//! Names and queries that carry data: labels below a wildcard that look encoded, queries longer than any step needs, and name
//! resolution hidden in HTTPS.
//!
//! Under `*.allowed.example` whoever runs `allowed.example` reads every name that is resolved. A person's step never needs
//! such names, so the thresholds lean to refusing; an exact host in a rule is never judged here. Slow leaks through many
//! plausible names are beyond a pure function: they are the journal's to count.

use crate::access::Request;
use crate::host::Host;
use crate::query;
use crate::url::Target;

/// Longest label below a wildcard. The longest real ones seen name a thing, a region and a stage.
const LABEL_LIMIT: usize = 40;
/// All labels below the wildcard together: more is a message, not a name.
const PREFIX_LIMIT: usize = 80;
/// Shorter runs between hyphens are not judged: `d3kq1t8vab` is an ordinary name at a content network.
const RUN_MINIMUM: usize = 16;
/// Changes between letter and digit from which a long run reads as base32 or hexadecimal.
const CHANGES_LIMIT: usize = 4;
/// A long run of letters with fewer vowels than one in so many is no word of any language written here.
const LETTERS_PER_VOWEL: usize = 5;

/// `prefix` is what stands before the base of the wildcard, without the dot between.
pub fn looks_like_data(prefix: &str) -> bool {
    prefix.len() > PREFIX_LIMIT
        || prefix.split('.').any(|label| label.len() > LABEL_LIMIT || label.split('-').any(is_encoded))
}

fn is_encoded(run: &str) -> bool {
    if run.len() < RUN_MINIMUM {
        return false;
    }
    let bytes = run.as_bytes();
    let changes =
        bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let vowels = bytes.iter().filter(|byte| b"aeiouy".contains(byte)).count();
    changes >= CHANGES_LIMIT || vowels * LETTERS_PER_VOWEL < bytes.len()
}

/// Longest query where a rule names no parameters: sign-in services hand a signed request on in some 1,500 bytes, search pages
/// need a tenth of that. A rule that names its parameters says what they are for.
const QUERY_LIMIT: usize = 2048;

pub fn is_message(query: &str) -> bool {
    query.len() > QUERY_LIMIT
}

/// Public resolvers that answer DNS over HTTPS; names below them too.
const RESOLVERS: &[&str] = &[
    "cloudflare-dns.com",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.google",
    "dns.nextdns.io",
    "dns.quad9.net",
    "dns.sb",
    "dns.switch.ch",
    "dns0.eu",
    "doh.cleanbrowsing.org",
    "doh.dns.sb",
    "doh.libredns.gr",
    "doh.mullvad.net",
    "doh.opendns.com",
    "doh.pub",
    "dns.mullvad.net",
    "freedns.controld.com",
    "joindns4.eu",
    "one.one.one.one",
];

/// Shortest DNS question in base64url: a header of 12 bytes and a question of 5.
const QUESTION_MINIMUM: usize = 23;

/// RFC 8484 and its kin, on whatever host: by media type, by path, by a `dns` parameter that holds a message, by resolver.
pub fn is_dns_over_https(target: &Target, request: &Request<'_>) -> bool {
    if is_resolver(target.host()) {
        return true;
    }
    let Target::Http(url) = target else { return false };
    let dns_media = |value: Option<&str>| value.is_some_and(names_dns_message);
    dns_media(request.content_type)
        || dns_media(request.accept)
        || url.path_form().split(['/', ';']).any(|part| part.eq_ignore_ascii_case("dns-query"))
        || url.query().is_some_and(|query| {
            query::pairs(query).any(|(name, value)| *name == *"dns" && is_question(&value))
        })
}

fn is_resolver(host: &Host) -> bool {
    std::iter::once(host.as_str()).chain(host.parents()).any(|name| RESOLVERS.contains(&name))
}

fn names_dns_message(value: &str) -> bool {
    const TYPES: [&str; 3] =
        ["application/dns-message", "application/dns-json", "application/oblivious-dns-message"];
    let types = value.split(',').filter_map(|part| part.split(';').next()).map(str::trim);
    types.into_iter().any(|media| TYPES.iter().any(|dns| media.eq_ignore_ascii_case(dns)))
}

/// Longest question: a header, a name, its type and class, and an EDNS record with its padding (RFC 8467).
const MESSAGE_LIMIT: usize = 512;

/// The whole of `body` is a DNS query (RFC 1035, section 4), under whatever media type.
pub fn is_dns_message(body: &[u8]) -> bool {
    let Some((header, mut rest)) = body.split_at_checked(12).filter(|_| body.len() <= MESSAGE_LIMIT) else {
        return false;
    };
    // A query in opcode 0 with one question, no answer, no authority and at most EDNS beside it.
    let is_query = header[2] & 0xf8 == 0 && header[3] & 0x8f == 0 && header[4..11] == [0, 1, 0, 0, 0, 0, 0];
    while let [length @ 1..=63, name @ ..] = rest {
        let Some(after) = name.get(usize::from(*length)..) else { return false };
        rest = after;
    }
    // The root, a type, and the class of the Internet; then nothing, or the record that was announced.
    match rest {
        [0, _, _, 0, 1, more @ ..] => is_query && header[11] <= 1 && (header[11] == 1) != more.is_empty(),
        _ => false,
    }
}

/// Base64url, or the plain base64 that some servers take too.
fn is_question(value: &str) -> bool {
    value.len() >= QUESTION_MINIMUM
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass_and_carried_data_does_not() {
        let check = |prefix: &str, expected: bool| assert_eq!(looks_like_data(prefix), expected, "{prefix}");
        check("www", false);
        check("course-assets-eu-west-3", false);
        check("administration-etrangers-en-france", false);
        check("labonnealternance.apprentissage", false);
        check("authentification-candidat", false);
        check("d3kq1t8vab", false);
        check("r3---sn-25ge7nzr", false);
        check("plateformedelinclusion", false);
        check("s3-eu-west-3.prod2.v12", false);
        check("mfrggzdfmztwq2lknnwg23tpobyxe43u", true);
        check("48656c6c6f20776f726c64", true);
        check("gezdgnbvgy3tqojqgezdgnbv", true);
        check("xvbnmqwrtpsdfghjklzx", true);
        check(&"a".repeat(41), true);
        check(&["abcdefghi"; 9].join("."), true);
    }

    #[test]
    fn questions_are_known_by_their_bytes() {
        let question =
            |tail: &[u8]| [b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07exemple\x02fr\0", tail].concat();
        let mut extended = question(&[0, 1, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
        assert!(is_dns_message(&question(&[0, 1, 0, 1])) && !is_dns_message(&extended));
        extended[11] = 1;
        assert!(is_dns_message(&extended));
        for other in [
            &b""[..],
            b"nom=exemple&prenom=camille",
            b"{\"dns\": true}",
            &question(&[]),
            &question(&[0, 1, 0, 3]),
            &question(&[0, 1, 0, 1, 9]),
            &[0; 600],
        ] {
            assert!(!is_dns_message(other), "{}", other.escape_ascii());
        }
    }
}
