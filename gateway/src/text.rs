//! Words for people, from Fluent files. French comes first and stands in for whatever another language lacks.

use std::sync::LazyLock;

use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;
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

static FRENCH: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("fr"), include_str!("../texts/fr.ftl")));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(langid!("en"), include_str!("../texts/en.ftl")));

/// The text of `key`; a key that no file knows is shown as it is, so that a lack is seen.
pub fn text(language: Language, key: &str) -> String {
    let first = match language {
        Language::French => &FRENCH,
        Language::English => &ENGLISH,
    };
    let found = lookup(first, key).or_else(|| lookup(&FRENCH, key));
    found.unwrap_or_else(|| key.to_owned())
}

fn lookup(bundle: &Bundle, key: &str) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
}

fn bundle(language: unic_langid::LanguageIdentifier, source: &str) -> Bundle {
    // Files are part of the program; `every_reason_has_words` reads each of their messages.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partial, _)| partial);
    let mut bundle = Bundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
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
                    lookup(language, &key).is_some_and(|words| words.len() > 10),
                    "{key} in {:?}",
                    language.locales
                );
            }
        }
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
