//! Small values: ids, days, hours, dates, sizes, regular expressions.

use jiff::civil::Date;
use regex::{Regex, RegexBuilder};

use super::fields::Fields;
use super::{Notes, Span};
use crate::finding::text;
use crate::path;
use crate::similar;
use crate::window::MINUTES_OF_DAY;

/// Longest id in bytes: it stands in records and addresses.
const ID_LIMIT_BYTES: usize = 64;
/// Largest compiled regular expression in bytes; a rule names paths, it does not parse them.
const REGEX_LIMIT_BYTES: usize = 1024 * 1024;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The `id` of a table; empty where there is none to speak of.
pub(super) fn read_id(fields: &Fields<'_>, notes: &mut Notes<'_>) -> (String, Span) {
    let Some((id, span)) = fields.string("id", notes) else {
        if !fields.has("id") {
            notes.missing(
                fields.at.clone(),
                text!("id manque", "id is missing"),
                text!("écrire id = \"…\"", "write id = \"…\""),
            );
        }
        return (String::new(), fields.at.clone());
    };
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty()
        || id.len() > ID_LIMIT_BYTES
        || !id.bytes().all(good)
        || id.starts_with('-')
        || id.ends_with('-')
    {
        notes.error(
            span.clone(),
            text!("« {id} » ne peut pas être un id", "\"{id}\" cannot be an id"),
            text!(
                "lettres minuscules, chiffres et tirets : france-travail",
                "lower-case letters, digits and hyphens: france-travail"
            ),
        );
    }
    (id.to_owned(), span)
}

/// A group as persons have them: in any other form it would be nobody's.
pub(super) fn read_group(group: &str, at: Span, notes: &mut Notes<'_>) -> String {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let begins_well = group.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !begins_well || group.len() > ID_LIMIT_BYTES || !group.bytes().all(good) {
        notes.error(
            at,
            text!("« {group} » ne peut pas être un groupe", "\"{group}\" cannot be a group"),
            text!(
                "1 à 64 lettres sans accent, chiffres, points, tirets et soulignés, une lettre ou un chiffre d'abord : aile-b",
                "1 to 64 unaccented letters, digits, dots, hyphens and underscores, a letter or digit first: b-wing"
            ),
        );
    }
    group.to_owned()
}

pub(super) fn duplicate_id((id, span): (String, Span), notes: &mut Notes<'_>) {
    notes.error(
        span,
        text!("l'id {id} est déjà pris", "the id {id} is taken already"),
        text!("en choisir un autre", "choose another"),
    );
}

/// The `days` of a window, Monday first.
pub(super) fn read_days(fields: &Fields<'_>, notes: &mut Notes<'_>) -> [bool; 7] {
    let mut days = [false; 7];
    if !fields.has("days") {
        notes.missing(
            fields.at.clone(),
            text!("days manque", "days is missing"),
            text!("écrire days = [\"mon\", \"tue\"]", "write days = [\"mon\", \"tue\"]"),
        );
    }
    fields.refuse_empty("days", notes);
    for (day, span) in fields.strings("days", notes).unwrap_or_default() {
        match DAYS.iter().position(|known| *known == day) {
            Some(index) => days[index] = true,
            None => notes.error(
                span,
                text!("jour inconnu : {day}", "unknown day: {day}"),
                text!(
                    "écrire mon, tue, wed, thu, fri, sat ou sun",
                    "write mon, tue, wed, thu, fri, sat or sun"
                ),
            ),
        }
    }
    days
}

/// `from` and `to` of a window in minutes since midnight.
pub(super) fn read_hours(fields: &Fields<'_>, notes: &mut Notes<'_>) -> (u16, u16) {
    let from = read_hour(fields, "from", notes);
    let to = read_hour(fields, "to", notes);
    let (Some(from), Some(to)) = (from, to) else { return (0, 0) };
    if from >= to {
        notes.error(
            fields.place("to"),
            text!("to n'est pas après from", "to is not after from"),
            text!(
                "pour une nuit, écrire deux fenêtres, l'une jusqu'à 24:00",
                "for a night, write two windows, one until 24:00"
            ),
        );
    }
    (from, to)
}

fn read_hour(fields: &Fields<'_>, key: &str, notes: &mut Notes<'_>) -> Option<u16> {
    let Some((written, span)) = fields.string(key, notes) else {
        if !fields.has(key) {
            notes.missing(
                fields.at.clone(),
                text!("{key} manque", "{key} is missing"),
                text!("écrire {key} = \"08:00\"", "write {key} = \"08:00\""),
            );
        }
        return None;
    };
    let minutes = minutes(written).filter(|minutes| *minutes < MINUTES_OF_DAY || key == "to");
    if minutes.is_none() {
        notes.error(
            span,
            text!("« {written} » n'est pas une heure", "\"{written}\" is no time of day"),
            text!(
                "écrire de \"00:00\" à \"23:59\" ; pour to, \"24:00\" aussi",
                "write \"00:00\" to \"23:59\"; for to, \"24:00\" too"
            ),
        );
    }
    minutes
}

/// `HH:MM` to minutes; `24:00` is the end of the day.
fn minutes(written: &str) -> Option<u16> {
    let (hours, minutes) = written.split_once(':')?;
    let two_digits = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_OF_DAY).then_some(total)
}

pub(super) fn read_dates(fields: &Fields<'_>, key: &str, notes: &mut Notes<'_>) -> Vec<Date> {
    fields.dates(key, notes).unwrap_or_default()
}

/// `10 MiB` in bytes.
pub(super) fn read_size(fields: &Fields<'_>, key: &str, notes: &mut Notes<'_>) -> Option<u64> {
    let (written, span) = fields.string(key, notes)?;
    let size = size(written);
    if size.is_none() {
        notes.error(
            span,
            text!("« {written} » n'est pas une taille", "\"{written}\" is no size"),
            text!(
                "écrire un nombre et une unité, B, KiB, MiB ou GiB : \"10 MiB\"",
                "write a number and a unit, B, KiB, MiB or GiB: \"10 MiB\""
            ),
        );
    }
    size
}

fn size(written: &str) -> Option<u64> {
    let digits = written.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = written.split_at(digits);
    let factor: u64 = match unit.strip_prefix(' ').unwrap_or(unit) {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A media type without parameters.
pub(super) fn is_media_type(written: &str) -> bool {
    let token = |s: &str| {
        !s.is_empty()
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
    };
    written.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// Compiles a regular expression of the whole path; it is matched against paths in comparison form.
pub(super) fn path_regex(written: &str) -> Result<Regex, String> {
    // Alone first: `a)|(b` and comments must not reach across our anchors.
    let compile =
        |pattern: &str| RegexBuilder::new(pattern).size_limit(REGEX_LIMIT_BYTES).build().map_err(short);
    compile(written)?;
    compile(&format!(r"\A(?:{})\z", path_form_of_regex(written)?))
}

/// Non-ASCII characters and escapes as paths are compared: encoded, upper-case, unreserved ones decoded.
fn path_form_of_regex(written: &str) -> Result<String, String> {
    let mut form = String::with_capacity(written.len());
    let mut rest = written;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            '%' if path::escape_at(rest, 0).is_some() => 3,
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        in_class = (in_class || character == '[') && character != ']';
        match character {
            '%' if length == 3 => form.push_str(&regex::escape(&path::comparison_form(piece))),
            c if !c.is_ascii() && in_class => return Err(format!("{c} in [ ]: write (?:é|è)")),
            c if !c.is_ascii() => form.push_str(&format!("(?:{})", path::encode_non_ascii(piece))),
            _ => form.push_str(piece),
        }
        rest = after;
    }
    Ok(form)
}

/// The last line of a regex error says what is wrong; the others draw it.
fn short(error: regex::Error) -> String {
    let message = error.to_string();
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// A key that takes one of a few words.
pub(super) fn read_word<'w>(
    fields: &Fields<'_>,
    key: &str,
    words: &[&'w str],
    notes: &mut Notes<'_>,
) -> Option<&'w str> {
    let (written, span) = fields.string(key, notes)?;
    let word = words.iter().find(|word| **word == written).copied();
    if word.is_none() {
        let mend = match similar::nearest(written, words) {
            Some(meant) => text!("vouliez-vous dire {meant} ?", "did you mean {meant}?"),
            None => {
                let words = words.join(", ");
                text!("choisir parmi {words}", "choose among {words}")
            }
        };
        notes.error(
            span,
            text!("{key} ne peut pas être « {written} »", "{key} cannot be \"{written}\""),
            mend,
        );
    }
    word
}
