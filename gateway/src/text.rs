//! Words for people, from Fluent files. French comes first and stands in for whatever another language lacks.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::langid;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    French,
    English,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::French, Language::English];

    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
        }
    }

    /// The first language of an `Accept-Language` value that we speak (RFC 9110, 12.5.4; browsers list by preference).
    pub fn preferred(accept_language: &str) -> Language {
        let speaks = |range: &str| {
            Language::ALL.into_iter().find(|language| range.trim().starts_with(language.code()))
        };
        accept_language.split(',').find_map(speaks).unwrap_or_default()
    }
}

type Bundle = FluentBundle<FluentResource>;

/// What people at kiosks read, then what staff read: one file a page family.
const FRENCH_FILES: &[&str] = &[
    include_str!("../texts/fr.ftl"),
    include_str!("../texts/console/frame.fr.ftl"),
    include_str!("../texts/console/catalogue.fr.ftl"),
    include_str!("../texts/console/learning.fr.ftl"),
    include_str!("../texts/console/people.fr.ftl"),
    include_str!("../texts/console/policy.fr.ftl"),
    include_str!("../texts/console/journal.fr.ftl"),
    include_str!("../texts/console/requests.fr.ftl"),
    include_str!("../texts/console/sessions.fr.ftl"),
];
const ENGLISH_FILES: &[&str] = &[
    include_str!("../texts/en.ftl"),
    include_str!("../texts/console/frame.en.ftl"),
    include_str!("../texts/console/catalogue.en.ftl"),
    include_str!("../texts/console/learning.en.ftl"),
    include_str!("../texts/console/people.en.ftl"),
    include_str!("../texts/console/policy.en.ftl"),
    include_str!("../texts/console/journal.en.ftl"),
    include_str!("../texts/console/requests.en.ftl"),
    include_str!("../texts/console/sessions.en.ftl"),
];

static FRENCH: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("fr"), FRENCH_FILES));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("en"), ENGLISH_FILES));

/// The text of `key`; a key that no file knows is shown as it is, so that a lack is seen.
pub fn text(language: Language, key: &str) -> String {
    text_with(language, key, &[])
}

/// The same with its variables filled in.
pub fn text_with(language: Language, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
    let first = match language {
        Language::French => &FRENCH,
        Language::English => &ENGLISH,
    };
    let found = lookup(first, key, values).or_else(|| lookup(&FRENCH, key, values));
    assert!(found.is_some() || !cfg!(test), "no text `{key}`");
    found.unwrap_or_else(|| key.to_owned())
}

fn lookup(bundle: &Bundle, key: &str, values: &[(&str, FluentValue<'_>)]) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let arguments: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
    Some(bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned())
}

fn bundle(language: unic_langid::LanguageIdentifier, files: &[&str]) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    for source in files {
        // Files are part of the program; the tests below read each of their messages.
        let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use passerelle_policy::Reason;

    #[test]
    fn every_reason_has_words() {
        for language in [&FRENCH, &ENGLISH] {
            for reason in Reason::ALL {
                let key = format!("refusal-{}", reason.as_str());
                assert!(
                    lookup(language, &key, &[]).is_some_and(|words| words.len() > 10),
                    "{key} in {:?}",
                    language.locales
                );
            }
        }
    }

    /// Files read without a mistake, and no key stands twice.
    #[test]
    fn files_are_well_formed_and_alike() {
        let keys = |files: &[&str]| {
            let mut keys = Vec::new();
            for file in files {
                let resource = FluentResource::try_new((*file).to_owned());
                assert!(resource.is_ok(), "{:?} in {file:.60}", resource.err().map(|(_, errors)| errors));
                let messages = file.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
                keys.extend(messages.filter_map(|line| Some(line.split_once(" =")?.0.to_owned())));
            }
            keys.sort();
            keys
        };
        let (french, english) = (keys(FRENCH_FILES), keys(ENGLISH_FILES));
        assert_eq!(french, english);
        assert!(french.windows(2).all(|pair| pair[0] != pair[1]), "a key stands twice");
    }

    /// Every key that the console's sources name stands in the files.
    #[test]
    fn what_pages_say_has_words() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
        let folders = [folder.clone(), folder.join("policy"), folder.join("catalogue")];
        let entries =
            folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the sources")).flatten();
        let mut seen = 0;
        for entry in entries {
            let Ok(source) = std::fs::read_to_string(entry.path()) else { continue };
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            let source = source.lines().filter(is_code).collect::<Vec<_>>().join("\n");
            for call in ["say(\"", "say_with(\"", ".page(\"", "\"done-"] {
                let is_done = call == "\"done-";
                for (at, _) in source.match_indices(call) {
                    let start = if is_done { at + 1 } else { at + call.len() };
                    let Some(key) = source[start..].split('"').next() else { continue };
                    let is_key = key.len() > 5
                        && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit());
                    if !is_key || key == "done-" {
                        continue;
                    }
                    seen += 1;
                    assert!(lookup(&FRENCH, key, &[]).is_some(), "{key} of {:?}", entry.path());
                }
            }
        }
        assert!(seen > 20, "the test must find what it looks for");
    }

    #[test]
    fn the_first_language_we_speak_wins() {
        for (accepted, expected) in [
            ("fr-FR,fr;q=0.9", Language::French),
            ("de, en-GB;q=0.8, fr;q=0.5", Language::English),
            ("ar", Language::French),
            ("", Language::French),
        ] {
            assert_eq!(Language::preferred(accepted), expected, "{accepted}");
        }
    }
}
