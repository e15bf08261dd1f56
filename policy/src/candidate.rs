//! Candidates: the rules and personal grants that name a host; and the verdict over all of them.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::access::{Access, Grant, Usage};
use crate::decision::{Decision, Effect, RuleName, Terms};
use crate::host::Host;
use crate::methods::Methods;
use crate::origin::Origin;
use crate::rule::{AccessKind, CATALOGUE, Rule, Service};
use crate::url::Target;
use crate::{Policy, Reason};

/// Where a rule stands in the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleAt {
    pub service: usize,
    /// From 0.
    pub rule: usize,
}

/// A rule that names the host asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'p> {
    pub rule: &'p Rule,
    owner: Owner<'p>,
    /// What stands before the base of the wildcard that matched.
    below: Option<&'p str>,
}

#[derive(Clone, Copy, Debug)]
enum Owner<'p> {
    /// A service, and the number of the rule in it, from 1.
    Service(&'p Service, u32),
    Grant(&'p Grant),
}

impl Policy {
    /// Every rule and grant that names the host, in no order that counts.
    pub(crate) fn candidates<'a>(&'a self, access: &'a Access<'_>) -> impl Iterator<Item = Candidate<'a>> {
        let host = access.target.host();
        // A wildcard never meets a label with an underscore.
        let named = self.rules.find(host).filter(|(_, base)| base.is_none() || !host.has_underscore());
        let named = named.map(|(at, base)| {
            let below = base.map(|base| &host.as_str()[..host.as_str().len() - base.len() - 1]);
            self.candidate(at, below)
        });
        let item = host.item().and_then(|_| self.catalogue());
        let item = item.map(|service| self.candidate(RuleAt { service, rule: 0 }, None));
        // What is confidential is never inspected, whoever grants it.
        let mine = access
            .grants
            .iter()
            .filter(move |grant| grant.person == access.caller.person && !self.is_confidential(host));
        let granted = mine.filter(|grant| grant.rule.hosts.names(host));
        let granted =
            granted.map(|grant| Candidate { rule: &grant.rule, owner: Owner::Grant(grant), below: None });
        named.chain(item).chain(granted)
    }

    fn candidate<'a>(&'a self, at: RuleAt, below: Option<&'a str>) -> Candidate<'a> {
        let service = &self.services[at.service];
        Candidate { rule: &service.rules[at.rule], owner: Owner::Service(service, at.rule as u32 + 1), below }
    }

    /// Some confidential service names the host.
    pub(crate) fn is_confidential(&self, host: &Host) -> bool {
        self.rules.find(host).any(|(at, _)| self.services[at.service].confidential)
    }

    /// Index of the service of the local catalogue.
    pub(crate) fn catalogue(&self) -> Option<usize> {
        self.services.iter().position(|service| &*service.id == CATALOGUE)
    }

    /// The origin's host is one that the service names.
    pub(crate) fn belongs(&self, origin: &Origin, service: &Service) -> bool {
        let Some(host) = origin.host() else { return false };
        self.rules.find(host).any(|(at, _)| self.services[at.service].id == service.id)
    }
}

impl<'p> Candidate<'p> {
    /// The service whose rule this is; none for a grant.
    pub fn service(&self) -> Option<&'p Service> {
        match self.owner {
            Owner::Service(service, _) => Some(service),
            Owner::Grant(_) => None,
        }
    }

    pub fn grant(&self) -> Option<&'p Grant> {
        match self.owner {
            Owner::Service(..) => None,
            Owner::Grant(grant) => Some(grant),
        }
    }

    /// The labels below a wildcard, where one matched.
    pub fn below(&self) -> Option<&'p str> {
        self.below
    }

    pub fn name(&self) -> RuleName {
        match self.owner {
            Owner::Service(service, number) => RuleName::Rule { service: service.id.clone(), number },
            Owner::Grant(grant) => RuleName::Grant { id: grant.id.as_str().into() },
        }
    }

    fn service_name(&self) -> Arc<str> {
        match self.owner {
            Owner::Service(service, _) => service.id.clone(),
            Owner::Grant(grant) => grant.service.as_str().into(),
        }
    }

    /// Services before grants, then the smallest service id, then the lowest number.
    fn order(&self) -> (bool, &'p str, u32) {
        match self.owner {
            Owner::Service(service, number) => (false, &service.id, number),
            Owner::Grant(grant) => (true, &grant.id, 0),
        }
    }

    /// The decision of a rule that passed every check.
    pub fn allowance(&self, access: &Access<'_>) -> Decision {
        let confidential = self.service().is_some_and(|service| service.confidential);
        let terms = match (access.target, &self.rule.inspect) {
            (Target::Http(_), Some(inspect)) => Terms {
                upload_limit: inspect.upload_limit,
                download_types: inspect.download_types.clone(),
                websocket: inspect.websocket,
                record_query: inspect.record_query,
                page: inspect.kind == AccessKind::Page,
                confidential,
            },
            _ => Terms { confidential, ..Terms::default() },
        };
        Decision {
            effect: Effect::Allow,
            reason: None,
            service: Some(self.service_name()),
            rule: Some(self.name()),
            mode: self.rule.mode(),
            terms,
            allow_methods: Methods::NONE,
        }
    }
}

/// What the candidates seen so far come to.
#[derive(Default)]
pub(crate) struct Verdict<'p> {
    /// Of the service whose page this session opened last, else of the smallest id; in it the lowest number.
    pub allowed: Option<Candidate<'p>>,
    /// The refused candidate that came furthest: the position of the check it failed, and its reason.
    nearest: Option<(Candidate<'p>, usize, Reason)>,
    /// What the candidates that failed at their methods would have allowed.
    methods: Methods,
}

impl<'p> Verdict<'p> {
    pub fn allow(&mut self, candidate: Candidate<'p>, usage: &Usage) {
        let preference = |candidate: &Candidate<'p>| {
            let (is_grant, id, number) = candidate.order();
            (is_grant, Reverse(usage.recency(id)), id, number)
        };
        if self.allowed.is_none_or(|allowed| preference(&candidate) < preference(&allowed)) {
            self.allowed = Some(candidate);
        }
    }

    /// `check` is the position of the check it failed, `reason` what that is called.
    pub fn refuse(&mut self, candidate: Candidate<'p>, check: usize, reason: Reason) {
        if let (Reason::Method, Some(inspect)) = (reason, &candidate.rule.inspect) {
            self.methods = self.methods.with(inspect.methods);
        }
        let is_nearer = |(other, at, _): (Candidate<'p>, usize, Reason)| {
            (Reverse(check), candidate.order()) < (Reverse(at), other.order())
        };
        if self.nearest.is_none_or(is_nearer) {
            self.nearest = Some((candidate, check, reason));
        }
    }

    /// The decision when nothing allowed.
    pub fn refusal(&self) -> Decision {
        let Some((nearest, _, reason)) = self.nearest else { return Decision::refuse(Reason::NoRule) };
        Decision {
            service: Some(nearest.service_name()),
            rule: Some(nearest.name()),
            mode: nearest.rule.mode(),
            allow_methods: if reason == Reason::Method { self.methods } else { Methods::NONE },
            ..Decision::refuse(reason)
        }
    }
}
