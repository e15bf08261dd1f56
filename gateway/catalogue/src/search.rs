//! Answers a query: what is asked, what was found, best first.
//!
//! Called by the gateway for every key a person types. What they type is words and nothing else: there is no query language to
//! get wrong, and no text that fails.

mod score;
mod snippet;
pub(crate) mod spelling;

use std::collections::HashSet;

use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{
    DocAddress, DocId, DocSet, Searcher, SegmentReader, TERMINATED, TantivyDocument, TantivyError, Term,
};

use self::score::Scores;
use self::snippet::{Marks, snippet};
use self::spelling::{Dictionary, Form};
use crate::index::{self, Fields, Index, IndexError, PAGE, failed};
use crate::{ItemId, ItemKind, french, words};

/// Results on one page.
pub const RESULTS_A_PAGE: usize = 10;

/// Bytes and words of a query that are read: longer ones are pasted, not asked.
const LONGEST_QUERY: usize = 512;
const MOST_WORDS: usize = 32;

/// Passages that are put in order; nobody reads on to the hundredth page, and ordering all of a large catalogue takes longer than
/// finding them.
const MOST_RANKED: usize = 1000;

/// What a person asks. Filters left out let everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub text: String,
    /// BCP 47; `fr` lets `fr-CA` through.
    pub language: Option<String>,
    pub kind: Option<ItemKind>,
    pub trade: Option<String>,
    pub level: Option<String>,
    /// From 1; 0 is taken for 1.
    pub page: u32,
}

/// One page of results, best first, one of each page of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Pages of items in all, as far as they were counted.
    pub total: u64,
    pub hits: Vec<Hit>,
    /// The query in the catalogue's spelling, where that differs.
    pub spelt: Option<String>,
}

/// The best passage of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub item: ItemId,
    /// The kind's word ([`ItemKind::word`]).
    pub kind: String,
    pub language: String,
    /// On the item's origin, with the leading `/`, and a fragment where the passage has one.
    pub path: String,
    pub title: String,
    pub heading: String,
    pub snippet: Vec<SnippetPart>,
    pub score: f32,
}

/// A stretch of a snippet; `found` ones are words of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    pub text: String,
    pub found: bool,
}

impl Index {
    /// The page of results that `query` asks for. Only a broken index is an error.
    pub fn search(&self, query: &Query) -> Result<Found, IndexError> {
        let searcher = self.searcher();
        self.answer(&searcher, query).map_err(failed("search"))
    }

    fn answer(&self, searcher: &Searcher, query: &Query) -> Result<Found, TantivyError> {
        let asked = Asked::read(&Dictionary { searcher, fields: &self.fields }, &query.text)?;
        let mut scores = Scores::none(searcher);
        for forms in &asked.words {
            scores.add(searcher, &self.fields, forms)?;
        }
        let pages = self.best_of_pages(searcher, scores, query)?;
        let first = (query.page.max(1) as usize - 1).saturating_mul(RESULTS_A_PAGE);
        let shown = pages.iter().skip(first).take(RESULTS_A_PAGE);
        let hits = shown.map(|(score, passage)| self.hit(searcher, *score, *passage, &asked.marks));
        Ok(Found {
            total: pages.len() as u64,
            hits: hits.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
            spelt: asked.spelt,
        })
    }

    /// The best passage of each page that the filters let through, the best page first.
    fn best_of_pages(
        &self,
        searcher: &Searcher,
        scores: Scores,
        query: &Query,
    ) -> Result<Vec<(f32, DocAddress)>, TantivyError> {
        let mut passages = Vec::new();
        for (ordinal, (segment, scores)) in searcher.segment_readers().iter().zip(scores.0).enumerate() {
            let filter = Filter::read(segment, &self.fields, query)?;
            let found = scores
                .into_iter()
                .zip(0..)
                .filter(|(score, passage)| *score > 0.0 && filter.passes(segment, *passage));
            passages.extend(found.map(|(score, passage)| (score, DocAddress::new(ordinal as u32, passage))));
        }
        let better = |(a, at_a): &(f32, DocAddress), (b, at_b): &(f32, DocAddress)| {
            b.total_cmp(a).then(at_a.cmp(at_b))
        };
        if passages.len() > MOST_RANKED {
            passages.select_nth_unstable_by(MOST_RANKED, better);
            passages.truncate(MOST_RANKED);
        }
        passages.sort_unstable_by(better);
        let columns = searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().u64(PAGE))
            .collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        passages.retain(|(_, at)| seen.insert(columns[at.segment_ord as usize].first(at.doc_id)));
        Ok(passages)
    }

    fn hit(
        &self,
        searcher: &Searcher,
        score: f32,
        passage: DocAddress,
        marks: &Marks,
    ) -> Result<Option<Hit>, TantivyError> {
        let kept: TantivyDocument = searcher.doc(passage)?;
        let text = |field| {
            kept.get_first(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let Ok(item) = ItemId::parse(&text(self.fields.item)) else { return Ok(None) };
        Ok(Some(Hit {
            item,
            kind: text(self.fields.kind),
            language: text(self.fields.language),
            path: text(self.fields.path),
            title: text(self.fields.title_shown),
            heading: text(self.fields.heading_shown),
            snippet: snippet(&text(self.fields.text_shown), marks),
            score,
        }))
    }
}

/// The words of a query, each in the forms it may have in the catalogue.
struct Asked {
    words: Vec<Vec<Form>>,
    marks: Marks,
    spelt: Option<String>,
}

impl Asked {
    fn read(dictionary: &Dictionary<'_>, text: &str) -> Result<Asked, TantivyError> {
        let text = &text[..text.floor_char_boundary(LONGEST_QUERY)];
        let mut typed = words::words(text);
        typed.truncate(MOST_WORDS);
        let only_stops = typed.iter().all(|word| french::is_stop(&word.folded));
        let mut asked = Asked { words: Vec::new(), marks: Marks::default(), spelt: None };
        let (mut spelt, mut copied, mut seen) = (String::new(), 0, HashSet::new());
        for word in typed.iter().filter(|word| only_stops || !french::is_stop(&word.folded)) {
            let meaning = dictionary.meaning(&word.folded, word.to == text.len())?;
            if let Some(corrected) = &meaning.corrected {
                spelt.push_str(&text[copied..word.from]);
                spelt.push_str(&dictionary.shown(corrected)?);
                copied = word.to;
            }
            if !seen.insert(&word.folded) {
                continue;
            }
            meaning.forms.iter().for_each(|form| asked.marks.add(&form.folded));
            asked.words.push(meaning.forms);
        }
        if copied > 0 {
            spelt.push_str(&text[copied..]);
            asked.spelt = Some(spelt);
        }
        Ok(asked)
    }
}

/// Which passages of a segment a query lets through.
struct Filter {
    asked: u8,
    passed: Vec<u8>,
}

impl Filter {
    fn read(segment: &SegmentReader, fields: &Fields, query: &Query) -> Result<Filter, TantivyError> {
        let filters = [
            (fields.language, query.language.as_deref().map(index::primary)),
            (fields.kind, query.kind.map(|kind| kind.word().to_owned())),
            (fields.trade, query.trade.as_deref().map(words::fold)),
            (fields.level, query.level.as_deref().map(words::fold)),
        ];
        let mut filter = Filter { asked: 0, passed: Vec::new() };
        for (field, value) in filters.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            filter.asked += 1;
            filter.passed.resize(segment.max_doc() as usize, 0);
            let term = Term::from_field_text(field, &value);
            let Some(mut postings) =
                segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic)?
            else {
                continue;
            };
            while postings.doc() != TERMINATED {
                filter.passed[postings.doc() as usize] += 1;
                postings.advance();
            }
        }
        Ok(filter)
    }

    fn passes(&self, segment: &SegmentReader, passage: DocId) -> bool {
        !segment.is_deleted(passage) && (self.asked == 0 || self.passed[passage as usize] == self.asked)
    }
}
