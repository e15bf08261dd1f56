//! Where people are in items: one place a person and item, kept in the store, so that any terminal can go on.
//!
//! Called by the kiosk API: the kiosk tells the address it shows whenever that changes. Invariants: a place is an address on that
//! item's own origin and nothing else; a person reads and writes only their own.

use jiff::Timestamp;
use passerelle_api as api;
use passerelle_catalogue::ingest::text;
use passerelle_catalogue::{ItemId, content::Found};
use passerelle_policy::Url;

use super::{Catalogue, address, described};
use crate::identifier::PersonId;
use crate::store::{Store, StoreError};

/// Of an address, in bytes.
const LONGEST_ADDRESS: usize = 2000;
/// Of what stands behind `#`: a heading's name.
const LONGEST_FRAGMENT: usize = 200;
/// Begun items that are shown, last read first.
const SHOWN_LIMIT: i64 = 50;

#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    #[error("there is no such item")]
    NoItem,
    #[error("a place is an address on the item's own origin")]
    Address,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Progress {
    store: Store,
    catalogue: Catalogue,
}

impl Progress {
    pub fn new(store: Store, catalogue: Catalogue) -> Progress {
        Progress { store, catalogue }
    }

    /// Keeps where the person is now.
    pub async fn keep(
        &self,
        person: &PersonId,
        id: &ItemId,
        position: &str,
        now: Timestamp,
    ) -> Result<api::Progress, ProgressError> {
        let item = self.catalogue.item(id).ok_or(ProgressError::NoItem)?;
        let path = on_origin(&item.id, position).ok_or(ProgressError::Address)?;
        let title = self.title(&item.id, &path).await;
        self.store.keep_progress(person, id.as_str(), position, &title, now).await?;
        Ok(api::Progress { item: id.to_string(), position: position.to_owned(), updated_at: Some(now) })
    }

    /// Where the person was; the item's first page for one not begun.
    pub async fn of(&self, person: &PersonId, id: &ItemId) -> Result<api::Progress, ProgressError> {
        let item = self.catalogue.item(id).ok_or(ProgressError::NoItem)?;
        let kept = self.store.progress(person, id.as_str()).await?;
        let (position, updated_at) = match kept {
            Some(kept) => (kept.position, Some(kept.updated_at)),
            None => (address(&item.id, &item.start), None),
        };
        Ok(api::Progress { item: id.to_string(), position, updated_at })
    }

    /// What the person began, last read first; items that are gone are left out.
    pub async fn begun(&self, person: &PersonId) -> Result<Vec<api::Begun>, StoreError> {
        let kept = self.store.progress_of(person, SHOWN_LIMIT).await?;
        let begun = kept.into_iter().filter_map(|kept| {
            let item = self.catalogue.item(&ItemId::parse(&kept.item).ok()?)?;
            let item = described(&item);
            Some(api::Begun { item, url: kept.position, title: kept.title, updated_at: kept.updated_at })
        });
        Ok(begun.collect())
    }

    /// Nobody is in that item any more: it is gone, and its id may come again.
    pub async fn forget_item(&self, id: &ItemId) -> Result<(), StoreError> {
        self.store.forget_item_progress(id.as_str()).await
    }

    /// Who leaves takes nothing up again.
    pub async fn forget_person(&self, person: &PersonId) -> Result<(), StoreError> {
        self.store.forget_person_progress(person).await
    }

    /// The title of the page at `path`, empty where it has none that can be read.
    async fn title(&self, id: &ItemId, path: &str) -> String {
        let Ok(Found::Content(content)) = self.catalogue.read(id, path).await else { return String::new() };
        if !content.mime.starts_with("text/html") {
            return String::new();
        }
        let Ok(bytes) = self.catalogue.bytes(content, 0, text::LONGEST_PAGE_BYTES).await else {
            return String::new();
        };
        // Reading a page of some MiB takes a while.
        let about = tokio::task::spawn_blocking(move || text::about(&text::read(&bytes)));
        about.await.map(|about| about.title).unwrap_or_default()
    }
}

/// The path of an address on that item's origin, as it is asked for: without query and fragment.
fn on_origin(id: &ItemId, position: &str) -> Option<String> {
    if position.len() > LONGEST_ADDRESS {
        return None;
    }
    let (address, fragment) = position.split_once('#').unwrap_or((position, ""));
    let plain = |letter: char| !letter.is_control() && !letter.is_whitespace();
    if fragment.len() > LONGEST_FRAGMENT || !fragment.chars().all(plain) {
        return None;
    }
    let url = Url::parse(address).ok()?;
    (url.origin() == super::address(id, "")).then(|| url.path().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_on_the_items_own_origin() {
        let id = ItemId::parse("lecon").unwrap();
        let check = |position: &str, expected: Option<&str>| {
            assert_eq!(on_origin(&id, position).as_deref(), expected, "{position}");
        };
        check("https://lecon-passerelle.internal/a/b.html?q=1#titre", Some("/a/b.html"));
        check("https://lecon-passerelle.internal/", Some("/"));
        for elsewhere in [
            "",
            "/a.html",
            "http://lecon-passerelle.internal/",
            "https://lecon-passerelle.internal:8443/",
            "https://lecon-passerelle.internal.example/",
            "https://autre-passerelle.internal/",
            "https://x@lecon-passerelle.internal/",
            "https://www.service-public.fr/",
            "javascript:alert(1)",
            "https://lecon-passerelle.internal/../a",
            "https://lecon-passerelle.internal/#a b",
        ] {
            check(elsewhere, None);
        }
        check(&format!("https://lecon-passerelle.internal/{}", "a".repeat(LONGEST_ADDRESS)), None);
    }
}
