//! The few regular expressions of Squid that say hosts and paths: anchored, and literal but for `.*` in a path.
//!
//! Squid's are POSIX extended ones (regex(7)) that match anywhere. A dot without its backslash is read as a dot: lists are
//! written so, and it opens less.

/// In front of the literal end of a `dstdom_regex`: does it match the host itself, what is below it?
const FRONTS: &[(&str, &[bool])] = &[
    (r"(^|\.)", &[false, true]),
    (r"(\.|^)", &[false, true]),
    (r"^(.*\.)?", &[false, true]),
    (r"^(.+\.)?", &[false, true]),
    (r"^.*\.", &[true]),
    (r"^.+\.", &[true]),
    (r"^\.", &[true]),
    (r".*\.", &[true]),
    (r"\.", &[true]),
    (r"^", &[false]),
];

/// The literal host of a `dstdom_regex`, and whether itself and what is below match.
pub fn host(regex: &str) -> Result<(String, &'static [bool]), &'static str> {
    let body = regex.strip_suffix('$').ok_or("it does not end with $: any name that goes on would match")?;
    let found = FRONTS.iter().find_map(|(front, below)| Some((body.strip_prefix(front)?, *below)));
    let (name, below) =
        found.ok_or("it begins neither with ^ nor with \\.: it matches in the middle of names")?;
    Ok((literal(name, is_host_byte).ok_or("no literal host name")?, below))
}

/// Hosts and path glob (none: any path) of a `url_regex`.
pub fn url(regex: &str) -> Result<(Vec<String>, Option<String>), &'static str> {
    let regex = regex.replace(r"\/", "/");
    let after = ["^https?://", "^https://", "^http://"].iter().find_map(|front| regex.strip_prefix(front));
    let after =
        after.ok_or("it does not begin with ^http:// or ^https://: it matches in the middle of addresses")?;
    let (with_www, after) = match after.strip_prefix(r"(www\.)?").or(after.strip_prefix("(www.)?")) {
        Some(after) => (true, after),
        None => (false, after),
    };
    let end = after.find(['/', '(', '$']).unwrap_or(after.len());
    let (name, path) = after.split_at(end);
    let host = literal(name, is_host_byte).ok_or("no literal host name")?;
    let hosts = if with_www { vec![host.clone(), format!("www.{host}")] } else { vec![host] };
    Ok((hosts, self::path(path)?))
}

fn path(regex: &str) -> Result<Option<String>, &'static str> {
    match regex {
        "" | "/" | "/?" | "(/|$)" | "(/.*)?$" | "/.*" | "/.*$" => return Ok(None),
        "$" => return Ok(Some("/".to_owned())),
        _ => {}
    }
    let (body, end) = match regex.strip_suffix('$') {
        Some(body) => (body, ""),
        None => (regex, "*"),
    };
    let pieces = body.split(".*").map(|piece| literal(piece, is_path_byte)).collect::<Option<Vec<_>>>();
    let glob = pieces.ok_or("its path is no literal with .*")?.join("*") + end;
    Ok(Some(glob.replace("**", "*")))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte)
}

/// What the regex says when it is only letters that pass, `\.` and `\-`.
fn literal(regex: &str, passes: fn(u8) -> bool) -> Option<String> {
    let text = regex.replace(r"\.", ".").replace(r"\-", "-");
    text.bytes().all(passes).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_anchored_literals() {
        for (regex, expected) in [
            (r"^www\.example\.fr$", Some(("www.example.fr", &[false][..]))),
            (r"(^|\.)example\.fr$", Some(("example.fr", &[false, true]))),
            (r"^(.*\.)?example\.fr$", Some(("example.fr", &[false, true]))),
            (r"\.example\.fr$", Some(("example.fr", &[true]))),
            (r"example\.fr$", None),
            (r"^www\.example\.fr", None),
            (r"^www[0-9]\.example\.fr$", None),
            (r"^(a|b)\.example\.fr$", None),
            (r"sex", None),
        ] {
            let found = host(regex).ok();
            assert_eq!(found.as_ref().map(|(name, below)| (name.as_str(), *below)), expected, "{regex}");
        }
    }

    #[test]
    fn addresses_are_literal_hosts_with_globs() {
        for (regex, expected) in [
            (r"^https?://www\.example\.fr/", Some((&["www.example.fr"][..], None))),
            (r"^https://(www\.)?example\.fr(/|$)", Some((&["example.fr", "www.example.fr"], None))),
            (r"^http://example\.fr/form/.*\.html$", Some((&["example.fr"], Some("/form/*.html")))),
            (r"^https:\/\/example\.fr\/form", Some((&["example.fr"], Some("/form*")))),
            (r"^https://example\.fr$", Some((&["example.fr"], Some("/")))),
            (r"^https://example\.fr/[a-z]+$", None),
            (r"^https://example\.fr/a\?b", None),
            (r"example\.fr", None),
            (r"^ftp://example\.fr/", None),
        ] {
            let found = url(regex).ok();
            let found = found
                .as_ref()
                .map(|(hosts, path)| (hosts.iter().map(String::as_str).collect::<Vec<_>>(), path.as_deref()));
            assert_eq!(found, expected.map(|(hosts, path)| (hosts.to_vec(), path)), "{regex}");
        }
    }
}
