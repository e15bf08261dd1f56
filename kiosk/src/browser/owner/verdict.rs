//! Whether a document's load failed or was refused, and why; pure but for the relay's outcomes, which are taken.
//!
//! Documents pause at the Fetch domain on their way out and when their answer's head is here, so that a refused load is aborted
//! and the page before stays.

use passerelle_api as api;
use serde_json::Value;

use super::super::relay::{Outcome, Outcomes};
use super::super::{Event, Failure};

/// What to tell in place of the document that `Fetch.requestPaused` is about; `None` lets it go on.
pub(super) fn verdict(params: &Value, outcomes: &Outcomes) -> Option<Event> {
    let url = params["request"]["url"].as_str().unwrap_or_default().to_owned();
    if params.get("responseErrorReason").is_some() {
        let outcome = authority(&url).and_then(|authority| outcomes.take(&authority));
        return Some(match outcome {
            Some(Outcome::Refused(problem)) => Event::Refused { url, problem },
            Some(Outcome::Unreachable) => Event::Failed { url, why: Failure::GatewayUnreachable },
            Some(Outcome::TerminalRefused) => Event::Failed { url, why: Failure::TerminalRefused },
            None => Event::Failed { url, why: Failure::Site },
        });
    }
    let status = u16::try_from(params.get("responseStatusCode")?.as_u64()?).ok()?;
    let headers = params["responseHeaders"].as_array()?;
    let named = |header: &&Value| {
        header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("proxy-status"))
    };
    let refused = api::ProxyStatus::parse(headers.iter().find(named)?["value"].as_str()?)?;
    let (title, code, detail) = (refused.error, refused.reason, None);
    let problem = api::Problem { status, title, code, detail, url: Some(url.clone()), retry_after: None };
    Some(Event::Refused { url, problem })
}

/// `host:port` of a page's address, as the relay names it.
fn authority(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_load_goes_on_fails_or_is_refused() {
        let check = |rest: Value, expected: &str| {
            let mut params = json!({"request": {"url": "https://site.example/page"}});
            for (name, value) in rest.as_object().into_iter().flatten() {
                params[name] = value.clone();
            }
            let told = match verdict(&params, &Outcomes::default()) {
                None => "goes on".to_owned(),
                Some(Event::Refused { url, problem }) => format!("{url} {} {}", problem.status, problem.code),
                Some(Event::Failed { url, why }) => format!("{url} {why:?}"),
                Some(other) => format!("{other:?}"),
            };
            assert_eq!(told, expected, "{rest}");
        };
        let answered = |name: &str, value: &str| json!({"responseStatusCode": 403, "responseHeaders": [{"name": name, "value": value}]});
        check(json!({}), "goes on");
        check(json!({"responseErrorReason": "Failed"}), "https://site.example/page Site");
        check(answered("Server", "x"), "goes on");
        check(answered("Proxy-Status", "elsewhere; error=x"), "goes on");
        let refused = "passerelle; error=http_request_denied; details=\"path\"";
        check(answered("proxy-status", refused), "https://site.example/page 403 path");
    }
}
