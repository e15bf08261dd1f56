use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET /v1/catalogue/search?q=&language=&kind=&trade=&level=&page=`: one page of results, best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchResults {
    pub query: String,
    /// From 1.
    pub page: u32,
    /// Pages of items found in all, as far as they were counted.
    pub total: u64,
    pub results: Vec<SearchResult>,
    /// The query as it would be spelt with the words of the catalogue, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spelt: Option<String>,
}

/// The best passage of one page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchResult {
    pub item: String,
    pub item_title: String,
    /// `zim`, `html`, `pdf`.
    pub kind: String,
    pub language: String,
    /// The page's title, and the heading of the passage (may be empty).
    pub title: String,
    pub heading: String,
    /// Where it opens: an address on the item's own origin.
    pub url: String,
    pub snippet: Vec<SnippetPart>,
}

/// A stretch of a snippet; `found` ones match the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnippetPart {
    pub text: String,
    #[serde(default)]
    pub found: bool,
}

/// `GET /v1/catalogue/suggest?q=`: ends for what is being typed, likeliest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suggestions {
    pub suggestions: Vec<String>,
}

/// `GET /v1/catalogue/items`: everything to browse, newest first; and what this person began, last read first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemList {
    pub items: Vec<CatalogueItem>,
    #[serde(default)]
    pub begun: Vec<Begun>,
}

/// `GET /v1/catalogue/items/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CatalogueItem {
    pub id: String,
    pub kind: String,
    pub title: String,
    #[serde(default)]
    pub description: String,
    pub language: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Its first page.
    pub start: String,
    pub pages: u64,
}

/// An item to continue: where this person was, on whatever terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub item: CatalogueItem,
    /// The address to continue at.
    pub url: String,
    /// The title of that page, where known.
    #[serde(default)]
    pub title: String,
    pub updated_at: Timestamp,
}
