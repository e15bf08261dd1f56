//! What the catalogue holds: an item, its name as a host label, its kind.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest identifier, in bytes: `ITEM-passerelle` must fit a DNS label of 63 (RFC 1035, 2.3.4).
pub const LONGEST_ID: usize = 63 - "-passerelle".len();

/// Names an item for good: lower-case ASCII letters, digits and inner hyphens, so that it is a host label as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemId(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an item's id is 1 to {LONGEST_ID} lower-case letters, digits and inner hyphens, not `{0}`")]
pub struct BadItemId(String);

impl ItemId {
    pub fn parse(text: &str) -> Result<ItemId, BadItemId> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let inner = text.bytes().all(|b| letters(b) || b == b'-');
        let ends = text.bytes().next().is_some_and(letters) && text.bytes().last().is_some_and(letters);
        if inner && ends && text.len() <= LONGEST_ID {
            return Ok(ItemId(text.into()));
        }
        Err(BadItemId(text.chars().take(LONGEST_ID).collect()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ItemId {
    type Error = BadItemId;

    fn try_from(text: String) -> Result<ItemId, BadItemId> {
        ItemId::parse(&text)
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> String {
        id.0
    }
}

/// What an item was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    Zim,
    Html,
    Pdf,
}

impl ItemKind {
    pub const ALL: [ItemKind; 3] = [ItemKind::Zim, ItemKind::Html, ItemKind::Pdf];

    /// The kind whose word this is.
    pub fn parse(word: &str) -> Option<ItemKind> {
        ItemKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub fn word(self) -> &'static str {
        match self {
            ItemKind::Zim => "zim",
            ItemKind::Html => "html",
            ItemKind::Pdf => "pdf",
        }
    }
}

/// One thing to learn from, as lists and records name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub kind: ItemKind,
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// BCP 47; `fr` where the source says nothing.
    pub language: String,
    /// A trade (ROME code) and a level, where staff gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The path of its first page on its own origin, with the leading `/`.
    pub start: String,
    /// Pages that search finds.
    pub pages: u64,
    /// On disk.
    pub bytes: u64,
    pub added_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_host_label() {
        for good in ["a", "wikibooks-fr", "code-2024", &"a".repeat(LONGEST_ID)] {
            assert!(ItemId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "é", &"a".repeat(LONGEST_ID + 1)] {
            assert!(ItemId::parse(bad).is_err(), "{bad}");
        }
    }
}
