//! The frames of HTTP/2 and their field blocks, against h2's own writer and in every cut.

use http::{Method, Request, Uri};
use passerelle_gateway::strict_http1::{Fault, Limits};
use passerelle_gateway::strict_http2::frames::{Frames, News, Step};
use passerelle_gateway::strict_http2::hpack::{Decoder, Unreadable, literal};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    fields.iter().for_each(|(name, value)| literal(&mut block, name.as_bytes(), value.as_bytes()));
    block
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/")];

fn head(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(fields))
}

/// A head as long as it may be, without an end of its stream.
fn head_in_frames(stream: u32, block: &[u8]) -> Vec<u8> {
    let (first, rest) = block.split_at(block.len().min(16_000));
    let mut bytes = frame(HEADERS, if rest.is_empty() { END_HEADERS } else { 0 }, stream, first);
    let last = rest.chunks(16_000).len();
    for (number, part) in rest.chunks(16_000).enumerate() {
        bytes.extend(frame(CONTINUATION, if number + 1 == last { END_HEADERS } else { 0 }, stream, part));
    }
    bytes
}

/// What h2 is shown, what the owner is told, and the fault that ended it.
type Seen = (Vec<u8>, Vec<News>, Option<Fault>);

/// Feeds pieces as the adapter does.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut frames = Frames::new(Limits::default(), false);
    let (mut held, mut shown, mut fault) = (Vec::new(), Vec::new(), None);
    'all: for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            match frames.inspect(&held) {
                Ok(Step::Pass(n)) => shown.extend(held.drain(..n)),
                Ok(Step::Instead { taken, with }) => {
                    drop(held.drain(..taken));
                    shown.extend(with);
                }
                Ok(Step::More) => break,
                Err(found) => {
                    fault = Some(found);
                    break 'all;
                }
            }
        }
    }
    (shown, frames.take_news(), fault)
}

/// Whole and in pieces; both must agree.
fn feed_every_way(bytes: &[u8]) -> Seen {
    let whole = feed([bytes]);
    // Large input would be looked at again with each byte.
    let size = if bytes.len() < 2000 { 1 } else { 997 };
    assert_eq!(feed(bytes.chunks(size)), whole, "{}", bytes.escape_ascii());
    whole
}

#[test]
fn good_frames_pass_as_they_are() {
    let long = block(&[&GET[..], &[("x", &"y".repeat(20_000))]].concat());
    let bytes = [
        PREFACE.to_vec(),
        frame(4, 0, 0, &[]),
        head(1, &GET),
        frame(HEADERS, END_HEADERS | 0x28, 3, &[&[2, 0, 0, 0, 0, 9][..], &block(&GET), &[0, 0]].concat()),
        frame(DATA, 0, 3, b"body"),
        frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&[("x-checksum", "1")])),
        frame(HEADERS, END_STREAM, 5, &long[..16_000]),
        frame(CONTINUATION, END_HEADERS, 5, &long[16_000..]),
        frame(0x7f, 0, 0, b"unknown"),
    ]
    .concat();
    let (shown, news, fault) = feed_every_way(&bytes);
    assert!(shown == bytes && news.is_empty() && fault.is_none(), "{news:?} {fault:?}");
}

/// A bad head is exchanged for one that tells of it, and is the last.
#[test]
fn a_bad_head_is_told_of_and_is_the_last() {
    let check = |fields: &[(&str, &str)], told: &str| {
        let before = [PREFACE.to_vec(), head(1, &GET)].concat();
        let after = [
            frame(DATA, END_STREAM, 3, b"its body"),
            head(5, &GET),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&[("x", "y")])),
            frame(8, 0, 0, &[0, 0, 1, 0]),
        ];
        let bad = head_in_frames(3, &block(fields));
        let (shown, news, fault) = feed_every_way(&[before.clone(), bad, after.concat()].concat());
        let mut expected = vec![0x82, 0x87, 0x84];
        literal(&mut expected, b"passerelle-refused", told.as_bytes());
        let stands = frame(HEADERS, END_STREAM | END_HEADERS, 3, &expected);
        let older = frame(DATA, END_STREAM, 1, &[]);
        let expected = [before, stands, older, after[3].clone()].concat();
        assert_eq!(shown.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{fields:?}");
        assert_eq!((news, fault), (vec![News::Last], None));
    };
    check(&[GET[0], GET[1], GET[2], (":path", "/a#b")], "malformed GET /a#b");
    check(&[GET[0], GET[1], GET[2], (":path", "/a b")], "malformed GET -");
    check(&[GET[0], GET[1], GET[2], GET[3], GET[3]], "ambiguous GET /");
    check(&[&GET[..], &[("passerelle-refused", "x")]].concat(), "malformed GET /");
    check(&[&GET[..], &[("x", "a\r\nb")]].concat(), "malformed GET /");
    check(&[(":method", "CONNECT"), (":authority", "u@a:1")], "malformed CONNECT u@a:1");
    let large = "y".repeat(9000);
    check(&[&GET[..], &[("x", &large[..]); 15]].concat(), "header-size GET /");
    let path = format!("/{}", "x".repeat(8192));
    check(&[GET[0], GET[1], GET[2], (":path", &path)], "target-size GET -");
}

#[test]
fn what_is_no_http2_ends_the_connection() {
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        [PREFACE, &frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
        [PREFACE, &frame(5, END_HEADERS, 1, &[])].concat(),
        [PREFACE, &frame(HEADERS, END_HEADERS | 8, 1, &[9, 0])].concat(),
        [PREFACE, &frame(HEADERS, END_HEADERS | 0x20, 1, &[0; 4])].concat(),
        [PREFACE, &[0, 0x40, 1, DATA, 0, 0, 0, 0, 1]].concat(),
        [PREFACE, &frame(HEADERS, 0, 1, &block(&GET)), &frame(DATA, 0, 1, &[])].concat(),
        [PREFACE, &frame(HEADERS, 0, 1, &block(&GET)), &frame(CONTINUATION, END_HEADERS, 3, &[])].concat(),
    ] {
        assert!(feed_every_way(&bytes).2.is_some(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn bad_trailers_break_their_stream() {
    for fields in [("content-length", "5"), (":path", "/"), ("X", "y"), ("x", "a\0b"), ("host", "b.example")]
    {
        let before = [PREFACE.to_vec(), frame(HEADERS, END_HEADERS, 1, &block(&GET))].concat();
        let trailers = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&[fields]));
        let (shown, news, _) = feed_every_way(&[before.clone(), trailers].concat());
        assert_eq!(shown, [before, frame(HEADERS, END_HEADERS, 1, &[])].concat());
        assert_eq!(news, [News::Last]);
    }
}

/// A head that never ends is refused when it is over its limit, and the rest of it is dropped.
#[test]
fn an_endless_head_is_cut() {
    let mut bytes = [PREFACE.to_vec(), frame(HEADERS, 0, 1, &vec![0; 16_000])].concat();
    (0..20).for_each(|_| bytes.extend(frame(CONTINUATION, 0, 1, &vec![0; 16_000])));
    let (shown, news, fault) = feed([&bytes[..]]);
    assert!(shown.len() < 200 && fault.is_none(), "{} bytes, {fault:?}", shown.len());
    assert_eq!(news, [News::Last]);
    assert_eq!(feed(bytes.chunks(1000)).1, [News::Last]);
}

#[test]
fn extended_connect_is_told_where_h2_resets_it() {
    let fields = [(":method", "CONNECT"), (":protocol", "websocket"), GET[1], GET[2], GET[3]];
    let bytes = [PREFACE.to_vec(), head(1, &fields)].concat();
    let (shown, news, _) = feed_every_way(&bytes);
    assert_eq!(shown, bytes);
    assert!(matches!(&news[..], [News::Reset { fault: Fault::Unsupported(_), .. }]), "{news:?}");
}

/// The bytes of a real client that asks for these, and then says no more.
fn written_by_h2(requests: &[Vec<(String, String)>]) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = h2::client::handshake(client).await.unwrap();
        let connection = tokio::spawn(connection);
        for fields in requests {
            let uri = Uri::from_static("https://a.example/x?y=z");
            let mut request = Request::builder().method(Method::GET).uri(uri);
            for (name, value) in fields {
                request = request.header(name, value);
            }
            sender = sender.ready().await.unwrap();
            let _ = sender.send_request(request.body(()).unwrap(), true).unwrap();
            tokio::task::yield_now().await;
        }
        drop(sender);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        connection.abort();
        let _ = connection.await;
        let mut bytes = Vec::new();
        let _ = server.read_to_end(&mut bytes).await;
        bytes
    })
}

/// The fields of every HEADERS frame, by our reading.
fn read_heads(bytes: &[u8]) -> Vec<Vec<(String, String)>> {
    let (mut decoder, mut rest, mut heads) = (Decoder::default(), &bytes[PREFACE.len()..], Vec::new());
    while let [a, b, c, kind, flags, _, _, _, _, after @ ..] = rest {
        let (payload, next) = after.split_at(u32::from_be_bytes([0, *a, *b, *c]) as usize);
        if *kind == HEADERS {
            assert_eq!(flags & 0x28, 0, "h2 neither pads nor ranks");
            let mut fields = Vec::new();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let read = decoder.decode(payload, |name, value| {
                fields.push((text(name), text(value)));
                Ok::<_, Unreadable>(())
            });
            read.unwrap();
            heads.push(fields);
        }
        rest = next;
    }
    heads
}

proptest! {
    /// We read what h2 wrote, tables and Huffman codes included, and let it pass.
    #[test]
    fn heads_are_read_as_h2_wrote_them(requests in prop::collection::vec(
        prop::collection::vec(("x-[a-c]{1,2}|accept|cookie|user-agent", "[!-~]([ -~]{0,60}[!-~])?"), 0..6), 1..8,
    )) {
        let bytes = written_by_h2(&requests);
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let line = [(":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/x?y=z")].map(pair);
        let sorted = |mut fields: Vec<(String, String)>| { fields.sort(); fields };
        let expected: Vec<_> = requests.iter().map(|fields| sorted([&line[..], fields].concat())).collect();
        let read: Vec<_> = read_heads(&bytes).into_iter().map(sorted).collect();
        prop_assert_eq!(read, expected);
        let (shown, news, fault) = feed(bytes.chunks(7));
        prop_assert!(shown == bytes && news.is_empty() && fault.is_none(), "{:?} {:?}", news, fault);
    }

    /// A mutated stream of frames never panics, and what is shown does not depend on how it was cut.
    #[test]
    fn mutated_frames_have_one_reading(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in 1_usize..50,
    ) {
        let mut bytes = [
            PREFACE.to_vec(),
            head(1, &GET),
            frame(HEADERS, END_HEADERS, 3, &block(&GET)),
            frame(DATA, 0, 3, b"body"),
            head(5, &GET),
            frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&[("x", "y")])),
        ].concat();
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (whole, cut) = (feed([&bytes[..]]), feed(bytes.chunks(cut)));
        prop_assert_eq!(whole.0.escape_ascii().to_string(), cut.0.escape_ascii().to_string());
        prop_assert_eq!((whole.1, whole.2), (cut.1, cut.2));
    }

    #[test]
    fn random_blocks_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::default().decode(&bytes, |_, _| Ok::<_, Unreadable>(()));
        let _ = feed([PREFACE, &frame(HEADERS, END_HEADERS, 1, &bytes)]);
    }
}
