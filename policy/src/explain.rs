//! Why: the same walk as `decide`, with every rule that names the host and the first thing each asked in vain.
//!
//! For staff (`policy explain`, the console). The kiosk's words for people are elsewhere: this names rules and services.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::access::Access;
use crate::candidate::Candidate;
use crate::decision::{Decision, RuleName};
use crate::evaluate::{Trace, reasons};
use crate::finding::{Text, text};
use crate::host::Host;
use crate::hosts::Pattern;
use crate::rule::Mode;
use crate::similar;
use crate::suspicious::looks_like_data;
use crate::url::{Scheme, Target};
use crate::{Policy, Reason};

/// How many near rules are shown: more than a handful helps nobody.
const NEAREST_LIMIT: usize = 5;
/// Hosts whose names differ by at most so many letters are near: a slip of the hand.
const NEAR_LETTERS: usize = 2;

/// A decision and how it came about. Serialises as `{decision, reason, service, rule, trace, nearest}`.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub decision: Decision,
    /// What was asked for.
    pub target: String,
    /// Every judgement of the walk, in its order.
    pub trace: Vec<Step>,
    /// For a refusal: the rules that came nearest, best first, and the first thing each failed on.
    pub nearest: Vec<Step>,
}

/// One rule that was looked at, or a refusal before any rule was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub rule: Option<RuleName>,
    /// What the rule failed on; absent when it allows.
    pub reason: Option<Reason>,
    /// What it was asked before that, and passed.
    pub passed: Vec<Reason>,
    pub text: Text,
}

impl Policy {
    /// The same walk as [`Policy::decide`], with its trace.
    pub fn explain(&self, access: &Access<'_>) -> Explanation {
        let mut recorder = Recorder { policy: self, access, steps: Vec::new() };
        let decision = self.walk(access, access.now, &mut recorder);
        let steps = recorder.steps;
        let nearest = match decision.reason {
            None => Vec::new(),
            Some(Reason::NoRule) => self.similar_hosts(access.target.host()),
            Some(_) => nearest(&steps),
        };
        Explanation { decision, target: access.target.to_string(), trace: steps, nearest }
    }

    /// Explains an address as a client meets it: https asks for its CONNECT first, and in mode tunnel asks nothing more.
    pub fn explain_load(&self, access: &Access<'_>) -> Explanation {
        if let Target::Http(url) = access.target
            && url.scheme() == Scheme::Https
        {
            let connect = Target::Tunnel(url.authority().clone());
            let outer = self.explain(&Access { target: &connect, ..access.clone() });
            if !outer.decision.is_allowed() || outer.decision.mode == Mode::Tunnel {
                return outer;
            }
        }
        self.explain(access)
    }

    /// Rules whose hosts look like the one that no rule names.
    fn similar_hosts(&self, host: &Host) -> Vec<Step> {
        let mut near = Vec::new();
        for service in &self.services {
            for (rule, number) in service.rules.iter().zip(1u32..) {
                for pattern in rule.hosts.iter() {
                    let Some(distance) = distance(host.as_str(), pattern.name()) else { continue };
                    near.push((distance, &service.id, number, pattern));
                    // Of a million hosts below one domain five are shown.
                    if near.len() > 2 * NEAREST_LIMIT {
                        keep_nearest(&mut near);
                    }
                }
            }
        }
        keep_nearest(&mut near);
        let step = |(_, service, number, pattern): (usize, &Arc<str>, u32, Pattern<'_>)| Step {
            rule: Some(RuleName::Rule { service: service.clone(), number }),
            reason: Some(Reason::NoRule),
            passed: Vec::new(),
            text: text!("nomme {pattern}, pas {host}", "names {pattern}, not {host}"),
        };
        near.into_iter().map(step).collect()
    }
}

fn keep_nearest(near: &mut Vec<(usize, &Arc<str>, u32, Pattern<'_>)>) {
    near.sort_by_key(|(distance, service, number, _)| (*distance, *service, *number));
    near.truncate(NEAREST_LIMIT);
}

/// Letters between the names, where they are near or end in the same two labels.
fn distance(host: &str, name: &str) -> Option<usize> {
    let is_sibling = domain(host) == domain(name);
    // Names are ASCII: the letters between them are no fewer than these.
    if !is_sibling && host.len().abs_diff(name.len()) > NEAR_LETTERS {
        return None;
    }
    let letters = similar::distance(host, name);
    (letters <= NEAR_LETTERS || is_sibling).then_some(letters)
}

/// The last two labels.
fn domain(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(dot, _)| &name[dot + 1..])
}

/// The rules that passed the most checks.
fn nearest(steps: &[Step]) -> Vec<Step> {
    let mut steps: Vec<Step> = steps.iter().filter(|step| step.rule.is_some()).cloned().collect();
    steps.sort_by_key(|step| Reverse(step.passed.len()));
    steps.truncate(NEAREST_LIMIT);
    steps
}

/// The trace that writes everything down.
struct Recorder<'a> {
    policy: &'a Policy,
    access: &'a Access<'a>,
    steps: Vec<Step>,
}

impl Trace for Recorder<'_> {
    fn outright(&mut self, reason: Reason) {
        let host = self.access.target.host();
        let text = match reason {
            Reason::OurOwnName => {
                text!("{host} est un nom de la passerelle", "{host} is a name of the gateway")
            }
            Reason::RefusedHost => {
                let why = self.policy.refusal_of(host).map(|refuse| refuse.reason()).unwrap_or_default();
                text!("{host} est refusé par [[refuse]] : {why}", "{host} is refused by [[refuse]]: {why}")
            }
            Reason::DnsOverHttps => text!("résolution de noms par HTTPS", "name resolution over HTTPS"),
            _ => text!(
                "nom avec un souligné qu'aucune règle ne nomme",
                "a name with an underscore that no rule names"
            ),
        };
        self.steps.push(Step { rule: None, reason: Some(reason), passed: Vec::new(), text });
    }

    fn judged(&mut self, candidate: &Candidate<'_>, failed: Option<usize>) {
        let reason = failed.and_then(|check| reasons().nth(check));
        let passed = failed.map(|check| reasons().take(check).collect()).unwrap_or_default();
        let text = match reason {
            None => text!("autorise", "allows"),
            Some(reason) => what_failed(candidate, reason, self.access),
        };
        let step = Step { rule: Some(candidate.name()), reason, passed, text };
        // A rule that names a host and a wildcard above it is judged for both.
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }
}

/// What the rule asks, and what it got.
fn what_failed(candidate: &Candidate<'_>, reason: Reason, access: &Access<'_>) -> Text {
    let port = access.target.port();
    let method = access.request.judged_method();
    let (path, query) = match access.target {
        Target::Http(url) => (url.path(), url.parameters().join(", ")),
        Target::Tunnel(_) => ("", String::new()),
    };
    let below = candidate.below().unwrap_or_default();
    let limit = candidate.rule.inspect().map_or(0, |inspect| inspect.upload_limit);
    let methods = candidate.rule.inspect().map(|inspect| inspect.methods).unwrap_or_default();
    let ports = candidate.rule.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let groups = candidate.service().map(|service| service.groups.join(", ")).unwrap_or_default();
    let day = candidate
        .service()
        .and_then(|service| service.expires)
        .map(|day| day.to_string())
        .unwrap_or_default();
    let minutes = candidate.service().and_then(|service| service.minutes_per_day).unwrap_or_default();
    match reason {
        Reason::SuspiciousName if looks_like_data(below) => {
            text!("« {below} » ressemble à des données", "\"{below}\" looks like data")
        }
        Reason::SuspiciousName => text!(
            "des paramètres trop longs pour une règle qui n'en nomme aucun",
            "a query too long for a rule that names no parameters"
        ),
        Reason::Port => text!("port {port} : la règle dit {ports}", "port {port}: the rule says {ports}"),
        Reason::PlainHttp => {
            text!("http en clair : la règle ne le permet pas", "plain http: the rule does not allow it")
        }
        Reason::Group => text!("réservé aux groupes {groups}", "for the groups {groups}"),
        Reason::Expired => text!("expiré {day}", "expired {day}"),
        Reason::ClosedDay => text!("fermé ce jour", "closed on this day"),
        Reason::Window => text!("hors des horaires", "outside its hours"),
        Reason::MinutesUsed => {
            text!("les {minutes} minutes du jour sont utilisées", "the day's {minutes} minutes are used")
        }
        Reason::Path => {
            text!("le chemin {path} n'est pas dans la règle", "the path {path} is not in the rule")
        }
        Reason::Query => text!(
            "un paramètre parmi {query} n'est pas dans la règle",
            "a parameter of {query} is not in the rule"
        ),
        Reason::Method => {
            text!("méthode {method} : la règle dit {methods}", "method {method}: the rule says {methods}")
        }
        Reason::Upload => text!("envoi de plus de {limit} octets", "upload of more than {limit} bytes"),
        Reason::Websocket => {
            text!("WebSocket : la règle ne le permet pas", "WebSocket: the rule does not allow it")
        }
        Reason::NotAPage => {
            text!("une ressource ne s'ouvre pas comme une page", "a resource is not opened as a page")
        }
        Reason::NotThisService => text!(
            "ne vient pas d'une page de ce service ouverte depuis moins de 30 minutes",
            "does not come from a page of this service opened within 30 minutes"
        ),
        other => text!("{other}", "{other}"),
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Explanation", 6)?;
        object.serialize_field("decision", self.decision.effect.as_str())?;
        object.serialize_field("reason", &self.decision.reason)?;
        object.serialize_field("service", &self.decision.service.as_deref())?;
        object.serialize_field("rule", &self.decision.rule)?;
        object.serialize_field("trace", &self.trace)?;
        object.serialize_field("nearest", &self.nearest)?;
        object.end()
    }
}

/// In French; [`Explanation::to_english`] has the same in English.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(["autorisé", "refusé", "parcours", "au plus près"], |text| &text.fr))
    }
}

impl Explanation {
    pub fn to_english(&self) -> String {
        self.render(["allowed", "refused", "walk", "nearest"], |text| &text.en)
    }

    fn render(
        &self,
        [allowed, refused, walk, nearest]: [&str; 4],
        language: impl Fn(&Text) -> &str,
    ) -> String {
        let line = |step: &Step| {
            let rule = step.rule.as_ref().map(RuleName::to_string).unwrap_or_else(|| "-".to_owned());
            let reason = step.reason.map_or("", Reason::as_str);
            format!("  {rule:<28} {reason:<16} {}\n", language(&step.text))
        };
        let effect = if self.decision.is_allowed() { allowed } else { refused };
        let rule = self.decision.rule.as_ref().map(|rule| format!(", {rule}")).unwrap_or_default();
        let reason = self.decision.reason.map(|reason| format!(", {reason}")).unwrap_or_default();
        let mut rendered = format!("{}\n{effect}{reason}{rule}\n", self.target);
        for (heading, steps) in [(walk, &self.trace), (nearest, &self.nearest)] {
            if !steps.is_empty() {
                rendered.push_str(&format!("{heading}\n"));
                rendered.extend(steps.iter().map(line));
            }
        }
        rendered
    }
}
