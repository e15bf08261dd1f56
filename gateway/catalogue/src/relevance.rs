//! Measures a search against questions whose answer is known: reading a judged collection, spoiling its questions, nDCG@10.
//!
//! Pure but for the reading; called by the bench `relevance`. Invariant: the same seed spoils the same letters, on every machine.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Results that count.
pub const DEPTH: usize = 10;
/// Of a hundred words, those that get a typing fault.
pub const SPOILT_PERCENT: u64 = 30;

#[derive(Debug, thiserror::Error)]
pub enum RelevanceError {
    #[error("read the judged questions {file}")]
    Read { file: PathBuf, source: std::io::Error },
    #[error("understand the judged questions {file}")]
    Understand { file: PathBuf, source: serde_json::Error },
}

/// Paragraphs, and questions that one paragraph each answers.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    pub paragraphs: Vec<Paragraph>,
    pub questions: Vec<Question>,
}

#[derive(Clone, Debug)]
pub struct Paragraph {
    pub title: String,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub text: String,
    /// The paragraph that answers it.
    pub answer: usize,
}

impl Collection {
    /// Reads a file in the layout of SQuAD 1.1.
    pub fn read(file: &Path) -> Result<Collection, RelevanceError> {
        let text =
            std::fs::read(file).map_err(|source| RelevanceError::Read { file: file.into(), source })?;
        let squad: Squad = serde_json::from_slice(&text)
            .map_err(|source| RelevanceError::Understand { file: file.into(), source })?;
        let mut collection = Collection::default();
        for article in squad.data {
            for paragraph in article.paragraphs {
                let answer = collection.paragraphs.len();
                collection
                    .paragraphs
                    .push(Paragraph { title: article.title.clone(), text: paragraph.context });
                let questions =
                    paragraph.qas.into_iter().map(|asked| Question { text: asked.question, answer });
                collection.questions.extend(questions);
            }
        }
        Ok(collection)
    }
}

#[derive(Deserialize)]
struct Squad {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    title: String,
    paragraphs: Vec<Context>,
}

#[derive(Deserialize)]
struct Context {
    context: String,
    qas: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
}

/// What the one relevant answer gives at its place among the results: 1 at the top, less further down, 0 beyond [`DEPTH`].
/// With one answer the ideal is 1, so the mean of this over questions is nDCG@10.
pub fn gain(results: &[usize], answer: usize) -> f64 {
    let place = results.iter().take(DEPTH).position(|result| *result == answer);
    place.map_or(0.0, |place| 1.0 / (place as f64 + 2.0).log2())
}

/// A question as it is typed on a keyboard without accents.
pub fn without_accents(text: &str) -> String {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).collect()
}

/// A question with one typing fault in [`SPOILT_PERCENT`] of its words of two letters and more, wherever in the word: a letter missing,
/// one too many, another one, or two in each other's places.
pub fn with_faults(text: &str, random: &mut Random) -> String {
    let mut spoilt = String::new();
    let mut rest = text;
    while let Some(from) = rest.find(char::is_alphabetic) {
        let to = rest[from..]
            .find(|letter: char| !letter.is_alphabetic())
            .map_or(rest.len(), |length| from + length);
        spoilt.push_str(&rest[..from]);
        let mut letters: Vec<char> = rest[from..to].chars().collect();
        if letters.len() >= 2 && random.below(100) < SPOILT_PERCENT {
            spoil(&mut letters, random);
        }
        spoilt.extend(letters);
        rest = &rest[to..];
    }
    spoilt + rest
}

fn spoil(letters: &mut Vec<char>, random: &mut Random) {
    let any = |random: &mut Random| char::from(b'a' + random.below(26) as u8);
    let at = random.below(letters.len() as u64) as usize;
    match random.below(4) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, any(random)),
        2 => letters[at] = any(random),
        _ => {
            let left = at.min(letters.len() - 2);
            letters.swap(left, left + 1);
        }
    }
}

/// SplitMix64: enough for a bench, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_place_gains_less() {
        assert_eq!(gain(&[7, 8], 7), 1.0);
        assert!((gain(&[7, 8], 8) - 0.6309).abs() < 1e-4);
        assert_eq!(gain(&[7, 8], 9), 0.0);
        assert_eq!(gain(&(0..20).collect::<Vec<_>>(), 10), 0.0);
    }

    #[test]
    fn a_seed_spoils_the_same_letters() {
        let text = "Où se trouve l'école la plus proche de la gare ? ".repeat(40);
        let spoilt = with_faults(&text, &mut Random(7));
        assert_eq!(spoilt, with_faults(&text, &mut Random(7)));
        let changed = text.split(' ').zip(spoilt.split(' ')).filter(|(a, b)| a != b).count();
        assert!((80..160).contains(&changed), "{changed} of 400 words");
        assert_eq!(without_accents("Où, élève"), "Ou, eleve");
    }
}
