//! Every word people see, from Fluent files: French first, English and Arabic beside it. Words for staff are in the log.
//!
//! Invariant (tested): all languages have the same messages with the same variables, and every message asked for exists. An
//! Arabic message begins with Arabic: its first letter says in which direction all of it runs.

mod day;
mod duration;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use passerelle_api as api;
use unic_langid::langid;

const FRENCH: &[&str] = &[
    include_str!("../texts/fr/common.ftl"),
    include_str!("../texts/fr/sign-in.ftl"),
    include_str!("../texts/fr/home.ftl"),
    include_str!("../texts/fr/learning.ftl"),
    include_str!("../texts/fr/own.ftl"),
    include_str!("../texts/fr/browse.ftl"),
    include_str!("../texts/fr/reasons.ftl"),
];
const ENGLISH: &[&str] = &[
    include_str!("../texts/en/common.ftl"),
    include_str!("../texts/en/sign-in.ftl"),
    include_str!("../texts/en/home.ftl"),
    include_str!("../texts/en/learning.ftl"),
    include_str!("../texts/en/own.ftl"),
    include_str!("../texts/en/browse.ftl"),
    include_str!("../texts/en/reasons.ftl"),
];

const ARABIC: &[&str] = &[
    include_str!("../texts/ar/common.ftl"),
    include_str!("../texts/ar/sign-in.ftl"),
    include_str!("../texts/ar/home.ftl"),
    include_str!("../texts/ar/learning.ftl"),
    include_str!("../texts/ar/own.ftl"),
    include_str!("../texts/ar/browse.ftl"),
    include_str!("../texts/ar/reasons.ftl"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    French,
    English,
    Arabic,
}

impl Language {
    pub const ALL: [Language; 3] = [Language::French, Language::English, Language::Arabic];

    /// Its code in policies, Fluent folders and `Accept-Language`.
    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
            Language::Arabic => "ar",
        }
    }

    /// For somebody who reads no other.
    pub fn own_name(self) -> &'static str {
        match self {
            Language::French => "Français",
            Language::English => "English",
            Language::Arabic => "العربية",
        }
    }

    pub fn is_right_to_left(self) -> bool {
        matches!(self, Language::Arabic)
    }

    pub fn others(self) -> [Language; 2] {
        match self {
            Language::French => [Language::English, Language::Arabic],
            Language::English => [Language::French, Language::Arabic],
            Language::Arabic => [Language::French, Language::English],
        }
    }
}

/// Whether these words run from right to left: their first letter is Arabic.
pub fn runs_from_right(words: &str) -> bool {
    let first = words.chars().find(|letter| letter.is_alphabetic());
    first.is_some_and(|letter| ('\u{0600}'..='\u{06FF}').contains(&letter))
}

/// The words of one language.
pub struct Text {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Text {
    pub fn new(language: Language) -> Text {
        let (id, files) = match language {
            Language::French => (langid!("fr"), FRENCH),
            Language::English => (langid!("en"), ENGLISH),
            Language::Arabic => (langid!("ar"), ARABIC),
        };
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Our variables are numbers and names in plain sentences: marks around them would show as boxes.
        bundle.set_use_isolating(false);
        for file in files {
            let resource = match FluentResource::try_new((*file).to_owned()) {
                Ok(resource) => resource,
                Err((resource, errors)) => {
                    tracing::error!(?errors, "a Fluent file");
                    resource
                }
            };
            bundle.add_resource_overriding(resource);
        }
        Text { language, bundle }
    }

    pub fn language(&self) -> Language {
        self.language
    }

    pub fn get(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// A missing message shows its key: seen at once, and tests keep it from happening.
    pub fn with(&self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, "a message is missing");
            return key.to_owned();
        };
        let arguments: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
        self.bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }

    /// Why something is refused, in plain words; an unknown code has words too.
    pub fn reason(&self, code: &str) -> String {
        let key = format!("reason-{code}");
        if self.bundle.has_message(&key) { self.get(&key) } else { self.get("reason-other") }
    }

    /// A name of the policy in this language, else in whichever it has.
    pub fn name<'a>(&self, name: &'a api::Name) -> &'a str {
        name.get(self.language.code())
            .or_else(|| name.get("fr"))
            .or_else(|| name.values().next())
            .map_or("", String::as_str)
    }

    /// So many minutes, in words.
    pub fn minutes(&self, count: i64) -> String {
        duration::minutes(self.language, count)
    }

    /// A day and an hour on the wall.
    pub fn moment(&self, at: Timestamp) -> String {
        let at = at.to_zoned(TimeZone::system());
        let format = match self.language {
            Language::French => "%d/%m/%Y à %H\u{a0}h\u{a0}%M",
            Language::English => "%d/%m/%Y at %H:%M",
            Language::Arabic => "%d/%m/%Y الساعة %H:%M",
        };
        at.strftime(format).to_string()
    }

    /// Until when something is open, in a sentence; a day ends at its midnight.
    pub fn until(&self, end: Timestamp, now: Timestamp) -> String {
        self.until_in(&end.to_zoned(TimeZone::system()), now.to_zoned(TimeZone::system()).date())
    }

    fn until_in(&self, end: &Zoned, today: Date) -> String {
        let is_midnight = (end.hour(), end.minute()) == (0, 0);
        // The midnight that begins a day is, for people, the end of the day before.
        let last = if is_midnight { end.date().yesterday().unwrap_or(end.date()) } else { end.date() };
        let time = match (is_midnight, self.language) {
            (true, _) => self.get("end-of-day"),
            (false, Language::French) => end.strftime("%H\u{a0}h\u{a0}%M").to_string(),
            (false, _) => end.strftime("%H:%M").to_string(),
        };
        let time = ("time", time.into());
        if last == today {
            return self.with("request-until-today", &[time]);
        }
        if today.tomorrow().is_ok_and(|tomorrow| last == tomorrow) {
            return self.with("request-until-tomorrow", &[time]);
        }
        self.with("request-until-day", &[time, ("when", day::day(self.language, last).into())])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Messages and their variables, read from the files themselves.
    fn messages(files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in files.iter().flat_map(|file| file.lines()) {
            if let Some((key, _)) =
                line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                current = key.to_owned();
                assert!(
                    messages.insert(current.clone(), BTreeSet::new()).is_none(),
                    "{current} is there twice"
                );
            }
            for variable in line.split('$').skip(1) {
                let end =
                    variable.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(variable.len());
                messages.get_mut(&current).unwrap().insert(variable[..end].to_owned());
            }
        }
        messages
    }

    #[test]
    fn all_languages_say_the_same_things() {
        let french = messages(FRENCH);
        assert_eq!(french, messages(ENGLISH));
        assert_eq!(french, messages(ARABIC));
        let languages =
            [(FRENCH, Language::French), (ENGLISH, Language::English), (ARABIC, Language::Arabic)];
        for (files, language) in languages {
            for file in files {
                assert!(FluentResource::try_new((*file).to_owned()).is_ok());
            }
            let text = Text::new(language);
            for (key, variables) in messages(files) {
                let values = [
                    ("n", 3.into()),
                    ("time", "M".into()),
                    ("name", "N".into()),
                    ("when", "W".into()),
                    ("host", "H".into()),
                    ("terminal", "T".into()),
                ];
                let known: BTreeSet<String> =
                    values.iter().map(|(name, _): &(&str, FluentValue<'_>)| name.to_string()).collect();
                assert!(variables.is_subset(&known), "{key}: {variables:?}");
                let said = text.with(&key, &values);
                assert!(!said.is_empty() && !said.contains('{') && said != key, "{key}: {said}");
            }
        }
    }

    #[test]
    fn every_message_asked_for_exists_and_every_reason_has_words() {
        let known = messages(FRENCH);
        let mut sources = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let (mut asked, mut literals) = (0, BTreeSet::new());
        while let Some(path) = sources.pop() {
            if path.is_dir() {
                sources.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let source: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
            literals.extend(source.split('"').map(String::from));
            for call in ["text.get(\"", "text.with(\"", "words.get(\"", "words.with(\""] {
                for key in source.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                    asked += 1;
                    assert!(known.contains_key(key), "{}: {key}", path.display());
                }
            }
        }
        assert!(asked > 30, "the search found {asked} messages only");
        let unused: Vec<_> =
            known.keys().filter(|key| !key.starts_with("reason-") && !literals.contains(*key)).collect();
        assert!(unused.is_empty(), "nobody asks for {unused:?}");
        let reasons = "malformed ambiguous no-terminal no-session person-locked access-stopped no-rule refused-host \
            address-literal our-own-name port plain-http path query window closed-day group minutes-used expired not-a-page \
            not-this-service websocket dns-over-https suspicious-name private-address method upload target-size authority \
            header-size rate unsupported dns connect tls-upstream upstream-protocol download-type download-size timeout \
            journal-unavailable busy stopping";
        for reason in reasons.split_whitespace() {
            assert!(known.contains_key(&format!("reason-{reason}")), "reason-{reason}");
        }
    }

    #[test]
    fn plurals_and_variables() {
        let check = |language, key, n: i32, expected: &str| {
            assert_eq!(Text::new(language).with(key, &[("n", n.into())]), expected)
        };
        check(Language::French, "learning-pages", 1, "1 page");
        check(Language::French, "learning-pages", 12, "12 pages");
        check(Language::English, "learning-pages", 0, "0 pages");
        check(Language::Arabic, "learning-pages", 2, "صفحتان");
        check(Language::Arabic, "learning-pages", 5, "5 صفحات");
        check(Language::Arabic, "learning-pages", 40, "40 صفحة");
    }

    /// The direction of a paragraph is that of its first letter.
    #[test]
    fn arabic_messages_begin_in_arabic() {
        let text = Text::new(Language::Arabic);
        let latin = ["brand", "enrol-address-hint"];
        for key in messages(ARABIC).keys().filter(|key| !latin.contains(&key.as_str())) {
            let mut values =
                ["time", "name", "when", "host", "terminal"].map(|name| (name, "Latin".into())).to_vec();
            values.push(("n", 40.into()));
            let said = text.with(key, &values);
            assert!(runs_from_right(&said), "{key}: {said}");
        }
    }

    #[test]
    fn an_end_is_said_as_people_say_it() {
        let today = "2026-11-30".parse().unwrap();
        for (language, end, expected) in [
            (Language::French, "2026-11-30T18:05", "Ouvert aujourd’hui, jusqu’à 18\u{a0}h\u{a0}05."),
            (Language::French, "2026-12-01T00:00", "Ouvert aujourd’hui, jusqu’à minuit."),
            (Language::French, "2026-12-01T00:01", "Ouvert jusqu’à demain, 00\u{a0}h\u{a0}01."),
            (Language::French, "2026-12-02T00:00", "Ouvert jusqu’à demain, minuit."),
            (Language::French, "2026-12-07T09:30", "Ouvert jusqu’au lundi 7 décembre, 09\u{a0}h\u{a0}30."),
            (Language::English, "2026-12-07T09:30", "Open until Monday 7 December, 09:30."),
            (Language::Arabic, "2026-12-07T09:30", "مفتوح حتى الاثنين 7 ديسمبر، 09:30."),
        ] {
            let end = format!("{end}[Europe/Paris]").parse().unwrap();
            assert_eq!(Text::new(language).until_in(&end, today), expected, "{end}");
        }
    }
}
