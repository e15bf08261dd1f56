//! From a host to what names it, in as many look-ups as the host has labels, however many hosts there are.

use std::collections::HashMap;

use crate::host::Host;
use crate::rule::HostPattern;

/// Values by host pattern. A look-up allocates nothing.
#[derive(Clone, Debug)]
pub struct HostIndex<T> {
    exact: HashMap<Box<str>, Vec<T>>,
    below: HashMap<Box<str>, Vec<T>>,
}

impl<T: Copy> HostIndex<T> {
    pub fn new() -> HostIndex<T> {
        HostIndex { exact: HashMap::new(), below: HashMap::new() }
    }

    pub fn insert(&mut self, pattern: &HostPattern, value: T) {
        let (map, name) = match pattern {
            HostPattern::Exact(host) => (&mut self.exact, host),
            HostPattern::Below(base) => (&mut self.below, base),
        };
        map.entry(name.as_str().into()).or_default().push(value);
    }

    /// Everything that names the host; beside it the base of the wildcard that did, if one did.
    pub fn find<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = (T, Option<&'a str>)> {
        let exact = self.exact.get(host.as_str()).into_iter().flatten().map(|value| (*value, None));
        let below = host.parents().flat_map(|base| {
            self.below.get(base).into_iter().flatten().map(move |value| (*value, Some(base)))
        });
        exact.chain(below)
    }

    /// Everything that names all hosts of the pattern.
    pub fn covering<'a>(&'a self, pattern: &'a HostPattern) -> impl Iterator<Item = T> {
        let (host, own) = match pattern {
            HostPattern::Exact(host) => (host, self.exact.get(host.as_str())),
            HostPattern::Below(base) => (base, self.below.get(base.as_str())),
        };
        let above = host.parents().filter_map(|base| self.below.get(base));
        own.into_iter().chain(above).flatten().copied()
    }
}
