//! Where a person is in an item of the catalogue: what is to be kept at the gateway, so that any terminal goes on from there.
//!
//! Pure; used by [`crate::app`]. Invariant: the newest place is not forgotten before the gateway has it.

use passerelle_api as api;

/// What the hosts of items end with; before it stands the item's id.
const ORIGIN: &str = "-passerelle.internal";

#[derive(Default)]
pub struct Reading {
    /// The page that was seen last.
    position: String,
    unsaved: Option<api::Progress>,
    /// Id of the last move: a rest or a saving of an older one is late.
    moved: u64,
}

impl Reading {
    /// Another page is shown. Whether it is a place to keep, under that id, once the person stays there.
    pub fn moved(&mut self, id: u64, url: &str) -> bool {
        if self.position == url {
            return false;
        }
        url.clone_into(&mut self.position);
        let Some(item) = item_of(url) else { return false };
        self.moved = id;
        self.unsaved = Some(api::Progress { item, position: url.to_owned(), updated_at: None });
        true
    }

    /// The place to keep, if nobody moved on meanwhile.
    pub fn rested(&self, id: u64) -> Option<api::Progress> {
        self.unsaved.clone().filter(|_| id == self.moved)
    }

    pub fn saved(&mut self, id: u64) {
        if id == self.moved {
            self.unsaved = None;
        }
    }

    /// The page is being closed: what is left to keep, with its id.
    pub fn closed(&mut self) -> Option<(u64, api::Progress)> {
        self.position.clear();
        Some((self.moved, self.unsaved.clone()?))
    }
}

/// The id of the item that an address belongs to.
fn item_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    let item = url.host_str()?.strip_suffix(ORIGIN)?;
    (!item.is_empty() && !item.contains('.')).then(|| item.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_items_are_places() {
        let check = |url: &str, item: Option<&str>| assert_eq!(item_of(url).as_deref(), item, "{url}");
        check("https://guide-caf-passerelle.internal/A/1.html#deux", Some("guide-caf"));
        check("https://GUIDE-passerelle.internal/", Some("guide"));
        check("https://passerelle.internal/", None);
        check("https://-passerelle.internal/", None);
        check("https://a.b-passerelle.internal/", None);
        check("https://guide-passerelle.internal.example/", None);
        check("http://guide-passerelle.internal/", None);
        check("about:blank", None);
        check("", None);
    }

    #[test]
    fn the_newest_place_is_kept_until_it_is_saved() {
        let (one, two) = ("https://g-passerelle.internal/1", "https://g-passerelle.internal/2");
        let mut reading = Reading::default();
        assert!(reading.moved(1, one));
        assert!(!reading.moved(2, one), "the same page, with its title");
        assert!(reading.moved(3, two));
        assert!(reading.rested(1).is_none(), "the person moved on");
        assert_eq!(reading.rested(3).map(|progress| progress.position).as_deref(), Some(two));
        reading.saved(1);
        let left = reading.closed().map(|(id, progress)| (id, progress.item, progress.position));
        assert_eq!(left, Some((3, "g".into(), two.into())));
        reading.saved(3);
        assert!(reading.closed().is_none());
        assert!(!reading.moved(4, "about:blank"));
        assert!(reading.moved(5, two), "opened again");
    }
}
