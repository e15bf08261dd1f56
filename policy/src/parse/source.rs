//! A policy text as the TOML reader gets it: of each long list of hosts only the first, so that a million hosts cost what they
//! weigh and not a tree with a span each.
//!
//! Made once by [`crate::parse`]. Invariants: only the inside of an array behind the key `hosts` is ever cut, only where it holds
//! nothing but plain basic strings, blanks and commas, so that what is left is TOML exactly where the whole was; every place is
//! told as one of the whole text; whoever reads must take all that was cut, and otherwise reads the whole text.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::Place;

/// A list of hosts that is longer, in bytes, is not read as TOML: some two thousand hosts.
const LONGEST_LIST_BYTES: usize = 48 * 1024;

pub(crate) struct Source<'t> {
    pub text: &'t str,
    short: Cow<'t, str>,
    /// In the order of the text.
    cuts: Vec<Cut>,
    taken: Cell<usize>,
}

struct Cut {
    /// In `short`: behind the first string of the list.
    at: usize,
    /// In `text`: what is missing there, up to the bracket.
    rest: Range<usize>,
    size: Size,
}

/// Of the strings of a list: how many, and how long all together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub count: usize,
    pub bytes: usize,
}

impl<'t> Source<'t> {
    pub fn of(text: &'t str) -> Source<'t> {
        Source::cut(text, LONGEST_LIST_BYTES)
    }

    pub fn whole(text: &'t str) -> Source<'t> {
        Source { text, short: text.into(), cuts: Vec::new(), taken: Cell::new(0) }
    }

    /// Cuts every plain list of hosts that is longer than so many bytes.
    pub fn cut(text: &'t str, longest_list_bytes: usize) -> Source<'t> {
        let rests = long_lists(text, longest_list_bytes);
        if rests.is_empty() {
            return Source::whole(text);
        }
        let missing: usize = rests.iter().map(|(rest, _)| rest.len()).sum();
        let mut short = String::with_capacity(text.len() - missing);
        let mut copied = 0;
        let mut cuts = Vec::new();
        for (rest, size) in rests {
            short.push_str(&text[copied..rest.start]);
            copied = rest.end;
            cuts.push(Cut { at: short.len(), rest, size });
        }
        short.push_str(&text[copied..]);
        Source { text, short: short.into(), cuts, taken: Cell::new(0) }
    }

    /// What the TOML reader gets.
    pub fn short(&self) -> &str {
        &self.short
    }

    /// The place in the text of a place in [`Source::short`].
    pub fn place(&self, at: usize) -> Place {
        let before = self.cuts.partition_point(|cut| cut.at <= at);
        let at = match before.checked_sub(1).map(|last| &self.cuts[last]) {
            Some(cut) => at - cut.at + cut.rest.end,
            None => at,
        };
        Place::new(self.text.floor_char_boundary(at.min(self.text.len())))
    }

    /// What was cut behind the string that ends at this place of [`Source::short`].
    pub fn rest_behind(&self, end: usize) -> Option<Rest<'t>> {
        let found = self.cuts.binary_search_by_key(&end, |cut| cut.at).ok()?;
        self.taken.set(self.taken.get() + 1);
        let Cut { rest, size, .. } = &self.cuts[found];
        Some(Rest { text: self.text, at: rest.start, size: *size })
    }

    pub fn is_cut(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// Everything that was cut has been read.
    pub fn is_read(&self) -> bool {
        self.taken.get() == self.cuts.len()
    }
}

/// The strings that were cut from one list, each with its place.
pub(crate) struct Rest<'t> {
    text: &'t str,
    at: usize,
    size: Size,
}

impl Rest<'_> {
    pub fn size(&self) -> Size {
        self.size
    }
}

impl<'t> Iterator for Rest<'t> {
    type Item = (&'t str, Place);

    fn next(&mut self) -> Option<Self::Item> {
        match step(self.text, self.at)? {
            Step::Text(inside) => {
                self.at = inside.end + 1;
                Some((&self.text[inside.clone()], Place::new(inside.start - 1)))
            }
            Step::End(_) => None,
        }
    }
}

/// What follows a string in a list.
enum Step {
    /// The next one, without its quotes.
    Text(Range<usize>),
    /// The closing bracket.
    End(usize),
}

/// A comma and a plain string, or the end of the list with or without a comma; `None` for whatever else TOML may have there.
fn step(text: &str, at: usize) -> Option<Step> {
    let comma = behind_blanks(text, at)?;
    let is_comma = text.as_bytes()[comma] == b',';
    let at = if is_comma { behind_blanks(text, comma + 1)? } else { comma };
    match text.as_bytes()[at] {
        b']' => Some(Step::End(at)),
        b'"' if is_comma => plain_string(text, at).map(Step::Text),
        _ => None,
    }
}

/// The place of the next byte that is neither space, tab nor line end.
fn behind_blanks(text: &str, mut at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' => at += 1,
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            _ => return Some(at),
        }
    }
}

/// The inside of the basic string that begins at `at`, where it means what is written: without escapes and controls.
fn plain_string(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = at + 1;
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'\\' && *byte != 0x7f;
    let length = bytes[start..].iter().position(|byte| *byte == b'"' || !is_plain(byte))?;
    let end = start + length;
    // Two quotes may begin a text of many lines.
    (bytes[end] == b'"' && length > 0).then_some(start..end)
}

/// What can be cut: of each long plain list of hosts what stands between its first string and the bracket.
fn long_lists(text: &str, longest_bytes: usize) -> Vec<(Range<usize>, Size)> {
    let mut rests = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(['#', '"', '\'', '[']) {
        let here = at + found;
        let after = match text.as_bytes()[here] {
            b'#' => text[here..].find('\n').map(|end| here + end),
            b'[' if is_behind_hosts(&text[..here]) => {
                let found = plain_rest(text, here + 1);
                let after = found.as_ref().map_or(here + 1, |(rest, _)| rest.end);
                rests.extend(found.filter(|(rest, _)| rest.len() > longest_bytes));
                Some(after)
            }
            b'[' => Some(here + 1),
            _ => behind_string(text, here),
        };
        match after {
            Some(after) => at = after,
            // A string or comment that the text ends in: if that is no mistake, no list follows.
            None => break,
        }
    }
    rests
}

/// `hosts =` stands in front.
fn is_behind_hosts(before: &str) -> bool {
    let blank = [' ', '\t'];
    let key = before.trim_end_matches(blank).strip_suffix('=').map(|key| key.trim_end_matches(blank));
    key.and_then(|key| key.strip_suffix("hosts"))
        .is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '\t', '\n', '{', ',', '\u{feff}']))
}

fn plain_rest(text: &str, inside: usize) -> Option<(Range<usize>, Size)> {
    let first = behind_blanks(text, inside)?;
    if text.as_bytes()[first] != b'"' {
        return None;
    }
    let start = plain_string(text, first)?.end + 1;
    let (mut at, mut size) = (start, Size::default());
    loop {
        match step(text, at)? {
            Step::Text(inside) => {
                at = inside.end + 1;
                size.count += 1;
                size.bytes += inside.len();
            }
            Step::End(end) => return Some((start..end, size)),
        }
    }
}

/// The place behind a string or quoted key of whatever kind; `None` where it does not end.
fn behind_string(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = bytes[at];
    let is_long = bytes[at..].starts_with(&[quote; 3]);
    let mut at = at + if is_long { 3 } else { 1 };
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            b'\n' if !is_long => return None,
            byte if byte == quote && !is_long => return Some(at + 1),
            // Up to two quotes may stand before the three that end it.
            byte if byte == quote && bytes[at..].starts_with(&[quote; 3]) => {
                let more = bytes[at + 3..].iter().take(2).take_while(|byte| **byte == quote).count();
                return Some(at + 3 + more);
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::{Care, read_source};
    use super::*;
    use crate::finding::Finding;

    /// What stands in a policy and its warnings, or its mistakes.
    type Told = Result<(String, Vec<Finding>), Vec<Finding>>;

    /// Everything that reading tells; `None` where it has to be read again, whole.
    fn told(source: &Source<'_>) -> Option<Told> {
        let read = read_source(source, Care::Everything).ok()?;
        Some(read.map(|checked| {
            let policy = checked.policy;
            (format!("{:?}", (policy.windows(), policy.services(), policy.refusals())), checked.warnings)
        }))
    }

    /// Cut or whole, a text says the same; true when it was cut.
    fn agrees(text: &str) -> bool {
        let cut = Source::cut(text, 0);
        match told(&cut) {
            Some(read) => assert_eq!(Some(read), told(&Source::whole(text)), "{text}"),
            None => assert!(cut.is_cut(), "{text}"),
        }
        cut.is_cut()
    }

    const SERVICE: &str = "[[service]]\nid = \"s\"\ncategory = \"training\"\n[[service.rule]]\n";

    #[test]
    fn a_plain_list_is_cut_and_reads_the_same() {
        for list in [
            "hosts = [\"a.example\", \"b.example\"]",
            "hosts=[\n\"a.example\",\r\n\t\"*.b.example\" ,\n]",
            "  hosts\t= [ \"a.example\", \"É.example\", \"B.EXAMPLE\", \"a.example\" ] # why",
            "hosts = [\"a.example\", \"-b.example\", \"\u{e9}\u{e9}\", \"1.2.3.4\", \"x.*\"]\nreason = \"é\"",
        ] {
            assert!(agrees(&format!("version = 1\n[[refuse]]\n{list}\n")), "{list}");
            assert!(
                agrees(&format!("version = 1\r\n# é \" '\n{SERVICE}{list}\nports = [1]\nnonsense = 1\n")),
                "{list}"
            );
        }
        let inline = "version = 1\nrefuse = [ {hosts = [\"a.example\", \"b.example\"], reason = \"'\"},\n{reason='\"',hosts=[\"c.example\",\"d.example\"]} ]";
        assert!(agrees(inline));
    }

    #[test]
    fn what_only_looks_like_a_list_stays() {
        for text in [
            "# hosts = [\"a.example\", \"b.example\"]",
            "[[refuse]]\nreason = '''\nhosts = [\"a.example\", \"b.example\"]\n'''",
            "[[refuse]]\nreason = \"\"\"\nhosts = [\\\"a.example\\\", \"b.example\"]\"\"\"",
            "[[refuse]]\nreason = \"\\\" hosts = [\"",
            "[[refuse]]\nhosts = [\"a.example\", 'b.example']",
            "[[refuse]]\nhosts = [\"a.example\", \"b.ex\\u0061mple\"]",
            "[[refuse]]\nhosts = [\"a.example\" \"b.example\"]",
            "[[refuse]]\nhosts = [\"a.example\",, \"b.example\"]",
            "[[refuse]]\nhosts = [\"\"\"a.example\"\"\", \"b.example\"]",
            "[[refuse]]\nxhosts = [\"a.example\", \"b.example\"]",
            "[[refuse]]\nhosts = [\"a.example\",\r\"b.example\"]",
        ] {
            assert!(!agrees(&format!("version = 1\n{text}")), "{text}");
        }
    }

    #[test]
    fn a_list_in_the_wrong_place_is_told_as_if_it_were_whole() {
        for text in [
            "hosts = [\"a.example\", \"b.example\"]",
            "[[window]]\nhosts = [\"a.example\", \"b.example\"]",
            "[[refuse]]\nhosts = [\"a.example\", \"b.example\"]\nhosts = [\"a.example\", \"b.example\"]",
            "[[refuse]]\nhosts = [\"a.example\", \"b.example\"]]",
            "[[refuse]]\nhosts = [[\"a.example\", \"b.example\"]]",
        ] {
            let text = format!("version = 1\n{text}");
            agrees(&text);
            let plain = told(&Source::whole(&text)).unwrap().unwrap_err();
            let read = super::super::read(&text, Care::Everything).unwrap_err();
            assert_eq!(read, plain);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Pieces that TOML reads in many ways, put together at random and damaged.
        #[test]
        fn cut_or_whole_a_text_says_the_same(pieces in prop::collection::vec(prop::sample::select(vec![
            "version = 1\n", "\r\n", "[[refuse]]\n", "[[window]]\n", SERVICE, "\"\"\"", "'''", "\"", "'", "#", "\\", "\n",
            "hosts = [\"a.example\", \"b.example\"]\n", "hosts=[\"a.example\",\n\"*.b.example\",\r\n]", "hosts = [",
            "\"hosts\" = [\"a.example\", \"c.example\"]\n", "hosts = [\"a.example\", 'b.example']\n", "]", ",", "é",
            "hosts = [\"A.example\", \"\u{e9}.example\", \"a.example\"] # \"\n", "hosts = [\"a..b\", \"-\", \"x.example\"]\n",
            "reason = \"hosts = [\\\"\"\n", "reason = '''\nhosts = [\"c.example\", \"d.example\"]\n'''\n", "reason = \"\"\"\"é\"\"\"\"\"\n",
            "refuse = [ {hosts=[\"a.example\",\"e.example\"], reason=\"x\"} ]\n", "mode = \"tunnel\"\n", "queries = []\n",
        ]), 1..12), from in any::<prop::sample::Index>(), length in 0..6usize, damaged in any::<bool>()) {
            let mut text = pieces.concat();
            if damaged {
                let from = text.floor_char_boundary(from.index(text.len()));
                let to = text.ceil_char_boundary((from + length).min(text.len()));
                text.replace_range(from..to, "");
            }
            agrees(&text);
            agrees(&format!("version = 1\n[[refuse]]\n{text}"));
        }
    }
}
