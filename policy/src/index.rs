//! From a host to what names it, in as many look-ups as the host has labels, however many hosts there are.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::iter;

use hashbrown::HashTable;

use crate::host::Host;
use crate::hosts::{HostList, Pattern};

/// Values by host pattern: 10 bytes or less a pattern beside the lists themselves, which are shared. A look-up allocates nothing.
#[derive(Clone, Debug)]
pub struct HostIndex<T> {
    lists: Vec<Numbered<T>>,
    /// Numbers of patterns, found by their text.
    table: HashTable<u32>,
    /// The further numbers of a pattern that is written more than once, by the first one; in order.
    repeated: HashMap<u32, Vec<u32>>,
    /// Keyed afresh each time: nobody can choose hosts that collide.
    hasher: RandomState,
}

/// A list and its owner. Patterns are numbered through all lists.
#[derive(Clone, Debug)]
struct Numbered<T> {
    first: u32,
    hosts: HostList,
    value: T,
}

impl<T: Copy> HostIndex<T> {
    pub fn new(lists: impl IntoIterator<Item = (HostList, T)>) -> HostIndex<T> {
        let mut next = 0;
        let number = |(hosts, value): (HostList, T)| {
            let first = next;
            next += u32::try_from(hosts.len()).expect("a policy file is shorter than 4 GiB");
            Numbered { first, hosts, value }
        };
        let lists: Vec<_> = lists.into_iter().map(number).collect();
        let mut index = HostIndex {
            lists,
            table: HashTable::with_capacity(next as usize),
            repeated: HashMap::new(),
            hasher: RandomState::new(),
        };
        index.fill();
        index
    }

    fn fill(&mut self) {
        let HostIndex { lists, table, repeated, hasher } = self;
        for Numbered { first, hosts, .. } in &*lists {
            for (number, pattern) in (*first..).zip(hosts.iter()) {
                let hash = hash(hasher, pattern.name(), pattern.is_wildcard());
                match table.find(hash, |other| numbered(lists, *other).1 == pattern) {
                    Some(same) => repeated.entry(*same).or_default().push(number),
                    // There is room for all of them: nothing is hashed again.
                    None => drop(table.insert_unique(hash, number, |_| unreachable!("the table has room"))),
                }
            }
        }
    }

    /// Everything that names the host; beside it the base of the wildcard that did, if one did.
    pub fn find<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = (T, Option<&'a str>)> {
        let exact = self.values(host.as_str(), false).map(|value| (value, None));
        let below =
            host.parents().flat_map(|base| self.values(base, true).map(move |value| (value, Some(base))));
        exact.chain(below)
    }

    /// Everything that names all hosts of the pattern.
    pub fn covering<'a>(&'a self, pattern: Pattern<'a>) -> impl Iterator<Item = T> {
        let above = pattern.parents().flat_map(|base| self.values(base, true));
        self.values(pattern.name(), pattern.is_wildcard()).chain(above)
    }

    /// Everything that names this very host, or this very wildcard by its base.
    pub fn values(&self, name: &str, is_wildcard: bool) -> impl Iterator<Item = T> {
        self.numbers(name, is_wildcard).map(|number| numbered(&self.lists, number).0.value)
    }

    /// Each pattern that its own list has named before, by owner and position.
    pub fn repeats(&self) -> impl Iterator<Item = (T, usize)> {
        let groups =
            self.repeated.iter().map(|(first, others)| iter::once(*first).chain(others.iter().copied()));
        groups.flat_map(move |group| {
            let mut before = None;
            group.filter_map(move |number| {
                let list = numbered(&self.lists, number).0;
                let is_repeat = before.replace(list.first) == Some(list.first);
                is_repeat.then_some((list.value, (number - list.first) as usize))
            })
        })
    }

    fn numbers(&self, name: &str, is_wildcard: bool) -> impl Iterator<Item = u32> {
        let is_it = |number: &u32| {
            let (_, pattern) = numbered(&self.lists, *number);
            pattern.is_wildcard() == is_wildcard && pattern.name() == name
        };
        // Most hosts asked for are in no list: an empty index is not even hashed for.
        let found = (!self.table.is_empty())
            .then(|| self.table.find(hash(&self.hasher, name, is_wildcard), is_it).copied());
        let first = found.flatten();
        let others = first.filter(|_| !self.repeated.is_empty()).and_then(|first| self.repeated.get(&first));
        first.into_iter().chain(others.into_iter().flatten().copied())
    }
}

fn numbered<T>(lists: &[Numbered<T>], number: u32) -> (&Numbered<T>, Pattern<'_>) {
    // Of lists that begin at the same number all but the last are empty.
    let list = &lists[lists.partition_point(|list| list.first <= number) - 1];
    (list, list.hosts.at((number - list.first) as usize))
}

fn hash(hasher: &RandomState, name: &str, is_wildcard: bool) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(name.as_bytes());
    hasher.write_u8(u8::from(is_wildcard));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::hosts::Packing;

    fn pattern() -> impl Strategy<Value = (String, bool)> {
        (
            prop::sample::select(vec!["a.x", "b.x", "x.x", "a.b.x", "b.a.x", "a.b.a.x", "_a.b.x"]),
            any::<bool>(),
        )
            .prop_map(|(name, is_wildcard)| (name.to_owned(), is_wildcard))
    }

    fn list(patterns: &[(String, bool)]) -> HostList {
        let mut packing = Packing::default();
        patterns.iter().for_each(|(name, is_wildcard)| packing.push(name, *is_wildcard));
        packing.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What is looked up is what a look at every pattern finds.
        #[test]
        fn a_look_up_finds_what_a_search_finds(
            lists in prop::collection::vec(prop::collection::vec(pattern(), 0..5), 0..5), asked in pattern(),
        ) {
            let lists: Vec<HostList> = lists.iter().map(|patterns| list(patterns)).collect();
            let index = HostIndex::new(lists.iter().cloned().zip(0..));
            let sorted = |mut found: Vec<i32>| {
                found.sort_unstable();
                found
            };
            let searched = |matches: &dyn Fn(Pattern<'_>) -> bool| {
                let each = lists.iter().zip(0..);
                sorted(each.flat_map(|(list, n)| list.iter().filter(|p| matches(*p)).map(move |_| n)).collect())
            };
            let host = Host::parse(&asked.0.replace('_', "u")).unwrap();
            let found = index.find(&host).map(|(value, _)| value).collect();
            prop_assert_eq!(sorted(found), searched(&|pattern| pattern.matches(&host)));

            let one = list(&[asked]);
            let covering = index.covering(one.at(0)).collect();
            let covers = |other: Pattern<'_>| {
                let below = format!(".{}", other.name());
                other == one.at(0) || (other.is_wildcard() && one.at(0).name().ends_with(&below))
            };
            prop_assert_eq!(sorted(covering), searched(&covers));

            let mut repeats: Vec<_> = index.repeats().collect();
            repeats.sort_unstable();
            let is_repeat = |list: &HostList, at: usize| (0..at).any(|before| list.at(before) == list.at(at));
            let expected: Vec<_> = lists.iter().zip(0..).flat_map(|(list, n)| {
                (0..list.len()).filter(|at| is_repeat(list, *at)).map(move |at| (n, at))
            }).collect();
            prop_assert_eq!(repeats, expected);
        }
    }
}
