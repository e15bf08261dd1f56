//! `catalogue add|list|search|remove`. What they change is no access of a person's: the journal has no record of it.

use std::path::PathBuf;

use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{Item, ItemId, Query, Source, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Answer, Outcome, VerbError, sentence, table};
use crate::Gateway;
use crate::catalogue::{address, search};

/// `catalogue add PATH…`: each its own item; the rest is said of each of them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Add {
    /// Absolute, readable for the gateway.
    pub paths: Vec<PathBuf>,
    pub title: Option<String>,
    pub language: Option<String>,
    pub trade: Option<String>,
    pub level: Option<String>,
}

/// How far a long verb is, for whoever waits: the latest word counts.
pub type Tell = watch::Sender<String>;

/// Takes sources in, one after another. One that is refused leaves no trace and keeps nobody from the next.
pub async fn add(gateway: &Gateway, add: Add, tell: &Tell) -> Outcome {
    let (mut added, mut refused) = (Vec::new(), Vec::new());
    for path in add.paths {
        let said = Said {
            title: add.title.clone(),
            language: add.language.clone(),
            trade: add.trade.clone(),
            level: add.level.clone(),
        };
        let (tell, name) = (tell.clone(), path.display().to_string());
        let step = move |Step { what, done, of }| {
            tell.send_replace(format!("{name}: {what} {done} of {of}"));
            Ok(())
        };
        match gateway.catalogue.add(Source::Theirs(path.clone()), said, step).await {
            Ok(item) => added.push(item),
            Err(error) => refused.push((path, sentence(&error))),
        }
    }
    let text: Vec<_> = added
        .iter()
        .map(|item| format!("{}  {}  {}", item.id, address(&item.id, &item.start), item.title))
        .collect();
    let error: Vec<_> = refused.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect();
    let refused: Vec<_> =
        refused.iter().map(|(path, error)| json!({ "path": path, "error": error })).collect();
    let mut json = json!({ "added": added.iter().map(described).collect::<Vec<_>>(), "refused": refused });
    if !error.is_empty() {
        json["error"] = json!(error.join("\n"));
    }
    Ok(Answer { exit: u8::from(!error.is_empty()), text: text.join("\n"), error: error.join("\n"), json })
}

pub fn list(gateway: &Gateway) -> Outcome {
    let items = gateway.catalogue.list();
    let rows = items.iter().map(|item| {
        let Item { id, kind, title, language, pages, bytes, .. } = item;
        vec![
            id.to_string(),
            kind.word().into(),
            language.clone(),
            pages.to_string(),
            bytes.to_string(),
            title.clone(),
        ]
    });
    let head = ["ID", "KIND", "LANGUAGE", "PAGES", "BYTES", "TITLE"].map(str::to_owned).to_vec();
    let rows: Vec<_> = [head].into_iter().chain(rows).collect();
    Ok(Answer::done(table(&rows), json!({ "items": items.iter().map(described).collect::<Vec<_>>() })))
}

/// The first page of what people would find.
pub async fn search(gateway: &Gateway, query: String) -> Outcome {
    let found =
        search::results(&gateway.catalogue, Query { text: query, page: 1, ..Query::default() }).await?;
    let spelt = found.spelt.iter().map(|spelt| format!("Spelt: {spelt}"));
    let lines = found.results.iter().map(|result| {
        let parts = [&result.item_title, &result.title, &result.heading];
        let named: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        format!("{}  {}", result.url, named.join(" › "))
    });
    let text: Vec<_> = spelt.chain(lines).collect();
    Ok(Answer::done(text.join("\n"), json!(found)))
}

pub async fn remove(gateway: &Gateway, id: &str) -> Outcome {
    let id = ItemId::parse(id)?;
    let item = gateway.catalogue.remove(id).await?;
    gateway.progress.forget_item(&item.id).await?;
    Ok(Answer::done(format!("Item {} ({}) is removed.", item.id, item.title), json!({ "removed": item.id })))
}

fn described(item: &Item) -> Value {
    let mut json = serde_json::to_value(item).unwrap_or_default();
    json["url"] = json!(address(&item.id, &item.start));
    json
}

impl From<crate::catalogue::CatalogueError> for VerbError {
    fn from(error: crate::catalogue::CatalogueError) -> VerbError {
        VerbError::Catalogue(Box::new(error))
    }
}
