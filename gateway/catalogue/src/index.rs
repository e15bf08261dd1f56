//! The passages of every item as a tantivy index: what is kept of each, taking in and taking out.
//!
//! The shelf is the truth and the index derived from it. Order that keeps them together: to add, [`Index::stage`] and push (all
//! that can fail), put the item on the shelf, [`Staging::publish`]; to remove, [`Index::remove`], then the shelf. So nothing is ever
//! found that cannot be opened, and whatever a crash leaves out of the index is seen by [`Index::items`] and staged again.
//! Invariants: one writer at a time; a staging that is dropped leaves no trace; searches see whole items only.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use crate::words::{self, Word};
use crate::{Item, ItemId, Passage, french};

/// What the one indexing thread may hold before it writes a segment; above tantivy's least of 15 MB, small beside the server.
const WRITER_MEMORY_BYTES: usize = 64 << 20;

/// A title is found from each of its first words on, no further: the tail of a long one is not what people type.
const TITLE_STARTS: usize = 8;

/// Longer titles (in bytes) are sentences and are not suggested.
const LONGEST_SUGGESTED_TITLE: usize = 120;

/// Parts a key from the form shown, in the fields that serve suggestions; no word or key holds it.
pub(crate) const SHOWN_AS: char = '\u{1f}';

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the folder of the search index {folder}")]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("{attempt} the search index")]
    Tantivy { attempt: &'static str, source: TantivyError },
}

pub(crate) fn failed(attempt: &'static str) -> impl FnOnce(TantivyError) -> IndexError {
    move |source| IndexError::Tantivy { attempt, source }
}

/// The searchable passages of the catalogue. Cheap to search from many threads at once; adding waits for the one writer.
pub struct Index {
    tantivy: tantivy::Index,
    reader: IndexReader,
    pub(crate) fields: Fields,
    writing: Mutex<()>,
}

impl Index {
    /// Opens the index in `folder`, made where it is missing. One of another version or a broken one is thrown away: it is derived,
    /// and [`Index::items`] then tells the shelf that everything is to be staged again.
    pub fn open(folder: &Path) -> Result<Index, IndexError> {
        let in_folder = |source| IndexError::Folder { folder: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(in_folder)?;
        let (schema, fields) = schema();
        let opened = tantivy::Index::open_in_dir(folder).and_then(|found| match found.schema() == schema {
            true => Self::read(found, fields),
            false => Err(TantivyError::SchemaError("another version".into())),
        });
        match opened {
            Ok(index) => return Ok(index),
            Err(error) if folder.join("meta.json").exists() => {
                tracing::warn!(%error, folder = %folder.display(), "the search index is made anew");
            }
            Err(_) => {}
        }
        std::fs::remove_dir_all(folder).map_err(in_folder)?;
        std::fs::create_dir_all(folder).map_err(in_folder)?;
        let made = tantivy::Index::create_in_dir(folder, schema).map_err(failed("make"))?;
        Self::read(made, fields).map_err(failed("open"))
    }

    fn read(tantivy: tantivy::Index, fields: Fields) -> Result<Index, TantivyError> {
        let reader = tantivy.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Index { tantivy, reader, fields, writing: Mutex::new(()) })
    }

    /// Takes an item's passages in at once, in place of those it had. Returns how many.
    pub fn add(&self, item: &Item, passages: impl IntoIterator<Item = Passage>) -> Result<u64, IndexError> {
        let mut staging = self.stage(item)?;
        for passage in passages {
            staging.push(&passage)?;
        }
        staging.publish()
    }

    /// Begins to take an item in; waits for the writer before it.
    pub fn stage<'a>(&'a self, item: &'a Item) -> Result<Staging<'a>, IndexError> {
        let (turn, writer) = self.writer()?;
        writer.delete_term(self.item_term(&item.id));
        Ok(Staging { index: self, item, writer, passages: 0, _turn: turn })
    }

    /// Takes an item's passages out; done when it returns. An item without passages is fine.
    pub fn remove(&self, item: &ItemId) -> Result<(), IndexError> {
        let (_turn, writer) = self.writer()?;
        writer.delete_term(self.item_term(item));
        self.commit(writer)
    }

    /// The items that have passages, and how many each: what the shelf compares itself with when it opens.
    pub fn items(&self) -> Result<BTreeMap<ItemId, u64>, IndexError> {
        let mut items = BTreeMap::new();
        for segment in self.searcher().segment_readers() {
            let terms = segment.inverted_index(self.fields.item).map_err(failed("list the items of"))?;
            let mut stream = terms.terms().stream().map_err(|e| failed("list the items of")(e.into()))?;
            while let Some((term, info)) = stream.next() {
                let Some(item) = std::str::from_utf8(term).ok().and_then(|id| ItemId::parse(id).ok()) else {
                    continue;
                };
                let postings = terms.read_postings_from_terminfo(info, IndexRecordOption::Basic);
                let postings = postings.map_err(|e| failed("list the items of")(e.into()))?;
                let alive = segment
                    .alive_bitset()
                    .map_or(postings.doc_freq(), |alive| postings.doc_freq_given_deletes(alive));
                if alive > 0 {
                    *items.entry(item).or_default() += u64::from(alive);
                }
            }
        }
        Ok(items)
    }

    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    fn item_term(&self, item: &ItemId) -> Term {
        Term::from_field_text(self.fields.item, item.as_str())
    }

    fn writer(&self) -> Result<(MutexGuard<'_, ()>, IndexWriter), IndexError> {
        let turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = self.tantivy.writer_with_num_threads(1, WRITER_MEMORY_BYTES).map_err(failed("write"))?;
        Ok((turn, writer))
    }

    /// Makes what was written durable, then visible. What was taken out leaves the files too, so that no word of it is suggested
    /// or counted, and segments are merged so that a query opens few.
    fn commit(&self, mut writer: IndexWriter) -> Result<(), IndexError> {
        writer.commit().map_err(failed("commit"))?;
        let segments = self.tantivy.searchable_segment_metas().map_err(failed("commit"))?;
        let with_holes: Vec<_> = segments
            .iter()
            .filter(|segment| segment.num_deleted_docs() > 0)
            .map(|segment| segment.id())
            .collect();
        if !with_holes.is_empty() {
            writer.merge(&with_holes).wait().map_err(failed("merge"))?;
        }
        writer.wait_merging_threads().map_err(failed("merge"))?;
        self.reader.reload().map_err(failed("read anew"))
    }
}

/// An item being taken in. Nothing of it is found before [`Staging::publish`]; dropping it takes everything back.
pub struct Staging<'a> {
    index: &'a Index,
    item: &'a Item,
    writer: IndexWriter,
    passages: u64,
    _turn: MutexGuard<'a, ()>,
}

impl Staging<'_> {
    pub fn push(&mut self, passage: &Passage) -> Result<(), IndexError> {
        let document = self.index.fields.document(self.item, passage);
        self.writer.add_document(document).map_err(failed("write"))?;
        self.passages += 1;
        Ok(())
    }

    /// Makes the item found, in place of what it was; returns its passages.
    pub fn publish(self) -> Result<u64, IndexError> {
        self.index.commit(self.writer)?;
        Ok(self.passages)
    }
}

/// Which field holds what. `*_shown` are stored for results; the others are searched.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub item: Field,
    pub language: Field,
    pub kind: Field,
    pub trade: Field,
    pub level: Field,
    /// Item and path without fragment, hashed: results of one page are one.
    pub page: Field,
    pub path: Field,
    pub title_shown: Field,
    pub heading_shown: Field,
    pub text_shown: Field,
    /// Stems, in French; in other languages the folded words.
    pub title: Field,
    pub heading: Field,
    pub text: Field,
    /// Every word as it stands, folded: the dictionary that misspelt words are looked for in.
    pub words: Field,
    /// `folded SHOWN_AS lower-case`, and `key SHOWN_AS Title`: what suggestions and corrections show.
    pub forms: Field,
    pub titles: Field,
}

pub(crate) const PAGE: &str = "page";

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let counted = |record| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(record)
            .set_fieldnorms(record == IndexRecordOption::WithFreqs);
        TextOptions::default().set_indexing_options(indexing)
    };
    let scored = counted(IndexRecordOption::WithFreqs);
    let listed = counted(IndexRecordOption::Basic);
    let fields = Fields {
        item: schema.add_text_field("item", STRING | STORED),
        language: schema.add_text_field("language", STRING | STORED),
        kind: schema.add_text_field("kind", STRING | STORED),
        trade: schema.add_text_field("trade", STRING),
        level: schema.add_text_field("level", STRING),
        page: schema.add_u64_field(PAGE, FAST),
        path: schema.add_text_field("path", STORED),
        title_shown: schema.add_text_field("title-shown", STORED),
        heading_shown: schema.add_text_field("heading-shown", STORED),
        text_shown: schema.add_text_field("text-shown", STORED),
        title: schema.add_text_field("title", scored.clone()),
        heading: schema.add_text_field("heading", scored.clone()),
        text: schema.add_text_field("text", scored.clone()),
        words: schema.add_text_field("words", scored),
        forms: schema.add_text_field("forms", listed.clone()),
        titles: schema.add_text_field("titles", listed),
    };
    (schema.build(), fields)
}

impl Fields {
    fn document(&self, item: &Item, passage: &Passage) -> TantivyDocument {
        let language = primary(&item.language);
        let mut document = TantivyDocument::new();
        document.add_text(self.item, item.id.as_str());
        document.add_text(self.language, &language);
        document.add_text(self.kind, item.kind.word());
        for (field, value) in [(self.trade, &item.trade), (self.level, &item.level)] {
            if let Some(value) = value {
                document.add_text(field, words::fold(value));
            }
        }
        document.add_u64(self.page, page(item.id.as_str(), &passage.path));
        document.add_text(self.path, &passage.path);
        let mut every = Vec::new();
        for (shown, searched, text) in [
            (self.title_shown, self.title, &passage.title),
            (self.heading_shown, self.heading, &passage.heading),
            (self.text_shown, self.text, &passage.text),
        ] {
            document.add_text(shown, text);
            let found = words::words(text);
            document.add_pre_tokenized_text(searched, tokens(chain(&language, &found)));
            every.extend(found.into_iter().map(|word| (word.folded.clone(), form(word, text))));
        }
        let forms: HashSet<String> = every.iter().map(|(_, form)| form.clone()).collect();
        document.add_pre_tokenized_text(self.words, tokens(every.into_iter().map(|(folded, _)| folded)));
        document.add_pre_tokenized_text(self.forms, tokens(forms));
        document.add_pre_tokenized_text(
            self.titles,
            tokens([&passage.title, &passage.heading].into_iter().flat_map(|t| titles(t))),
        );
        document
    }
}

/// The terms of a text in a language: stems without stop words in French, every folded word elsewhere.
fn chain<'a>(language: &str, found: &'a [Word]) -> Box<dyn Iterator<Item = String> + 'a> {
    let folded = found.iter().map(|word| &word.folded);
    match language {
        "fr" => Box::new(folded.filter(|word| !french::is_stop(word)).map(|word| french::stem(word))),
        _ => Box::new(folded.cloned()),
    }
}

/// The primary part of a BCP 47 tag, in lower case: `fr` of `fr-CA`.
pub(crate) fn primary(language: &str) -> String {
    language.split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

fn form(word: Word, text: &str) -> String {
    let shown = text[word.from..word.to].to_lowercase();
    format!("{}{SHOWN_AS}{shown}", word.folded)
}

fn titles(title: &str) -> Vec<String> {
    let shown = title.trim();
    if shown.len() > LONGEST_SUGGESTED_TITLE {
        return Vec::new();
    }
    let found = words::words(shown);
    let starts = found
        .iter()
        .take(TITLE_STARTS)
        .enumerate()
        .filter(|(at, word)| *at == 0 || !french::is_stop(&word.folded));
    let tails = starts
        .map(|(at, _)| found[at..].iter().map(|word| word.folded.as_str()).collect::<Vec<_>>().join(" "));
    tails.map(|tail| format!("{tail}{SHOWN_AS}{shown}")).collect()
}

fn page(item: &str, path: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    (item, path.split('#').next()).hash(&mut hasher);
    hasher.finish()
}

fn tokens(texts: impl IntoIterator<Item = String>) -> PreTokenizedString {
    let token = |(position, text): (usize, String)| Token {
        offset_from: 0,
        offset_to: 0,
        position,
        text,
        position_length: 1,
    };
    PreTokenizedString { text: String::new(), tokens: texts.into_iter().enumerate().map(token).collect() }
}
