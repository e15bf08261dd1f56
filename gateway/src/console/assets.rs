//! What needs no sign-in: the style and the one script of the pages, and the public files of the journal.

use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use super::call::{Answer, Call, Failure, file};
use super::guard::as_answer;
use crate::proxy::refusal::{Reader as RefusalReader, Refusal};
use crate::public_log;

const STYLE: &str = include_str!("assets/console.css");
const ADDING: &str = include_str!("assets/adding.js");

pub async fn asset(call: Call) -> Answer {
    let mut response = match call.parameter("name") {
        "console.css" => file("text/css; charset=utf-8", STYLE),
        "adding.js" => file("text/javascript; charset=utf-8", ADDING),
        _ => return Err(Failure::NotFound),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

pub async fn checkpoint(call: Call) -> Answer {
    Ok(public(public_log::checkpoint(&call.gateway).await))
}

pub async fn tile(call: Call) -> Answer {
    Ok(public(public_log::tile(&call.gateway, &call.path, public_log::Reader::Staff).await))
}

/// Programs read these: their refusals are problem details.
fn public(answer: Result<http::Response<crate::proxy::body::Body>, Refusal>) -> Response {
    as_answer(answer.unwrap_or_else(|refusal| refusal.respond(RefusalReader::Program)))
}
