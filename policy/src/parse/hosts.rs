//! Host patterns as staff write them, with a mend for each way to write them wrong.

use super::fields::Fields;
use super::{Notes, Span};
use crate::finding::{Text, text};
use crate::host::{Host, HostError};
use crate::rule::HostPattern;

/// The `hosts` of a rule or a refusal, each with its place.
pub(super) fn read_hosts(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Vec<(HostPattern, Span)> {
    if !fields.has("hosts") {
        notes.missing(
            fields.at.clone(),
            text!("hosts manque", "hosts is missing"),
            text!("écrire hosts = [\"www.exemple.fr\"]", "write hosts = [\"www.example.fr\"]"),
        );
    }
    fields.refuse_empty("hosts", notes);
    let written = fields.strings("hosts", notes).unwrap_or_default().into_iter();
    let read = written.filter_map(|(written, span)| match read_pattern(written) {
        Ok(pattern) => Some((pattern, span)),
        Err((what, mend)) => {
            notes.error(span, what, mend);
            None
        }
    });
    read.collect()
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
