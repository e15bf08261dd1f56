//! Minutes in words, as one says them: "une heure et dix minutes". Figures are hard to read for many, and hard to hear.
//!
//! Hours and minutes are feminine in French and in Arabic, and so are their numbers.

use super::Language;

/// Words for that many minutes; what is beyond 59 hours keeps its figures.
pub fn minutes(language: Language, count: i64) -> String {
    let (hours, minutes) = (count.max(0) / 60, count.max(0) % 60);
    let hour = || counted(language, hours, Unit::Hour);
    let minute = || counted(language, minutes, Unit::Minute);
    match (hours, minutes, language) {
        (0, 0, Language::French) => "moins d’une minute".into(),
        (0, 0, Language::English) => "less than a minute".into(),
        (0, 0, Language::Arabic) => "أقل من دقيقة".into(),
        (0, _, _) => minute(),
        (_, 0, _) => hour(),
        (_, _, Language::French) => format!("{} et {}", hour(), minute()),
        (_, _, Language::English) => format!("{} and {}", hour(), minute()),
        (1, _, Language::Arabic) => format!("ساعة و{}", minute()),
        (_, _, Language::Arabic) => format!("{} و{}", hour(), minute()),
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Hour,
    Minute,
}

fn counted(language: Language, count: i64, unit: Unit) -> String {
    let one = count == 1;
    match (language, unit) {
        (Language::French, Unit::Hour) => format!("{} heure{}", french(count), if one { "" } else { "s" }),
        (Language::French, Unit::Minute) => format!("{} minute{}", french(count), if one { "" } else { "s" }),
        (Language::English, Unit::Hour) => format!("{} hour{}", english(count), if one { "" } else { "s" }),
        (Language::English, Unit::Minute) => {
            format!("{} minute{}", english(count), if one { "" } else { "s" })
        }
        (Language::Arabic, unit) => arabic(count, unit),
    }
}

const FRENCH: [&str; 20] = [
    "zéro", "une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
];
const FRENCH_TENS: [&str; 4] = ["vingt", "trente", "quarante", "cinquante"];

fn french(count: i64) -> String {
    let Some((tens, units)) = split(count) else { return count.to_string() };
    match (tens, units) {
        (None, units) => FRENCH[units].into(),
        (Some(tens), 0) => FRENCH_TENS[tens].into(),
        (Some(tens), 1) => format!("{} et une", FRENCH_TENS[tens]),
        (Some(tens), units) => format!("{}-{}", FRENCH_TENS[tens], FRENCH[units]),
    }
}

const ENGLISH: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ENGLISH_TENS: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];

fn english(count: i64) -> String {
    let Some((tens, units)) = split(count) else { return count.to_string() };
    match (tens, units) {
        (None, units) => ENGLISH[units].into(),
        (Some(tens), 0) => ENGLISH_TENS[tens].into(),
        (Some(tens), units) => format!("{}-{}", ENGLISH_TENS[tens], ENGLISH[units]),
    }
}

/// Before a feminine noun; one and two are said by the noun itself.
const ARABIC: [&str; 11] =
    ["صفر", "إحدى", "اثنتان", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثماني", "تسع", "عشر"];
const ARABIC_TENS: [&str; 4] = ["عشرون", "ثلاثون", "أربعون", "خمسون"];

/// The noun is a plural after 3 to 10, and a singular again after.
fn arabic(count: i64, unit: Unit) -> String {
    let (one, two, few, many) = match unit {
        Unit::Hour => ("ساعة واحدة", "ساعتان", "ساعات", "ساعة"),
        Unit::Minute => ("دقيقة واحدة", "دقيقتان", "دقائق", "دقيقة"),
    };
    let Some((tens, units)) = split(count) else { return format!("{count} {many}") };
    match (tens, units) {
        (None, 1) => one.into(),
        (None, 2) => two.into(),
        (None, 3..=10) => format!("{} {few}", ARABIC[units]),
        (None, 12) => format!("اثنتا عشرة {many}"),
        (None, units) => format!("{} عشرة {many}", ARABIC[units % 10]),
        (Some(tens), 0) => format!("{} {many}", ARABIC_TENS[tens]),
        (Some(tens), 8) => format!("ثمانٍ و{} {many}", ARABIC_TENS[tens]),
        (Some(tens), units) => format!("{} و{} {many}", ARABIC[units], ARABIC_TENS[tens]),
    }
}

/// Below 20 a number is its own word; up to 59 it is tens (from twenty, counted from 0) and units.
fn split(count: i64) -> Option<(Option<usize>, usize)> {
    let count = usize::try_from(count).ok().filter(|count| *count < 60)?;
    Some(if count < 20 { (None, count) } else { (Some(count / 10 - 2), count % 10) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_said_as_people_say_them() {
        let check = |language, count, expected: &str| assert_eq!(minutes(language, count), expected);
        check(Language::French, 0, "moins d’une minute");
        check(Language::French, 1, "une minute");
        check(Language::French, 70, "une heure et dix minutes");
        check(Language::French, 21, "vingt et une minutes");
        check(Language::French, 119, "une heure et cinquante-neuf minutes");
        check(Language::French, 120, "deux heures");
        check(Language::French, 1281, "vingt et une heures et vingt et une minutes");
        check(Language::French, 3700, "61 heures et quarante minutes");
        check(Language::English, 70, "one hour and ten minutes");
        check(Language::English, 1, "one minute");
        check(Language::English, 142, "two hours and twenty-two minutes");
        check(Language::Arabic, 0, "أقل من دقيقة");
        check(Language::Arabic, 1, "دقيقة واحدة");
        check(Language::Arabic, 2, "دقيقتان");
        check(Language::Arabic, 10, "عشر دقائق");
        check(Language::Arabic, 11, "إحدى عشرة دقيقة");
        check(Language::Arabic, 12, "اثنتا عشرة دقيقة");
        check(Language::Arabic, 18, "ثماني عشرة دقيقة");
        check(Language::Arabic, 21, "إحدى وعشرون دقيقة");
        check(Language::Arabic, 28, "ثمانٍ وعشرون دقيقة");
        check(Language::Arabic, 70, "ساعة وعشر دقائق");
        check(Language::Arabic, 125, "ساعتان وخمس دقائق");
    }

    #[test]
    fn every_minute_of_a_day_has_words_of_its_own() {
        for language in Language::ALL {
            let said: std::collections::BTreeSet<String> =
                (0..24 * 60).map(|count| minutes(language, count)).collect();
            assert_eq!(said.len(), 24 * 60, "{language:?}");
        }
    }
}
