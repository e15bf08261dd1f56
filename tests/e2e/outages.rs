//! What is down, slow or lies around the gateway: upstreams that stall, break off, speak first or flood, and a resolver that is
//! gone, silent or wrong. Whoever waits gets an error page in words within the stated deadline (gateway/README.md), never a
//! hang; the closing record says why; and what works goes on working.

#![allow(clippy::unwrap_used)]

use std::{net::Ipv4Addr, sync::Arc};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::{Answer, Client, read_answer},
    journal::{Record, orphans},
    names::{Manner, Names},
    sample::CAMILLE,
    upstream::{
        Behaviour,
        Step::{self, Flood, Read, Reset, Send, Stay},
        Upstream,
    },
};
use tokio::io::AsyncWriteExt;

const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[service]]
id = "essai"
category = "administrative"
name = { fr = "Service d'essai" }
start = "https://page.essai.example/"

  [[service.rule]]
  hosts = ["*.essai.example"]
  access = "page"
"#;

/// Every deadline on the way is short, so that the client's own (20 s) tells a hang.
const SETTINGS: &str = "[limits]\nhead_seconds = 2\ndns_seconds = 2\nconnect_seconds = 2\nanswer_seconds = 2\n\
                        idle_body_seconds = 2\ndownload_bytes = 65536\n";

/// Whether it speaks TLS, what it does, and what the client is told: one of these, where the kernel decides.
type Case = (&'static str, bool, &'static [Step], u16, &'static [&'static str]);

const OUTAGES: &[Case] = &[
    ("silent-handshake", false, &[Stay], 504, &["timeout"]),
    ("talks-before-tls", false, &[Send(b"220 smtp.exemple ESMTP\r\n"), Stay], 502, &["tls-upstream"]),
    ("reset-at-once", false, &[Reset], 502, &["connect", "tls-upstream"]),
    ("reset-after-the-request", true, &[Read, Reset], 502, &["upstream-protocol"]),
    ("ends-after-the-request", true, &[Read], 502, &["upstream-protocol"]),
    ("half-a-head", true, &[Read, Send(b"HTTP/1.1 200 OK\r\nContent-Ty"), Stay], 504, &["timeout"]),
    (
        "endless-head",
        true,
        &[Read, Send(b"HTTP/1.1 200 OK\r\n"), Flood(b"X-A: bbbbbbbbbbbbbbbb\r\n")],
        502,
        &["upstream-protocol"],
    ),
    (
        "endless-line",
        true,
        &[Read, Send(b"HTTP/1.1 200 "), Flood(b"OK OK OK OK ")],
        502,
        &["upstream-protocol"],
    ),
    (
        "endless-interim",
        true,
        &[Read, Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
        502,
        &["upstream-protocol"],
    ),
];

const LONGER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\nok";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The body fails: the client sees it cut or, while nothing of it went out yet, an error page; the closing record says why.
const CUT: &[(&str, &[Step], &[&str])] = &[
    ("half-a-body", &[Read, Send(LONGER), Stay], &["idle", "timeout"]),
    ("reset-in-the-body", &[Read, Send(LONGER), Reset], &["upstream-gone"]),
    ("ends-in-the-body", &[Read, Send(LONGER)], &["upstream-gone"]),
    ("floods", &[Read, Send(CHUNKED), Flood(b"8\r\n........\r\n")], &["download-size"]),
];

async fn stand(names: &Names) -> (Stand, Vec<Upstream>) {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let tls = authority.server(&["*.essai.example"], &["http/1.1"]).unwrap();
    let cut = CUT.iter().map(|(host, steps, _)| (*host, true, *steps));
    let cases = OUTAGES.iter().map(|(host, tls, steps, ..)| (*host, *tls, *steps));
    let mut setup = Setup::new(authority.clone(), POLICY).settings(SETTINGS).resolver(names.address());
    let mut upstreams = Vec::new();
    for (host, speaks_tls, steps) in cases.chain(cut) {
        let upstream = match speaks_tls {
            true => Upstream::tls(tls.clone(), Behaviour::Play(steps)).await.unwrap(),
            false => Upstream::plain(Behaviour::Play(steps)).await.unwrap(),
        };
        setup = setup.resolve(&format!("{host}.essai.example:443"), upstream.address());
        upstreams.push(upstream);
    }
    let page = Upstream::tls(tls, Behaviour::Http).await.unwrap();
    setup = setup.resolve("page.essai.example:443", page.address());
    upstreams.push(page);
    (setup.start().unwrap(), upstreams)
}

/// A page load as a browser makes it: what it gets is for people to read.
async fn load(client: &Client, host: &str) -> anyhow::Result<Answer> {
    let host = format!("{host}.essai.example");
    let mut stream = client.inspected(&host).await?;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nSec-Fetch-Dest: document\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    read_answer(&mut stream, false).await
}

/// Empty when the answer is an error page that says this.
fn judge(host: &str, answer: &anyhow::Result<Answer>, status: u16, reasons: &[&str]) -> Option<String> {
    let told = |answer: &Answer| {
        let page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let told = answer.reason().unwrap_or_default();
        answer.status == status && reasons.contains(&told.as_str()) && page && !answer.body.is_empty()
    };
    let fine = answer.as_ref().is_ok_and(told);
    (!fine).then(|| format!("{host}: {answer:?}"))
}

fn closing<'r>(records: &'r [Record], host: &str) -> Option<&'r str> {
    let url = format!("https://{host}.essai.example/");
    let closed = |record: &&Record| record.kind == "closed" && record.url.as_deref() == Some(&url);
    records.iter().rfind(closed)?.reason.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_that_fail_are_answered_for_in_time() {
    let names = Names::start().await.unwrap();
    let (stand, _upstreams) = stand(&names).await;
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut wrong = Vec::new();
    for (host, _, _, status, reasons) in OUTAGES {
        wrong.extend(judge(host, &load(&client, host).await, *status, reasons));
    }
    for (host, ..) in CUT {
        match load(&client, host).await {
            Ok(answer) if answer.status < 500 => wrong.push(format!("{host}: whole: {answer:?}")),
            _ => {}
        }
    }
    assert_eq!(load(&client, "page").await.unwrap().status, 200, "what works goes on");

    stand.closings(&["--session", &session_of(&stand)], 2 * (OUTAGES.len() + CUT.len() + 1)).unwrap();
    let records = stand.journal(&[]).unwrap();
    let outages = OUTAGES.iter().map(|(host, _, _, _, reasons)| (host, reasons));
    for (host, reasons) in outages.chain(CUT.iter().map(|(host, _, reasons)| (host, reasons))) {
        if !closing(&records, host).is_some_and(|reason| reasons.contains(&reason)) {
            wrong.push(format!("{host}: closed as {:?}", closing(&records, host)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(orphans(&records), [0; 0]);
}

fn session_of(stand: &Stand) -> String {
    let signed_in = stand.journal(&["--kind", "signed-in"]).unwrap();
    signed_in.last().unwrap().session.clone().unwrap()
}

/// A resolver that fails is `dns` within its deadline; one that lies opens nothing; once it is well, names resolve again, without
/// a restart. (Nothing public can be reached from a test, so "resolves" is a refusal of the loopback address: `private-address`.)
#[tokio::test(flavor = "multi_thread")]
async fn resolvers_that_fail_are_answered_for_in_time() {
    let names = Names::start().await.unwrap();
    let (stand, _upstreams) = stand(&names).await;
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut wrong = Vec::new();
    let manners = [
        Manner::Silent,
        Manner::Failing,
        Manner::Garbage,
        Manner::OtherQuery,
        Manner::OtherName,
        Manner::Cut,
    ];
    for (number, manner) in manners.into_iter().enumerate() {
        let host = format!("nom-{number}");
        names.set(&format!("{host}.essai.example"), &[Ipv4Addr::LOCALHOST]);
        names.behave(manner);
        let told = load(&client, &host).await;
        wrong.extend(judge(&format!("{manner:?}"), &told, 502, &["dns"]));
        names.behave(Manner::Truthful);
        let told = load(&client, &host).await;
        wrong.extend(judge(&format!("after {manner:?}"), &told, 403, &["private-address"]));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // Nobody there at all.
    drop(names);
    let told = load(&client, "personne").await;
    assert_eq!(judge("gone", &told, 502, &["dns"]), None);
    assert_eq!(load(&client, "page").await.unwrap().status, 200, "what needs no resolver goes on");
    assert_eq!(orphans(&stand.journal(&[]).unwrap()), [0; 0]);
}
