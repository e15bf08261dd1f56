//! Query strings: which characters pass, and the names of their parameters.
//!
//! Rules name parameters, never values. Names are read as forms are (`+` is a space), and a raw semicolon is taken for a
//! separator too: a server that splits there must not be handed a parameter that no rule allowed.

use percent_encoding::percent_decode;

use crate::finding::Words;
use crate::path::escape_at;
use crate::url::TargetError;

/// Decoded parameter names in order; empty pieces are skipped.
pub fn names(query: &str) -> Result<Box<[Box<str>]>, TargetError> {
    if !query.bytes().all(is_query_byte) {
        return Err(TargetError::Malformed(Words::new(
            "un caractère à encoder avec % dans les paramètres",
            "a character that must be percent-encoded in the query",
        )));
    }
    if query.match_indices('%').any(|(at, _)| escape_at(query, at).is_none()) {
        return Err(TargetError::Malformed(Words::new(
            "un signe % sans deux chiffres hexadécimaux dans les paramètres",
            "a percent sign without two hexadecimal digits in the query",
        )));
    }
    pieces(query).map(name).collect()
}

/// Names and values, decoded; what is not text is replaced. A plus in a value stays, since base64 has it.
pub fn pairs(query: &str) -> impl Iterator<Item = (Box<str>, String)> {
    pieces(query).filter_map(|piece| {
        let value = piece.split_once('=').map_or("", |(_, value)| value);
        Some((name(piece).ok()?, percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned()))
    })
}

/// Parameters by which frameworks let a request be taken for another method than its own.
const METHOD_PARAMETERS: [&str; 5] =
    ["_method", "x-http-method-override", "x-http-method", "$httpmethod", "_httpmethod"];

pub fn overrides_method(name: &str) -> bool {
    METHOD_PARAMETERS.iter().any(|parameter| name.eq_ignore_ascii_case(parameter))
}

fn pieces(query: &str) -> impl Iterator<Item = &str> {
    query.split(['&', ';']).filter(|piece| !piece.is_empty())
}

fn name(piece: &str) -> Result<Box<str>, TargetError> {
    let raw = piece.split('=').next().unwrap_or(piece).replace('+', " ");
    match percent_decode(raw.as_bytes()).decode_utf8() {
        Ok(name) if !name.chars().any(char::is_control) => Ok(name.into()),
        _ => Err(TargetError::Malformed(Words::new(
            "un paramètre dont le nom n'est pas du texte",
            "a query parameter whose name is not text",
        ))),
    }
}

/// RFC 3986 query characters, and ``[ ] { } | ^ ` `` which browsers send as they are.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?[]{}|^`".contains(&byte)
}
