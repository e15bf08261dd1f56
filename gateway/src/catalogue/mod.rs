//! The local catalogue as the gateway holds it: the shelf of items, the index of their words, and where people are in them.
//!
//! Called by the verbs and the console (adding, removing), the kiosk API (lists, search, progress) and, for content, by the path
//! of a request (`origin`). Disk and unpacking are blocking work: it is done off the async threads, and no more of it at once
//! than [`READS_AT_ONCE`]. Invariants: the shelf is the truth and the index follows it; what is found can be opened.

pub mod api;
pub mod intake;
pub mod origin;
pub mod progress;
mod range;
pub mod search;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use lru::LruCache;
use passerelle_api as wire;
use passerelle_catalogue::content::Found;
use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{
    Cancelled, Coming, Content, Index, IndexError, Item, ItemId, ReadError, Shelf, ShelfError, Source, Step,
};
use passerelle_policy::{CATALOGUE, Reason};
use tokio::sync::Semaphore;

use crate::Gateway;
use crate::proxy::identity::Caller;
use crate::proxy::question;

/// Below the data folder; the index stands beside the items, since it is derived from them.
const ITEMS: &str = "catalogue";
const INDEX: &str = "catalogue-index";
/// Content read at once: each may unpack 128 MiB, on a server that has few GiB.
const READS_AT_ONCE: usize = 4;
/// Sessions and items whose first page is remembered as recorded: more than people times items opened in a day.
const REMEMBERED_OPENINGS: NonZeroUsize = NonZeroUsize::new(8192).expect("is not zero");

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the text of {item} can't be read")]
    Text { item: ItemId, source: ReadError },
    #[error("could not forget where people were in it")]
    Progress(#[from] crate::store::StoreError),
    #[error("the work was cut short")]
    CutShort,
}

/// A handle; clones share everything.
#[derive(Clone)]
pub struct Catalogue(Arc<Inner>);

struct Inner {
    shelf: Shelf,
    index: Index,
    reading: Semaphore,
    /// Session and item of each `item-opened` record.
    opened: Mutex<LruCache<(String, ItemId), ()>>,
}

impl Catalogue {
    /// Opens what is in the data folder; the index is brought to what the shelf holds.
    pub fn open(data: &Path) -> Result<Catalogue, CatalogueError> {
        let inner = Inner {
            shelf: Shelf::open(&data.join(ITEMS))?,
            index: Index::open(&data.join(INDEX))?,
            reading: Semaphore::new(READS_AT_ONCE),
            opened: Mutex::new(LruCache::new(REMEMBERED_OPENINGS)),
        };
        inner.bring_together()?;
        Ok(Catalogue(Arc::new(inner)))
    }

    /// Takes a source in; a refusal leaves everything as it was. `tell` hears how far it is, and may end the work.
    pub async fn add(
        &self,
        source: Source,
        said: Said,
        mut tell: impl FnMut(Step) -> Result<(), Cancelled> + Send + 'static,
    ) -> Result<Item, CatalogueError> {
        self.work(move |inner| {
            let prepared = inner.shelf.prepare(&source, said, Timestamp::now(), &mut tell)?;
            let item = prepared.item().clone();
            let mut staging = inner.index.stage(&item)?;
            let mut passages = prepared.passages().map_err(|source| unread(&item, source))?;
            let mut told = 0;
            while let Some(passage) = passages.next() {
                staging.push(&passage.map_err(|source| unread(&item, source))?)?;
                if passages.done != told && (passages.done % 100 == 0 || passages.done == passages.of) {
                    told = passages.done;
                    tell(Step { what: "indexed", done: passages.done, of: passages.of })?;
                }
            }
            prepared.put()?;
            staging.publish()?;
            Ok(item.clone())
        })
        .await
    }

    /// Where items are kept.
    pub fn folder(&self) -> &Path {
        self.0.shelf.folder()
    }

    /// A folder for the files of an upload, on the disk of the items.
    pub fn incoming(&self) -> Result<Coming, CatalogueError> {
        Ok(self.0.shelf.incoming()?)
    }

    /// Takes an item away. Whoever reads it now may finish the page.
    pub async fn remove(&self, id: ItemId) -> Result<Item, CatalogueError> {
        self.work(move |inner| {
            if inner.shelf.item(&id).is_some() {
                inner.index.remove(&id)?;
            }
            let item = inner.shelf.remove(&id)?;
            let mut opened = inner.opened.lock().unwrap_or_else(PoisonError::into_inner);
            let forgotten: Vec<_> =
                opened.iter().filter(|((_, item), ())| *item == id).map(|(key, ())| key.clone()).collect();
            for key in forgotten {
                opened.pop(&key);
            }
            Ok(item)
        })
        .await
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Item> {
        self.0.shelf.list()
    }

    pub fn count(&self) -> usize {
        self.list().len()
    }

    pub fn item(&self, id: &ItemId) -> Option<Item> {
        self.0.shelf.item(id)
    }

    /// The index of every item's passages; searching it is quick, but blocking.
    pub fn index(&self) -> &Index {
        &self.0.index
    }

    /// What stands at `path` of an item.
    pub async fn read(&self, id: &ItemId, path: &str) -> Result<Found, ReadError> {
        let (id, path) = (id.clone(), path.to_owned());
        self.reading(move |inner| inner.shelf.read(&id, &path)).await
    }

    /// Some bytes of a content.
    pub async fn bytes(&self, content: Content, offset: u64, limit: usize) -> std::io::Result<Vec<u8>> {
        self.reading(move |_| content.read(offset, limit).map_err(ReadError::File)).await.map_err(|error| {
            match error {
                ReadError::File(error) => error,
                other => std::io::Error::other(other),
            }
        })
    }

    /// True the first time that a session opens an item.
    pub(crate) fn is_first_opening(&self, session: &str, id: &ItemId) -> bool {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.put((session.to_owned(), id.clone()), ()).is_none()
    }

    /// The opening could not be recorded: the next try is the first again.
    pub(crate) fn forget_opening(&self, session: &str, id: &ItemId) {
        let mut opened = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.pop(&(session.to_owned(), id.clone()));
    }

    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Inner) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        // The semaphore is never closed.
        let _place = self.0.reading.acquire().await;
        let inner = self.0.clone();
        let done = tokio::task::spawn_blocking(move || read(&inner)).await;
        done.unwrap_or_else(|_| Err(ReadError::File(std::io::Error::other("the reading was cut short"))))
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, CatalogueError> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| CatalogueError::CutShort)?
    }
}

impl Inner {
    /// After a crash, or with an index that was thrown away.
    fn bring_together(&self) -> Result<(), CatalogueError> {
        let indexed: BTreeSet<ItemId> = self.index.items()?.into_keys().collect();
        let items = self.shelf.list();
        for item in items.iter().filter(|item| !indexed.contains(&item.id)) {
            tracing::info!(item = %item.id, "its words are taken into the index");
            match self.index_again(item) {
                // One damaged item keeps nobody from the others.
                Err(error @ CatalogueError::Text { .. }) => {
                    tracing::error!(%error, "an item is not searched")
                }
                indexed => indexed?,
            }
        }
        for gone in indexed.iter().filter(|id| !items.iter().any(|item| item.id == **id)) {
            self.index.remove(gone)?;
        }
        Ok(())
    }

    fn index_again(&self, item: &Item) -> Result<(), CatalogueError> {
        let mut staging = self.index.stage(item)?;
        for passage in self.shelf.passages(&item.id).map_err(|source| unread(item, source))? {
            staging.push(&passage.map_err(|source| unread(item, source))?)?;
        }
        staging.publish()?;
        Ok(())
    }
}

fn unread(item: &Item, source: ReadError) -> CatalogueError {
    CatalogueError::Text { item: item.id.clone(), source }
}

/// `https://ITEM-passerelle.internal` and a path.
pub fn address(id: &ItemId, path: &str) -> String {
    format!("https://{id}-passerelle.internal{path}")
}

/// As the kiosk API names it.
pub fn described(item: &Item) -> wire::CatalogueItem {
    wire::CatalogueItem {
        id: item.id.to_string(),
        kind: item.kind.word().to_owned(),
        title: item.title.clone(),
        description: item.description.clone(),
        language: item.language.clone(),
        trade: item.trade.clone(),
        level: item.level.clone(),
        start: address(&item.id, &item.start),
        pages: item.pages,
    }
}

/// Whether this person may open the catalogue now: the policy's word on the service, and the staff's stop.
///
/// Errors: `no-rule` without such a service, `access-stopped`, else why the service can't be opened now.
pub fn may_open(gateway: &Gateway, caller: &Caller, now: Timestamp) -> Result<(), Reason> {
    if gateway.access_stop.is_stopped(&caller.session.groups) {
        return Err(Reason::AccessStopped);
    }
    let published = gateway.policies.current();
    let usage = question::usage(gateway, &published.policy, &caller.session, now);
    let person = passerelle_policy::Person { groups: &caller.session.groups, usage: &usage, now };
    let views = published.policy.services_for(&person);
    let view = views.iter().find(|view| &**view.service.id() == CATALOGUE).ok_or(Reason::NoRule)?;
    view.unavailable.as_ref().map_or(Ok(()), |why| Err(why.reason))
}
