//! A live exchange ends within one second of what ends it, and its closing record says why.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use jiff::{Span, ToSpan, Zoned, tz::TimeZone};
use passerelle_tests::{
    Stand,
    client::{Client, handshake, within},
    internet::{Internet, OPEN, PLAIN, TUNNEL, policy},
    process::eventually,
    sample::{CAMILLE, signers},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// The contract's second, and half a second for a loaded machine's scheduler.
const ENDING_LIMIT: Duration = Duration::from_millis(1500);
/// A block of the upstream's download arrives every 50 ms.
const FIRST_BYTES: usize = 4096;
const RECORD_LIMIT: Duration = Duration::from_secs(5);

type Live = Box<dyn AsyncRead + Send + Unpin>;

#[derive(Clone, Copy, Debug)]
enum Way {
    Inspected,
    InspectedHttp2,
    Tunnel,
    Plain,
}

/// A download that runs for a minute unless something ends it, its first bytes read.
async fn download(client: &Client, stand: &Stand, way: Way) -> Live {
    let request = |host: &str| format!("GET /download HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut live: Live = match way {
        Way::Inspected => {
            let mut stream = client.inspected(OPEN).await.unwrap();
            stream.write_all(request(OPEN).as_bytes()).await.unwrap();
            Box::new(stream)
        }
        Way::InspectedHttp2 => {
            let tunnel = client.connect_h2(&format!("{OPEN}:443")).await.unwrap().unwrap();
            let mut stream = client.inner(tunnel, OPEN, &["http/1.1"]).await.unwrap();
            stream.write_all(request(OPEN).as_bytes()).await.unwrap();
            Box::new(stream)
        }
        Way::Tunnel => {
            let tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
            let mut stream = handshake(tunnel, TUNNEL, stand.authority.browser().unwrap()).await.unwrap();
            stream.write_all(request(TUNNEL).as_bytes()).await.unwrap();
            Box::new(stream)
        }
        Way::Plain => {
            let mut stream = client.open(&["http/1.1"]).await.unwrap();
            let authorization = client.proxy_authorization();
            let head =
                format!("GET http://{PLAIN}/download HTTP/1.1\r\nHost: {PLAIN}\r\n{authorization}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            Box::new(stream)
        }
    };
    let mut first = vec![0; FIRST_BYTES];
    within(live.read_exact(&mut first)).await.unwrap().unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
    live
}

/// How long a live exchange goes on; whole means that it ended as a finished answer does.
async fn remainder(mut live: Live, from: Instant) -> Duration {
    let mut rest = Vec::new();
    // An ending by reset is an error, which ends the reading as well.
    let _ = within(live.read_to_end(&mut rest)).await.expect("the exchange ends");
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a cut download must not look finished");
    from.elapsed()
}

/// Runs `end` while downloads of every kind are live, and expects them to end in time for `reason`.
async fn check(reason: &str, end: impl AsyncFnOnce(&Stand, &Client)) {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut live = Vec::new();
    for way in [Way::Inspected, Way::InspectedHttp2, Way::Tunnel, Way::Plain] {
        live.push((way, download(&client, &stand, way).await));
    }
    let count = live.len();
    end(&stand, &client).await;
    let from = Instant::now();
    for (way, live) in live {
        let took = remainder(live, from).await;
        assert!(took < ENDING_LIMIT, "{way:?} went on for {took:?} after {reason}");
    }
    closings_with(&stand, reason, count);
    stand.verify().unwrap();
}

/// Each download's closing record has `reason`; those of the CONNECTs around them do too, or ended as usual.
fn closings_with(stand: &Stand, reason: &str, count: usize) {
    let mut seen = Vec::new();
    eventually(RECORD_LIMIT, &format!("{count} closings with {reason}"), || {
        seen = stand.journal(&["--kind", "closed"])?;
        Ok(seen.iter().filter(|record| record.reason.as_deref() == Some(reason)).count() >= count)
    })
    .unwrap_or_else(|error| panic!("{error}: {seen:#?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out() {
    check("signed-out", async |_, client| {
        let answer = client.api("DELETE", "/v1/sessions/current", None).await.unwrap();
        assert_eq!(answer.status / 100, 2, "{answer:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_elsewhere() {
    check("signed-out", async |stand, _| {
        stand.client("b").unwrap().sign_in(&CAMILLE).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_person() {
    check("person-locked", async |stand, _| {
        stand.verb(&["person", "lock", CAMILLE.id], "").unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_terminal() {
    check("terminal-revoked", async |stand, _| {
        stand.verb(&["terminal", "revoke", "a"], "").unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_access() {
    check("access-stopped", async |stand, _| {
        let [by, _] = signers();
        stand.verb(&["access", "stop", "--by", by.login, "--password-stdin"], by.password).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_the_rule() {
    check("policy-changed", async |stand, _| {
        let text = [OPEN, TUNNEL, PLAIN]
            .iter()
            .fold(policy(), |text, host| text.replace(&format!("{host:?}"), &format!("\"autre-{host}\"")));
        let text = text.replace(&format!("https://{OPEN}/"), &format!("https://autre-{OPEN}/"));
        stand.publish(&text).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_an_emergency() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let refused = download(&client, &stand, Way::Inspected).await;
    let mut spared = download(&client, &stand, Way::Plain).await;
    let [by, _] = signers();
    stand.verb(&["policy", "refuse", OPEN, "--by", by.login, "--password-stdin"], by.password).unwrap();
    let took = remainder(refused, Instant::now()).await;
    assert!(took < ENDING_LIMIT, "went on for {took:?}");
    // What the new policy still allows goes on.
    within(spared.read_exact(&mut [0; FIRST_BYTES])).await.unwrap().unwrap();
}

/// The window closes while a download runs. Windows are minutes on a clock, so this takes up to a minute and a bit.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_closes() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let paris = || Zoned::now().with_time_zone(TimeZone::get("Europe/Paris").unwrap());
    // Enough time to publish and to begin the download before the minute is over.
    let closing = paris().checked_add(Span::new().seconds(15)).unwrap().checked_add(1.minute()).unwrap();
    let closing = closing.with().second(0).subsec_nanosecond(0).build().unwrap();
    if closing.date() != paris().date() {
        passerelle_tests::skip::skipped("a_window_that_closes", "midnight is too near");
        return;
    }
    let day = closing.strftime("%a").to_string().to_lowercase();
    let window = format!(
        "[[window]]\nid = \"now\"\ndays = [{day:?}]\nfrom = \"00:00\"\nto = \"{}\"\n\n[[service]]",
        closing.strftime("%H:%M")
    );
    let text = policy().replacen("[[service]]", &window, 1);
    let text = text.replacen("category =", "windows = [\"now\"]\ncategory =", 1);
    stand.publish(&text).unwrap();
    let mut live = Vec::new();
    for way in [Way::Inspected, Way::Tunnel] {
        live.push(download(&client, &stand, way).await);
    }
    for download in live {
        let mut rest = Vec::new();
        let mut download = download;
        let limit = Duration::from_secs(90);
        let _ =
            tokio::time::timeout(limit, download.read_to_end(&mut rest)).await.expect("the window closes");
        let late = paris().duration_since(&closing);
        assert!(late.as_secs_f64().abs() < ENDING_LIMIT.as_secs_f64(), "ended {late} after the window");
    }
    closings_with(&stand, "window", 2);
}
