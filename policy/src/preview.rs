//! Replay of past requests: what would a proposed policy have changed?
//!
//! Called by `policy preview`, which reads the journal. Both policies judge every past request by the one walk, so only the
//! policies differ. Records keep less than a request says, hence the invariants: a request is counted as changed or unchanged
//! only where every reading of it that agrees with its record says so; what cannot be told is counted, with the reason why;
//! nothing is named that a record of the two policies would conceal.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::access::{Access, Caller, Grant, MinutesUsed, Request, Upload, Usage};
use crate::decision::{Decision, Effect};
use crate::host::Host;
use crate::origin::Origin;
use crate::rule::Mode;
use crate::url::Target;
use crate::{Policy, Reason};

/// Most changes told apart; whoever changes more than this reads figures, not lines. Further ones are counted together.
const CHANGES_LIMIT: usize = 1000;

/// One record of a past request, `opened` or `refused`, as far as it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    pub caller: Caller<'a>,
    /// The person's groups and grants as they are now: records keep none.
    pub groups: &'a [String],
    pub grants: &'a [Grant],
    pub own_names: &'a [Host],
    pub at: Timestamp,
    pub target: &'a Target,
    pub method: &'a str,
    /// The page that asked.
    pub page: Option<&'a str>,
    /// Absent where it was allowed.
    pub reason: Option<Reason>,
    /// How many identical requests the record stands for.
    pub count: u64,
    /// The policy that decided then, where it can still be read.
    pub decided_by: Option<&'a Policy>,
}

/// Why a past request was not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skipped {
    /// Of a confidential service: its record says nothing of it.
    Confidential,
    /// The key that sealed the record is destroyed.
    KeyDestroyed,
    /// Refused for what no policy decides: no session, access stopped, a malformed head.
    NotThePolicys,
    /// An OPTIONS request: judged as a method that records don't keep.
    Preflight,
    /// Its address can't be read from the record.
    Unreadable,
    /// It hangs on a fact that records don't keep: Sec-Fetch-Dest, the size of an upload, groups or minutes of that day.
    Unsure,
}

/// Requests that the proposed policy judges otherwise, alike in service, host and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The service that allows it, in whichever policy does.
    pub service: String,
    pub host: String,
    /// Why the other policy refuses it.
    pub reason: Reason,
    pub count: u64,
    /// The first of them, without query values.
    pub example: String,
}

/// What came of it all; counts are of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Most frequent first.
    pub newly_refused: Vec<Change>,
    pub newly_allowed: Vec<Change>,
    /// Changes beyond the thousandth kind, in neither list.
    pub further_changes: u64,
    pub still_allowed: u64,
    pub still_refused: u64,
    pub not_replayed: BTreeMap<Skipped, u64>,
}

/// By the proposed policy.
type IsAllowed = bool;

/// A replay under way. Records come in the order of time.
pub struct Preview<'p> {
    published: &'p Policy,
    proposed: &'p Policy,
    then: History,
    under_published: History,
    under_proposed: History,
    changes: HashMap<(IsAllowed, String, String, Reason), (u64, String)>,
    outcome: Outcome,
}

impl<'p> Preview<'p> {
    pub fn new(published: &'p Policy, proposed: &'p Policy) -> Preview<'p> {
        Preview {
            published,
            proposed,
            then: History::default(),
            under_published: History::default(),
            under_proposed: History::default(),
            changes: HashMap::new(),
            outcome: Outcome::default(),
        }
    }

    pub fn skip(&mut self, why: Skipped, count: u64) {
        *self.outcome.not_replayed.entry(why).or_default() += count;
    }

    /// Judges one past request by both policies, in every reading that its record leaves.
    pub fn replay(&mut self, past: &Past<'_>) {
        if !past.reason.is_none_or(is_the_policys) {
            return self.skip(Skipped::NotThePolicys, past.count);
        }
        if past.method == "OPTIONS" {
            return self.skip(Skipped::Preflight, past.count);
        }
        let readings = self.left_by_the_record(past);
        let judged = readings.iter().map(|&reading| self.judge(past, reading)).collect::<Vec<_>>();
        let effects = |(published, proposed): &(Decision, Decision)| (published.effect, proposed.effect);
        let agreed =
            judged.first().filter(|first| judged.iter().all(|other| effects(other) == effects(first)));
        let Some((published, proposed)) = agreed else {
            return self.skip(Skipped::Unsure, past.count);
        };
        self.under_published.note(self.published, past, published);
        self.under_proposed.note(self.proposed, past, proposed);
        self.count(past, published, proposed);
    }

    /// What came of it all.
    pub fn finish(mut self) -> Outcome {
        for ((is_allowed, service, host, reason), (count, example)) in self.changes {
            let list = match is_allowed {
                true => &mut self.outcome.newly_allowed,
                false => &mut self.outcome.newly_refused,
            };
            list.push(Change { service, host, reason, count, example });
        }
        for list in [&mut self.outcome.newly_allowed, &mut self.outcome.newly_refused] {
            list.sort_by(|a, b| {
                let order = |c: &Change| (Reverse(c.count), c.service.clone(), c.host.clone(), c.reason);
                order(a).cmp(&order(b))
            });
        }
        self.outcome
    }

    /// The readings under which the policy that decided then says what the record says; all of them where that policy is
    /// not to be had, none where the record hangs on something else.
    fn left_by_the_record(&mut self, past: &Past<'_>) -> Vec<Reading> {
        let readings = Reading::of(past);
        let Some(policy) = past.decided_by else { return readings.to_vec() };
        let decisions = readings.iter().map(|&reading| (reading, self.then.judge(policy, past, reading)));
        let agreeing: Vec<_> = decisions.filter(|(_, then)| then.reason == past.reason).collect();
        if let Some((_, decision)) = agreeing.first() {
            self.then.note(policy, past, decision);
        }
        agreeing.into_iter().map(|(reading, _)| reading).collect()
    }

    fn judge(&mut self, past: &Past<'_>, reading: Reading) -> (Decision, Decision) {
        let published = self.under_published.judge(self.published, past, reading);
        (published, self.under_proposed.judge(self.proposed, past, reading))
    }

    fn count(&mut self, past: &Past<'_>, published: &Decision, proposed: &Decision) {
        if published.terms.confidential || proposed.terms.confidential {
            return self.skip(Skipped::Confidential, past.count);
        }
        let (allowed, refused) = match (published.effect, proposed.effect) {
            (Effect::Allow, Effect::Allow) => return self.outcome.still_allowed += past.count,
            (Effect::Refuse, Effect::Refuse) => return self.outcome.still_refused += past.count,
            (Effect::Allow, Effect::Refuse) => (published, proposed),
            (Effect::Refuse, Effect::Allow) => (proposed, published),
        };
        let Some(reason) = refused.reason else { return self.skip(Skipped::Unsure, past.count) };
        let service = allowed.service.as_deref().unwrap_or_default().to_owned();
        let key = (proposed.is_allowed(), service, past.target.host().to_string(), reason);
        if self.changes.len() >= CHANGES_LIMIT && !self.changes.contains_key(&key) {
            return self.outcome.further_changes += past.count;
        }
        let (count, _) = self.changes.entry(key).or_insert_with(|| (0, example(past)));
        *count += past.count;
    }
}

fn example(past: &Past<'_>) -> String {
    match past.target {
        Target::Tunnel(authority) => format!("{} {authority}", past.method),
        Target::Http(url) => format!("{} {}", past.method, url.without_query_values()),
    }
}

/// Reasons that one policy may give and another not.
fn is_the_policys(reason: Reason) -> bool {
    use Reason::*;
    const WALK: [Reason; 18] = [
        NoRule,
        RefusedHost,
        OurOwnName,
        SuspiciousName,
        Port,
        PlainHttp,
        Group,
        Expired,
        ClosedDay,
        Window,
        MinutesUsed,
        Path,
        Query,
        Method,
        Upload,
        Websocket,
        NotAPage,
        NotThisService,
    ];
    WALK.contains(&reason)
}

/// What a request may have been, where its record does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Loaded as a page.
    Page,
    /// Asked for by a page.
    Part,
    /// A WebSocket handshake from the page that the record names.
    WebSocket,
}

impl Reading {
    /// A handshake is told by its refusal only; one that was allowed reads like any other part.
    fn of(past: &Past<'_>) -> &'static [Reading] {
        match (past.target, past.reason) {
            (Target::Tunnel(_), _) => &[Reading::Page],
            (_, Some(Reason::Websocket)) => &[Reading::WebSocket],
            _ => &[Reading::Page, Reading::Part],
        }
    }

    fn request<'a>(self, past: &Past<'a>) -> Request<'a> {
        let page = past.page.map(Origin::parse);
        Request {
            method: past.method,
            upload: match past.method {
                "POST" | "PUT" | "PATCH" => Upload::Streamed,
                _ => Upload::None,
            },
            destination: match self {
                Reading::Page => Some("document"),
                Reading::Part => Some("empty"),
                Reading::WebSocket => None,
            },
            websocket: self == Reading::WebSocket,
            origin: page.clone().filter(|_| self == Reading::WebSocket),
            referer: page,
            ..Request::default()
        }
    }
}

/// What sessions and persons had used, under one policy, when the next request came.
#[derive(Default)]
struct History {
    /// By session.
    usage: HashMap<String, Usage>,
    /// By person and service: the last day of use, and its minutes. (The minutes of tunnels are not recorded.)
    minutes: HashMap<(String, String), (Date, HashSet<i64>)>,
}

impl History {
    fn judge(&mut self, policy: &Policy, past: &Past<'_>, reading: Reading) -> Decision {
        let usage = self.usage.entry(past.caller.session.to_owned()).or_default();
        let (day, minute) = local_minute(policy, past.at);
        for service in policy.services().iter().filter(|service| service.minutes_per_day().is_some()) {
            let whose = (past.caller.person.to_owned(), service.id().to_string());
            let used = self.minutes.get(&whose).filter(|(used, _)| *used == day);
            let used = used.map_or(MinutesUsed::default(), |(_, minutes)| MinutesUsed {
                count: u32::try_from(minutes.len()).unwrap_or(u32::MAX),
                includes_now: minutes.contains(&minute),
            });
            usage.set_minutes(service.id(), used);
        }
        policy.decide(&Access {
            caller: past.caller,
            groups: past.groups,
            grants: past.grants,
            usage,
            own_names: past.own_names,
            now: past.at,
            target: past.target,
            request: reading.request(past),
        })
    }

    /// Keeps what an allowance opened and charged.
    fn note(&mut self, policy: &Policy, past: &Past<'_>, decision: &Decision) {
        let Some(service) = decision.service.as_deref().filter(|_| decision.is_allowed()) else { return };
        if decision.terms.page {
            let usage = self.usage.entry(past.caller.session.to_owned()).or_default();
            usage.page_opened(service, past.at);
        }
        if decision.terms.page || decision.mode == Mode::Tunnel {
            let (day, minute) = local_minute(policy, past.at);
            let whose = (past.caller.person.to_owned(), service.to_owned());
            let (used, minutes) = self.minutes.entry(whose).or_default();
            if *used != day {
                (*used, *minutes) = (day, HashSet::new());
            }
            minutes.insert(minute);
        }
    }
}

/// The local day, and the minute since the epoch (whole minutes are whole in every time zone of today).
fn local_minute(policy: &Policy, at: Timestamp) -> (Date, i64) {
    (at.to_zoned(policy.time_zone().clone()).date(), at.as_second().div_euclid(60))
}
