//! Two texts of a policy, line by line.

use std::collections::HashMap;
use std::time::Duration;

use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};

use crate::console::call::StaffCall;
use crate::console::page;

/// Unchanged lines around a change.
const AROUND: usize = 3;
/// Lines shown: more than anybody reads before signing; the rest is counted.
const LINES_LIMIT: usize = 4000;
/// After so long the differences are coarser, and right all the same: nobody's page waits.
const TIME_LIMIT: Duration = Duration::from_millis(500);
/// In bytes. Of longer texts, which have lists in which order means nothing, is told what one has and the other has not.
const ORDERED_LIMIT: usize = 1024 * 1024;
/// In bytes: a longer line is told in pieces that end behind a comma, so that a list in one line can be read too.
const LINE_LIMIT: usize = 400;

/// What two texts differ in, as far as it is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    lines: Vec<Line>,
    /// Lines of differences beyond those.
    more: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Same(String),
    Added(String),
    Removed(String),
    /// Lines were left out; the next one has this number in the new text.
    Gap(usize),
}

impl Differences {
    /// Takes a while for long texts.
    pub fn between(old: &str, new: &str) -> Differences {
        match old.len().max(new.len()) > ORDERED_LIMIT {
            true => unordered(old, new),
            false => ordered(old, new),
        }
    }

    fn push(&mut self, line: Line) {
        match self.lines.len() < LINES_LIMIT {
            true => self.lines.push(line),
            false => self.more += 1,
        }
    }
}

pub fn shown(call: &StaffCall, differences: &Differences) -> Markup {
    let Differences { lines, more } = differences;
    if lines.is_empty() {
        return page::empty(&call.say("policy-same"));
    }
    html! {
        pre role="region" tabindex="0" aria-label=(call.say("policy-differences-label")) {
            @for line in lines {
                @match line {
                    Line::Same(text) => span.same { "  " (text) "\n" },
                    Line::Added(text) => ins.added { "+ " (text) "\n" },
                    Line::Removed(text) => del.removed { "− " (text) "\n" },
                    Line::Gap(number) => span.gap { (call.say_with("policy-line", &[("line", (*number).into())])) "\n" },
                }
            }
        }
        @if *more > 0 {
            p.hint { (call.say_with("policy-more-lines", &[("count", (*more).into())])) }
        }
    }
}

fn ordered(old: &str, new: &str) -> Differences {
    let (old, new): (Vec<_>, Vec<_>) = (pieces(old).collect(), pieces(new).collect());
    let [old_lines, new_lines] =
        [&old, &new].map(|pieces| pieces.iter().map(|(_, text)| *text).collect::<Vec<_>>());
    let compared = TextDiff::configure().timeout(TIME_LIMIT).diff_slices(&old_lines, &new_lines);
    let mut differences = Differences::default();
    for group in compared.grouped_ops(AROUND) {
        let first = group.first().map_or(0, |operation| operation.new_range().start);
        differences.push(Line::Gap(new.get(first).map_or(1, |(number, _)| *number)));
        for change in group.iter().flat_map(|operation| compared.iter_changes(operation)) {
            let text = told(change.value());
            differences.push(match change.tag() {
                ChangeTag::Equal => Line::Same(text),
                ChangeTag::Insert => Line::Added(text),
                ChangeTag::Delete => Line::Removed(text),
            });
        }
    }
    differences
}

/// Every line that one text has more often than the other, in the order of that text.
fn unordered(old: &str, new: &str) -> Differences {
    let mut surplus: HashMap<&str, isize> = HashMap::new();
    pieces(new).for_each(|(_, text)| *surplus.entry(text).or_default() += 1);
    pieces(old).for_each(|(_, text)| *surplus.entry(text).or_default() -= 1);
    surplus.retain(|_, count| *count != 0);
    let mut differences = Differences::default();
    let mut last = 0;
    for (number, text) in pieces(new) {
        if let Some(count) = surplus.get_mut(text).filter(|count| **count > 0) {
            *count -= 1;
            if number > last + 1 || last == 0 {
                differences.push(Line::Gap(number));
            }
            last = number;
            differences.push(Line::Added(told(text)));
        }
    }
    for (_, text) in pieces(old) {
        if let Some(count) = surplus.get_mut(text).filter(|count| **count < 0) {
            *count += 1;
            differences.push(Line::Removed(told(text)));
        }
    }
    differences
}

/// Lines with their numbers, long ones in pieces.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let pieces = |(number, line): (usize, _)| {
        let cut = if str::len(line) > LINE_LIMIT { ',' } else { '\n' };
        line.split_inclusive(cut).chain(line.is_empty().then_some(line)).map(move |piece| (number, piece))
    };
    (1..).zip(text.lines()).flat_map(pieces)
}

fn told(text: &str) -> String {
    match text.len() > LINE_LIMIT {
        true => format!("{} …", &text[..text.floor_char_boundary(LINE_LIMIT)]),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Line::{Added, Gap, Removed, Same};
    use super::*;

    fn check(old: &str, new: &str, expected: &[Line]) {
        assert_eq!(Differences::between(old, new), Differences { lines: owned(expected), more: 0 });
    }

    fn owned(lines: &[Line]) -> Vec<Line> {
        let same = |line: &Line| match line {
            Same(text) => Same(text.clone()),
            Added(text) => Added(text.clone()),
            Removed(text) => Removed(text.clone()),
            Gap(number) => Gap(*number),
        };
        lines.iter().map(same).collect()
    }

    #[test]
    fn changes_stand_among_their_lines() {
        check("a\nb", "a\nb\n", &[]);
        check("a\nb\n", "a\nc\n", &[Gap(1), Same("a".into()), Removed("b".into()), Added("c".into())]);
        check("", "a", &[Gap(1), Added("a".into())]);
        check(
            "\n\na",
            "\n\nb",
            &[Gap(1), Same("".into()), Same("".into()), Removed("a".into()), Added("b".into())],
        );
        let long: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let (old, new) = (long.join("\n"), format!("{}\nend", long.join("\n")));
        let same = |text: &str| Same(text.into());
        check(&old, &new, &[Gap(18), same("18"), same("19"), same("20"), Added("end".into())]);
    }

    #[test]
    fn a_list_in_one_line_shows_what_changed_in_it() {
        let list = |hosts: std::ops::Range<usize>| {
            format!("hosts = [{}]", hosts.map(|n| format!("\"host-{n}.example\", ")).collect::<String>())
        };
        let lines = Differences::between(&list(0..100), &list(0..101)).lines;
        assert!(lines.contains(&Added(" \"host-100.example\",".into())), "{lines:?}");
        assert!(lines.len() < 10, "{lines:?}");
    }

    #[test]
    fn long_texts_tell_what_one_has_and_the_other_has_not() {
        let text = |hosts: std::ops::Range<usize>| -> String {
            hosts.map(|n| format!("\"host-{n}.example\",\n")).collect()
        };
        let (old, new) = (text(0..60_000), text(3..60_002));
        assert!(old.len() > ORDERED_LIMIT);
        let [removed, added] =
            [0..3, 60_000..60_002].map(|range| range.map(|n| format!("\"host-{n}.example\",")));
        let expected: Vec<_> =
            std::iter::once(Gap(59_998)).chain(added.map(Added)).chain(removed.map(Removed)).collect();
        check(&old, &new, &expected);
        check(&old, &old, &[]);
        let all = Differences::between("", &old);
        assert_eq!((all.lines.len(), all.more), (LINES_LIMIT, 60_001 - LINES_LIMIT));
    }
}
