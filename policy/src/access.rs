//! The question put to the policy: who asks for what, when, and what this session did before.
//!
//! Made by the gateway for every request, by `policy explain` and by tests. It borrows everything, so asking costs nothing,
//! and asking again later (a live exchange is judged every second) means changing `now` and nothing else.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::host::Host;
use crate::origin::Origin;
use crate::rule::Rule;
use crate::url::Target;

/// How long after a page request of a service its resources may be asked for.
pub const PAGE_LIFE: SignedDuration = SignedDuration::from_mins(30);

/// The group everybody is in.
pub const EVERYONE: &str = "everyone";

/// Terminal, person and session: their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    pub terminal: &'a str,
    pub person: &'a str,
    pub session: &'a str,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    pub caller: Caller<'a>,
    /// The person's groups; `everyone` is implied.
    pub groups: &'a [String],
    /// Personal grants; those of other persons are passed over.
    pub grants: &'a [Grant],
    pub usage: &'a Usage,
    /// Names of this gateway, whatever the port, beside those that are ours everywhere.
    pub own_names: &'a [Host],
    pub now: Timestamp,
    pub target: &'a Target,
    pub request: Request<'a>,
}

/// The facts of a request that rules look at. For a CONNECT none of them counts.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub upload: Upload,
    /// Sec-Fetch-Dest.
    pub destination: Option<&'a str>,
    pub origin: Option<Origin>,
    pub referer: Option<Origin>,
    /// A WebSocket handshake (RFC 6455, or RFC 8441's extended CONNECT).
    pub websocket: bool,
    pub content_type: Option<&'a str>,
    pub accept: Option<&'a str>,
    /// Access-Control-Request-Method of an OPTIONS: the request is judged as that method.
    pub preflight: Option<&'a str>,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Request {
            method: "GET",
            upload: Upload::None,
            destination: None,
            origin: None,
            referer: None,
            websocket: false,
            content_type: None,
            accept: None,
            preflight: None,
        }
    }
}

impl<'a> Request<'a> {
    /// The method the request is judged as.
    pub fn judged_method(&self) -> &'a str {
        match self.preflight {
            Some(asked) if self.method == "OPTIONS" => asked,
            _ => self.method,
        }
    }
}

/// What the head says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    None,
    /// Content-Length, in bytes.
    Declared(u64),
    /// Of a length nobody knows yet: passes where any upload does, and is counted against the limit as it streams.
    Streamed,
}

/// What a session and its person used so far.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    minutes: HashMap<String, MinutesUsed>,
    /// Newest last; a service stands once. Short: one entry a service.
    pages: Vec<(String, Timestamp)>,
}

/// Minutes of one service since local midnight in which something was charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinutesUsed {
    pub count: u32,
    /// The minute that runs is already among them: it may be used on.
    pub includes_now: bool,
}

impl Usage {
    /// Sets the minutes this *person* used of a service today.
    pub fn set_minutes(&mut self, service: &str, used: MinutesUsed) {
        self.minutes.insert(service.to_owned(), used);
    }

    pub fn minutes(&self, service: &str) -> MinutesUsed {
        self.minutes.get(service).copied().unwrap_or_default()
    }

    /// Notes that this *session* was allowed a page request of a service; call in the order of time.
    pub fn page_opened(&mut self, service: &str, at: Timestamp) {
        match self.pages.iter().position(|(opened, _)| opened == service) {
            Some(index) => {
                self.pages[index..].rotate_left(1);
                if let Some(last) = self.pages.last_mut() {
                    last.1 = at;
                }
            }
            None => self.pages.push((service.to_owned(), at)),
        }
    }

    /// When this session last opened a page of the service.
    pub fn page(&self, service: &str) -> Option<Timestamp> {
        self.pages.iter().find(|(opened, _)| opened == service).map(|(_, at)| *at)
    }

    /// 0 for a service never opened; the service opened last has the highest.
    pub(crate) fn recency(&self, service: &str) -> usize {
        self.pages.iter().position(|(opened, _)| opened == service).map_or(0, |index| index + 1)
    }
}

/// A personal grant: one inspect rule, which opens pages, for one person until a time.
#[derive(Clone, Debug)]
pub struct Grant {
    pub id: String,
    pub person: String,
    /// The name of service that records show.
    pub service: String,
    pub rule: Rule,
    /// Not any more from this instant on.
    pub until: Timestamp,
    /// Login of the member of staff who granted.
    pub granter: String,
    pub reason: String,
}
