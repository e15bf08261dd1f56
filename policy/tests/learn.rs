//! A run, the draft learnt from it, and the same run put to the draft.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use passerelle_policy::learn::{Draft, Seen, Step, draft, refused_by};
use passerelle_policy::{Caller, Category, Policy, Url};
use proptest::prelude::*;

/// `METHOD DESTINATION ADDRESS [BYTES]`, a line a request; `!REASON` in place of bytes for one that was refused. The pages of
/// `www.a.example` ask for whatever is no document.
fn run(text: &str) -> Vec<Seen> {
    let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let seen = |(second, line): (usize, &str)| {
        let words: Vec<_> = line.split(' ').collect();
        let [method, destination, address, ref rest @ ..] = words[..] else { panic!("{line}") };
        let last = rest.first().copied().unwrap_or_default();
        Seen {
            at: start + (second as i64).seconds(),
            url: Url::parse_written(address).unwrap(),
            method: method.to_owned(),
            destination: Some(destination.to_owned()).filter(|d| d != "websocket"),
            origin: (destination == "websocket").then(|| "https://www.a.example".to_owned()),
            referer: (destination != "document").then(|| "https://www.a.example/".to_owned()),
            websocket: destination == "websocket",
            preflight: None,
            upload_bytes: last.parse().unwrap_or(0),
            download_type: last.contains('/').then(|| last.to_owned()),
            refused: last.strip_prefix('!').map(|reason| reason.parse().unwrap()),
        }
    };
    lines.enumerate().map(seen).collect()
}

fn learn(run: &[Seen]) -> Draft {
    let step =
        Step { id: "step".into(), category: Category::Administrative, name: "Une « étape »".into() };
    draft(&step, run).unwrap()
}

/// What a policy of this one service refuses of the run.
fn refused<'s>(draft: &Draft, run: &'s [Seen]) -> Vec<&'s Seen> {
    let checked = Policy::parse(&format!("version = 1\n{}", draft.text));
    let policy = checked.unwrap_or_else(|findings| panic!("{findings:?}\n{}", draft.text)).policy;
    let caller = Caller { terminal: "t", person: "p", session: "s" };
    refused_by(&policy, caller, &[], run).into_iter().map(|(seen, _)| seen).collect()
}

const A_RUN: &str = "
    GET document https://www.a.example/
    GET style https://www.a.example/css/site.css?v
    GET script https://static.b.example/js/app-1.js
    GET image https://www.a.example/favicon.ico
    GET script https://chat.c.example/l.js !no-rule
    GET script https://chat.c.example/l.js?id=7 !no-rule
    GET document https://www.a.example/dossier/4711?onglet=pieces
    POST document https://www.a.example/dossier/4711/envoi 2500000
    POST empty https://api.b.example/v1/aide 300
    GET websocket https://www.a.example/live
    GET document https://www.a.example/recu.pdf application/pdf
";

#[test]
fn the_same_run_passes() {
    let run = run(A_RUN);
    let draft = learn(&run);
    assert_eq!(refused(&draft, &run).len(), 0, "{}", draft.text);
    insta::assert_snapshot!(draft.text);
}

#[test]
fn what_was_refused_is_named_and_stays_out() {
    let run = run(A_RUN);
    let draft = learn(&run);
    let left: Vec<_> = draft.left_out.iter().map(|left| (left.host.as_str(), left.count)).collect();
    assert_eq!(left, [("chat.c.example", 2)]);
    assert!(!draft.text.lines().any(|line| !line.starts_with('#') && line.contains("c.example")));
}

#[test]
fn another_dossier_passes_another_place_does_not() {
    let draft = learn(&run(A_RUN));
    let check = |more: &str, passes: bool| {
        let more = run(&format!("GET document https://www.a.example/\n{more}"));
        assert_eq!(refused(&draft, &more).is_empty(), passes, "{:?}\n{}", more.last(), draft.text);
    };
    check("GET document https://www.a.example/dossier/4712?onglet=x", true);
    check("GET script https://static.b.example/js/app-2.js", true);
    check("GET document https://www.a.example/dossier/4712?autre=x", false);
    check("GET document https://www.a.example/dossier/4712/x/envoi", false);
    check("DELETE document https://www.a.example/dossier/4711", false);
    check("GET document https://static.b.example/js/app-1.js", false);
    check("GET document https://www.a.example/admin", false);
}

#[test]
fn a_run_without_a_page_has_no_draft() {
    let run = run("GET document https://www.a.example/ !no-rule\nGET image https://www.a.example/i.png");
    let step = Step { id: "step".into(), category: Category::Training, name: "x".into() };
    assert_eq!(draft(&step, &run), None);
}

proptest! {
    /// Whatever was allowed in a run passes its draft.
    #[test]
    fn every_run_passes_its_draft(
        requests in proptest::collection::vec(
            (
                0..3usize,
                "(/([a-z]{1,8}|[0-9]{1,6}|[0-9a-f]{8,12}|%C3%A9|[a-z]\\*[a-z])){0,4}/?([a-z]{1,4}(\\.[a-z]{1,3})?)?",
                "(\\?([a-z]{1,5}(=[a-z0-9]{0,4})?)(&[a-z0-9]{1,12})?)?",
                0..4usize,
            ),
            1..40,
        ),
    ) {
        let hosts = ["www.a.example", "static.a.example", "b.example"];
        let ways = ["GET document", "GET script", "POST empty", "POST document"];
        let line = |(host, path, query, way): &(usize, String, String, usize)| {
            let slash = if path.starts_with('/') { "" } else { "/" };
            format!("{} https://{}{slash}{path}{query}", ways[*way], hosts[*host])
        };
        let lines: Vec<_> = requests.iter().map(line).collect();
        let run = run(&format!("GET document https://www.a.example/\n{}", lines.join("\n")));
        let draft = learn(&run);
        prop_assert_eq!(refused(&draft, &run).len(), 0, "{}", draft.text);
    }
}
