//! Between the names of an item's files and the paths of its addresses (RFC 3986, section 3.3).
//!
//! Invariant: `decoded(&encoded(name)) == name`, and what `encoded` makes passes the gateway's strict reader of paths unless
//! the name itself holds what no path may (a backslash, NUL, a dot segment).

/// Unreserved characters and those that a path segment may hold as they are; `/` parts segments.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

/// The path of a name, with the leading `/`.
pub fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len() + 1);
    path.push('/');
    for byte in name.bytes() {
        if is_plain(byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// The name behind a path; `None` for a bad escape or what is not UTF-8.
pub fn decoded(path: &str) -> Option<String> {
    let path = path.strip_prefix('/')?;
    let mut name = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        name.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(name).ok()
}

/// The segments of a name that stays below its root, or `None`.
pub fn segments(name: &str) -> Option<Vec<&str>> {
    let odd = |segment: &str| {
        matches!(segment, "" | "." | "..")
            || segment.starts_with('.')
            || segment.contains(|letter: char| letter == '\\' || letter.is_control())
    };
    let segments: Vec<_> = name.split('/').collect();
    (!segments.iter().any(|segment| odd(segment))).then_some(segments)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_paths() {
        for (name, path) in
            [("", "/"), ("A/Métier.html", "/A/M%C3%A9tier.html"), ("a b?c#d%", "/a%20b%3Fc%23d%25")]
        {
            assert_eq!(encoded(name), path);
            assert_eq!(decoded(path).unwrap(), name);
        }
        for bad in ["", "a", "/%", "/%4", "/%GG", "/%FF", "/%+1"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_leaves_its_root() {
        for good in ["a", "a/b.html"] {
            assert!(segments(good).is_some(), "{good}");
        }
        for bad in ["", "/a", "a//b", "a/", "..", "a/../b", "./a", "a\\b", "a\0", "a\nb", ".git/config"] {
            assert!(segments(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in ".*") {
            prop_assert_eq!(decoded(&encoded(&name)), Some(name));
        }

        #[test]
        fn no_path_panics(path in ".*") {
            let _ = decoded(&path);
        }
    }
}
