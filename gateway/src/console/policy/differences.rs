//! Two texts of a policy, line by line.

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

#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Added(&'a str),
    Removed(&'a str),
    /// Lines were left out; the next one has this number in the new text.
    Gap(usize),
}

pub fn shown(call: &StaffCall, old: &str, new: &str) -> Markup {
    let lines = lines(old, new);
    if lines.is_empty() {
        return page::empty(&call.say("policy-same"));
    }
    html! {
        pre role="region" tabindex="0" aria-label=(call.say("policy-differences-label")) {
            @for line in lines.iter().take(LINES_LIMIT) {
                @match line {
                    Line::Same(text) => span.same { "  " (text) "\n" },
                    Line::Added(text) => ins.added { "+ " (text) "\n" },
                    Line::Removed(text) => del.removed { "− " (text) "\n" },
                    Line::Gap(number) => span.gap { (call.say_with("policy-line", &[("line", (*number).into())])) "\n" },
                }
            }
        }
        @if let Some(more) = lines.len().checked_sub(LINES_LIMIT).filter(|more| *more > 0) {
            p.hint { (call.say_with("policy-more-lines", &[("count", more.into())])) }
        }
    }
}

fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let compared = TextDiff::configure().timeout(TIME_LIMIT).diff_slices(&old, &new);
    let mut lines = Vec::new();
    for group in compared.grouped_ops(AROUND) {
        let first = group.first().map_or(0, |operation| operation.new_range().start);
        lines.push(Line::Gap(first + 1));
        for change in group.iter().flat_map(|operation| compared.iter_changes(operation)) {
            lines.push(match change.tag() {
                ChangeTag::Equal => Line::Same(change.value()),
                ChangeTag::Insert => Line::Added(change.value()),
                ChangeTag::Delete => Line::Removed(change.value()),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::Line::{Added, Gap, Removed, Same};
    use super::*;

    #[test]
    fn changes_stand_among_their_lines() {
        let check = |old: &str, new: &str, expected: &[Line<'_>]| assert_eq!(lines(old, new), expected);
        check("a\nb", "a\nb\n", &[]);
        check("a\nb\n", "a\nc\n", &[Gap(1), Same("a"), Removed("b"), Added("c")]);
        check("", "a", &[Gap(1), Added("a")]);
        let long: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let (old, new) = (long.join("\n"), format!("{}\nend", long.join("\n")));
        check(&old, &new, &[Gap(18), Same("18"), Same("19"), Same("20"), Added("end")]);
    }
}
