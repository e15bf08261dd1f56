//! A day in words: "mardi 3 décembre". The year is left out: what is said so lies within three months.

use jiff::civil::Date;

use super::Language;

pub fn day(language: Language, date: Date) -> String {
    let names = names(language);
    let weekday = names.weekdays[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
    let month = names.months[usize::from((date.month() - 1).unsigned_abs())];
    match (language, date.day()) {
        (Language::French, 1) => format!("{weekday} 1er {month}"),
        (_, day) => format!("{weekday} {day} {month}"),
    }
}

struct Names {
    /// From Monday.
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
}

fn names(language: Language) -> &'static Names {
    match language {
        Language::French => &FRENCH,
        Language::English => &ENGLISH,
        Language::Arabic => &ARABIC,
    }
}

const FRENCH: Names = Names {
    weekdays: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
};
const ENGLISH: Names = Names {
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};
const ARABIC: Names = Names {
    weekdays: ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
    months: [
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ],
};

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_said_in_each_language() {
        for (language, at, expected) in [
            (Language::French, date(2026, 12, 1), "mardi 1er décembre"),
            (Language::French, date(2027, 2, 28), "dimanche 28 février"),
            (Language::English, date(2026, 12, 1), "Tuesday 1 December"),
            (Language::Arabic, date(2026, 12, 7), "الاثنين 7 ديسمبر"),
        ] {
            assert_eq!(day(language, at), expected);
        }
    }
}
