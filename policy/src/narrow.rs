//! The emergency: the text of a policy with one more refusal, however its file is written.
//!
//! Called by the gateway for `policy refuse`. Invariants: what was there stays as it was written, comments too; what comes out
//! is a good policy if what went in was; the one difference is the refusal, so it only narrows.

use toml::de::DeTable;

use crate::Policy;
use crate::parse::Source;
use crate::rule::HostPattern;

impl Policy {
    /// `text`, a good policy, with one more refusal of `pattern`.
    pub fn refusing(text: &str, pattern: &HostPattern, reason: &str) -> String {
        let reason = toml::Value::from(reason);
        if let Some(at) = inside_inline_refusals(text) {
            let (before, after) = text.split_at(at);
            return format!("{before} {{ hosts = [\"{pattern}\"], reason = {reason} }},{after}");
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let added = format!("{end}\n[[refuse]]\nhosts  = [\"{pattern}\"]\nreason = {reason}\n");
        let is_windows = text.contains("\r\n");
        format!("{text}{}", if is_windows { added.replace('\n', "\r\n") } else { added })
    }
}

/// Behind the opening bracket of `refuse = [ … ]`: TOML lets no `[[refuse]]` add to such a list.
fn inside_inline_refusals(text: &str) -> Option<usize> {
    let source = Source::of(text);
    let root = DeTable::parse(source.short()).ok()?;
    let start = source.place(root.get_ref().get("refuse")?.span().start).at();
    let written = text.get(start..)?;
    (written.starts_with('[') && !written.starts_with("[[")).then_some(start + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Host;

    const SERVICE: &str = "[[service]]\nid = \"step\"\ncategory = \"training\"\nstart = \"https://a.test/\"\n\
                           [[service.rule]]\nhosts = [\"a.test\"]\nqueries = []\n";

    /// Every line that was there stays, and beside what was refused the host is.
    fn check(text: &str, refused_before: usize) {
        let before = Policy::parse(text).unwrap_or_else(|findings| panic!("{text}: {findings:?}")).policy;
        assert_eq!(before.refusals().len(), refused_before, "{text}");
        let bad = Host::parse("bad.test").unwrap();
        let mut narrowed = text.to_owned();
        for (count, pattern) in
            [HostPattern::Exact(bad.clone()), HostPattern::Below(bad.clone())].iter().enumerate()
        {
            narrowed = Policy::refusing(&narrowed, pattern, "Refus d'urgence : \"é\" \\");
            let after =
                Policy::parse(&narrowed).unwrap_or_else(|findings| panic!("{narrowed}: {findings:?}")).policy;
            assert_eq!(after.refusals().len(), refused_before + count + 1, "{narrowed}");
            assert_eq!(after.services().len(), before.services().len(), "{narrowed}");
            let is_added = |refuse: &&crate::Refuse| {
                refuse.hosts().iter().map(|host| host.to_string()).eq([pattern.to_string()])
            };
            let added = after.refusals().iter().find(is_added).unwrap();
            assert_eq!(added.reason(), "Refus d'urgence : \"é\" \\");
            assert!(
                before
                    .refusals()
                    .iter()
                    .all(|old| after.refusals().iter().any(|new| old.hosts() == new.hosts()))
            );
        }
        for comment in text.lines().filter_map(|line| line.split_once('#')) {
            assert!(narrowed.contains(comment.1), "{narrowed}");
        }
        assert_eq!(narrowed.contains("\r\n"), text.contains("\r\n"));
        assert!(!text.contains("\r\n") || narrowed.matches('\n').count() == narrowed.matches("\r\n").count());
    }

    #[test]
    fn any_good_policy_can_be_narrowed_however_it_is_written() {
        let texts = [
            (format!("version = 1\n{SERVICE}"), 0),
            (format!("version = 1\n{SERVICE}").trim_end().to_owned(), 0),
            (format!("version = 1\n{SERVICE}# the end"), 0),
            (format!("version = 1\n{SERVICE}  # the end \"\"\" [["), 0),
            (format!("version = 1\n{SERVICE}[[refuse]]\nhosts = [\"x.test\"]\nreason = '''\n[['''"), 1),
            (format!("version = 1\n[[ refuse ]] # why\nhosts = [\"x.test\"]\n{SERVICE}"), 1),
            (format!("version = 1\nrefuse = [ {{hosts=[\"x.test\"], reason=\"x\"}} ] # why\n{SERVICE}"), 1),
            (format!("version = 1\nrefuse=[{{hosts=[\"x.test\"]}},{{hosts=[\"*.y.test\"]}},]\n{SERVICE}"), 2),
            (format!("refuse = []\nversion = 1\n{SERVICE}"), 0),
            (format!("\"refuse\" = [ # none yet\n\n]\nversion = 1\n{SERVICE}"), 0),
            (
                format!(
                    "version = 1 # é\nrefuse = [\n  # one\n  {{hosts=[\"x.test\"]}}, # two\n]\n{SERVICE}"
                ),
                1,
            ),
            ("version = 1\nrefuse = []".to_owned(), 0),
            ("version = 1".to_owned(), 0),
        ];
        for (text, refused) in texts {
            check(&text, refused);
            check(&text.replace('\n', "\r\n"), refused);
            check(&format!("\u{feff}{text}"), refused);
        }
        check(crate::STARTER, Policy::parse(crate::STARTER).unwrap().policy.refusals().len());
    }
}
