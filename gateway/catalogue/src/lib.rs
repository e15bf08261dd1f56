//! The local catalogue: training content taken in from archives and folders, searched in French and read without the Internet.
//!
//! Knows no HTTP and no person: the gateway serves what this crate reads. An item is taken in by [`ingest`] and kept on the
//! [`Shelf`], which yields its content and its [`Passage`]s. Invariant: an item that was refused leaves the catalogue as it was.

pub mod content;
pub mod french;
pub mod index;
pub mod ingest;
pub mod item;
pub mod passage;
pub mod relevance;
pub mod search;
pub mod shelf;
pub mod suggest;
pub mod words;

pub use content::Content;
pub use index::{Index, IndexError, Staging};
pub use ingest::{Cancelled, IngestError, Passages, ReadError, Source, Step};
pub use item::{Item, ItemId, ItemKind};
pub use passage::Passage;
pub use search::{Found, Hit, Query, SnippetPart};
pub use shelf::{Coming, Prepared, Said, Shelf, ShelfError};
