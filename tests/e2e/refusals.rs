//! What must be refused is refused with the contract's status and reason, is on record, and reaches no upstream.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use passerelle_tests::{
    Stand,
    client::{Answer, Client, read_answer},
    internet::{FORWARD, Internet, LIAR, OPEN, PLAIN, READ, SILENT, TUNNEL},
    process::eventually,
    sample::CAMILLE,
};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More refusals a second than a person makes: these tests are one person in a hurry.
const SETTINGS: &str = "[limits]\nrecorded_refusals_per_second = 1000\nanswer_seconds = 2\n";

/// Within a second or two every refusal is on record.
const COUNTED_LIMIT: Duration = Duration::from_secs(5);

/// The file: whole cases, and tables of what differs in one place only.
#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
    connect: Vec<Targets>,
    absolute: Vec<Targets>,
    inside: Vec<Targets>,
    fields: Vec<Lines>,
    methods: Vec<Names>,
}

#[derive(Deserialize)]
struct Targets {
    host: Option<String>,
    targets: Vec<String>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Deserialize)]
struct Lines {
    lines: Vec<String>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Deserialize)]
struct Names {
    names: Vec<String>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Clone, Deserialize)]
struct Expected {
    status: OneOrMore<u16>,
    reason: OneOrMore<String>,
}

impl Cases {
    fn all(self) -> Vec<Case> {
        let mut cases = self.case;
        for Targets { targets, expected, .. } in self.connect {
            cases.extend(targets.iter().map(|target| {
                let send = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{{auth}}\r\n");
                Case::of(target, None, send, &expected)
            }));
        }
        for Targets { host, targets, expected } in self.absolute {
            let host = host.unwrap_or_default();
            cases.extend(targets.iter().map(|target| {
                let send = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{{auth}}\r\n");
                Case::of(target, None, send, &expected)
            }));
        }
        for Targets { host, targets, expected } in self.inside {
            cases.extend(targets.iter().map(|target| {
                let host = host.clone().unwrap_or_default();
                let send = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                Case::of(target, Some(host), send, &expected)
            }));
        }
        for Lines { lines, expected } in self.fields {
            cases.extend(lines.iter().map(|lines| {
                let send = format!("GET / HTTP/1.1\r\nHost: {OPEN}\r\n{lines}\r\n\r\n");
                Case::of(lines, Some(OPEN.into()), send, &expected)
            }));
        }
        for Names { names, expected } in self.methods {
            cases.extend(names.iter().map(|method| {
                let send = format!("{method} / HTTP/1.1\r\nHost: {READ}\r\n\r\n");
                Case::of(method, Some(READ.into()), send, &expected)
            }));
        }
        cases
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The inspected host whose tunnel carries the bytes; absent: the terminal port itself.
    inside: Option<String>,
    send: String,
    status: OneOrMore<u16>,
    reason: OneOrMore<String>,
    /// Begins the Allow header.
    allow: Option<String>,
    /// Instead of a refusal, the request may pass without this header.
    may_pass_stripped: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T: PartialEq> OneOrMore<T> {
    fn has(&self, value: &T) -> bool {
        match self {
            OneOrMore::One(one) => one == value,
            OneOrMore::More(all) => all.contains(value),
        }
    }
}

impl Case {
    fn of(name: &str, inside: Option<String>, send: String, expected: &Expected) -> Case {
        let Expected { status, reason } = expected.clone();
        let name = format!("{:?}", name.chars().take(80).collect::<String>());
        Case { name, inside, send, status, reason, allow: None, may_pass_stripped: None }
    }

    /// The bytes, with `{auth}` and each `{N times X}` put in.
    fn bytes(&self, client: &Client) -> Vec<u8> {
        let mut text = self.send.replace("{auth}", &client.proxy_authorization());
        while let Some((before, repeat, after)) = repetition(&text) {
            let (count, piece) = repeat.split_once(" times ").unwrap();
            text = format!("{before}{}{after}", piece.repeat(count.parse().unwrap()));
        }
        text.into_bytes()
    }

    async fn send(&self, client: &Client) -> anyhow::Result<Answer> {
        let bytes = self.bytes(client);
        match &self.inside {
            None => client.exact(&bytes).await,
            Some(host) => {
                let mut stream = client.inspected(host).await?;
                stream.write_all(&bytes).await?;
                read_answer(&mut stream, false).await
            }
        }
    }

    /// What is wrong with `answer`, if anything.
    fn judge(&self, answer: &Answer, reached: u64) -> Option<String> {
        let reason = answer.reason().unwrap_or_default();
        if let (Some(header), 200) = (&self.may_pass_stripped, answer.status) {
            return answer.text().contains(header).then(|| format!("{header} was forwarded"));
        }
        let allowed = self
            .allow
            .as_deref()
            .is_none_or(|allow| answer.header("allow").is_some_and(|header| header.starts_with(allow)));
        let right = self.status.has(&answer.status) && self.reason.has(&reason) && allowed && reached == 0;
        (!right).then(|| {
            format!(
                "{} {:?} {:?}, {reached} bytes and connections upstream",
                answer.status,
                answer.header("proxy-status"),
                answer.text()
            )
        })
    }
}

/// What stands before, within and behind the first `{N times X}`.
fn repetition(text: &str) -> Option<(&str, &str, &str)> {
    let times = text.find(" times ")?;
    let (open, close) = (text[..times].rfind('{')?, times + text[times..].find('}')?);
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_refused_recorded_and_kept_from_upstreams() {
    let (internet, stand) = Internet::stand_with(SETTINGS).await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let cases: Cases = toml::from_str(include_str!("refusals.toml")).unwrap();
    let mut wrong = Vec::new();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for case in &cases.all() {
        // Neither a byte nor a connection; both are counted from the first packet on.
        let reached = || internet.received_bytes() + internet.connections();
        let before = reached();
        match case.send(&client).await {
            Err(error) => wrong.push(format!("{}: no answer: {error:#}", case.name)),
            Ok(answer) => {
                if let Some(mistake) = case.judge(&answer, reached() - before) {
                    wrong.push(format!("{}: {mistake}", case.name));
                }
                if let Some(reason) = answer.reason() {
                    *expected.entry(reason).or_default() += 1;
                }
            }
        }
    }
    // Identical refusals of a second are one record, which is written when that second is over.
    let mut recorded = BTreeMap::new();
    let all_recorded = eventually(COUNTED_LIMIT, "a record of every refusal", || {
        recorded = refusals_by_reason(&stand)?;
        Ok(expected.iter().all(|(reason, count)| recorded.get(reason) >= Some(count)))
    });
    if let Err(error) = all_recorded {
        wrong.push(format!("{error}\ntold:     {expected:?}\nrecorded: {recorded:?}"));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    stand.verify().unwrap();
}

fn refusals_by_reason(stand: &Stand) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut recorded = BTreeMap::new();
    for record in stand.journal(&["--decision", "refuse"])? {
        *recorded.entry(record.reason.unwrap_or_default()).or_default() += record.count.unwrap_or(1);
    }
    Ok(recorded)
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_addresses_pass() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    for target in [
        "/",
        "/public/page;jsessionid=0A1B?page=2",
        "/public/%7Eexemple/%c3%a9t%C3%A9",
        "/public/?q=https://ailleurs.example//x",
        "/caf%c3%a9",
    ] {
        let answer = client.get(OPEN, target).await.unwrap();
        assert_eq!((answer.status, answer.reason()), (200, None), "{target}: {answer:?}");
        let seen = internet.inspected.tally().seen();
        assert_eq!(seen.last().unwrap().target, target, "forwarded as sent");
    }
    let authorization = client.proxy_authorization();
    for head in [
        format!("GET http://{PLAIN}/a HTTP/1.1\r\nHost: {PLAIN}\r\n{authorization}Connection: close\r\n\r\n"),
        format!("GET http://CLAIR.example:80/a HTTP/1.1\r\nHost: CLAIR.example:80\r\n{authorization}\r\n"),
        format!("GET http://{PLAIN}/a HTTP/1.1\r\nHost: {PLAIN}\r\n{}\r\n", client.basic_authorization()),
        // As older Python sends it.
        format!("CONNECT {OPEN}:443 HTTP/1.0\r\n{authorization}\r\n"),
    ] {
        let mut stream = client.open(&["http/1.1"]).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream, head.starts_with("CONNECT")).await.unwrap();
        assert_eq!(answer.status, 200, "{head}{answer:?}");
    }
    for seen in internet.plain.tally().seen() {
        assert_eq!(seen.header("proxy-authorization"), None);
    }
}

/// The gateway hands a redirect on; where it leads is asked for by the client, and judged like any request.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_never_followed() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let answer = client.get(OPEN, "/redirect?to=https://ailleurs.example/").await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://ailleurs.example/")));
    let answer = client.get("ailleurs.example", "/").await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("no-rule")));
    assert_eq!(internet.forbidden.tally().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_only_enrol() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let stranger = Client::stranger(stand.address(), &stand.enrol("a").unwrap()).unwrap();
    for head in [
        format!("CONNECT {OPEN}:443 HTTP/1.1\r\nHost: {OPEN}:443\r\n\r\n"),
        "GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
        "GET /checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
    ] {
        let answer = stranger.exact(head.as_bytes()).await.unwrap();
        assert_eq!(
            (answer.status, answer.reason().as_deref()),
            (403, Some("no-terminal")),
            "{head}{answer:?}"
        );
    }
    let body = serde_json::json!({ "code": "invented", "csr": "none" });
    let answer = stranger.api("POST", "/v1/enrolment", Some(body)).await.unwrap();
    assert!(matches!(answer.status, 403 | 422), "{answer:?}");
    assert_eq!(internet.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_belongs_to_its_terminal() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let thief = stand.client("b").unwrap().with_token(client.token().unwrap());
    let answer = thief.connect(&format!("{OPEN}:443")).await.unwrap().err().unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (407, Some("no-session")));
    assert!(answer.header("proxy-authenticate").is_some());
    assert_eq!(internet.connections(), 0);
}

/// Tunnels: dialled before the 200, but nothing is forwarded before the ClientHello was judged.
#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_carries_nothing_but_tls_for_its_host() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let tunnel = || async { client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap() };

    for (first_bytes, reason) in
        [(&b"SSH-2.0-exemple\r\n"[..], "not-tls"), (b"GET / HTTP/1.1\r\n\r\n", "not-tls")]
    {
        let mut stream = tunnel().await;
        stream.write_all(first_bytes).await.unwrap();
        let mut alert = Vec::new();
        let _ = stream.read_to_end(&mut alert).await;
        // A fatal access_denied alert (RFC 8446, section 6.2).
        assert!(alert.starts_with(&[21, 3]) && alert.ends_with(&[2, 49]), "{reason}: {alert:?}");
    }
    for (name, reason) in [(Some("ailleurs.example"), "server-name"), (None, "no-server-name")] {
        let mut config = (*client.inspection()).clone();
        config.enable_sni = name.is_some();
        let name = rustls_pki_types::ServerName::try_from(name.unwrap_or(TUNNEL)).unwrap();
        let tls = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let error = tls.connect(name, tunnel().await).await.err().unwrap().to_string();
        assert!(error.contains("AccessDenied"), "{reason}: {error}");
    }
    assert_eq!(internet.tunnel.tally().received_bytes(), 0);

    let closed = stand.closings(&[], 4).unwrap();
    let reasons: Vec<_> = closed.iter().filter_map(|record| record.reason.as_deref()).collect();
    assert_eq!(reasons, ["not-tls", "not-tls", "server-name", "no-server-name"]);
}

/// The client sees the upstream's own certificate: a tunnel is not opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_is_spliced_untouched() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
    let error = client.inner(tunnel, TUNNEL, &[]).await.err().unwrap().to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
    assert!(internet.tunnel.tally().received_bytes() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_that_misbehave_are_answered_for() {
    let (_internet, stand) = Internet::stand_with(SETTINGS).await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    for (host, status, reason) in [
        (SILENT, 504, "timeout"),
        (FORWARD, 502, "tls-upstream"),
        (LIAR, 502, "upstream-protocol"),
        ("inconnu.large.example", 502, "dns"),
    ] {
        let answer = client.get(host, "/").await.unwrap();
        assert_eq!((answer.status, answer.reason().as_deref()), (status, Some(reason)), "{host}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_not_dialled() {
    let (internet, stand) = Internet::stand_with(SETTINGS).await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let public = [93, 184, 216, 34].into();
    for (number, address) in [
        [127, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [10, 0, 0, 5],
        [172, 16, 0, 1],
        [192, 168, 1, 1],
        [169, 254, 169, 254],
        [100, 64, 0, 1],
        [198, 18, 0, 1],
        [224, 0, 0, 1],
        [240, 0, 0, 1],
        [255, 255, 255, 255],
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("prive{number}.large.example");
        // One bad address spoils the whole answer.
        internet.names.set(&host, &[public, address.into()]);
        let answer = client.get(&host, "/").await.unwrap();
        let told = (answer.status, answer.reason(), answer.error());
        let expected = (403, Some("private-address".into()), Some("destination_ip_prohibited".into()));
        assert_eq!(told, expected, "{address:?}");
    }
    assert_eq!(internet.connections(), 0);
}

/// What counts is the address at the end of the chain, and each name is asked for once.
#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_judged_by_where_it_ends() {
    let (internet, stand) = Internet::stand_with(SETTINGS).await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let host = "alias.large.example";
    internet.names.alias(host, "intranet.local", &[[10, 0, 0, 5].into()]);
    let answer = client.get(host, "/").await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("private-address")));
    let closed = stand.closings(&["--decision", "refuse"], 1).unwrap();
    assert_eq!(closed[0].address.as_deref(), Some("10.0.0.5:443"));
    let asked: Vec<_> = internet.names.queries().into_iter().filter(|name| name == host).collect();
    assert!(asked.len() <= 2, "an address of each family: {asked:?}");
    assert_eq!(internet.connections(), 0);
}

/// A stranger's tool, not our own client, and the page a person would read.
#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_answers_and_refusals() {
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let curl = |url: &str, more: &[&str]| stand.curl("a", client.token().unwrap(), url, more).unwrap();

    let fine = curl(&format!("https://{READ}/"), &[]);
    assert!(fine.contains("Page d'exemple"), "{fine}");
    let refused = curl("https://ailleurs.example/", &[]);
    assert!(refused.contains("403"), "{refused}");
    assert!(
        refused.contains(r#"proxy-status: passerelle; error=http_request_denied; details="no-rule""#),
        "{refused}"
    );
    let page = curl(
        &format!("https://{OPEN}/admin"),
        &["-H", "Sec-Fetch-Dest: document", "-H", "Accept-Language: fr"],
    );
    assert!(page.contains("text/html") && page.contains("lang=\"fr\""), "{page}");
    assert!(!page.contains("<form"), "{page}");
}
