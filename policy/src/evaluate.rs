//! The walk: from an access to a decision. `decide`, `review` and `explain` are this one walk; only the trace differs.
//!
//! 1. What no rule can allow is refused outright: our own names, refused hosts, DNS over HTTPS.
//! 2. Every rule and personal grant that names the host is put through [`CHECKS`], in the contract's order.
//! 3. One that passes all allows. Otherwise the reason is that of the rule that came furthest.
//!
//! Invariants: without a rule or grant that names the host nothing is allowed; the result depends on no order of services or
//! rules; an allowance allocates nothing (personal grants aside).

use jiff::Timestamp;

use crate::access::{Access, PAGE_LIFE, Upload};
use crate::candidate::{Candidate, Verdict};
use crate::origin::Origin;
use crate::rule::{AccessKind, Inspect};
use crate::services::Standing;
use crate::suspicious::{is_dns_over_https, is_message, looks_like_data};
use crate::url::{Scheme, Target, Url};
use crate::{Decision, Policy, Reason};

impl Policy {
    /// Judges one access.
    pub fn decide(&self, access: &Access<'_>) -> Decision {
        self.walk(access, access.now, &mut Silent)
    }

    /// Judges a live exchange that began at `began` again: `None` while it may go on, else the reason it ends with. That a
    /// page was opened long ago ends nothing; what else stops allowing must have come with a new policy.
    pub fn review(&self, access: &Access<'_>, began: Timestamp) -> Option<Reason> {
        match self.walk(access, began, &mut Silent).reason? {
            reason @ (Reason::Window | Reason::ClosedDay | Reason::MinutesUsed | Reason::Expired) => {
                Some(reason)
            }
            _ => Some(Reason::PolicyChanged),
        }
    }

    /// The one walk. `began` is when the request came: resources are judged by the pages opened before it.
    pub(crate) fn walk(&self, access: &Access<'_>, began: Timestamp, trace: &mut impl Trace) -> Decision {
        if let Some(reason) = self.refused_outright(access) {
            trace.outright(reason);
            return self.conceal(access, Decision::refuse(reason));
        }
        let standing = Standing::new(self, access.groups, access.usage, access.now);
        let question = Question { policy: self, access, standing, began };
        let mut verdict = Verdict::default();
        for candidate in self.candidates(access) {
            let failed = question.first_failure(&candidate);
            trace.judged(&candidate, failed);
            match failed {
                None => verdict.allow(candidate, access.usage),
                Some(check) => verdict.refuse(candidate, check, CHECKS[check].0),
            }
        }
        match verdict.allowed {
            Some(candidate) => candidate.allowance(access),
            None => self.conceal(access, verdict.refusal()),
        }
    }

    /// What no rule can allow. An underscore is no part of a host name, so only a rule that names it makes it one.
    fn refused_outright(&self, access: &Access<'_>) -> Option<Reason> {
        let host = access.target.host();
        let is_item = host.item().is_some() && self.catalogue().is_some();
        if (host.is_internal() && !is_item) || access.own_names.contains(host) {
            return Some(Reason::OurOwnName);
        }
        if self.refused.find(host).next().is_some() {
            return Some(Reason::RefusedHost);
        }
        if is_dns_over_https(access.target, &access.request) {
            return Some(Reason::DnsOverHttps);
        }
        (host.has_underscore() && self.candidates(access).next().is_none()).then_some(Reason::Malformed)
    }

    /// A refusal at the host of a confidential service is itself confidential.
    fn conceal(&self, access: &Access<'_>, mut refusal: Decision) -> Decision {
        refusal.terms.confidential = self.is_confidential(access.target.host());
        refusal
    }
}

/// What hears of each judgement while the walk is made.
pub(crate) trait Trace {
    fn outright(&mut self, _reason: Reason) {}
    /// `failed` is the position of the check that failed, if one did; see [`reasons`].
    fn judged(&mut self, _candidate: &Candidate<'_>, _failed: Option<usize>) {}
}

/// The trace of live traffic: none.
struct Silent;

impl Trace for Silent {}

type Check = fn(&Question<'_>, &Candidate<'_>) -> bool;

/// What a rule asks, in the contract's order; the first that fails is why the rule does not allow. (`no-rule`, the reason
/// before them all, is having no candidate.)
const CHECKS: [(Reason, Check); 15] = [
    (Reason::SuspiciousName, |q, c| !c.below().is_some_and(looks_like_data) && !q.carries_a_message(c)),
    (Reason::Port, |q, c| q.port(c)),
    (Reason::PlainHttp, |q, c| q.scheme(c)),
    (Reason::Group, |q, c| c.service().is_none_or(|service| q.standing.in_group(service))),
    (Reason::Expired, |q, c| q.unexpired(c)),
    (Reason::ClosedDay, |q, c| c.service().is_none_or(|service| q.standing.is_open_day(service))),
    (Reason::Window, |q, c| c.service().is_none_or(|service| q.standing.is_open_hour(service))),
    (Reason::MinutesUsed, |q, c| c.service().is_none_or(|service| q.standing.has_minutes(service))),
    (Reason::Path, |q, c| q.inspected(c, |_, inspect, url| inspect.allows_path(url.path_form()))),
    (Reason::Query, |q, c| q.inspected(c, |_, inspect, url| inspect.allows_query(url.parameters()))),
    (Reason::Method, |q, c| q.inspected(c, Question::method)),
    (Reason::Upload, |q, c| q.inspected(c, Question::upload)),
    (Reason::Websocket, |q, c| {
        q.inspected(c, |q, inspect, _| inspect.websocket || !q.access.request.websocket)
    }),
    (Reason::NotAPage, |q, c| q.inspected(c, Question::not_opened)),
    (Reason::NotThisService, |q, c| q.asked_by_its_service(c)),
];

/// A CONNECT says no more than host and port, so these are all it is judged by.
const CONNECT_CHECKS: usize = 8;

/// The reasons of the checks, in order.
pub(crate) fn reasons() -> impl Iterator<Item = Reason> {
    CHECKS.iter().map(|(reason, _)| *reason)
}

/// An access, with what the checks work out once.
struct Question<'a> {
    policy: &'a Policy,
    access: &'a Access<'a>,
    standing: Standing<'a>,
    began: Timestamp,
}

impl Question<'_> {
    /// Index in [`CHECKS`] of the first check that fails.
    fn first_failure(&self, candidate: &Candidate<'_>) -> Option<usize> {
        let count = match self.access.target {
            Target::Tunnel(_) => CONNECT_CHECKS,
            Target::Http(_) => CHECKS.len(),
        };
        CHECKS[..count].iter().position(|(_, passes)| !passes(self, candidate))
    }

    /// Plain http at its own port is left to the next check, which has the truer reason.
    fn port(&self, candidate: &Candidate<'_>) -> bool {
        let port = self.access.target.port();
        candidate.rule.ports.contains(&port) || (port == 80 && self.is_plain_http())
    }

    fn scheme(&self, candidate: &Candidate<'_>) -> bool {
        match self.access.target {
            Target::Tunnel(_) => true,
            Target::Http(url) => candidate.rule.reads(url),
        }
    }

    fn is_plain_http(&self) -> bool {
        matches!(self.access.target, Target::Http(url) if url.scheme() == Scheme::Http)
    }

    fn unexpired(&self, candidate: &Candidate<'_>) -> bool {
        match candidate.grant() {
            Some(grant) => self.access.now < grant.until,
            None => candidate.service().is_none_or(|service| self.standing.is_unexpired(service)),
        }
    }

    /// Holds for a request that the rule may read; [`Question::scheme`] refused all others.
    fn inspected(&self, candidate: &Candidate<'_>, holds: impl Fn(&Self, &Inspect, &Url) -> bool) -> bool {
        match (self.access.target, &candidate.rule.inspect) {
            (Target::Http(url), Some(inspect)) => holds(self, inspect, url),
            _ => false,
        }
    }

    /// A long query where the rule says nothing of parameters.
    fn carries_a_message(&self, candidate: &Candidate<'_>) -> bool {
        match (self.access.target, &candidate.rule.inspect) {
            (Target::Http(url), Some(inspect)) => {
                inspect.queries.is_none() && url.query().is_some_and(is_message)
            }
            _ => false,
        }
    }

    /// The method, and the one that a parameter would have a server take in its place.
    fn method(&self, inspect: &Inspect, url: &Url) -> bool {
        inspect.methods.contains(self.access.request.judged_method())
            && url
                .methods_asked_for()
                .is_none_or(|mut asked| asked.all(|method| inspect.methods.contains(&method)))
    }

    fn upload(&self, inspect: &Inspect, _: &Url) -> bool {
        match self.access.request.upload {
            Upload::None => true,
            Upload::Declared(bytes) => bytes <= inspect.upload_limit,
            Upload::Streamed => inspect.upload_limit > 0,
        }
    }

    /// A resource is never opened. Without Sec-Fetch-Dest nobody can tell; a WebSocket handshake carries none.
    fn not_opened(&self, inspect: &Inspect, _: &Url) -> bool {
        let request = &self.access.request;
        let is_embedded =
            request.destination.is_some_and(|d| !d.is_empty() && !d.eq_ignore_ascii_case("document"));
        inspect.kind == AccessKind::Page || request.websocket || is_embedded
    }

    /// A resource is asked for by pages of its service, one of which this session opened not long ago.
    fn asked_by_its_service(&self, candidate: &Candidate<'_>) -> bool {
        let (Some(inspect), Some(service)) = (&candidate.rule.inspect, candidate.service()) else {
            return candidate.grant().is_some();
        };
        let request = &self.access.request;
        let belongs = |origin: &Origin| self.policy.belongs(origin, service);
        let page_is_fresh = || {
            self.access.usage.page(&service.id).is_some_and(|at| self.began.duration_since(at) <= PAGE_LIFE)
        };
        inspect.kind == AccessKind::Page
            || (request.origin.as_ref().map_or(!request.websocket, belongs)
                && request.referer.as_ref().is_none_or(belongs)
                && page_is_fresh())
    }
}
