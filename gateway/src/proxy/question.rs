//! The facts of one request as policy and journal need them, owned, so that a live exchange can be judged again.
//!
//! Made once at the door, after the strict readers; asked by `exchange`, and again by `live` for as long as something is open.

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, REFERER};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use passerelle_audit::Sealed;
use passerelle_policy::learn::Seen;
use passerelle_policy::{
    Access, Authority, Caller as PolicyCaller, Decision, MinutesUsed, Origin, Policy, Reason, Request,
    Scheme, Target, Upload, Url, Usage,
};

use super::identity::Caller;
use crate::Gateway;
use crate::clock::LocalMinute;
use crate::policy_store::Published;
use crate::session::LiveSession;

pub struct Question {
    pub target: Target,
    pub method: Method,
    pub websocket: bool,
    upload: Upload,
    destination: Option<String>,
    origin: Option<String>,
    referer: Option<String>,
    content_type: Option<String>,
    accept: Option<String>,
    preflight: Option<String>,
    /// When it was first asked.
    began: Timestamp,
}

/// All values of a field as one list.
fn all(headers: &HeaderMap, name: http::HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

impl Question {
    /// A CONNECT: of its head only the target counts.
    pub fn tunnel(authority: Authority, now: Timestamp) -> Question {
        Question {
            target: Target::Tunnel(authority),
            method: Method::CONNECT,
            websocket: false,
            upload: Upload::None,
            destination: None,
            origin: None,
            referer: None,
            content_type: None,
            accept: None,
            preflight: None,
            began: now,
        }
    }

    /// Any other request. `streamed`: a body follows whose length the head does not say.
    pub fn http(
        url: Url,
        method: &Method,
        headers: &HeaderMap,
        streamed: bool,
        websocket: bool,
        now: Timestamp,
    ) -> Question {
        let field = |name| {
            headers
                .get(name)
                .map(|value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let declared = field(CONTENT_LENGTH).and_then(|digits| digits.parse().ok());
        Question {
            target: Target::Http(url),
            method: method.clone(),
            websocket,
            upload: match declared {
                Some(0) => Upload::None,
                Some(bytes) => Upload::Declared(bytes),
                None if streamed => Upload::Streamed,
                None => Upload::None,
            },
            destination: headers
                .get("sec-fetch-dest")
                .map(|dest| String::from_utf8_lossy(dest.as_bytes()).into_owned()),
            origin: field(ORIGIN),
            referer: field(REFERER),
            content_type: field(CONTENT_TYPE),
            // Several fields are one list (RFC 9110, section 5.3): none of them may hide behind the first.
            accept: all(headers, ACCEPT),
            preflight: field(ACCESS_CONTROL_REQUEST_METHOD),
            began: now,
        }
    }

    pub fn is_tunnel(&self) -> bool {
        matches!(self.target, Target::Tunnel(_))
    }

    /// The first judgement.
    pub fn ask(&self, gateway: &Gateway, policy: &Policy, session: &LiveSession, now: Timestamp) -> Decision {
        self.with_access(gateway, policy, session, now, |access| policy.decide(access))
    }

    /// The judgement of something that is open: the reason why it may not go on, if so.
    pub fn review(
        &self,
        gateway: &Gateway,
        policy: &Policy,
        session: &LiveSession,
        now: Timestamp,
    ) -> Option<Reason> {
        self.with_access(gateway, policy, session, now, |access| policy.review(access, self.began))
    }

    fn with_access<T>(
        &self,
        gateway: &Gateway,
        policy: &Policy,
        session: &LiveSession,
        now: Timestamp,
        judge: impl FnOnce(&Access<'_>) -> T,
    ) -> T {
        let usage = usage(gateway, policy, session, now);
        judge(&Access {
            caller: PolicyCaller {
                terminal: session.terminal.as_str(),
                person: session.person.as_str(),
                session: session.id.as_str(),
            },
            groups: &session.groups,
            grants: &session.grants(),
            usage: &usage,
            own_names: &gateway.own_names,
            now,
            target: &self.target,
            request: Request {
                method: self.method.as_str(),
                upload: self.upload,
                destination: self.destination.as_deref(),
                origin: self.origin.as_deref().map(Origin::parse),
                referer: self.referer.as_deref().map(Origin::parse),
                websocket: self.websocket,
                content_type: self.content_type.as_deref(),
                accept: self.accept.as_deref(),
                preflight: self.preflight.as_deref(),
            },
        })
    }

    /// What a recording run keeps of it; nothing of an inspected CONNECT, whose requests speak for it.
    pub fn seen(
        &self,
        upload_bytes: u64,
        download_type: Option<String>,
        refused: Option<Reason>,
    ) -> Option<Seen> {
        let url = match (&self.target, refused) {
            (Target::Http(url), _) => url.clone(),
            (Target::Tunnel(authority), Some(_)) => {
                Url::of_origin(Scheme::Https, authority.clone(), "/").ok()?
            }
            (Target::Tunnel(_), None) => return None,
        };
        Some(Seen {
            at: self.began,
            url,
            method: self.method.to_string(),
            destination: self.destination.clone(),
            origin: self.origin.clone(),
            referer: self.referer.clone(),
            websocket: self.websocket,
            preflight: self.preflight.clone(),
            upload_bytes,
            download_type,
            refused,
        })
    }

    /// What the records of this question say of it. A confidential service leaves no trace of itself.
    pub fn sealed(&self, caller: &Caller, decision: &Decision, published: &Published) -> Sealed {
        let sealed = Sealed {
            terminal: Some(caller.terminal.name.as_str().to_owned()),
            person: Some(caller.session.person.as_str().to_owned()),
            session: Some(caller.session.id.as_str().to_owned()),
            policy: Some(published.version),
            method: Some(self.method.to_string()),
            ..Sealed::default()
        };
        if decision.terms.confidential {
            return sealed;
        }
        Sealed {
            service: decision.service.as_ref().map(|service| service.to_string()),
            rule: decision.rule.as_ref().map(|rule| rule.to_string()),
            url: Some(self.url(decision.terms.record_query)),
            page: self.page(&published.policy),
            ..sealed
        }
    }

    /// The page that asked, as the Referer tells it; never one of a confidential service.
    fn page(&self, policy: &Policy) -> Option<String> {
        let page = Url::parse_written(self.referer.as_deref()?).ok()?.without_query_values();
        (!policy.names_confidential(&page)).then_some(page)
    }

    /// The target for records: query values are dropped unless the rule keeps them.
    fn url(&self, with_query: bool) -> String {
        match &self.target {
            Target::Tunnel(authority) => authority.to_string(),
            Target::Http(url) if with_query => url.to_string(),
            Target::Http(url) => url.without_query_values(),
        }
    }
}

/// What person and session used so far. It costs what was used, however many services the policy has.
pub fn usage(gateway: &Gateway, policy: &Policy, session: &LiveSession, now: Timestamp) -> Usage {
    let mut usage = Usage::default();
    for (service, at) in session.pages() {
        usage.page_opened(&service, at);
    }
    let LocalMinute { day, minute } = LocalMinute::of(now, policy.time_zone());
    for (service, used) in gateway.minutes.of_day(&session.person, day) {
        let used = MinutesUsed { count: used.count(), includes_now: used.contains(minute) };
        usage.set_minutes(&service, used);
    }
    usage
}
