//! The chunked coding, and bodies of a length.

use proptest::prelude::*;

use super::{feed, feed_every_cut, requests};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

fn passes(body: &str) {
    let bytes = [HEAD, body].concat();
    assert_eq!(feed_every_cut(requests, bytes.as_bytes()), (bytes.clone().into(), None));
}

/// The part before the mark passes, then comes the fault.
fn refuses(body: &str, code: &str) {
    let (good, bad) = body.split_once('!').unwrap();
    let (passed, fault) = feed_every_cut(requests, [HEAD, good, bad].concat().as_bytes());
    assert_eq!(fault.map(|fault| fault.code()), Some(code), "{body:?}");
    assert_eq!(String::from_utf8(passed).unwrap(), [HEAD, good].concat());
}

#[test]
fn good_chunks_pass() {
    passes("0\r\n\r\n");
    passes("5\r\nhello\r\n0\r\n\r\n");
    passes("00000000000000A\r\n0123456789\r\n000\r\n\r\n");
    passes("3;name=value\r\nabc\r\n0;x=\"y z\"\r\n\r\n");
    passes("0\r\nServer-Timing: x\r\nX-Checksum: abc\r\n\r\n");
    passes("0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn bad_chunks_stop_where_they_are_bad() {
    for body in [
        "! 5\r\nhello\r\n",
        "!+5\r\n",
        "!-1\r\n",
        "0!x5\r\n",
        "5! \r\n",
        "!\r\n",
        "!;x\r\n",
        "5;!\r\n",
        "5;! x\r\n",
        "5;x=!\u{7f}\r\n",
        "5!\nhello",
        "5\r!hello",
        "5\r\nhello!world\r\n",
        "5\r\nhello!\n",
        "5\r\nhello\r!x",
        "FFFFFFFFFFFFFFF!F1\r\n",
        "000000000000000!1\r\n",
        "0\r\nX: y!\n\r\n",
        "0\r\n\r!x",
        "0\r\n folded\r!\n\r\n",
        "0\r\nX : y\r!\n\r\n",
        "0\r\nno colon\r!\n\r\n",
    ] {
        refuses(body, "malformed");
    }
    refuses("0\r\nContent-Length: 5\r!\n\r\n", "ambiguous");
    refuses("0\r\nX: y\r\nhost: b\r!\n\r\n", "ambiguous");
    refuses(&format!("1;{}!x\r\n", "x".repeat(256)), "malformed");
    refuses(&format!("0\r\nX: {}!x", "y".repeat(8 * 1024 - 3)), "header-size");
}

#[test]
fn a_length_is_counted_exactly() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    let next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let all = [head, "\0\r\n\n", next].concat();
    assert_eq!(feed_every_cut(requests, all.as_bytes()), (all.clone().into(), None));
    let (passed, fault) = feed_every_cut(requests, [head, "abcd", "\0", next].concat().as_bytes());
    assert_eq!((passed.len(), fault.unwrap().code()), (head.len() + 4, "malformed"));
}

proptest! {
    /// What we take for the end of a body is where a plain reading of the coding ends it.
    #[test]
    fn any_chunks_are_read_as_written(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6),
        cut in 1_usize..100,
    ) {
        let mut bytes = HEAD.as_bytes().to_vec();
        for chunk in &chunks {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let end = bytes.len();
        prop_assert_eq!(feed(requests(), bytes.chunks(cut)), (bytes.clone(), None));
        bytes.extend(b"\nGET");
        let (passed, fault) = feed(requests(), bytes.chunks(cut));
        prop_assert_eq!((passed.len(), fault.map(|f| f.code())), (end, Some("malformed")));
    }

    #[test]
    fn random_chunked_bytes_never_panic(bytes in "[0-9a-f;\r\n :xX]{0,80}", cut in 1_usize..20) {
        let bytes = [HEAD, &bytes].concat().into_bytes();
        prop_assert_eq!(feed(requests(), bytes.chunks(cut)), feed(requests(), [&bytes[..]]));
    }
}
