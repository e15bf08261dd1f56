//! The stretch of a passage that shows why it was found.
//!
//! Pure. Invariant: the parts put together are a piece of the text, with an ellipsis where it was cut.

use std::collections::HashSet;

use super::SnippetPart;
use crate::french;
use crate::words::{self, Word};

/// Bytes of text shown: about two lines on a kiosk screen.
const LONGEST: usize = 240;
/// Bytes shown before the first word found, so that it is read in its sentence.
const LEAD: usize = 40;

/// What to mark as found: folded words and their stems.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(HashSet<String>);

impl Marks {
    pub fn add(&mut self, folded: &str) {
        self.0.insert(french::stem(folded));
        self.0.insert(folded.to_owned());
    }

    fn hold(&self, word: &Word) -> bool {
        self.0.contains(&word.folded)
            || (!french::is_stop(&word.folded) && self.0.contains(&french::stem(&word.folded)))
    }
}

/// The stretch of `text` with the most different words marked, in parts.
pub(super) fn snippet(text: &str, marks: &Marks) -> Vec<SnippetPart> {
    let words = words::words(text);
    let found: Vec<&Word> = words.iter().filter(|word| marks.hold(word)).collect();
    let from = words.iter().map(|word| word.from).find(|from| *from + LEAD >= richest(&found)).unwrap_or(0);
    let from = if from <= LEAD { 0 } else { from };
    let to =
        words.iter().map(|word| word.to).take_while(|to| *to <= from + LONGEST).last().unwrap_or(0).max(from);
    let to = if words.last().is_none_or(|last| last.to <= to) {
        text.len().min(text.floor_char_boundary(to + LEAD))
    } else {
        to
    };

    let mut parts = Vec::new();
    let mut at = from;
    if from > 0 {
        push(&mut parts, "…", false);
    }
    for word in found.into_iter().filter(|word| word.from >= from && word.to <= to) {
        push(&mut parts, &text[at..word.from], false);
        push(&mut parts, &text[word.from..word.to], true);
        at = word.to;
    }
    push(&mut parts, &text[at..to], false);
    if to < text.len() {
        push(&mut parts, "…", false);
    }
    parts
}

/// Where the window begins that holds the most different words found.
fn richest(found: &[&Word]) -> usize {
    let different = |start: usize| {
        let window = found[start..].iter().take_while(|word| word.to <= found[start].from + LONGEST - LEAD);
        window.map(|word| word.folded.as_str()).collect::<HashSet<_>>().len()
    };
    let best = (0..found.len()).rev().max_by_key(|start| different(*start));
    best.map_or(0, |start| found[start].from)
}

fn push(parts: &mut Vec<SnippetPart>, text: &str, found: bool) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.found == found => last.text.push_str(text),
        _ => parts.push(SnippetPart { text: text.into(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(text: &str, asked: &[&str]) -> String {
        let mut marks = Marks::default();
        asked.iter().for_each(|word| marks.add(word));
        let part = |part: SnippetPart| if part.found { format!("[{}]", part.text) } else { part.text };
        snippet(text, &marks).into_iter().map(part).collect()
    }

    #[test]
    fn found_words_are_marked_in_the_authors_spelling() {
        assert_eq!(
            marked("L'École est ouverte aux élèves.", &["ecole", "eleve"]),
            "L'[École] est ouverte aux [élèves]."
        );
        assert_eq!(marked("Rien ici.", &["ecole"]), "Rien ici.");
        assert_eq!(marked("", &["ecole"]), "");
    }

    #[test]
    fn the_richest_stretch_is_shown() {
        let far = format!(
            "Le pain. {} Le pain et le beurre. {}",
            "Du texte sans rien. ".repeat(30),
            "Encore. ".repeat(60)
        );
        let shown = marked(&far, &["pain", "beurre"]);
        assert!(
            shown.starts_with('…') && shown.contains("Le [pain] et le [beurre].") && shown.ends_with('…'),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn a_snippet_is_a_piece_of_its_text(text in any::<String>(), asked in "\\PC{0,8}") {
            let whole: String = snippet(&text, &{ let mut marks = Marks::default(); marks.add(&words::fold(&asked)); marks })
                .into_iter().map(|part| part.text).collect();
            prop_assert!(text.contains(whole.trim_start_matches('…').trim_end_matches('…')));
        }
    }
}
