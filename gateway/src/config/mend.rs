//! Turns the reader's messages into what is wrong and how to mend it.

/// Line and column, both from 1 and in characters, of a byte offset.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// `what`, `mend` of a serde or TOML message: both say `WHAT, expected MEND`.
pub fn sentence(message: &str) -> (String, String) {
    let message = message.replace('\n', ", ").replace("unknown field", "unknown key");
    if message.contains("socket address") {
        return (message, "write ADDRESS:PORT, \"127.0.0.1:8443\" for example".into());
    }
    match message.split_once(", expected ") {
        Some((what, expected)) if what.starts_with("unknown key") => {
            let known = expected.trim_start_matches("one of ");
            (
                what.to_owned(),
                nearest(what, known).map_or(format!("keys here: {known}"), |key| format!("write {key}")),
            )
        }
        Some((what, expected)) => (what.to_owned(), format!("write {}", in_words(expected))),
        None => (message, "mend it as TOML (toml.io) or remove the line".into()),
    }
}

/// What serde expects, in words for administrators.
fn in_words(expected: &str) -> &str {
    match expected {
        "a string" => "a text in quotes",
        "a sequence" => "a list, [\"…\"]",
        "a map" => "a table, { \"…\" = \"…\" }",
        other if other.starts_with("struct ") => "a section, [section] on a line of its own",
        other => other,
    }
}

/// The known key that a misspelt one most likely meant: same start or one a part of the other.
fn nearest(what: &str, known: &str) -> Option<String> {
    let wrong = what.split('`').nth(1)?;
    let score = |key: &str| {
        let same = key.bytes().zip(wrong.bytes()).take_while(|(a, b)| a == b).count();
        if key.contains(wrong) || wrong.contains(key) { same + 3 } else { same }
    };
    let keys = known.split(", ").map(|key| key.trim_matches('`'));
    keys.filter(|key| score(key) >= 3).max_by_key(|key| score(key)).map(|key| format!("`{key}`"))
}
