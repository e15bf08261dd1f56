//! ClientHellos: real ones of rustls in every cut, hand-made ones, and mutations of both.

use std::sync::Arc;
use std::time::Duration;

use passerelle_gateway::client_hello::{
    ClientHello, ClientHelloReader, HelloFault, alert_access_denied, read_client_hello,
};
use proptest::prelude::*;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::AsyncWriteExt;

const LIMIT: usize = 64 * 1024;

/// The first flight of a real client.
fn rustls_hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut client = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// The message inside a flight, and a message put into records of this many bytes.
fn message(flight: &[u8]) -> Vec<u8> {
    flight[5..].to_vec()
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(size).flat_map(record).collect()
}

fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), vec16(data)].concat()
}

/// A `server_name` extension with these names, all of one type.
fn names(kind: u8, names: &[&str]) -> Vec<u8> {
    let entries = names.iter().flat_map(|name| [vec![kind], vec16(name.as_bytes())].concat());
    extension(0, &vec16(&entries.collect::<Vec<_>>()))
}

/// A message with these bytes for extensions, and these behind them.
fn hello(extensions: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let body =
        [&[3, 3][..], &[7; 32], &[0], &vec16(&[0x13, 1]), &[1, 0], &vec16(&extensions.concat()), behind]
            .concat();
    [&[1][..], &(body.len() as u32).to_be_bytes()[1..], &body].concat()
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<ClientHello>, &'static str> {
    let mut reader = ClientHelloReader::new(LIMIT);
    for piece in pieces {
        match reader.push(piece) {
            Ok(None) => {}
            Ok(done) => return Ok(done),
            Err(fault) => return Err(fault.code()),
        }
    }
    Ok(None)
}

/// The reason for which these extensions are refused.
fn check(extensions: &[Vec<u8>], expected: Result<&str, &str>) {
    let flight = records(&hello(extensions, &[]), 1000);
    for pieces in [flight.chunks(flight.len()), flight.chunks(1)] {
        let name = read(pieces).map(|hello| hello.unwrap().server_name);
        assert_eq!(name.as_deref().map_err(|code| *code), expected);
    }
}

#[test]
fn a_real_hello_is_read_in_every_cut() {
    let flight = rustls_hello("www.service-public.gouv.fr");
    let whole = read([&flight[..]]).unwrap().unwrap();
    assert_eq!(whole.server_name, "www.service-public.gouv.fr");
    assert_eq!(whole.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(whole.versions, [0x0304, 0x0303]);
    for at in 0..flight.len() {
        assert_eq!(read([&flight[..at]]), Ok(None), "cut at {at}");
        assert_eq!(read([&flight[..at], &flight[at..]]), Ok(Some(whole.clone())), "cut at {at}");
    }
    for size in [1, 2, 3, 4, 5, 100] {
        assert_eq!(
            read(records(&message(&flight), size).chunks(7)),
            Ok(Some(whole.clone())),
            "records of {size}"
        );
    }
}

#[test]
fn names_are_judged() {
    let long = |n: usize| "x".repeat(n);
    for name in ["a.example", "A.Example", "x--y.example", "_x.example", "1a.2b", &format!("{}.fr", long(63))]
    {
        check(&[names(0, &[name])], Ok(&name.to_ascii_lowercase()));
    }
    for name in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a\0b",
        "-a.fr",
        "a-.fr",
        "127.0.0.1",
        "1",
        "a.1",
        "0177.0.0.1",
        "a.0x7f",
        "0x",
        "[::1]",
        "::1",
        "a:443",
        "é.fr",
        &format!("{}.fr", long(64)),
        &vec![long(62); 5].join("."),
    ] {
        check(&[names(0, &[name])], Err("server-name"));
    }
    check(&[names(0, &["a.example", "b.example"])], Err("server-name"));
    check(&[names(1, &["a.example"])], Err("server-name"));
    check(&[names(0, &["a.example"]), names(0, &["a.example"])], Err("server-name"));
    check(&[extension(0, &[0, 9, 0])], Err("server-name"));
    check(&[extension(0, &[])], Err("server-name"));
    check(&[names(0, &[])], Err("no-server-name"));
    check(&[extension(43, &[2, 3, 4])], Err("no-server-name"));
    check(&[], Err("no-server-name"));
}

#[test]
fn what_hides_or_hurries_is_refused() {
    let name = names(0, &["a.example"]);
    check(&[name.clone(), extension(0xfe0d, &[0; 40])], Err("ech"));
    check(&[extension(0xffce, &[0; 4])], Err("ech"));
    check(&[name.clone(), extension(42, &[])], Err("not-tls"));
    check(&[name.clone(), extension(10, &[]), extension(10, &[])], Err("not-tls"));
    check(&[name.clone(), extension(16, &[0, 3, 2, b'h'])], Err("not-tls"));
    check(&[name.clone(), extension(16, &[0, 1, 0])], Err("not-tls"));
    check(&[name.clone(), extension(43, &[3, 3, 4, 3])], Err("not-tls"));
    check(&[name, vec![0, 10, 0]], Err("not-tls"));
}

#[test]
fn what_is_not_a_client_hello_is_refused_at_once() {
    let good = hello(&[names(0, &["a.example"])], &[]);
    let behind = hello(&[names(0, &["a.example"])], &[0]);
    for bytes in [
        b"SSH-2.0-OpenSSH\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n".to_vec(),
        vec![0x80, 0x2e, 1, 3, 1],
        vec![23],
        vec![22, 2],
        vec![22, 3, 4],
        vec![22, 3, 1, 0, 0],
        vec![22, 3, 1, 0x40, 1],
        vec![22, 3, 1, 0, 1, 2],
        vec![22, 3, 1, 0, 4, 1, 0xff, 0, 0],
        records(&behind, 1000),
        records(&[&good[..], &[0]].concat(), 1000),
        [records(&good, 1000), vec![20]].concat(),
        [records(&good[..9], 9), vec![22, 3, 3, 0, 0]].concat(),
        [records(&good[..9], 9), vec![21, 3, 3, 0, 2, 1, 0]].concat(),
    ] {
        assert_eq!(read([&bytes[..]]), Err("not-tls"), "{}", bytes.escape_ascii());
    }
    let huge = hello(&[extension(21, &vec![0; 65_000]), names(0, &["a.example"])], &[]);
    assert!(matches!(read([&records(&huge, 16_384)[..]]), Ok(Some(_))), "64 KiB fit");
    assert_eq!(read(records(&huge, 1).chunks(1000)), Err("not-tls"), "a flood of small records does not");
}

#[test]
fn the_name_is_the_host_asked_for() {
    let hello = read([&rustls_hello("a.example")[..]]).unwrap().unwrap();
    assert!(hello.matches("A.example").is_ok());
    for host in ["b.example", "a.example.", "a", "x.a.example"] {
        assert_eq!(hello.matches(host).unwrap_err().code(), "server-name");
    }
}

#[tokio::test]
async fn bytes_read_are_handed_back() {
    let flight = rustls_hello("a.example");
    let (mut client, mut server) = tokio::io::duplex(100);
    let minute = Duration::from_secs(60);
    let ((), read) = tokio::join!(
        async { client.write_all(&flight).await.unwrap() },
        read_client_hello(&mut server, minute, LIMIT)
    );
    assert_eq!(read.unwrap().0, flight);
    let silent = read_client_hello(&mut server, Duration::ZERO, LIMIT).await;
    assert!(matches!(silent, Err(HelloFault::Timeout)));
    drop(client);
    let gone = read_client_hello(&mut server, minute, LIMIT).await;
    assert!(matches!(gone, Err(HelloFault::ClientGone(_))));
}

/// rustls itself reads our alert as what it says.
#[test]
fn the_alert_is_access_denied() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), "a.example".try_into().unwrap()).unwrap();
    client.read_tls(&mut &alert_access_denied()[..]).unwrap();
    let error = client.process_new_packets().unwrap_err();
    assert_eq!(error, rustls::Error::AlertReceived(rustls::AlertDescription::AccessDenied));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1_usize..40) {
        let _ = read(bytes.chunks(cut));
        let _ = read(records(&[&[1, 0, 0, 250][..], &bytes].concat(), cut).chunks(9));
    }

    /// A mutated hello is read alike in every cut, and never panics.
    #[test]
    fn a_mutated_hello_has_one_reading(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), size in 1_usize..500, cut in 1_usize..100,
    ) {
        let mut hello = hello(&[names(0, &["a.example"]), extension(43, &[2, 3, 4]), extension(16, &[0, 3, 2, b'h', b'2'])], &[]);
        let at = at.index(hello.len());
        hello[at] = byte;
        let flight = records(&hello, size);
        prop_assert_eq!(read(flight.chunks(cut)), read([&flight[..]]));
    }

    /// What we accept, rustls refuses or reads as the same name: it is what would act upon an inspected one.
    #[test]
    fn an_accepted_hello_names_the_same_to_rustls(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), size in 50_usize..2000,
    ) {
        let mut message = message(&rustls_hello("a.example"));
        for (at, byte) in mutations {
            let at = at.index(message.len());
            message[at] = byte;
        }
        let flight = records(&message, size);
        if let Ok(Some(ours)) = read([&flight[..]]) {
            let mut acceptor = rustls::server::Acceptor::default();
            let mut bytes = &flight[..];
            while !bytes.is_empty() {
                acceptor.read_tls(&mut bytes).unwrap();
            }
            if let Ok(Some(accepted)) = acceptor.accept() {
                let name = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
                prop_assert_eq!(name.as_deref(), Some(&*ours.server_name));
            }
        }
    }

    #[test]
    fn a_real_hello_is_read_in_any_records(size in 1_usize..2000, cut in 1_usize..2000) {
        let flight = records(&message(&rustls_hello("a.example")), size);
        prop_assert_eq!(read(flight.chunks(cut)).map(|hello| hello.unwrap().server_name), Ok("a.example".to_owned()));
    }
}
