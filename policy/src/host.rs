//! One strict reading of host names, for the wire and for the policy file.
//!
//! Called by [`crate::url`] for every request and by [`crate::parse`] for every rule. Invariants: a [`Host`] is lower-case
//! ASCII, has at least two labels, is no address, and every URL reader of repute reads it as the same host. What is not
//! written the one normal way is refused, never repaired; only upper case is folded (RFC 4343).

use std::fmt;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::Reason;
use crate::finding::Words;

/// Longest name and label in octets (RFC 1035, section 2.3.4; the trailing dot is not ours).
const NAME_LIMIT_OCTETS: usize = 253;
const LABEL_LIMIT_OCTETS: usize = 63;

/// A host name in its only form: lower-case, A-labels (RFC 5890), two labels or more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

/// Why a host was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a name; the words say why.
    #[error("{0}")]
    Malformed(Words),
    /// A canonical IPv4 address or a bracketed IPv6 address.
    #[error("an address, not a name")]
    AddressLiteral,
    /// `localhost` and names below it: always this machine (RFC 6761, section 6.3).
    #[error("a name of this machine")]
    ThisMachine,
}

impl HostError {
    /// The reason code a refusal carries.
    pub fn reason(&self) -> Reason {
        match self {
            HostError::Malformed(_) => Reason::Malformed,
            HostError::AddressLiteral => Reason::AddressLiteral,
            HostError::ThisMachine => Reason::OurOwnName,
        }
    }

    /// The same in French, for the staff who write policies.
    pub const fn french(&self) -> &'static str {
        match self {
            HostError::Malformed(words) => words.fr,
            HostError::AddressLiteral => "une adresse, pas un nom",
            HostError::ThisMachine => "un nom de cette machine",
        }
    }
}

impl Host {
    /// Reads a host from the wire: ASCII only.
    pub fn parse(text: &str) -> Result<Host, HostError> {
        refuse_literals(text)?;
        let name = text.to_ascii_lowercase();
        check_name(&name)?;
        Ok(Host(name.into_boxed_str()))
    }

    /// Reads a host as staff write it: as [`Host::parse`], and U-labels are converted to A-labels (UTS 46).
    pub fn parse_written(text: &str) -> Result<Host, HostError> {
        if text.is_ascii() {
            return Host::parse(text);
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::URL, Hyphens::Check, DnsLength::Verify)
            .map_err(|_| {
                HostError::Malformed(Words::new(
                    "pas un nom international valable",
                    "not a valid international name",
                ))
            })?;
        Host::parse(&ascii)
    }

    /// The name as DNS and TLS write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Some label has an underscore: such a host passes only where a rule names it literally.
    pub fn has_underscore(&self) -> bool {
        self.0.contains('_')
    }

    /// `ITEM` of `ITEM-passerelle.internal`, the origin of a catalogue item.
    pub fn item(&self) -> Option<&str> {
        let item = self.0.strip_suffix("-passerelle.internal")?;
        (!item.is_empty() && !item.contains('.')).then_some(item)
    }

    /// Ours whatever the configuration: `passerelle.internal`, what is below it, and the origins of items.
    pub fn is_internal(&self) -> bool {
        self.0
            .strip_suffix("passerelle.internal")
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-']))
    }

    /// The names above this one, nearest first: `b.c`, `c` for `a.b.c`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('.').map(|(dot, _)| &self.0[dot + 1..])
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Addresses are told apart from bad names: a person who types one deserves the true reason.
fn refuse_literals(text: &str) -> Result<(), HostError> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or("");
        return match inner.parse::<Ipv6Addr>() {
            Ok(_) => Err(HostError::AddressLiteral),
            Err(_) => Err(HostError::Malformed(Words::new(
                "les crochets ne tiennent qu'une adresse IPv6",
                "brackets hold an IPv6 address and nothing else",
            ))),
        };
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Err(HostError::AddressLiteral);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), HostError> {
    let malformed = |why| Err(HostError::Malformed(why));
    if name.is_empty() {
        return malformed(Words::new("pas d'hôte", "no host"));
    }
    if name.len() > NAME_LIMIT_OCTETS {
        return malformed(Words::new("un nom de plus de 253 octets", "a name longer than 253 octets"));
    }
    for label in name.split('.') {
        check_label(label)?;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if reads_as_number(last) {
        return malformed(Words::new(
            "un nombre là où un nom devrait finir",
            "a number where a name should end",
        ));
    }
    if last == "localhost" {
        return Err(HostError::ThisMachine);
    }
    if !name.contains('.') {
        return malformed(Words::new("un nom d'une seule partie", "a name of one label"));
    }
    if name.split('.').any(|label| label.starts_with("xn--")) {
        check_a_labels(name)?;
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), HostError> {
    let why = match label.as_bytes() {
        [] => Words::new("une partie vide, ou un point final", "an empty label, or a dot at the end"),
        bytes if bytes.len() > LABEL_LIMIT_OCTETS => {
            Words::new("une partie de plus de 63 octets", "a label longer than 63 octets")
        }
        bytes if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(b)) => {
            Words::new("un caractère qu'aucun nom d'hôte n'a", "a character that no host name has")
        }
        [b'-', ..] | [.., b'-'] => Words::new(
            "une partie qui commence ou finit par un tiret",
            "a label that begins or ends with a hyphen",
        ),
        _ => return Ok(()),
    };
    Err(HostError::Malformed(why))
}

/// WHATWG readers take a host whose last label is a number for an IPv4 address (`0177.0.0.1`, `127.1`, `0x7f.1`).
fn reads_as_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// A-labels must decode to something that encodes back to them (RFC 5891, section 5.4).
fn check_a_labels(name: &str) -> Result<(), HostError> {
    match Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Verify) {
        Ok(ascii) if ascii == name => Ok(()),
        _ => Err(HostError::Malformed(Words::new(
            "une partie xn-- qui ne vaut aucun nom international",
            "an xn-- label that stands for no international name",
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_end_at_253_octets_and_labels_at_63() {
        let name = |octets: usize| format!("{}.fr", &"abcdefgh.".repeat(30)[..octets - 3]);
        assert_eq!(Host::parse(&name(253)).unwrap().as_str().len(), 253);
        assert_eq!(Host::parse(&name(254)).unwrap_err().reason(), Reason::Malformed);
        let label = |octets: usize| Host::parse(&format!("{}.fr", "a".repeat(octets)));
        assert!(label(63).is_ok() && label(64).is_err());
    }

    #[test]
    fn parents_are_by_labels() {
        assert_eq!(Host::parse("a.b.fr").unwrap().parents().collect::<Vec<_>>(), ["b.fr", "fr"]);
    }

    #[test]
    fn internal_names_are_told_from_look_alikes() {
        let check = |text: &str, item: Option<&str>, internal: bool| {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.item(), host.is_internal()), (item, internal), "{text}");
        };
        check("lesson-passerelle.internal", Some("lesson"), true);
        check("a.lesson-passerelle.internal", None, true);
        check("passerelle.internal", None, true);
        check("notpasserelle.internal", None, false);
        check("passerelle.internal.fr", None, false);
    }
}
