//! Host patterns as staff write them, with a mend for each way to write them wrong.

use super::fields::Fields;
use super::source::Rest;
use super::{Notes, Place};
use crate::finding::{Text, text};
use crate::host::{Host, HostError};
use crate::hosts::{HostList, Packing};
use crate::rule::HostPattern;

/// The `hosts` of a rule or a refusal, and the place of each.
pub(super) fn read_hosts(fields: &Fields<'_>, notes: &mut Notes<'_>) -> (HostList, Vec<Place>) {
    if !fields.has("hosts") {
        notes.missing(
            fields.at.clone(),
            text!("hosts manque", "hosts is missing"),
            text!("écrire hosts = [\"www.exemple.fr\"]", "write hosts = [\"www.example.fr\"]"),
        );
    }
    fields.refuse_empty("hosts", notes);
    let source = notes.source();
    let first = fields.strings("hosts", notes).unwrap_or_default();
    let rest = first.last().and_then(|(_, span)| source.rest_behind(span.end));
    let size = rest.as_ref().map(Rest::size).unwrap_or_default();
    let count = size.count + first.len();
    let bytes = size.bytes + first.iter().map(|(written, _)| written.len()).sum::<usize>();
    let mut hosts = Packing::with_room(count, bytes);
    let mut places = Vec::with_capacity(count);
    let first = first.into_iter().map(|(written, span)| (written, source.place(span.start)));
    for (written, at) in first.chain(rest.into_iter().flatten()) {
        match pack(written, &mut hosts) {
            Ok(()) => places.push(at),
            Err((what, mend)) => notes.error_at(at, what, mend),
        }
    }
    (hosts.finish(), places)
}

fn pack(written: &str, hosts: &mut Packing) -> Result<(), (Text, Text)> {
    let base = written.strip_prefix("*.");
    let name = base.unwrap_or(written);
    if is_plain(name) {
        hosts.push(name, base.is_some());
        return Ok(());
    }
    match read_pattern(written)? {
        HostPattern::Exact(host) => hosts.push(host.as_str(), false),
        HostPattern::Below(base) => hosts.push(base.as_str(), true),
    }
    Ok(())
}

/// True only for names that are a [`Host`] just as they are written, and none of ours: nearly all of a long list.
fn is_plain(name: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let good = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(good)
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-'
            && !label.starts_with("xn--")
    };
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    // No number, and neither `localhost` nor `internal`.
    name.len() <= 253
        && last.bytes().all(|byte| byte.is_ascii_lowercase())
        && !["localhost", "internal"].contains(&last)
        && name.split('.').all(is_label)
}

fn read_pattern(written: &str) -> Result<HostPattern, (Text, Text)> {
    if let Some(base) = written.strip_prefix("*.")
        && !base.contains('*')
    {
        return match Host::parse_written(base) {
            Ok(base) if base.is_internal() => Err(ours(written)),
            Ok(base) => Ok(HostPattern::Below(base)),
            Err(_) if !base.contains('.') && !base.is_empty() => Err((
                text!(
                    "{written} ouvre tout un domaine de premier niveau",
                    "{written} opens a whole top-level domain"
                ),
                text!("nommer un domaine : *.exemple.fr", "name a domain: *.example.fr"),
            )),
            Err(error) => Err(bad_host(base, &error)),
        };
    }
    if written.contains('*') {
        return Err((
            text!(
                "« {written} » : * ne se met qu'au début, devant un point",
                "\"{written}\": * stands only in front, before a dot"
            ),
            text!("écrire *.exemple.fr, ou chaque hôte", "write *.example.fr, or every host"),
        ));
    }
    match Host::parse_written(written) {
        Ok(host) if host.is_internal() => Err(ours(written)),
        Ok(host) => Ok(HostPattern::Exact(host)),
        Err(error) => Err(bad_host(written, &error)),
    }
}

fn ours(written: &str) -> (Text, Text) {
    (
        text!("{written} est un nom de la passerelle elle-même", "{written} is a name of the gateway itself"),
        text!(
            "le retirer ; le catalogue est le service \"catalogue\"",
            "remove it; the catalogue is the service \"catalogue\""
        ),
    )
}

fn bad_host(written: &str, error: &HostError) -> (Text, Text) {
    if matches!(error, HostError::ThisMachine) {
        return ours(written);
    }
    if matches!(error, HostError::AddressLiteral) {
        return (
            text!("{written} est une adresse, pas un nom", "{written} is an address, not a name"),
            text!("écrire le nom d'hôte", "write the host name"),
        );
    }
    let french = error.french();
    let what =
        text!("« {written} » n'est pas un nom d'hôte ({french})", "\"{written}\" is no host name ({error})");
    let mend = match written {
        w if w.contains("://") || w.contains('/') => {
            text!(
                "n'écrire que l'hôte ; le chemin va dans paths",
                "write the host alone; the path goes into paths"
            )
        }
        w if w.contains(':') => text!(
            "n'écrire que l'hôte ; le port va dans ports",
            "write the host alone; the port goes into ports"
        ),
        w if w.starts_with('.') => {
            text!("écrire *{w} pour les noms au-dessous", "write *{w} for the names below")
        }
        w if w.ends_with('.') => text!("retirer le point final", "remove the dot at the end"),
        _ => text!("écrire un nom comme www.exemple.fr", "write a name such as www.example.fr"),
    };
    (what, mend)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_plain_is_read_as_it_stands(name in "(xn--|[a-z0-9_-]{0,5}|[A-Zé.]|\\.){1,6}(\\.(fr|localhost|internal|0x1|12))?") {
            if is_plain(&name) {
                let host = Host::parse_written(&name).unwrap();
                prop_assert!(host.as_str() == name && !host.is_internal());
            }
        }
    }

    #[test]
    fn ordinary_names_are_plain() {
        assert!(["a.fr", "www.caf.fr", "1.a-b.example"].iter().all(|name| is_plain(name)));
        for name in
            ["fr", "a_b.fr", "A.fr", "-a.fr", "a..fr", "a.fr.", "é.fr", "xn--a.fr", "a.1", "x.internal", ""]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
