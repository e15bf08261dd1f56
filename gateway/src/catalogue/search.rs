//! `GET /v1/catalogue/search` and `GET /v1/catalogue/suggest`: what is typed, what is found.
//!
//! Called by the kiosk API at every key, once it knows that the person may open the catalogue. Invariant: every result is of an item
//! that is on the shelf now.

use axum::extract::Query;
use http::Uri;
use passerelle_api as api;
use passerelle_catalogue::{Hit, IndexError, ItemKind, Query as Asked};
use passerelle_policy::Reason;
use serde::Deserialize;

use super::{Catalogue, CatalogueError, address};

/// The parameters as they come; an empty filter is none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    q: String,
    language: String,
    kind: String,
    trade: String,
    level: String,
    page: Option<u32>,
}

/// One page of results for a call.
///
/// Errors: `invalid` for parameters that can't be read, `busy` when the index can't be.
pub async fn search(catalogue: &Catalogue, uri: &Uri) -> Result<api::SearchResults, Reason> {
    results(catalogue, asked(read(uri)?)?).await.map_err(busy)
}

/// Ends for what is being typed. Errors as for [`search`].
pub async fn suggest(catalogue: &Catalogue, uri: &Uri) -> Result<api::Suggestions, Reason> {
    let typed = read(uri)?.q;
    let suggested = off_thread(catalogue, move |catalogue| catalogue.index().suggest(&typed)).await;
    Ok(api::Suggestions { suggestions: suggested.map_err(busy)? })
}

/// One page of results.
pub async fn results(catalogue: &Catalogue, asked: Asked) -> Result<api::SearchResults, CatalogueError> {
    let (query, page) = (asked.text.clone(), asked.page);
    let found = off_thread(catalogue, move |catalogue| catalogue.index().search(&asked)).await?;
    let results = found.hits.into_iter().filter_map(|hit| result(catalogue, hit)).collect();
    Ok(api::SearchResults { query, page, total: found.total, results, spelt: found.spelt })
}

fn read(uri: &Uri) -> Result<Parameters, Reason> {
    let Query(parameters) = Query::try_from_uri(uri).map_err(|_| Reason::Invalid)?;
    Ok(parameters)
}

fn asked(parameters: Parameters) -> Result<Asked, Reason> {
    let given = |value: String| Some(value).filter(|value| !value.is_empty());
    let kind = given(parameters.kind).map(|word| ItemKind::parse(&word).ok_or(Reason::Invalid));
    Ok(Asked {
        text: parameters.q,
        language: given(parameters.language),
        kind: kind.transpose()?,
        trade: given(parameters.trade),
        level: given(parameters.level),
        page: parameters.page.unwrap_or(1).max(1),
    })
}

/// Searching reads mapped files, which may wait for the disk.
async fn off_thread<T: Send + 'static>(
    catalogue: &Catalogue,
    work: impl FnOnce(&Catalogue) -> Result<T, IndexError> + Send + 'static,
) -> Result<T, CatalogueError> {
    let catalogue = catalogue.clone();
    let done = tokio::task::spawn_blocking(move || work(&catalogue)).await;
    Ok(done.map_err(|_| CatalogueError::CutShort)??)
}

fn busy(error: CatalogueError) -> Reason {
    tracing::error!(%error, "the catalogue could not be searched");
    Reason::Busy
}

/// A hit as the kiosk shows it; none when its item was taken away since.
fn result(catalogue: &Catalogue, hit: Hit) -> Option<api::SearchResult> {
    let item = catalogue.item(&hit.item)?;
    let snippet = hit.snippet.into_iter().map(|part| api::SnippetPart { text: part.text, found: part.found });
    Some(api::SearchResult {
        item: hit.item.to_string(),
        item_title: item.title,
        kind: hit.kind,
        language: hit.language,
        title: hit.title,
        heading: hit.heading,
        url: address(&hit.item, &hit.path),
        snippet: snippet.collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Result<Asked, Reason>) {
        let uri: Uri = format!("/v1/catalogue/search?{query}").parse().unwrap();
        assert_eq!(read(&uri).and_then(asked), expected, "{query}");
    }

    #[test]
    fn parameters_are_read() {
        let asked = |text: &str| Asked { text: text.into(), page: 1, ..Asked::default() };
        check("", Ok(asked("")));
        check("q=l%27%C3%A9cole+d%E2%80%99%C3%A9t%C3%A9", Ok(asked("l'école d’été")));
        check("q=a&kind=&language=&page=0", Ok(asked("a")));
        check("q=a&kind=pdf&page=3", Ok(Asked { kind: Some(ItemKind::Pdf), page: 3, ..asked("a") }));
        check(
            "q=a&trade=D1102&level=CAP",
            Ok(Asked { trade: Some("D1102".into()), level: Some("CAP".into()), ..asked("a") }),
        );
        check("q=a&kind=film", Err(Reason::Invalid));
        check("q=a&page=-1", Err(Reason::Invalid));
    }
}
