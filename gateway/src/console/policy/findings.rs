//! What is wrong with a policy text, or worth a second look: each with its place, the line itself and the mend.

use maud::{Markup, html};
use passerelle_policy::{Finding, Text};

use crate::console::call::StaffCall;
use crate::console::page;
use crate::text::Language;

/// Findings shown at once; whoever has more mends these first.
const FINDINGS_LIMIT: usize = 200;
/// Characters of a line that are shown around the column.
const LINE_LIMIT: usize = 120;

/// The words of the policy crate in the reader's language.
pub fn words(language: Language, text: &Text) -> &str {
    match language {
        Language::French => &text.fr,
        Language::English => &text.en,
    }
}

/// All of them, in the order of the text.
pub fn listed(call: &StaffCall, text: &str, findings: &[&Finding]) -> Markup {
    let source: Vec<&str> = text.lines().collect();
    html! {
        ol.findings {
            @for finding in findings.iter().take(FINDINGS_LIMIT) {
                li {
                    @if finding.is_error() { span.tag.bad { (call.say("finding-error")) } }
                    @else { span.tag.warn { (call.say("finding-warning")) } }
                    " " strong { (call.say_with("finding-place", &[("line", finding.line.into()), ("column", finding.column.into())])) }
                    " " (words(call.language, &finding.what))
                    br; (call.say("finding-mend")) " " (words(call.language, &finding.mend))
                    @if let Some(line) = source.get(finding.line.saturating_sub(1)) { br; code { (around(line, finding.column)) } }
                }
            }
        }
        @if let Some(more) = findings.len().checked_sub(FINDINGS_LIMIT).filter(|more| *more > 0) {
            p.hint { (call.say_with("finding-more", &[("count", more.into())])) }
        }
    }
}

/// Those that another version does not have, then the others, folded.
pub fn compared(call: &StaffCall, text: &str, found: &[Finding], known: &[Finding]) -> Markup {
    let is_known = |finding: &&Finding| {
        known.iter().any(|other| other.what == finding.what && other.mend == finding.mend)
    };
    let (old, new): (Vec<_>, Vec<_>) = found.iter().partition(is_known);
    html! {
        @if new.is_empty() { (page::empty(&call.say("findings-none-new"))) }
        @else { (listed(call, text, &new)) }
        @if !old.is_empty() {
            details {
                summary { (call.say_with("findings-known", &[("count", old.len().into())])) }
                (listed(call, text, &old))
            }
        }
    }
}

/// The part of a line around a column.
fn around(line: &str, column: usize) -> String {
    let start = column.saturating_sub(LINE_LIMIT / 2);
    let part: String = line.chars().skip(start).take(LINE_LIMIT).collect();
    part.trim().to_owned()
}
