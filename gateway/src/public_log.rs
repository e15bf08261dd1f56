//! The journal's public files over HTTP, as c2sp.org/tlog-tiles lays them out: checkpoint and hash tiles for everybody,
//! entry bundles for the staff port alone.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
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

/// `path` is that of the request: `/tile/L/N…` or `/tile/entries/N…`, complete or partial (`.p/W`).
pub async fn tile(gateway: &Gateway, path: &str, reader: Reader) -> Result<Response<Body>, Refusal> {
    let relative = path.strip_prefix('/').unwrap_or(path);
    let is_entries = relative.starts_with("tile/entries/");
    if !is_tile_path(relative) || is_entries && reader == Reader::Terminal {
        return Err(Reason::NotFound.into());
    }
    file(gateway, relative, "application/octet-stream", "public, max-age=31536000, immutable").await
}

/// Digits, `x`, `.p` and slashes after the level: nothing that could leave the folder.
fn is_tile_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("tile/") else { return false };
    let Some((level, index)) = rest.split_once('/') else { return false };
    let level_ok =
        level == "entries" || level.len() <= 2 && level.parse::<u8>().is_ok_and(|level| level < 64);
    let segment = |part: &str| {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let digits = digits.strip_suffix(".p").unwrap_or(digits);
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    level_ok && !index.is_empty() && index.split('/').all(segment)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tile_paths_are_read() {
        for (path, expected) in [
            ("tile/0/000", true),
            ("tile/0/x001/067", true),
            ("tile/0/001.p/5", true),
            ("tile/entries/000", true),
            ("tile/entries/x001/234.p/255", true),
            ("tile/0/../../state.db", false),
            ("tile/0/..", false),
            ("tile//000", false),
            ("tile/0/", false),
            ("tile/0/0000", false),
            ("tile/99/000", false),
            ("checkpoint", false),
        ] {
            assert_eq!(is_tile_path(path), expected, "{path}");
        }
    }
}
