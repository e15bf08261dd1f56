//! Nothing leaves unrecorded, seen by the kernel: for each of 100 requests the journal's sync had returned before that
//! request's DNS query, connect or first byte upstream.
//!
//! The gateway runs under `strace`; a line of its trace stands before another when the call did. The clear header of each
//! entry shows in the `pwrite64` that wrote it, so an opening is tied to its sync by index, not by a clock.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, sync::Arc};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::{Client, Outer, read_answer},
    names::Names,
    sample::CAMILLE,
    trace::{Call, calls},
    upstream::{Behaviour, Upstream},
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

const REQUESTS: usize = 100;
const TRACE: &str = "gateway.strace";

/// Every host has a name of its own, hence a DNS query, an upstream port or a request line of its own.
const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[service]]
id = "preuve"
category = "administrative"
name = { fr = "Preuve" }
start = "https://n0.inspecte.example/"

  [[service.rule]]
  hosts = ["*.inspecte.example", "*.nomme.example"]
  access = "page"

  [[service.rule]]
  hosts = ["clair.example"]
  ports = [80]
  access = "page"

  [[service.rule]]
  hosts = ["*.tunnel.example"]
  mode = "tunnel"
"#;

/// Never dialled: the answer to every DNS query of this test is refused.
const PRIVATE: [u8; 4] = [10, 0, 0, 5];

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_returns_before_anything_leaves() {
    let mut scene = Scene::start().await;
    let client = scene.stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut kept = client.open(&["http/1.1"]).await.unwrap();
    let mut asked = Vec::new();
    for number in 0..REQUESTS {
        asked.push(match number % 4 {
            0 => scene.inspected(&client, number).await,
            1 => scene.kept(&client, &mut kept, number).await,
            2 => scene.resolved(&client, number).await,
            _ => scene.tunnelled(&client, number).await,
        });
    }
    assert_eq!(scene.plain.tally().connections(), 1, "the plain requests went out on one kept connection");

    let records = scene.stand.journal(&["--kind", "opened"]).unwrap();
    let openings: BTreeMap<_, _> =
        records.iter().filter_map(|record| Some((record.url.clone()?, record.index))).collect();
    scene.stand.verify().unwrap();
    scene.stand.stop();
    let calls = calls(&fs::read_to_string(scene.trace.path().join(TRACE)).unwrap());
    let mut wrong = Vec::new();
    for Asked { url, way_out } in &asked {
        let index = openings.get(url).unwrap_or_else(|| panic!("no opening record of {url}"));
        wrong.extend(judge(&calls, *index, way_out).err().map(|mistake| format!("{url}: {mistake}")));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), asked.len(), wrong.join("\n"));
}

struct Scene {
    stand: Stand,
    trace: TempDir,
    _inspected: Vec<Upstream>,
    _tunnels: Vec<Upstream>,
    plain: Upstream,
    names: Names,
    ports: BTreeMap<String, u16>,
}

/// What was asked, as the journal names it, and the text of the call that lets it out.
struct Asked {
    url: String,
    way_out: String,
}

impl Scene {
    async fn start() -> Scene {
        let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
        let names = Names::start().await.unwrap();
        let plain = Upstream::plain(Behaviour::Http).await.unwrap();
        let server = authority.server(&["*.inspecte.example"], &["h2", "http/1.1"]).unwrap();
        let (mut inspected, mut tunnels, mut ports) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut setup = Setup::new(authority, POLICY)
            .resolver(names.address())
            .resolve("clair.example:80", plain.address())
            .settings("[journal]\ngateway = \"preuve\"");
        for number in (0..REQUESTS).step_by(4) {
            let upstream = Upstream::tls(server.clone(), Behaviour::Http).await.unwrap();
            let tunnel = Upstream::plain(Behaviour::Stall).await.unwrap();
            for (host, address) in
                [(inspected_host(number), upstream.address()), (tunnel_host(number + 3), tunnel.address())]
            {
                setup = setup.resolve(&format!("{host}:443"), address);
                ports.insert(host, address.port());
            }
            inspected.push(upstream);
            tunnels.push(tunnel);
        }
        let trace = TempDir::with_prefix("passerelle-strace-").unwrap();
        let file = trace.path().join(TRACE).display().to_string();
        let calls = "trace=pwrite64,write,writev,fdatasync,fsync,connect,sendto,sendmsg,sendmmsg";
        // -DD: the gateway stays our own child, so that signals and waiting mean the gateway and not the tracer.
        let wrapper = ["strace", "-DD", "-f", "-yy", "-s", "16384", "-e", calls, "-o", &file];
        let stand = setup.wrapper(&wrapper).start().unwrap();
        Scene { stand, trace, _inspected: inspected, _tunnels: tunnels, plain, names, ports }
    }

    /// Seen at its connect.
    async fn inspected(&self, client: &Client, number: usize) -> Asked {
        let host = inspected_host(number);
        let answer = client.get(&host, "/").await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        Asked { way_out: connect_to(self.ports[&host]), url: format!("https://{host}/") }
    }

    /// Seen at its first byte upstream, on a connection that stands already.
    async fn kept(&self, client: &Client, stream: &mut Outer, number: usize) -> Asked {
        let head = format!(
            "GET http://clair.example/k{number} HTTP/1.1\r\nHost: clair.example\r\n{}\r\n",
            client.proxy_authorization()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(stream, false).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        Asked { way_out: format!("GET /k{number} HTTP"), url: format!("http://clair.example/k{number}") }
    }

    /// Seen at its DNS query.
    async fn resolved(&self, client: &Client, number: usize) -> Asked {
        let host = format!("q{number}.nomme.example");
        self.names.set(&host, &[PRIVATE.into()]);
        let answer = client.get(&host, "/").await.unwrap();
        assert_eq!(answer.reason().as_deref(), Some("private-address"), "{answer:?}");
        // Labels follow their length; strace writes it in octal.
        Asked { way_out: format!(r"q{number}\5nomme\7example"), url: format!("https://{host}/") }
    }

    /// A tunnel is dialled before its 200.
    async fn tunnelled(&self, client: &Client, number: usize) -> Asked {
        let host = tunnel_host(number);
        client.connect(&format!("{host}:443")).await.unwrap().unwrap();
        Asked { way_out: connect_to(self.ports[&host]), url: format!("{host}:443") }
    }
}

fn inspected_host(number: usize) -> String {
    format!("n{number}.inspecte.example")
}

fn tunnel_host(number: usize) -> String {
    format!("n{number}.tunnel.example")
}

fn connect_to(port: u16) -> String {
    format!("sin_port=htons({port})")
}

fn is_journal_sync(call: &Call, file: &str) -> bool {
    matches!(call.name(), "fdatasync" | "fsync") && call.text.contains(file) && call.text.ends_with("= 0")
}

/// A connect, query or write towards the network; entries of the journal name no port and no request line.
fn leaves(call: &Call) -> bool {
    matches!(call.name(), "connect" | "sendto" | "sendmsg" | "sendmmsg" | "write" | "writev")
}

/// That entry `index` was written, then synced, and only then the call that holds `way_out` entered.
fn judge(calls: &[Call], index: u64, way_out: &str) -> Result<(), String> {
    let header = format!(r#"{{\"index\":{index},\"#);
    let left = calls.iter().find(|call| leaves(call) && call.text.contains(way_out));
    let left = left.ok_or_else(|| format!("nothing in the trace holds {way_out}"))?;
    let written = calls.iter().find(|call| call.name() == "pwrite64" && call.text.contains(&header));
    let written = written.ok_or_else(|| format!("entry {index} was never written"))?;
    let file = written.text.split(['<', '>']).nth(1).unwrap_or_default();
    if !file.contains("/audit/") {
        return Err(format!("entry {index} went to {file}"));
    }
    let synced = calls.iter().find(|call| call.entered > written.left && is_journal_sync(call, file));
    let synced = synced.ok_or_else(|| format!("entry {index} was never synced"))?;
    if synced.left < left.entered {
        return Ok(());
    }
    Err(format!("entered before the sync of entry {index} returned: {}", left.text))
}

/// The judge itself: a trace in the wrong order is found out.
#[test]
fn a_wrong_order_is_seen() {
    let written =
        r#"7 pwrite64(9</d/audit/pending/0.tail>, "{\"index\":3,\"kind\":\"opened\"}", 40, 0) = 40"#;
    let begun = "7 fdatasync(9</d/audit/pending/0.tail> <unfinished ...>";
    let synced = "7 <... fdatasync resumed>) = 0";
    let failed = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)";
    let left = "8 connect(12<TCP:[5]>, {sin_port=htons(4443)}, 16) = -1 EINPROGRESS";
    for (lines, expected) in [
        (&[written, begun, synced, left][..], true),
        (&[written, begun, left, synced], false),
        (&[begun, written, synced, left], false),
        (&[written, begun, failed, left], false),
        (&[begun, synced, left], false),
        (&[written, begun, synced], false),
    ] {
        let verdict = judge(&calls(&lines.join("\n")), 3, &connect_to(4443));
        assert_eq!(verdict.is_ok(), expected, "{lines:?}: {verdict:?}");
    }
}
