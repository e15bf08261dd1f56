//! Text cut into folded words: what index, search and suggestions agree to compare.
//!
//! Pure, and the same for every language: lower case, accents off, elided articles dropped. Invariants: folding what is folded
//! changes nothing; offsets are byte offsets into the text that was given, on character borders.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words (in bytes, folded) are keys and checksums, which nobody types: they are not words here.
pub const LONGEST_WORD: usize = 48;

/// What French writes before an apostrophe in place of a vowel: `l'eau` is the word `eau`.
const ELIDED: &[&str] =
    &["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"];

/// A word of a text, and where it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub from: usize,
    pub to: usize,
    pub folded: String,
}

/// The words of `text`, in order. Hyphens part words, an apostrophe parts them and drops what was elided.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut from = None;
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match (from, is_of_word(letter)) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                from = None;
                let folded = fold(&text[start..at]);
                let elided = is_apostrophe(letter)
                    && ELIDED.contains(&folded.as_str())
                    && starts_word(&text[at + letter.len_utf8()..]);
                if !elided && !folded.is_empty() && folded.len() <= LONGEST_WORD {
                    words.push(Word { from: start, to: at, folded });
                }
            }
            _ => {}
        }
    }
    words
}

/// A word without case, accents, ligatures and vowel points: `Œuvre`, `œuvre` and `oeuvre` are one.
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
    }
    let bare = word.nfkd().flat_map(char::to_lowercase).nfkd().filter(|letter| !is_accent(*letter));
    let mut folded = String::with_capacity(word.len());
    for letter in bare {
        match letter {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            // Arabic as people type it: ya for alef maksura, ha for ta marbuta, no stretching.
            'ى' => folded.push('ي'),
            'ة' => folded.push('ه'),
            'ـ' => {}
            other if is_of_word(other) => folded.push(other),
            _ => {}
        }
    }
    // What was left out may have stood between marks that have an order.
    folded.nfkd().collect()
}

/// The folded words of `text` with one space between: the key titles are found by.
pub fn key(text: &str) -> String {
    words(text).into_iter().map(|word| word.folded).collect::<Vec<_>>().join(" ")
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter)
}

/// Marks people leave out when they type: accents, and the vowel points of Hebrew and Arabic. The vowels of Indic scripts stay.
fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}')
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | 'ʼ' | '‘' | '´' | '＇')
}

fn starts_word(rest: &str) -> bool {
    rest.chars().next().is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = words(text).into_iter().map(|word| word.folded).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn french_is_cut_as_it_is_read() {
        check("L'école d’été", &["ecole", "ete"]);
        check("Jusqu'à l'arrêt, lorsqu’il", &["a", "arret", "il"]);
        check("Qu'est-ce que l'ŒUVRE ?", &["est", "ce", "que", "oeuvre"]);
        check("vitamine C, plan d', d'", &["vitamine", "c", "plan", "d", "d"]);
        check("Aujourd'hui grand-père", &["aujourd", "hui", "grand", "pere"]);
        check("E\u{301}cole 14,2 %", &["ecole", "14", "2"]);
    }

    #[test]
    fn other_scripts_keep_their_letters() {
        check("Straße Łódź Øl", &["strasse", "lodz", "ol"]);
        check("مَدْرَسَةٌ إلى", &["مدرسه", "الي"]);
        check("हिन्दी", &["हिन्दी"]);
    }

    #[test]
    fn what_nobody_types_is_no_word() {
        check(&"a".repeat(LONGEST_WORD + 1), &[]);
        check(" -'’… ", &[]);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn words_stand_where_they_say(text in any::<String>()) {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.from >= end && word.to > word.from);
                prop_assert_eq!(fold(&text[word.from..word.to]), word.folded);
                end = word.to;
            }
        }
    }
}
