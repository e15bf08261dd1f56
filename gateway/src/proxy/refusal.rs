//! What a client is told when something is refused: status, `Proxy-Status` (RFC 9209), problem details (RFC 9457) or, for a
//! page load, an HTML page in the reader's language.
//!
//! Called wherever the path of a request ends early. The words for people live in `texts/*.ftl`; the words for staff are in
//! the record, which is written by whoever refuses, before this answer is made.

use http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, PROXY_AUTHENTICATE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use passerelle_api::{PROBLEM_JSON, Problem, ProxyStatus};
use passerelle_policy::Reason;

use super::body::{self, Body};
use crate::text::{Language, text};

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Why a client gets no answer from upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    /// Where it differs from the reason's own status: the kiosk API's `no-session` is a 401.
    status: Option<u16>,
    /// For `method`: what would be allowed.
    allow: Vec<String>,
    retry_after_seconds: Option<u64>,
    url: Option<String>,
}

/// In which form the client reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A program: problem+json.
    Program,
    /// A page load that reached us as HTTP: a page, without a form.
    Person(Language),
}

impl Reader {
    /// A document load reads HTML; everything else reads problem+json.
    pub fn of(headers: &HeaderMap) -> Reader {
        let document = headers.get("sec-fetch-dest").is_some_and(|dest| dest == "document");
        if !document {
            return Reader::Program;
        }
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Reader::Person(Language::preferred(wanted))
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal { reason, status: None, allow: Vec::new(), retry_after_seconds: None, url: None }
    }
}

impl Refusal {
    pub fn with_status(mut self, status: u16) -> Refusal {
        self.status = Some(status);
        self
    }

    pub fn allowing(mut self, methods: Vec<String>) -> Refusal {
        self.allow = methods;
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Refusal {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn about(mut self, url: impl Into<String>) -> Refusal {
        self.url = Some(url.into());
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status.unwrap_or(self.reason.status())).unwrap_or(StatusCode::FORBIDDEN)
    }

    /// `passerelle; error=ERROR; details="REASON"`.
    pub fn proxy_status(&self) -> String {
        let status =
            ProxyStatus { error: self.reason.proxy_error().into(), reason: self.reason.as_str().into() };
        status.to_string()
    }

    pub fn problem(&self) -> Problem {
        Problem {
            status: self.status().as_u16(),
            title: text(Language::English, &format!("refusal-{}", self.reason.as_str())),
            code: self.reason.as_str().into(),
            detail: None,
            url: self.url.clone(),
            retry_after: self.retry_after_seconds,
        }
    }

    pub fn respond(&self, reader: Reader) -> Response<Body> {
        let mut response = Response::new(match reader {
            Reader::Program => body::full(serde_json::to_vec(&self.problem()).unwrap_or_default()),
            Reader::Person(language) => body::full(self.page(language)),
        });
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match reader {
            Reader::Program => drop(headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))),
            Reader::Person(language) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
                headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
                let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
                headers.insert(CONTENT_SECURITY_POLICY, policy);
            }
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.mark(headers);
        response
    }

    /// The headers that every form of this refusal carries.
    fn mark(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.proxy_status()) {
            headers.insert(PROXY_STATUS, value);
        }
        if self.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            headers.append(PROXY_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"passerelle\""));
            headers.append(
                PROXY_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"passerelle\", charset=\"UTF-8\""),
            );
        }
        if let Ok(value) = HeaderValue::from_str(&self.allow.join(", "))
            && !self.allow.is_empty()
        {
            headers.insert(ALLOW, value);
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    /// The bytes of a whole HTTP/1.1 answer, for a head that hyper never saw; the connection is closed after it.
    pub fn raw_http1(&self) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        self.mark(&mut headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut answer =
            format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", self.status(), body.len()).into_bytes();
        for (name, value) in &headers {
            answer.extend_from_slice(name.as_str().as_bytes());
            answer.extend_from_slice(b": ");
            answer.extend_from_slice(value.as_bytes());
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(&body);
        answer
    }

    fn page(&self, language: Language) -> String {
        let title = text(language, "refusal-title");
        let why = text(language, &format!("refusal-{}", self.reason.as_str()));
        let next = text(language, "refusal-next");
        format!(
            "<!doctype html><html lang=\"{code}\"><meta charset=\"utf-8\"><title>{title}</title>\
             <style>body{{font:1.25rem/1.5 sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;color:#1b1b35}}\
             code{{color:#555}}</style><h1>{title}</h1><p>{why}</p><p>{next}</p><p><code>{reason}</code></p></html>",
            code = language.code(),
            reason = self.reason.as_str(),
        )
    }
}
