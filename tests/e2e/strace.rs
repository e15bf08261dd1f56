//! Nothing leaves unrecorded, as the kernel saw it: for each of 100 requests the journal's sync returned before that
//! request's DNS query or connection.
//!
//! The gateway runs under `strace -f`. The record of a request is found in the trace by its index, which stands in clear
//! at the head of every entry; the sync that made it durable by the journal's file; the way out by a port or a name that
//! this request alone has.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, sync::Arc};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::Client,
    names::Names,
    sample::CAMILLE,
    trace::{Call, STRACE, calls},
    upstream::{Behaviour, Upstream},
};

/// Half of the requests are dialled by `[upstream] resolve`, half ask the name server.
const REQUESTS_EACH: usize = 50;
const CALLS: &str = "trace=fdatasync,fsync,connect,sendto,sendmsg,sendmmsg,write,writev,pwrite64,pwritev";

/// When the entry `index` was durable: the end of the first sync of the journal that began after its write.
fn durable(calls: &[Call], index: u64) -> Option<f64> {
    let entry = format!(r#"{{\"index\":{index},"#);
    let journal = |call: &&Call| call.text.contains("/audit/");
    let written = calls
        .iter()
        .filter(journal)
        .find(|call| call.text.contains("write") && call.text.contains(&entry))?;
    let synced = |call: &&Call| {
        (call.text.starts_with("fdatasync") || call.text.starts_with("fsync"))
            && call.began >= written.returned
    };
    calls.iter().filter(journal).find(synced).map(|call| call.returned)
}

/// When the first call that `out` recognises began.
fn left(calls: &[Call], out: impl Fn(&str) -> bool) -> Option<f64> {
    calls.iter().find(|call| out(&call.text)).map(|call| call.began)
}

/// Stops the gateway, so that the trace is whole, and reads it.
fn trace(stand: &mut Stand, file: &Path) -> Vec<Call> {
    stand.stop();
    calls(&fs::read_to_string(file).unwrap())
}

async fn ask_each(client: &Client, hosts: &[String], status: u16) {
    for host in hosts {
        let answer = client.get(host, "/").await.unwrap();
        assert_eq!(answer.status, status, "{host}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_is_durable_before_anything_leaves() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let dialled: Vec<String> = (0..REQUESTS_EACH).map(|number| format!("direct{number}.example")).collect();
    let resolved: Vec<String> = (0..REQUESTS_EACH).map(|number| format!("nomme{number}x.example")).collect();
    let names = Names::start().await.unwrap();
    let hosts: Vec<String> = dialled.iter().chain(&resolved).map(|host| format!("{host:?}")).collect();
    let policy = format!(
        "version = 1\ntime_zone = \"Europe/Paris\"\n[[service]]\nid = \"essai\"\ncategory = \"administrative\"\n\
         name = {{ fr = \"Essai\" }}\nstart = \"https://{}/\"\n[[service.rule]]\nhosts = [{}]\naccess = \"page\"\n",
        dialled[0],
        hosts.join(", ")
    );
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("trace");
    let output = file.display().to_string();
    let strace = [&STRACE[..], &["-e", CALLS, "-o", &output]].concat();
    let mut setup = Setup::new(authority.clone(), policy).resolver(names.address()).wrapper(&strace);
    let mut upstreams = Vec::new();
    for host in &dialled {
        let config = authority.server(&[host], &["http/1.1"]).unwrap();
        let upstream = Upstream::tls(config, Behaviour::Http).await.unwrap();
        setup = setup.resolve(&format!("{host}:443"), upstream.address());
        upstreams.push(upstream);
    }
    for host in &resolved {
        // Private, so that the query is all that leaves this machine's loopback.
        names.set(host, &[[10, 0, 0, 5].into()]);
    }
    let mut stand = setup.start().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    ask_each(&client, &dialled, 200).await;
    ask_each(&client, &resolved, 403).await;
    assert_eq!(names.queries().iter().filter(|name| resolved.contains(name)).count(), 2 * REQUESTS_EACH);

    let opened = stand.journal(&["--kind", "opened"]).unwrap();
    let index_of = |host: &str| {
        let url = format!("https://{host}/");
        opened.iter().find(|record| record.url.as_deref() == Some(&url)).unwrap().index
    };
    let calls = trace(&mut stand, &file);
    let mut proven = 0;
    let mut check = |host: &String, out: &dyn Fn(&str) -> bool| {
        let index = index_of(host);
        let durable =
            durable(&calls, index).unwrap_or_else(|| panic!("{host}: record {index} was never synced"));
        let left = left(&calls, out).unwrap_or_else(|| panic!("{host}: the way out is not in the trace"));
        assert!(durable <= left, "{host}: left {:.6} s before its record was durable", durable - left);
        proven += 1;
    };
    for (host, upstream) in dialled.iter().zip(&upstreams) {
        let port = format!("sin_port=htons({})", upstream.address().port());
        check(host, &|call| call.starts_with("connect(") && call.contains(&port));
    }
    for host in &resolved {
        let label = host.split('.').next().unwrap();
        check(host, &|call| call.starts_with("send") && call.contains(label));
    }
    assert_eq!(proven, 2 * REQUESTS_EACH);
}
