//! Suites and clients that nobody here wrote, run against the gateway, their outcome asserted: sslscan, slowhttptest, h2load and
//! nghttp, aiohttp and requests, and the cases of Autobahn by the library websockets.
//!
//! Not run: `autobahntestsuite` itself, which is Python 2 and hence nowhere on Debian 12 (its cases stand in
//! `suites/web_socket.py`); `testssl.sh`, which asks what sslscan asks, in minutes instead of seconds; slowhttptest with a client
//! certificate, which it cannot show, so it plays the stranger here (`floods.rs` has the enrolled ones), and its
//! slow reads, so slow that it does not see them ended (`floods.rs` again); `curl --proxy-http2`, which
//! came after Debian 12's curl (`http2.rs` runs it where there is one); httpx, whose version there shows no certificate to a proxy.

#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::Client,
    internet::{Internet, OPEN, READ, policy},
    process::{Process, run},
    relay::Relay,
    sample::CAMILLE,
};
use serde_json::Value;

/// Debian's, whose libraries the set-up installs.
const PYTHON: &str = "/usr/bin/python3";
/// For a program to start and print its port.
const START_LIMIT: Duration = Duration::from_secs(20);

async fn signed_in() -> (Internet, Stand, Client) {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    (internet, stand, client)
}

/// What a program prints; it must succeed.
async fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    let ran = tokio::task::spawn_blocking(move || run(&mut command, "")).await.unwrap();
    ran.unwrap().success().unwrap().stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslscan_finds_tls_1_3_alone() {
    let (_internet, stand, client) = signed_in().await;
    let inner = Relay::to(client, &format!("{OPEN}:443")).await.unwrap();
    for (address, name, versions) in [
        (stand.address(), "localhost", &["1.3"][..]),
        // Old browsers behind the tunnel may have 1.2; nothing older, and no cipher without forward secrecy.
        (inner.address, OPEN, &["1.2", "1.3"]),
    ] {
        let (target, name) = (address.to_string(), format!("--sni-name={name}"));
        let scan = output("sslscan", &["--no-colour", "--xml=-", &name, &target]).await;
        let lines = |has: &str| scan.lines().filter(|line| line.contains(has)).collect::<Vec<_>>();
        let enabled: Vec<_> = lines("<protocol ")
            .into_iter()
            .filter(|line| line.contains("enabled=\"1\""))
            .filter_map(|line| line.split("version=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(enabled, versions, "{scan}");
        let ciphers = lines("<cipher ");
        assert!(!ciphers.is_empty(), "{scan}");
        for cipher in ciphers {
            assert!(cipher.contains("cipher=\"TLS_") || cipher.contains("cipher=\"ECDHE-"), "{cipher}");
        }
        assert!(lines("<heartbleed ").iter().all(|line| line.contains("vulnerable=\"0\"")), "{scan}");
        assert!(lines("<compression ").iter().all(|line| line.contains("supported=\"0\"")), "{scan}");
        assert!(
            lines("<renegotiation ")
                .iter()
                .all(|line| line.contains("supported=\"0\"") || line.contains("secure=\"1\"")),
            "{scan}"
        );
    }
}

/// Slow heads and bodies of a stranger: all are closed, at the latest when a stranger has had its half minute, and a
/// terminal is served all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slowhttptest_holds_nothing() {
    let (_internet, stand) =
        Internet::stand_with("[limits]\nhead_seconds = 2\nidle_body_seconds = 2").await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let url = format!("https://{}/v1/enrolment", stand.address());
    for attack in ["-H", "-B"] {
        let arguments = [attack, "-c", "200", "-r", "200", "-i", "4", "-l", "45", "-t", "POST", "-u", &url];
        let tested = output_of_slowhttptest(&arguments);
        tokio::pin!(tested);
        let report = loop {
            tokio::select! {
                report = &mut tested => break report,
                answer = client.get(OPEN, "/") => assert_eq!(answer.unwrap().status, 200, "{attack}"),
            }
        };
        assert!(report.contains("No open connections left"), "{attack}: {report}");
    }
}

/// It says how it ended in words; its exit code only whether it could begin.
async fn output_of_slowhttptest(arguments: &[&str]) -> String {
    let mut command = Command::new("slowhttptest");
    command.args(arguments);
    tokio::task::spawn_blocking(move || run(&mut command, "")).await.unwrap().unwrap().stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2load_and_nghttp_are_served() {
    let (_internet, stand, client) = signed_in().await;
    let inner = Relay::to(client, &format!("{OPEN}:443")).await.unwrap();
    let via = format!("--connect-to={}", inner.address);
    let url = format!("https://{OPEN}/");
    let report = output("h2load", &["-n", "2000", "-c", "4", "-m", "50", &via, &url]).await;
    let requests = report.lines().find(|line| line.starts_with("requests:")).unwrap();
    assert!(requests.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "{report}");
    assert!(report.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "{report}");
    let opened = stand.journal(&["--kind", "opened", "--host", OPEN]).unwrap();
    let recorded = opened.iter().filter(|record| record.method.as_deref() == Some("GET")).count();
    assert_eq!(recorded, 2000, "each stream has its record");

    let folder = stand.folder().join("a");
    let (cert, key) = (folder.join("terminal.pem"), folder.join("terminal.key"));
    let own = [format!("--cert={}", cert.display()), format!("--key={}", key.display())];
    for (path, authority, status) in
        [("/v1/services", None, "401"), ("/", Some("ailleurs.example"), "421"), ("/checkpoint", None, "200")]
    {
        let url = format!("https://localhost:{}{path}", stand.address().port());
        let authority = authority.map(|name| format!("--header=:authority: {name}"));
        let arguments = own.iter().map(String::as_str).chain(authority.as_deref());
        let told = output("nghttp", &arguments.chain(["-nv", &url]).collect::<Vec<_>>()).await;
        assert!(told.contains(&format!(":status: {status}")), "{path}: {told}");
    }
    stand.verify().unwrap();
}

/// Each client, each URL: the status behind the tunnel, or the CONNECT's refusal in the client's own words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_clients_pass_and_are_refused() {
    let (_internet, stand, client) = signed_in().await;
    let (folder, port) = (stand.folder().join("a"), stand.address().port().to_string());
    let urls = [
        format!("https://{OPEN}/"),
        format!("https://{OPEN}/interdit"),
        "https://ailleurs.example/".to_string(),
    ];
    let script = file("proxy_clients.py");
    let mut arguments = vec![script.as_str(), folder.to_str().unwrap(), &port, client.token().unwrap()];
    arguments.extend(urls.iter().map(String::as_str));
    let told = output(PYTHON, &arguments).await;
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (index, name) in ["aiohttp", "requests"].into_iter().enumerate() {
        let [passed, refused, no_tunnel] = &told[3 * index..3 * index + 3] else { panic!("{told:?}") };
        assert_eq!(
            (passed["client"].as_str(), passed["status"].as_u64()),
            (Some(name), Some(200)),
            "{told:?}"
        );
        assert_eq!(refused["status"], 403, "{told:?}");
        assert!(refused["told"].as_str().unwrap().contains("details=\"path\""), "{told:?}");
        assert!(no_tunnel["error"].as_str().unwrap().contains("403"), "{told:?}");
    }
    let refused = stand.journal(&["--kind", "refused"]).unwrap();
    let reasons: Vec<_> = refused.iter().filter_map(|record| record.reason.as_deref()).collect();
    assert!(reasons.contains(&"path") && reasons.contains(&"no-rule"), "{reasons:?}");
}

/// What passes in a WebSocket is the two ends' alone: through the gateway every case comes out as without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_sockets_pass_as_they_are() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let leaf = authority.leaf(&[READ]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [("chain", &leaf.certificate), ("key", &leaf.key), ("authority", &authority.pem())] {
        std::fs::write(path(name), text).unwrap();
    }
    let script = file("web_socket.py");
    let mut serve = Command::new(PYTHON);
    serve.args([&script, "serve", &path("chain"), &path("key")]);
    let log = folder.path().join("log");
    let mut echo = Process::start_with_lines("web_socket.py", &mut serve, &log).unwrap();
    let port: u16 = echo.wait_for_line(START_LIMIT, |_| true).unwrap().trim().parse().unwrap();

    let stand = Setup::new(authority, policy())
        .resolve(&format!("{READ}:443"), ([127, 0, 0, 1], port).into())
        .start();
    let stand = stand.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let relay = Relay::to(client, &format!("{READ}:443")).await.unwrap();
    let inspection = stand.folder().join("a/inspection.pem").display().to_string();

    let direct = output(PYTHON, &[&script, "ask", &port.to_string(), READ, &path("authority")]).await;
    let through =
        output(PYTHON, &[&script, "ask", &relay.address.port().to_string(), READ, &inspection]).await;
    let (direct, through): (Vec<_>, Vec<_>) = (direct.lines().collect(), through.lines().collect());
    assert!(direct.len() > 40, "{direct:?}");
    assert_eq!(direct, through);
    let opened = stand.journal(&["--kind", "opened", "--host", READ]).unwrap();
    assert_eq!(opened.iter().filter(|record| record.method.as_deref() == Some("GET")).count(), direct.len());
}

fn file(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/suites").join(name).display().to_string()
}
