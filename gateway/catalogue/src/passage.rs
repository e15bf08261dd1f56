//! A piece of an item's text: what search finds and shows.

/// A few paragraphs of one page, short enough that a hit tells where to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The page's path on the item's origin, with the leading `/` and, where a heading has an anchor, `#fragment`.
    pub path: String,
    /// The page's title.
    pub title: String,
    /// The heading above the passage, empty at the top of a page.
    pub heading: String,
    pub text: String,
}
