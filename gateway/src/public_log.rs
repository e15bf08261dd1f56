//! The journal's public files over HTTP, as c2sp.org/tlog-tiles lays them out: checkpoint and hash tiles for everybody,
//! entry bundles for the staff port alone.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use passerelle_audit::TilePath;
use passerelle_policy::Reason;

use crate::Gateway;
use crate::proxy::body::{self, Body};
use crate::proxy::refusal::Refusal;

/// Which port asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Terminal,
    Staff,
}

pub async fn checkpoint(gateway: &Gateway) -> Result<Response<Body>, Refusal> {
    file(gateway, "checkpoint", "text/plain; charset=utf-8", "no-cache").await
}

/// `path` is that of the request: `/tile/L/N…` or `/tile/entries/N…`, complete or partial (`.p/W`). Nothing else is ever read.
pub async fn tile(gateway: &Gateway, path: &str, reader: Reader) -> Result<Response<Body>, Refusal> {
    let tile: TilePath = path.trim_start_matches('/').parse().map_err(|_| Reason::NotFound)?;
    let is_entries = tile.level.is_none();
    if is_entries && reader == Reader::Terminal {
        return Err(Reason::NotFound.into());
    }
    file(gateway, &tile.to_string(), "application/octet-stream", "public, max-age=31536000, immutable").await
}

async fn file(
    gateway: &Gateway,
    relative: &str,
    media_type: &'static str,
    cache: &'static str,
) -> Result<Response<Body>, Refusal> {
    let bytes = tokio::fs::read(gateway.audit_folder().join(relative)).await.map_err(|_| Reason::NotFound)?;
    let mut response = Response::new(body::full(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}
