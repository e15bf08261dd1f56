//! Paths: what is refused in one, and the form in which paths and rules are compared.
//!
//! Called by [`crate::url`] for requests and by [`crate::parse`] for globs. Invariant: an accepted path has no segment that any
//! server could take for "the folder above", and no escape that two servers could read differently.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Why a path was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("it does not begin with a slash")]
    NoSlash,
    #[error("a character that must be percent-encoded")]
    Character,
    #[error("a percent sign without two hexadecimal digits")]
    BadEscape,
    #[error("an encoded slash, backslash or control character")]
    EncodedDelimiter,
    #[error("escapes that are not UTF-8")]
    NotUtf8,
    #[error("a dot segment")]
    DotSegment,
}

impl PathError {
    /// The same in French, for the staff who write policies.
    pub const fn french(self) -> &'static str {
        match self {
            PathError::NoSlash => "il ne commence pas par une barre oblique",
            PathError::Character => "un caractère à encoder avec %",
            PathError::BadEscape => "un signe % sans deux chiffres hexadécimaux",
            PathError::EncodedDelimiter => "une barre oblique, inverse ou un caractère de contrôle encodé",
            PathError::NotUtf8 => "un encodage qui n'est pas de l'UTF-8",
            PathError::DotSegment => "un segment fait de points",
        }
    }
}

/// Refuses what is not the one normal way to write a path. `path` is everything before the question mark.
pub fn check(path: &str) -> Result<(), PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NoSlash);
    }
    if !path.bytes().all(is_path_byte) {
        return Err(PathError::Character);
    }
    if !path.contains(['%', '.']) {
        return Ok(());
    }
    check_escapes(path)?;
    path.split('/').try_for_each(check_segment)
}

/// RFC 3986 path characters, and `[ ] |` which browsers send as they are.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%[]|".contains(&byte)
}

fn check_escapes(path: &str) -> Result<(), PathError> {
    for (at, _) in path.match_indices('%') {
        match escape_at(path, at).ok_or(PathError::BadEscape)? {
            b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(PathError::EncodedDelimiter),
            b'%' if hides_a_delimiter(&path[at + 3..]) => return Err(PathError::EncodedDelimiter),
            _ => {}
        }
    }
    percent_decode_str(path).decode_utf8().map(drop).map_err(|_| PathError::NotUtf8)
}

/// `%252e`: a server that decodes twice would see a dot, a slash, a backslash or NUL; `%25252e`, one that decodes thrice.
fn hides_a_delimiter(rest: &str) -> bool {
    let rest = rest.trim_start_matches("25");
    let twice = rest.get(..2).map(str::to_ascii_lowercase);
    matches!(twice.as_deref(), Some("2e" | "2f" | "5c" | "00"))
}

/// Refuses `.` and `..`, encoded, followed by path parameters (`..;x`), padded with what some servers drop before they
/// resolve, or written in characters that some take for the plain ones.
fn check_segment(segment: &str) -> Result<(), PathError> {
    if !segment.contains('%') && !segment.starts_with('.') {
        return Ok(());
    }
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    let name = decoded.split(';').next().unwrap_or_default();
    match name.split(is_like_a_slash).any(is_dots) {
        true => Err(PathError::DotSegment),
        false => Ok(()),
    }
}

fn is_dots(name: &str) -> bool {
    let mut seen = name.chars().filter(|c| !is_padding(*c));
    match (seen.next(), seen.next(), seen.next()) {
        (Some(first), None, None) => is_like_a_dot(first) || first == '\u{2025}',
        (Some(first), Some(second), None) => is_like_a_dot(first) && is_like_a_dot(second),
        _ => false,
    }
}

/// A dot, and what compatibility forms (UAX 15) and old code pages make one of; U+2025 makes two.
fn is_like_a_dot(character: char) -> bool {
    matches!(character, '.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}')
}

/// The same of slashes, both ways.
fn is_like_a_slash(character: char) -> bool {
    matches!(
        character,
        '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}' | '\u{fe68}' | '\u{ff0f}' | '\u{ff3c}'
    )
}

/// Spaces, controls and characters without width.
fn is_padding(character: char) -> bool {
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    character.is_whitespace() || character.is_control() || is_invisible
}

/// The byte that the escape at `at` stands for.
pub fn escape_at(text: &str, at: usize) -> Option<u8> {
    let digits = text.get(at + 1..at + 3)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// RFC 3986, section 6.2.2: non-ASCII encoded, hex upper-cased, escapes of unreserved characters decoded.
pub fn comparison_form(path: &str) -> String {
    let encoded = encode_non_ascii(path);
    let mut form = String::with_capacity(encoded.len());
    let mut rest = encoded.as_str();
    while let Some(at) = rest.find('%') {
        form.push_str(&rest[..at]);
        let Some(byte) = escape_at(rest, at) else {
            form.push('%');
            rest = &rest[at + 1..];
            continue;
        };
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => form.push(char::from(b)),
            _ => form.push_str(&rest[at..at + 3].to_ascii_uppercase()),
        }
        rest = &rest[at + 3..];
    }
    form.push_str(rest);
    form
}

/// Percent-encodes what is not ASCII, and nothing else.
pub fn encode_non_ascii(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    let mut bytes = [0; 4];
    for character in text.chars() {
        match character {
            c if c.is_ascii() => encoded.push(c),
            c => c
                .encode_utf8(&mut bytes)
                .bytes()
                .for_each(|b| encoded.push_str(percent_encoding::percent_encode_byte(b))),
        }
    }
    encoded
}

/// A glob of the whole path; `*` is any run of characters, slashes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathGlob(Box<str>);

impl PathGlob {
    /// Reads a glob as staff write it; kept in comparison form.
    pub fn parse(text: &str) -> Result<PathGlob, PathError> {
        let form = comparison_form(text);
        check(&form)?;
        Ok(PathGlob(form.into()))
    }

    /// `path` in comparison form. Linear but for the last star, which is retried: at most path × glob steps.
    pub fn matches(&self, path: &str) -> bool {
        let (glob, path) = (self.0.as_bytes(), path.as_bytes());
        let (mut g, mut p) = (0, 0);
        let mut last_star = None;
        while p < path.len() {
            match glob.get(g) {
                Some(b'*') => {
                    last_star = Some((g, p));
                    g += 1;
                }
                Some(byte) if *byte == path[p] => (g, p) = (g + 1, p + 1),
                _ => {
                    let Some((star, eaten)) = last_star else { return false };
                    last_star = Some((star, eaten + 1));
                    (g, p) = (star + 1, eaten + 1);
                }
            }
        }
        glob[g..].iter().all(|byte| *byte == b'*')
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
