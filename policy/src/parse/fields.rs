//! A TOML table read by key and type; what does not fit becomes a finding.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Notes, Span};
use crate::finding::text;
use crate::similar;

/// One table of the file.
pub(crate) struct Fields<'a> {
    table: &'a DeTable<'a>,
    /// Where the table begins.
    pub at: Span,
}

impl<'a> Fields<'a> {
    /// Notes every key that is not among `known`.
    pub fn open(table: &'a DeTable<'a>, at: Span, known: &[&str], notes: &mut Notes<'_>) -> Fields<'a> {
        for key in table.keys() {
            let (name, span) = (key.get_ref().as_ref(), key.span());
            if known.contains(&name) {
                continue;
            }
            let keys = known.join(", ");
            let mend = match similar::nearest(name, known) {
                Some(meant) => text!("vouliez-vous dire {meant} ?", "did you mean {meant}?"),
                None => text!("les clés sont {keys}", "the keys are {keys}"),
            };
            notes.error(span, text!("clé inconnue : {name}", "unknown key: {name}"), mend);
        }
        Fields { table, at }
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the key stands, else where the table does.
    pub fn place(&self, key: &str) -> Span {
        self.table.get_key_value(key).map_or(self.at.clone(), |(key, _)| key.span())
    }

    pub fn keys(&self) -> impl Iterator<Item = (&str, Span)> {
        self.table.keys().map(|key| (key.get_ref().as_ref(), key.span()))
    }

    pub fn string(&self, key: &str, notes: &mut Notes<'_>) -> Option<(&'a str, Span)> {
        let value = self.table.get(key)?;
        string(key, value, notes)
    }

    pub fn boolean(&self, key: &str, notes: &mut Notes<'_>) -> Option<bool> {
        let value = self.table.get(key)?;
        let read = value.get_ref().as_bool();
        if read.is_none() {
            wrong_type(key, value, "true ou false", "true or false", notes);
        }
        read
    }

    pub fn integer(&self, key: &str, range: RangeInclusive<u32>, notes: &mut Notes<'_>) -> Option<u32> {
        integer(key, self.table.get(key)?, range, notes)
    }

    pub fn date(&self, key: &str, notes: &mut Notes<'_>) -> Option<Date> {
        date(key, self.table.get(key)?, notes)
    }

    pub fn strings(&self, key: &str, notes: &mut Notes<'_>) -> Option<Vec<(&'a str, Span)>> {
        let values = self.array(key, notes)?;
        Some(values.iter().filter_map(|value| string(key, value, notes)).collect())
    }

    pub fn integers(&self, key: &str, range: RangeInclusive<u32>, notes: &mut Notes<'_>) -> Option<Vec<u32>> {
        let values = self.array(key, notes)?;
        Some(values.iter().filter_map(|value| integer(key, value, range.clone(), notes)).collect())
    }

    pub fn dates(&self, key: &str, notes: &mut Notes<'_>) -> Option<Vec<Date>> {
        let values = self.array(key, notes)?;
        Some(values.iter().filter_map(|value| date(key, value, notes)).collect())
    }

    /// An array with something in it: an empty one would read as "any" to some and "none" to others.
    pub fn refuse_empty(&self, key: &str, notes: &mut Notes<'_>) {
        let Some(value) = self.table.get(key) else { return };
        if value.get_ref().as_array().is_some_and(|values| values.is_empty()) {
            notes.error(
                value.span(),
                text!("{key} est vide", "{key} is empty"),
                text!(
                    "y écrire au moins une valeur, ou retirer la clé",
                    "write at least one value, or remove the key"
                ),
            );
        }
    }

    pub fn table(&self, key: &str, notes: &mut Notes<'_>) -> Option<(&'a DeTable<'a>, Span)> {
        let value = self.table.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            wrong_type(key, value, "une table { … }", "a table { … }", notes);
        }
        Some((table?, value.span()))
    }

    /// `[[key]]`, any number of them.
    pub fn tables(&self, key: &str, notes: &mut Notes<'_>) -> Vec<(&'a DeTable<'a>, Span)> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let tables = value.get_ref().as_array().map(|values| {
            values
                .iter()
                .map(|value| Some((value.get_ref().as_table()?, value.span())))
                .collect::<Option<Vec<_>>>()
        });
        tables.flatten().unwrap_or_else(|| {
            notes.error(
                value.span(),
                text!("{key} n'est pas une liste de tables", "{key} is no list of tables"),
                text!("écrire [[{key}]], entre doubles crochets", "write [[{key}]], in double brackets"),
            );
            Vec::new()
        })
    }

    fn array(&self, key: &str, notes: &mut Notes<'_>) -> Option<&'a [Spanned<DeValue<'a>>]> {
        let value = self.table.get(key)?;
        let array = value.get_ref().as_array();
        if array.is_none() {
            wrong_type(key, value, "une liste [ … ]", "a list [ … ]", notes);
        }
        array.map(|array| &array[..])
    }
}

fn string<'a>(key: &str, value: &'a Spanned<DeValue<'_>>, notes: &mut Notes<'_>) -> Option<(&'a str, Span)> {
    let read = value.get_ref().as_str();
    if read.is_none() {
        wrong_type(key, value, "un texte entre guillemets", "a text in quotes", notes);
    }
    Some((read?, value.span()))
}

fn integer(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    range: RangeInclusive<u32>,
    notes: &mut Notes<'_>,
) -> Option<u32> {
    let read =
        value.get_ref().as_integer().map(|integer| u32::from_str_radix(integer.as_str(), integer.radix()));
    match read {
        Some(Ok(number)) if range.contains(&number) => return Some(number),
        Some(_) => {
            let (from, to) = (range.start(), range.end());
            notes.error(
                value.span(),
                text!("{key} est hors limites", "{key} is out of range"),
                text!("écrire un nombre de {from} à {to}", "write a number from {from} to {to}"),
            );
        }
        None => wrong_type(key, value, "un nombre sans guillemets", "a number without quotes", notes),
    }
    None
}

/// A TOML local date: no time, no offset.
fn date(key: &str, value: &Spanned<DeValue<'_>>, notes: &mut Notes<'_>) -> Option<Date> {
    let written =
        value.get_ref().as_datetime().filter(|written| written.time.is_none() && written.offset.is_none());
    let read = written.and_then(|written| written.date).and_then(|date| {
        Date::new(
            i16::try_from(date.year).ok()?,
            i8::try_from(date.month).ok()?,
            i8::try_from(date.day).ok()?,
        )
        .ok()
    });
    if read.is_none() {
        wrong_type(
            key,
            value,
            "une date sans guillemets ni heure : 2026-12-25",
            "a date without quotes or time: 2026-12-25",
            notes,
        );
    }
    read
}

fn wrong_type(key: &str, value: &Spanned<DeValue<'_>>, fr: &str, en: &str, notes: &mut Notes<'_>) {
    notes.error(
        value.span(),
        text!("{key} n'est pas du bon type", "{key} is of the wrong type"),
        text!("y écrire {fr}", "write {en}"),
    );
}
