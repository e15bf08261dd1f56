//! BM25 over several fields at once (BM25F): how well each passage answers the words asked.
//!
//! The forms a word may have are pooled: their counts are added, each by its likeness, and the rarity is that of all of them, so that
//! a misspelt word never gains from a rare neighbour. tantivy's own scorer has fixed constants and scores each term by itself.

use std::collections::BTreeMap;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use super::spelling::Form;
use crate::french;
use crate::index::Fields;

/// How soon a word said again adds nothing (BM25's k1), and how much long passages are marked down (its b).
const SATURATION: f32 = 0.9;
const LENGTH: f32 = 0.6;
/// Counts in titles and headings beside counts in the text, which are 1.
const TITLE: f32 = 2.0;
const HEADING: f32 = 1.5;
/// What the very form that was typed adds to what its stem scored.
const AS_TYPED: f32 = 0.6;

/// The score of every passage, by segment and document; 0 is not found.
pub(super) struct Scores(pub Vec<Vec<f32>>);

impl Scores {
    pub fn none(searcher: &Searcher) -> Scores {
        Scores(
            searcher.segment_readers().iter().map(|segment| vec![0.0; segment.max_doc() as usize]).collect(),
        )
    }

    /// Adds what one asked word gives, in all its forms.
    pub fn add(&mut self, searcher: &Searcher, fields: &Fields, forms: &[Form]) -> Result<(), TantivyError> {
        let mut stems = BTreeMap::new();
        let mut typed = BTreeMap::new();
        for Form { folded, likeness } in forms {
            raise(&mut stems, french::stem(folded), *likeness);
            // Passages in other languages keep words whole.
            raise(&mut stems, folded.clone(), *likeness);
            raise(&mut typed, folded.clone(), *likeness);
        }
        self.add_pool(
            searcher,
            &[(fields.title, TITLE), (fields.heading, HEADING), (fields.text, 1.0)],
            &stems,
            1.0,
        )?;
        self.add_pool(searcher, &[(fields.words, 1.0)], &typed, AS_TYPED)
    }

    fn add_pool(
        &mut self,
        searcher: &Searcher,
        fields: &[(Field, f32)],
        terms: &BTreeMap<String, f32>,
        worth: f32,
    ) -> Result<(), TantivyError> {
        let lengths: Vec<f32> =
            fields.iter().map(|(field, _)| mean_length(searcher, *field)).collect::<Result<_, _>>()?;
        let mut found = Vec::new();
        for segment in searcher.segment_readers() {
            let mut counts = Counts::none(segment);
            for ((field, weight), mean) in fields.iter().zip(&lengths) {
                counts.add(segment, *field, terms, *weight, *mean)?;
            }
            found.push(counts);
        }
        let holding = found.iter().map(|counts| counts.found.len()).sum::<usize>() as f32;
        let passages = searcher.segment_readers().iter().map(SegmentReader::max_doc).sum::<u32>() as f32;
        let rarity = (1.0 + (passages - holding + 0.5) / (holding + 0.5)).ln();
        for (scores, counts) in self.0.iter_mut().zip(found) {
            for passage in counts.found {
                let count = counts.of[passage as usize];
                scores[passage as usize] +=
                    worth * rarity * count * (SATURATION + 1.0) / (count + SATURATION);
            }
        }
        Ok(())
    }
}

fn raise(terms: &mut BTreeMap<String, f32>, term: String, likeness: f32) {
    let best = terms.entry(term).or_default();
    *best = f32::max(*best, likeness);
}

/// How often pooled terms stand in the passages of a segment, for the length of each.
struct Counts {
    of: Vec<f32>,
    found: Vec<DocId>,
}

impl Counts {
    fn none(segment: &SegmentReader) -> Counts {
        Counts { of: vec![0.0; segment.max_doc() as usize], found: Vec::new() }
    }

    fn add(
        &mut self,
        segment: &SegmentReader,
        field: Field,
        terms: &BTreeMap<String, f32>,
        weight: f32,
        mean: f32,
    ) -> Result<(), TantivyError> {
        let index = segment.inverted_index(field)?;
        let mut lengths = None;
        for (term, likeness) in terms {
            let term = Term::from_field_text(field, term);
            let Some(mut postings) = index.read_postings(&term, IndexRecordOption::WithFreqs)? else {
                continue;
            };
            let lengths = match &lengths {
                Some(lengths) => lengths,
                None => lengths.insert(Lengths::of(segment, field, mean)?),
            };
            while postings.doc() != TERMINATED {
                let passage = postings.doc();
                let count = &mut self.of[passage as usize];
                if *count == 0.0 {
                    self.found.push(passage);
                }
                *count += weight * likeness * postings.term_freq() as f32 / lengths.norm(passage);
                postings.advance();
            }
        }
        Ok(())
    }
}

/// What counts in a field are divided by, from the 256 lengths that tantivy tells apart.
struct Lengths {
    reader: FieldNormReader,
    norms: [f32; 256],
}

impl Lengths {
    fn of(segment: &SegmentReader, field: Field, mean: f32) -> Result<Lengths, TantivyError> {
        let norm =
            |id: usize| 1.0 - LENGTH + LENGTH * FieldNormReader::id_to_fieldnorm(id as u8) as f32 / mean;
        Ok(Lengths { reader: segment.get_fieldnorms_reader(field)?, norms: std::array::from_fn(norm) })
    }

    fn norm(&self, passage: DocId) -> f32 {
        self.norms[usize::from(self.reader.fieldnorm_id(passage))]
    }
}

/// Words a field has on average, at least one.
fn mean_length(searcher: &Searcher, field: Field) -> Result<f32, TantivyError> {
    let (mut words, mut passages) = (0, 0);
    for segment in searcher.segment_readers() {
        words += segment.inverted_index(field)?.total_num_tokens();
        passages += u64::from(segment.max_doc());
    }
    Ok((words as f32 / passages.max(1) as f32).max(1.0))
}
