//! The kiosk API from outside: signing in and its lock-out, sessions, PINs, services, requests, enrolment by code.

#![allow(clippy::unwrap_used)]

use std::{fs, process::Command};

use passerelle_tests::{
    Stand,
    client::{Answer, Client, read_answer},
    internet::{Internet, OPEN, PLAIN, limited_to},
    process::run,
    sample::{CAMILLE, Person, SACHA, signers},
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

async fn try_pin(client: &Client, person: &str, pin: &str) -> Answer {
    client.api("POST", "/v1/sessions", Some(json!({ "person": person, "pin": pin }))).await.unwrap()
}

/// Status and `code` of a problem (RFC 9457).
fn code(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    (answer.status, answer.json().unwrap()["code"].as_str().unwrap().into())
}

async fn status(client: &Client) -> u16 {
    client.api("GET", "/v1/sessions/current", None).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_pins_cost_time_and_tell_nothing() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let here = stand.client("a").unwrap();
    for person in [CAMILLE.id, "exemple-inconnu"] {
        for number in 1..=3 {
            let answer = try_pin(&here, person, "000000").await;
            assert_eq!(code(&answer), (401, "sign-in-failed".into()), "{person}, try {number}");
            assert_eq!(answer.header("retry-after"), None);
        }
        // Right or wrong, known or not: the next try waits, and nobody looks at its PIN.
        for pin in ["000000", CAMILLE.pin] {
            let answer = try_pin(&here, person, pin).await;
            assert_eq!(code(&answer), (429, "too-many-tries".into()), "{person}");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=5).contains(&seconds), "{person}: {seconds} s");
        }
    }
    // Somebody else here, and the same person elsewhere, are not locked out.
    assert_eq!(try_pin(&here, SACHA.id, SACHA.pin).await.status, 201);
    assert_eq!(try_pin(&stand.client("b").unwrap(), CAMILLE.id, CAMILLE.pin).await.status, 201);
    let failed = stand.journal(&["--kind", "sign-in-failed"]).unwrap();
    // Tries that were not judged are counted, so that nobody fills the disk with them.
    let tries = |reason: &str| -> u64 {
        let such = failed.iter().filter(|record| record.reason.as_deref() == Some(reason));
        such.map(|record| record.count.unwrap_or(1)).sum()
    };
    assert_eq!((tries("sign-in-failed"), tries("too-many-tries")), (6, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_one_session_on_one_terminal() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let here = stand.client("a").unwrap();
    let answer = try_pin(&here, CAMILLE.id, CAMILLE.pin).await.json().unwrap();
    assert_eq!((answer["person"].as_str(), answer["terminal"].as_str()), (Some(CAMILLE.id), Some("a")));
    assert!(answer["last_sign_in"].is_null() && answer["expires_at"].is_string(), "{answer}");
    let first = here.with_token(answer["token"].as_str().unwrap());
    assert_eq!(status(&first).await, 200);

    let there = stand.client("b").unwrap();
    let answer = try_pin(&there, CAMILLE.id, CAMILLE.pin).await.json().unwrap();
    assert_eq!(answer["last_sign_in"]["terminal"], "a", "the last sign-in is shown");
    let second = there.with_token(answer["token"].as_str().unwrap());
    assert_eq!((status(&first).await, status(&second).await), (401, 200), "the older one has ended");

    // A token is of no use elsewhere, to the API or to the proxy.
    let thief = here.with_token(second.token().unwrap());
    let answer = thief.api("GET", "/v1/services", None).await.unwrap();
    assert_eq!(code(&answer), (401, "no-session".into()));
    let answer = thief.connect(&format!("{OPEN}:443")).await.unwrap().err().unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (407, Some("no-session")));
    assert!(answer.header("proxy-authenticate").is_some());

    let answer = second.api("DELETE", "/v1/sessions/current", None).await.unwrap();
    assert_eq!((answer.status, status(&second).await), (204, 401));
    let ends: Vec<_> =
        stand.journal(&["--kind", "signed-out"]).unwrap().into_iter().map(|record| record.terminal).collect();
    assert_eq!(ends, [Some("a".into()), Some("b".into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_persons_hear_it_from_their_right_pin_alone() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap();
    stand.verb(&["person", "lock", CAMILLE.id], "").unwrap();
    assert_eq!(code(&try_pin(&client, CAMILLE.id, "000000").await), (401, "sign-in-failed".into()));
    assert_eq!(code(&try_pin(&client, CAMILLE.id, CAMILLE.pin).await), (403, "person-locked".into()));
    stand.verb(&["person", "unlock", CAMILLE.id], "").unwrap();
    assert_eq!(try_pin(&client, CAMILLE.id, CAMILLE.pin).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_changed_by_who_knows_it() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let change = async |old: &str, new: &str| {
        client.api("PUT", "/v1/pin", Some(json!({ "old_pin": old, "new_pin": new }))).await.unwrap()
    };
    let new = Person { pin: "161803", ..CAMILLE };
    assert_eq!(code(&change(CAMILLE.pin, "12345").await), (422, "invalid".into()), "six digits at least");
    assert_eq!(code(&change("000000", new.pin).await), (401, "sign-in-failed".into()));
    assert_eq!(change(CAMILLE.pin, new.pin).await.status, 204);
    assert_eq!(code(&try_pin(&client, CAMILLE.id, CAMILLE.pin).await), (401, "sign-in-failed".into()));
    stand.client("a").unwrap().sign_in(&new).await.unwrap();
    assert_eq!(stand.journal(&["--kind", "person-changed", "--terminal", "a"]).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_say_what_is_open_and_why_not() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let services = async || {
        let answer = client.api("GET", "/v1/services", None).await.unwrap().json().unwrap();
        let row = |service: &Value| {
            let why = service["unavailable"]["code"].as_str().unwrap_or("open");
            format!("{} {why}", service["id"].as_str().unwrap())
        };
        let mut rows: Vec<_> = answer["services"].as_array().unwrap().iter().map(row).collect();
        rows.sort_unstable();
        (rows, answer)
    };
    let (rows, answer) = services().await;
    // One of a group that she is not in is told too, with its reason.
    assert_eq!(rows, ["essai open", "expire expired", "ferme window", "groupe group"]);
    let all = answer["services"].as_array().unwrap();
    let find = |id: &str| all.iter().find(|service| service["id"] == id).unwrap();
    assert_eq!(find("essai")["name"]["fr"], "Service d'essai");
    assert_eq!(find("essai")["start"], format!("https://{OPEN}/"));
    assert_eq!(find("essai")["category"], "administrative");
    assert!(find("ferme")["unavailable"]["opens_at"].is_string(), "{answer}");

    let [by, _] = signers();
    stand.verb(&["access", "stop", "--by", by.login, "--password-stdin"], by.password).unwrap();
    assert_eq!(services().await.0[0], "essai access-stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_left_are_told_and_count_down() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    stand.publish(&limited_to(30)).unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let left = async || client.minutes_left("essai").await.unwrap();
    assert_eq!(left().await, 30);
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    // Two requests of one minute, or of two when the clock turned between them.
    assert!((28..=29).contains(&left().await));
}

/// The opening is on record by then, so the closing tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_minute_that_cannot_be_charged_refuses() {
    let (internet, stand) = Internet::stand().await.unwrap();
    stand.publish(&limited_to(30)).unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut connection = client.inspected(OPEN).await.unwrap();
    let break_store = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE minutes')";
    let mut python = Command::new("python3");
    python.args(["-c", break_store]).arg(stand.data.join("state.db"));
    run(&mut python, "").unwrap().success().unwrap();
    connection.write_all(format!("GET / HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_answer(&mut connection, false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("busy")));
    assert!(internet.inspected.tally().seen().is_empty());
    let closed = stand.closings(&[], 1).unwrap();
    let told: Vec<_> =
        closed.iter().map(|r| (r.decision.as_deref(), r.reason.as_deref(), r.status)).collect();
    assert_eq!(told, [(Some("refuse"), Some("busy"), Some(503))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_asks_for_access() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let ask = json!({ "url": "https://ailleurs.example/aide", "reason": "Pour mon dossier d'été" });
    let answer = client.api("POST", "/v1/requests", Some(ask)).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    let list = client.api("GET", "/v1/requests", None).await.unwrap().json().unwrap();
    assert_eq!(list["requests"][0]["reason"], "Pour mon dossier d'été");
    assert_eq!(list["requests"][0]["state"], "open");
    let other = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
    let list = other.api("GET", "/v1/requests", None).await.unwrap().json().unwrap();
    assert_eq!(list["requests"], json!([]), "requests are one's own");
    let urls =
        ["", "aide", "ftp://ailleurs.example/", "javascript:alert(1)", "https://ailleurs.example/../x"];
    let unread = urls.map(|url| json!({ "url": url, "reason": "Pour moi" }));
    for body in unread.into_iter().chain([json!({ "reason": "" }), json!([])]) {
        let answer = client.api("POST", "/v1/requests", Some(body.clone())).await.unwrap();
        assert_eq!(code(&answer), (422, "invalid".into()), "{body}");
    }
    assert_eq!(stand.journal(&["--kind", "request-made"]).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_so() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    for (method, path, expected) in [
        ("GET", "/v1/nothing", (404, "not-found")),
        ("GET", "/", (404, "not-found")),
        ("PATCH", "/v1/sessions", (405, "method")),
        ("POST", "/v1/services", (405, "method")),
    ] {
        let answer = client.api(method, path, None).await.unwrap();
        assert_eq!(code(&answer), (expected.0, expected.1.into()), "{method} {path}");
    }
    // The API is at our own names only, and never through the proxy.
    let head = format!("GET /v1/services HTTP/1.1\r\nHost: {PLAIN}\r\n\r\n");
    assert_eq!(client.exact(head.as_bytes()).await.unwrap().reason().as_deref(), Some("authority"));
}

/// A request for a certificate that nobody here wrote: openssl's.
fn openssl_request(stand: &Stand, folder: &str) -> String {
    let folder = stand.folder().join(folder);
    fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new("openssl");
    command
        .args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=whatever-it-asks-for", "-keyout"])
        .arg(folder.join("terminal.key"));
    run(&mut command, "").unwrap().success().unwrap().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_enrols_by_code() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let known = stand.enrol("a").unwrap();
    let stranger = Client::stranger(stand.address(), &known).unwrap();
    let answer = stranger.api("GET", "/v1/services", None).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("no-terminal")), "{answer:?}");

    let invited = stand.verb(&["terminal", "invite", "cellule-12", "--json"], "").unwrap().json().unwrap();
    let invitation = invited["code"].as_str().unwrap();
    let csr = openssl_request(&stand, "cellule-12");
    let enrol = async |code: &str, csr: &str| {
        stranger.api("POST", "/v1/enrolment", Some(json!({ "code": code, "csr": csr }))).await.unwrap()
    };
    assert_eq!(code(&enrol("FAUX-CODE", &csr).await), (403, "invalid-code".into()));
    assert_eq!(code(&enrol(invitation, "not a request").await), (422, "invalid".into()));
    let answer = enrol(invitation, &csr).await;
    assert_eq!(answer.status, 201, "a mistake before does not use the code up: {answer:?}");
    let answer = answer.json().unwrap();
    assert_eq!(answer["terminal"], "cellule-12", "the gateway names the terminal, not its request");
    assert_eq!(code(&enrol(invitation, &csr).await), (403, "invalid-code".into()), "it serves once");

    let folder = stand.folder().join("cellule-12");
    for (file, field) in
        [("terminal.pem", "certificate"), ("trust.pem", "trust"), ("inspection.pem", "inspection")]
    {
        fs::write(folder.join(file), answer[field].as_str().unwrap()).unwrap();
    }
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-subject", "-in"]).arg(folder.join("terminal.pem"));
    let subject = run(&mut command, "").unwrap().stdout;
    assert!(subject.contains("cellule-12") && !subject.contains("whatever"), "{subject}");
    let client = stand.client("cellule-12").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    let enrolled = stand.journal(&["--kind", "terminal-enrolled"]).unwrap();
    assert!(enrolled.iter().any(|record| record.terminal.as_deref() == Some("cellule-12")));
}
