//! Where items live: `FOLDER/ITEM/{item.json, content…}`, one folder an item.
//!
//! Owned by the gateway's catalogue. Invariants:
//! - An item's folder is filled beside its place, synced and renamed into it: it is there whole or not at all. Removal is the same
//!   in reverse. What a crash left half done is swept away by the next [`Shelf::open`].
//! - An id names one item for good while it is here; adding never replaces.
//! - Reading takes no lock but for the look-up, and an item removed meanwhile stays readable for who holds it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;

use crate::content::Found;
use crate::ingest::{self, Holding, IngestError, Passages, ReadError, Source, Tell};
use crate::item::{Item, ItemId, LONGEST_ID};

/// Its description, beside the content.
const DESCRIPTION: &str = "item.json";
/// Prefixes of what is on its way in or out; no id begins with a dot.
const COMING: &str = ".coming-";
const GOING: &str = ".going-";
/// Items of the same title before we give up naming them apart.
const LARGEST_NUMBER: u32 = 999;
/// A description is some lines of JSON.
const LONGEST_DESCRIPTION_BYTES: u64 = 64 << 10;
/// Of a title and of a description, in characters: more is cut, lists show them.
const LONGEST_TITLE: usize = 200;
const LONGEST_SUMMARY: usize = 1000;

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("could not {attempted} {path}")]
    File { attempted: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is no item's description")]
    Description { path: PathBuf, source: serde_json::Error },
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error("the item {id} can't be read")]
    Unreadable { id: ItemId, source: ReadError },
    #[error("there are {LARGEST_NUMBER} items of this title")]
    TooManyAlike,
    #[error("there is no item {0}")]
    NoItem(ItemId),
}

/// What staff say of an item beyond what its source does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub title: Option<String>,
    pub language: Option<String>,
    pub trade: Option<String>,
    pub level: Option<String>,
}

#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    items: RwLock<BTreeMap<ItemId, Arc<Shelved>>>,
    /// Adding and removing take turns.
    changing: Mutex<()>,
    /// Folders of [`Shelf::incoming`] so far, which names them apart.
    arrivals: AtomicU64,
}

#[derive(Debug)]
struct Shelved {
    item: Item,
    holding: Arc<Holding>,
}

impl Shelf {
    /// Opens `folder`, made if it is missing, and sweeps away what a crash left. An item that can't be read is left where it is
    /// and not served; the log names it.
    pub fn open(folder: &Path) -> Result<Shelf, ShelfError> {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
        let mut items = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(COMING) || name.starts_with(GOING) {
                fs::remove_dir_all(&path).map_err(failed("sweep away", &path))?;
            } else if let Ok(id) = ItemId::parse(name) {
                match shelved(&id, &path) {
                    Ok(shelved) => drop(items.insert(id, Arc::new(shelved))),
                    Err(error) => tracing::error!(%error, item = %id, "an item is not served"),
                }
            }
        }
        Ok(Shelf {
            folder: folder.to_owned(),
            items: RwLock::new(items),
            changing: Mutex::new(()),
            arrivals: AtomicU64::new(0),
        })
    }

    /// Takes a source in.
    pub fn add(&self, source: &Path, said: Said, now: Timestamp, tell: Tell<'_>) -> Result<Item, ShelfError> {
        self.prepare(&Source::Theirs(source.to_owned()), said, now, tell)?.put()
    }

    /// Does everything of taking a source in that can be refused: what is prepared can be read, and is not on the shelf before
    /// [`Prepared::put`]. Refused or dropped, it leaves everything as it was.
    pub fn prepare(
        &self,
        source: &Source,
        said: Said,
        now: Timestamp,
        tell: Tell<'_>,
    ) -> Result<Prepared<'_>, ShelfError> {
        let turn = self.change();
        let coming = Coming::new(self.folder.join(format!("{COMING}item")))?;
        let (kind, described) = ingest::take_in(source, &coming.0, tell)?;
        let title = said.title.unwrap_or(described.title);
        let title = if title.trim().is_empty() {
            named_after(source.path())
        } else {
            shortened(&title, LONGEST_TITLE)
        };
        let item = Item {
            id: self.free_id(&title)?,
            kind,
            title,
            description: shortened(&described.description, LONGEST_SUMMARY),
            language: said.language.or(described.language).unwrap_or_else(|| "fr".into()),
            trade: said.trade,
            level: said.level,
            start: described.start,
            pages: described.pages,
            bytes: size(&coming.0).map_err(failed("measure", &coming.0))?,
            added_at: now,
        };
        let description = coming.0.join(DESCRIPTION);
        let json = serde_json::to_vec_pretty(&item)
            .map_err(|source| ShelfError::Description { path: description.clone(), source })?;
        write_synced(&description, &json).map_err(failed("write", &description))?;
        let holding = shelved(&item.id, &coming.0)?.holding;
        Ok(Prepared { shelf: self, item, coming, holding, _turn: turn })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder of the shelf's own disk for files that are still arriving. Gone with its value, or with the next start.
    pub fn incoming(&self) -> Result<Coming, ShelfError> {
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        Coming::new(self.folder.join(format!("{COMING}files-{number}")))
    }

    /// Takes an item away; whoever reads it now may finish.
    pub fn remove(&self, id: &ItemId) -> Result<Item, ShelfError> {
        let _turn = self.change();
        let place = self.folder.join(id.as_str());
        let item = self.item(id).ok_or_else(|| ShelfError::NoItem(id.clone()))?;
        let going = self.folder.join(format!("{GOING}{id}"));
        fs::rename(&place, &going).map_err(failed("move away", &place))?;
        sync_folder(&self.folder).map_err(failed("sync", &self.folder))?;
        self.write().remove(id);
        // What stays is swept away by the next start.
        if let Err(error) = fs::remove_dir_all(&going) {
            tracing::warn!(%error, item = %id, "a removed item still takes room");
        }
        Ok(item)
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Item> {
        let mut items: Vec<_> = self.read_items().values().map(|shelved| shelved.item.clone()).collect();
        items.sort_by(|a, b| b.added_at.cmp(&a.added_at).then_with(|| a.id.cmp(&b.id)));
        items
    }

    pub fn item(&self, id: &ItemId) -> Option<Item> {
        self.read_items().get(id).map(|shelved| shelved.item.clone())
    }

    /// What stands at `path` of an item: leading `/`, percent-encoded, without a query.
    pub fn read(&self, id: &ItemId, path: &str) -> Result<Found, ReadError> {
        self.holding(id)?.read(path)
    }

    /// Every passage of an item, for the index.
    pub fn passages(&self, id: &ItemId) -> Result<Passages, ReadError> {
        Passages::of(self.holding(id)?)
    }

    fn holding(&self, id: &ItemId) -> Result<Arc<Holding>, ReadError> {
        self.read_items().get(id).map(|shelved| shelved.holding.clone()).ok_or(ReadError::NoItem)
    }

    /// An id made from the title that no item has.
    fn free_id(&self, title: &str) -> Result<ItemId, ShelfError> {
        let slug = slug(title);
        let taken = |id: &ItemId| self.folder.join(id.as_str()).exists();
        let named = (1..=LARGEST_NUMBER).map(|number| match number {
            1 => ItemId::parse(&slug),
            _ => ItemId::parse(&format!(
                "{}-{number}",
                slug.get(..LONGEST_ID - 4).unwrap_or(&slug).trim_end_matches('-')
            )),
        });
        named.filter_map(Result::ok).find(|id| !taken(id)).ok_or(ShelfError::TooManyAlike)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_items(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<ItemId, Arc<Shelved>>> {
        self.items.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<ItemId, Arc<Shelved>>> {
        self.items.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An item that is whole but not on the shelf yet; the next one waits for it.
pub struct Prepared<'a> {
    shelf: &'a Shelf,
    item: Item,
    coming: Coming,
    holding: Arc<Holding>,
    _turn: MutexGuard<'a, ()>,
}

impl Prepared<'_> {
    pub fn item(&self) -> &Item {
        &self.item
    }

    /// Every passage of it, for the index.
    pub fn passages(&self) -> Result<Passages, ReadError> {
        Passages::of(self.holding.clone())
    }

    /// Puts it on the shelf, durably.
    pub fn put(self) -> Result<Item, ShelfError> {
        let place = self.shelf.folder.join(self.item.id.as_str());
        self.coming.arrive(&place).map_err(failed("move into place", &place))?;
        let shelved = shelved(&self.item.id, &place)?;
        self.shelf.write().insert(self.item.id.clone(), Arc::new(shelved));
        Ok(self.item)
    }
}

/// A folder on its way in: gone with its value unless it arrived.
#[derive(Debug)]
pub struct Coming(PathBuf);

impl Coming {
    fn new(path: PathBuf) -> Result<Coming, ShelfError> {
        let _ = fs::remove_dir_all(&path); // one that could not be removed when it was refused
        fs::create_dir(&path).map_err(failed("make", &path))?;
        Ok(Coming(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn arrive(self, place: &Path) -> io::Result<()> {
        sync_tree(&self.0)?;
        fs::rename(&self.0, place)?;
        sync_folder(place.parent().unwrap_or(place))
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        // After the arrival there is nothing here any more.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shelved(id: &ItemId, place: &Path) -> Result<Shelved, ShelfError> {
    let path = place.join(DESCRIPTION);
    let length = fs::metadata(&path).map_err(failed("read", &path))?.len();
    if length > LONGEST_DESCRIPTION_BYTES {
        return Err(failed("read", &path)(io::Error::other("too long")));
    }
    let json = fs::read(&path).map_err(failed("read", &path))?;
    let item: Item =
        serde_json::from_slice(&json).map_err(|source| ShelfError::Description { path, source })?;
    let unreadable = |source| ShelfError::Unreadable { id: id.clone(), source };
    if item.id != *id {
        return Err(unreadable(ReadError::NoItem));
    }
    let holding = Holding::open(item.kind, place).map_err(unreadable)?;
    Ok(Shelved { item, holding: Arc::new(holding) })
}

/// `Le chemin de l'École` → `le-chemin-de-l-ecole`; what has no letter of ours becomes `item`.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.chars().flat_map(char::to_lowercase).flat_map(unaccented) {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(LONGEST_ID);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "item".into() } else { slug.into() }
}

/// French letters without their accents.
fn unaccented(letter: char) -> impl Iterator<Item = char> {
    let plain = match letter {
        'à' | 'á' | 'â' | 'ä' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'î' | 'ï' | 'í' => "i",
        'ô' | 'ö' | 'ó' => "o",
        'ù' | 'û' | 'ü' | 'ú' => "u",
        'ÿ' => "y",
        'ñ' => "n",
        'œ' => "oe",
        'æ' => "ae",
        _ => "",
    };
    plain.chars().chain(plain.is_empty().then_some(letter))
}

fn named_after(source: &Path) -> String {
    let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    shortened(&stem, LONGEST_TITLE)
}

/// On one line, without control characters.
fn shortened(text: &str, characters: usize) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(characters).collect()
}

fn size(folder: &Path) -> io::Result<u64> {
    walk(folder, &mut |path, is_folder| Ok(if is_folder { 0 } else { fs::metadata(path)?.len() }))
}

fn sync_tree(folder: &Path) -> io::Result<()> {
    walk(folder, &mut |path, _| File::open(path)?.sync_all().map(|()| 0)).map(drop)
}

/// Files first, then their folder. We made what is in it: its depth and number are those that taking in allows.
fn walk(folder: &Path, each: &mut dyn FnMut(&Path, bool) -> io::Result<u64>) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += match entry.file_type()?.is_dir() {
            true => walk(&entry.path(), each)?,
            false => each(&entry.path(), false)?,
        };
    }
    Ok(sum + each(folder, true)?)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ShelfError + use<> {
    let path = path.to_owned();
    move |source| ShelfError::File { attempted, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_from_titles() {
        for (title, expected) in [
            ("Le chemin de l'École", "le-chemin-de-l-ecole"),
            ("  Œuvres & Cœurs !", "oeuvres-coeurs"),
            ("CV 2026", "cv-2026"),
            ("كتاب", "item"),
            ("", "item"),
        ] {
            assert_eq!(slug(title), expected, "{title}");
            assert!(ItemId::parse(&slug(title)).is_ok());
        }
        assert!(ItemId::parse(&slug(&"é-".repeat(100))).is_ok());
    }
}
