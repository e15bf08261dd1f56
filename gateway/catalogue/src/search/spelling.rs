//! Which words of the catalogue a typed word may mean: itself, or, where nobody wrote it so, its neighbours.
//!
//! Neighbours come from the term dictionaries through a Levenshtein automaton and are scored like any word (see [`super::score`]);
//! tantivy's own fuzzy query gives every match the same score. Figures for each choice below are in the README.

use std::collections::HashMap;

use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;
use tantivy::termdict::TermStreamer;
use tantivy::{Searcher, TantivyError, Term};

use crate::french;
use crate::index::{Fields, SHOWN_AS};

/// From so many letters a word has neighbours; shorter ones are too like each other.
const SHORTEST_CORRECTED: usize = 3;
/// From so many letters two faults are looked for, where no word is one fault away.
const SHORTEST_WITH_TWO_FAULTS: usize = 7;
/// Neighbours that are kept: more change nothing that can be measured.
const MOST_FORMS: usize = 8;
/// Words that the last one, still being typed, may become.
const MOST_ENDINGS: usize = 8;
/// Dictionary entries read for one word and segment: bounds the work for `a` typed in a large catalogue.
const MOST_READ: usize = 20_000;
/// A neighbour's likelihood grows with its frequency to this power: the right word is seldom the rare one.
const FREQUENCY_POWER: f32 = 0.4;
/// People seldom mistake the first letter.
const OTHER_FIRST_LETTER: f32 = 0.6;
/// How much the likeliest neighbour counts beside a word that was typed as it stands.
const CORRECTED: f32 = 0.95;
/// A word in one passage of so many, or in so few, may be an author's own fault, and mean a neighbour in a hundred times as many
/// passages: in a large catalogue any fault stands somewhere.
const RARE: u64 = 20_000;
const RARE_AT_LEAST: u64 = 3;
const FAR_COMMONER: u32 = 100;
/// How much that neighbour counts.
const MISTAKEN: f32 = 0.5;
/// How much the likeliest ending of the last word counts.
const ENDED: f32 = 0.6;

/// A word of the catalogue, folded, and how much it counts for what was typed, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub folded: String,
    pub likeness: f32,
}

/// What a typed word may mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Meaning {
    pub forms: Vec<Form>,
    /// The likeliest word, folded, where it isn't the one typed.
    pub corrected: Option<String>,
}

/// Reads the dictionary of one state of the index.
pub(crate) struct Dictionary<'a> {
    pub searcher: &'a Searcher,
    pub fields: &'a Fields,
}

impl Dictionary<'_> {
    /// What `folded` may mean; `unfinished`: it may be the beginning of a word.
    pub(super) fn meaning(&self, folded: &str, unfinished: bool) -> Result<Meaning, TantivyError> {
        let known = self.frequency(folded)?;
        if known > 0 {
            let itself = Form { folded: folded.into(), likeness: 1.0 };
            let rare = known <= (self.searcher.num_docs() / RARE).max(RARE_AT_LEAST);
            let least = u32::try_from(known).map_or(u32::MAX, |known| known.saturating_mul(FAR_COMMONER));
            let meant = if rare { self.neighbours(folded, least, 1)? } else { Vec::new() };
            let forms = [itself].into_iter().chain(likely(meant.into_iter(), MISTAKEN, MOST_FORMS)).collect();
            return Ok(Meaning { forms, corrected: None });
        }
        let mut endings = Vec::new();
        if unfinished && folded.chars().count() >= SHORTEST_CORRECTED {
            let found = self.beginning_with(self.fields.words, folded)?;
            let weighed = found.into_iter().map(|(word, count)| (word, weight(count)));
            endings = likely(weighed, ENDED, MOST_ENDINGS);
        }
        let neighbours = self.neighbours(folded, 1, 2)?;
        let likeliest = neighbours.first().map(|(word, _)| word.clone()).filter(|_| endings.is_empty());
        if likeliest.as_deref().is_some_and(french::is_stop) {
            return Ok(Meaning { forms: Vec::new(), corrected: likeliest });
        }
        let mut forms = likely(neighbours.into_iter(), CORRECTED, MOST_FORMS);
        forms.extend(endings);
        Ok(Meaning { forms, corrected: likeliest })
    }

    /// The form in which a folded word is written most, accents and all.
    pub(super) fn shown(&self, folded: &str) -> Result<String, TantivyError> {
        let forms = self.beginning_with(self.fields.forms, &format!("{folded}{SHOWN_AS}"))?;
        let most = forms.into_iter().max_by(|(a, of_a), (b, of_b)| of_a.cmp(of_b).then(b.cmp(a)));
        Ok(most
            .and_then(|(form, _)| Some(form.split_once(SHOWN_AS)?.1.to_owned()))
            .unwrap_or(folded.to_owned()))
    }

    /// Passages that hold the word.
    pub(crate) fn frequency(&self, folded: &str) -> Result<u64, TantivyError> {
        self.searcher.doc_freq(&Term::from_field_text(self.fields.words, folded))
    }

    /// Terms of a field that begin with `start`, with the passages that hold each.
    pub(crate) fn beginning_with(
        &self,
        field: Field,
        start: &str,
    ) -> Result<HashMap<String, u32>, TantivyError> {
        let mut counted = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut stream = index.terms().range().ge(start).into_stream()?;
            for _ in 0..MOST_READ {
                if !stream.advance() || !stream.key().starts_with(start.as_bytes()) {
                    break;
                }
                count(&mut counted, stream.key(), stream.value().doc_freq);
            }
        }
        Ok(counted)
    }

    /// Words whose beginning is one fault away from `start`.
    pub(crate) fn beginning_like(&self, start: &str) -> Result<HashMap<String, u32>, TantivyError> {
        let term = Term::from_field_text(self.fields.words, start);
        self.matching(&FuzzyTermQuery::new_prefix(term, 1, true))
    }

    /// Words one fault away, else two, the likeliest first, each with its weight. A fault is a letter too many, one missing, one in
    /// place of another, or two in each other's places. Those in fewer than `least` passages are left out.
    fn neighbours(
        &self,
        folded: &str,
        least: u32,
        most_faults: u8,
    ) -> Result<Vec<(String, f32)>, TantivyError> {
        let letters = folded.chars().count();
        let most_faults = match letters {
            _ if folded.chars().any(char::is_numeric) => 0,
            ..SHORTEST_CORRECTED => 0,
            SHORTEST_CORRECTED..SHORTEST_WITH_TWO_FAULTS => most_faults.min(1),
            _ => most_faults,
        };
        for faults in 1..=most_faults {
            let term = Term::from_field_text(self.fields.words, folded);
            let mut found = self.matching(&FuzzyTermQuery::new(term, faults, true))?;
            found.retain(|word, count| *count >= least && word != folded);
            if !found.is_empty() {
                return Ok(in_order(found.into_iter().map(|(word, count)| {
                    let same_start = word.chars().next() == folded.chars().next();
                    (word, weight(count) * if same_start { 1.0 } else { OTHER_FIRST_LETTER })
                })));
            }
        }
        Ok(Vec::new())
    }

    fn matching(&self, fuzzy: &FuzzyTermQuery) -> Result<HashMap<String, u32>, TantivyError> {
        let mut counted = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(self.fields.words)?;
            let mut stream: TermStreamer<'_, DfaWrapper> =
                index.terms().search(fuzzy.automaton()?).into_stream()?;
            for _ in 0..MOST_READ {
                if !stream.advance() {
                    break;
                }
                count(&mut counted, stream.key(), stream.value().doc_freq);
            }
        }
        Ok(counted)
    }
}

fn count(counted: &mut HashMap<String, u32>, term: &[u8], frequency: u32) {
    if let Ok(term) = std::str::from_utf8(term) {
        *counted.entry(term.to_owned()).or_default() += frequency;
    }
}

fn weight(count: u32) -> f32 {
    (count as f32).powf(FREQUENCY_POWER)
}

fn in_order(weighed: impl Iterator<Item = (String, f32)>) -> Vec<(String, f32)> {
    let mut weighed: Vec<_> = weighed.collect();
    weighed.sort_by(|(a, of_a), (b, of_b)| of_b.total_cmp(of_a).then_with(|| a.cmp(b)));
    weighed
}

/// The `most` likeliest words that mean something, the first counting `first` and the others in proportion.
fn likely(weighed: impl Iterator<Item = (String, f32)>, first: f32, most: usize) -> Vec<Form> {
    let ordered = in_order(weighed.filter(|(word, _)| !french::is_stop(word)));
    let best = ordered.first().map_or(1.0, |(_, weight)| *weight);
    let form = |(folded, weight)| Form { folded, likeness: first * weight / best };
    ordered.into_iter().take(most).map(form).collect()
}
