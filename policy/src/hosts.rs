//! The hosts of a rule or a refusal, packed: a million of them are one text and one list of its cuts, 21 bytes each or so,
//! made and dropped at once.

use std::fmt;
use std::sync::Arc;

use crate::host::Host;

/// Host patterns in the order of the file. Clones share the text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HostList(Arc<Packed>);

#[derive(Default, PartialEq, Eq)]
struct Packed {
    /// As [`Pattern`] shows them, without anything between.
    text: Box<str>,
    /// Where each ends; a policy file is far shorter than 4 GiB.
    ends: Box<[u32]>,
}

/// A host, or `*.` and a host: every host one or more labels below it, never itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pattern<'p>(&'p str);

impl<'p> Pattern<'p> {
    /// The host, or what stands behind `*.`.
    pub fn name(self) -> &'p str {
        self.0.strip_prefix("*.").unwrap_or(self.0)
    }

    pub fn is_wildcard(self) -> bool {
        self.0.starts_with('*')
    }

    /// A wildcard never meets a label with an underscore: such hosts must be named.
    pub fn matches(self, host: &Host) -> bool {
        match self.0.strip_prefix('*') {
            Some(end) => {
                host.as_str().len() > end.len() && host.as_str().ends_with(end) && !host.has_underscore()
            }
            None => self.0 == host.as_str(),
        }
    }

    /// The names above [`Pattern::name`], nearest first.
    pub(crate) fn parents(self) -> impl Iterator<Item = &'p str> {
        let name = self.name();
        name.match_indices('.').map(move |(dot, _)| &name[dot + 1..])
    }
}

impl fmt::Display for Pattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl HostList {
    pub fn len(&self) -> usize {
        self.0.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Pattern<'_>> {
        (0..self.len()).map(|position| self.at(position))
    }

    /// Panics beyond the end.
    pub(crate) fn at(&self, position: usize) -> Pattern<'_> {
        let Packed { text, ends } = &*self.0;
        let start = position.checked_sub(1).map_or(0, |before| ends[before]);
        Pattern(&text[start as usize..ends[position] as usize])
    }

    pub(crate) fn names(&self, host: &Host) -> bool {
        self.iter().any(|pattern| pattern.matches(host))
    }
}

impl fmt::Debug for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|pattern| pattern.0)).finish()
    }
}

/// A list that is being read. Its only caller is [`crate::parse`], and what grants name.
#[derive(Default)]
pub(crate) struct Packing {
    text: String,
    ends: Vec<u32>,
}

impl Packing {
    /// Room for so many patterns, as long as they are written: a long list fills it to the last byte.
    pub fn with_room(count: usize, bytes: usize) -> Packing {
        Packing { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// `name` is one in the form of [`Host::as_str`].
    pub fn push(&mut self, name: &str, is_wildcard: bool) {
        if is_wildcard {
            self.text.push_str("*.");
        }
        self.text.push_str(name);
        self.ends.push(u32::try_from(self.text.len()).expect("a policy file is shorter than 4 GiB"));
    }

    pub fn finish(self) -> HostList {
        HostList(Arc::new(Packed { text: self.text.into(), ends: self.ends.into() }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn below_is_by_labels() {
        let check = |pattern: &str, host: &str, expected: bool| {
            assert_eq!(Pattern(pattern).matches(&Host::parse(host).unwrap()), expected, "{pattern} {host}");
        };
        check("*.example.fr", "a.b.example.fr", true);
        check("*.example.fr", "example.fr", false);
        check("*.example.fr", "badexample.fr", false);
        check("*.example.fr", "_a.example.fr", false);
        check("_a.example.fr", "_a.example.fr", true);
        check("example.fr", "a.example.fr", false);
    }

    #[test]
    fn a_list_is_what_was_packed() {
        let mut packing = Packing::default();
        assert!(Packing::default().finish().is_empty());
        packing.push("a.fr", false);
        packing.push("b.fr", true);
        let list = packing.finish();
        assert_eq!(list.iter().map(|pattern| pattern.to_string()).collect::<Vec<_>>(), ["a.fr", "*.b.fr"]);
        assert_eq!(format!("{list:?}"), r#"["a.fr", "*.b.fr"]"#);
        assert!(list.at(1).is_wildcard() && list.at(1).name() == "b.fr");
    }
}
