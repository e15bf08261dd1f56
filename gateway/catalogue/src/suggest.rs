//! Ends what is being typed, from the titles, headings and words of the catalogue.
//!
//! Called at every key. First whole titles that go on as typed (from any of their first words), then the last word ended, then, where
//! nothing begins so, the last word corrected and ended. The most frequent first; accents never matter and are shown.

use std::collections::{HashMap, HashSet};

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Searcher, TERMINATED, TantivyError, Term};

use crate::index::{Fields, Index, IndexError, SHOWN_AS, failed};
use crate::search::spelling::Dictionary;
use crate::words::{self, Word};

/// What fits under the search field of a kiosk.
pub const MOST_SUGGESTIONS: usize = 8;
/// Bytes of what is typed that are read.
const LONGEST_TYPED: usize = 120;
/// Ends of the last word that are compared with the words before it.
const MOST_COMPARED: usize = 40;
/// From so many letters a beginning is corrected.
const SHORTEST_CORRECTED: usize = 4;

impl Index {
    /// How `typed` may go on, likeliest first, at most [`MOST_SUGGESTIONS`]. Only a broken index is an error.
    pub fn suggest(&self, typed: &str) -> Result<Vec<String>, IndexError> {
        let searcher = self.searcher();
        suggest(&searcher, &self.fields, &typed[..typed.floor_char_boundary(LONGEST_TYPED)])
            .map_err(failed("search"))
    }
}

fn suggest(searcher: &Searcher, fields: &Fields, typed: &str) -> Result<Vec<String>, TantivyError> {
    let dictionary = Dictionary { searcher, fields };
    let typed_words = words::words(typed);
    let Some((last, before)) = typed_words.split_last() else { return Ok(Vec::new()) };
    let mut suggestions = Suggestions::default();

    let titles = dictionary.beginning_with(fields.titles, &words::key(typed))?;
    suggestions.extend(shown(titles));

    if suggestions.full() || last.to < typed.len() {
        return Ok(suggestions.list);
    }
    let mut ends = by_word(dictionary.beginning_with(fields.forms, &last.folded)?);
    if ends.is_empty() && suggestions.list.is_empty() && last.folded.chars().count() >= SHORTEST_CORRECTED {
        for word in most_frequent(dictionary.beginning_like(&last.folded)?).into_iter().take(MOST_COMPARED) {
            ends.extend(by_word(dictionary.beginning_with(fields.forms, &format!("{word}{SHOWN_AS}"))?));
        }
    }
    let ends = beside(searcher, fields, before, ends)?;
    suggestions.extend(ends.into_iter().map(|end| format!("{}{end}", &typed[..last.from])));
    Ok(suggestions.list)
}

/// What is suggested, each thing once however it is written.
#[derive(Default)]
struct Suggestions {
    list: Vec<String>,
    keys: HashSet<String>,
}

impl Suggestions {
    fn extend(&mut self, more: impl IntoIterator<Item = String>) {
        for suggestion in more {
            if !self.full() && self.keys.insert(words::key(&suggestion)) {
                self.list.push(suggestion);
            }
        }
    }

    fn full(&self) -> bool {
        self.list.len() >= MOST_SUGGESTIONS
    }
}

/// What terms of `forms` and `titles` show, the most frequent first.
fn shown(terms: HashMap<String, u32>) -> Vec<String> {
    most_frequent(terms).iter().filter_map(|term| Some(term.split_once(SHOWN_AS)?.1.to_owned())).collect()
}

fn most_frequent(terms: HashMap<String, u32>) -> Vec<String> {
    let mut terms: Vec<_> = terms.into_iter().collect();
    terms.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.len().cmp(&b.len())).then_with(|| a.cmp(b)));
    terms.into_iter().map(|(term, _)| term).collect()
}

/// Each folded word with the form that is written most, and in how many passages it stands.
fn by_word(forms: HashMap<String, u32>) -> HashMap<String, (String, u32)> {
    let mut words: HashMap<String, (String, u32, u32)> = HashMap::new();
    for (term, count) in forms {
        let Some((folded, form)) = term.split_once(SHOWN_AS) else { continue };
        let (most, of_most, all) = words.entry(folded.to_owned()).or_default();
        *all += count;
        if (count, most.as_str()) > (*of_most, form) || most.is_empty() {
            (*most, *of_most) = (form.to_owned(), count);
        }
    }
    words.into_iter().map(|(folded, (form, _, all))| (folded, (form, all))).collect()
}

/// The ends of the last word as they are shown: first those that stand most in passages with all the words before.
fn beside(
    searcher: &Searcher,
    fields: &Fields,
    before: &[Word],
    ends: HashMap<String, (String, u32)>,
) -> Result<Vec<String>, TantivyError> {
    let counts = ends.iter().map(|(folded, (_, count))| (folded.clone(), *count)).collect();
    let mut ordered = most_frequent(counts);
    ordered.truncate(MOST_COMPARED);
    if !before.is_empty() {
        let together = together(searcher, fields, before, &ordered)?;
        ordered.sort_by_key(|folded| std::cmp::Reverse(together.get(folded).copied()));
    }
    Ok(ordered.iter().filter_map(|folded| ends.get(folded)).map(|(form, _)| form.clone()).collect())
}

/// In how many passages each of `words` stands with all the words `before`.
fn together(
    searcher: &Searcher,
    fields: &Fields,
    before: &[Word],
    words: &[String],
) -> Result<HashMap<String, u32>, TantivyError> {
    let mut together = HashMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.words)?;
        let holding = |word: &str| -> Result<Vec<u32>, TantivyError> {
            let term = Term::from_field_text(fields.words, word);
            let mut passages = Vec::new();
            if let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? {
                while postings.doc() != TERMINATED {
                    passages.push(postings.doc());
                    postings.advance();
                }
            }
            Ok(passages)
        };
        let mut with_all = vec![0_usize; segment.max_doc() as usize];
        for word in before {
            holding(&word.folded)?.into_iter().for_each(|passage| with_all[passage as usize] += 1);
        }
        for word in words {
            let count = holding(word)?
                .into_iter()
                .filter(|passage| with_all[*passage as usize] == before.len())
                .count();
            *together.entry(word.clone()).or_default() += count as u32;
        }
    }
    Ok(together)
}
