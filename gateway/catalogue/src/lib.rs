//! The local catalogue: training content taken in from archives and folders, searched in French and read without the Internet.
//!
//! Knows no HTTP and no person: the gateway serves what this crate reads. An item is taken in by [`ingest`], which yields its
//! files and its [`Passage`]s; [`index`] makes the passages searchable; [`search`] answers. Invariant: an item that was refused
//! leaves catalogue and index as they were.

pub mod french;
pub mod index;
pub mod item;
pub mod passage;
pub mod relevance;
pub mod search;
pub mod suggest;
pub mod words;

pub use index::{Index, IndexError, Staging};
pub use item::{Item, ItemId, ItemKind};
pub use passage::Passage;
pub use search::{Found, Hit, Query, SnippetPart};
