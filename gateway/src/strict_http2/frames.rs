//! The frames of one client, judged as they come (RFC 9113, section 4): bytes in, verdicts out. Pure; the I/O is `adapter`'s.
//!
//! Frames pass as they are. A head that is bad is exchanged for one that h2 takes and that carries its fault in the field
//! [`REFUSED`], so that it is answered and recorded like any refusal; after it nothing more begins on the connection, since the
//! tables of both readers have parted.

use super::REFUSED;
use super::head::{Head, judge_trailers};
use super::hpack::{Decoder, literal};
use crate::strict_http1::{Fault, Limits, METHOD_BYTES};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES: usize = 9;
/// SETTINGS_MAX_FRAME_SIZE: its default, which hyper leaves alone.
const FRAME_BYTES: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const PROTOCOL_ERROR: [u8; 4] = [0, 0, 0, 1];

/// What may happen to the bytes shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The first so many (never 0) may pass.
    Pass(usize),
    /// None may pass yet: show them again with more behind them.
    More,
    /// The first so many are dropped, and these pass in their place.
    Instead { taken: usize, with: Vec<u8> },
}

/// A head of which the connection's owner must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// h2 resets the stream itself, and nobody else will record it.
    Reset { fault: Fault, method: Option<String>, target: Option<String> },
    /// The last head of this connection was read.
    Last,
}

/// Judges the bytes of one client.
#[derive(Debug)]
pub struct Frames {
    limits: Limits,
    /// Extended CONNECT is answered by us; else h2 resets it.
    extended: bool,
    decoder: Decoder,
    began: bool,
    /// Bytes of the frame that passes now.
    left: usize,
    /// They are dropped instead.
    dropping: bool,
    last_stream: u32,
    /// The stream of the bad head or trailers, after which nothing begins.
    refused: Option<u32>,
    news: Vec<News>,
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    /// As much of it as came.
    payload: &'a [u8],
    length: usize,
}

impl Frames {
    pub fn new(limits: Limits, extended: bool) -> Self {
        Self {
            limits,
            extended,
            decoder: Decoder::default(),
            began: false,
            left: 0,
            dropping: false,
            last_stream: 0,
            refused: None,
            news: Vec::new(),
        }
    }

    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Judges bytes; `Err` ends the connection without an answer, for what is no HTTP/2 at all.
    pub fn inspect(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        if bytes.is_empty() {
            return Ok(Step::More);
        }
        if self.left > 0 {
            let taken = self.left.min(bytes.len());
            self.left -= taken;
            return Ok(self.through(taken));
        }
        if !self.began {
            return self.preface(bytes);
        }
        let Some(frame) = frame(bytes) else { return Ok(Step::More) };
        if frame.length > FRAME_BYTES {
            return Err(Fault::Malformed("a frame over its limit"));
        }
        let is_block = matches!(frame.kind, HEADERS | CONTINUATION | PUSH_PROMISE);
        match self.refused {
            Some(bad) if is_block || frame.stream == bad || frame.stream > self.last_stream => {
                Ok(self.drop_frame(&frame, bad))
            }
            _ if !is_block => {
                self.dropping = false;
                self.left = frame.length;
                Ok(Step::Pass(HEADER_BYTES))
            }
            _ if frame.kind == HEADERS => self.block(bytes, &frame),
            _ => Err(Fault::Malformed("a frame out of its order")),
        }
    }

    fn through(&self, taken: usize) -> Step {
        match self.dropping {
            true => Step::Instead { taken, with: Vec::new() },
            false => Step::Pass(taken),
        }
    }

    fn preface(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        let seen = bytes.len().min(PREFACE.len());
        if bytes[..seen] != PREFACE[..seen] {
            return Err(Fault::Malformed("not the preface of HTTP/2"));
        }
        if seen < PREFACE.len() {
            return Ok(Step::More);
        }
        self.began = true;
        Ok(Step::Pass(seen))
    }

    /// After the last head: the bad stream is over, no other begins, and the trailers of an older one can't be read any more.
    fn drop_frame(&mut self, frame: &Frame<'_>, bad: u32) -> Step {
        self.dropping = true;
        self.left = frame.length;
        let is_older = frame.stream != bad && frame.stream <= self.last_stream;
        let ends = frame.kind == HEADERS && is_older && frame.flags & END_STREAM != 0;
        let with = if ends { write_frame(DATA, END_STREAM, frame.stream, &[]) } else { Vec::new() };
        Step::Instead { taken: HEADER_BYTES, with }
    }

    /// A field block, once it is whole: its HEADERS and every CONTINUATION.
    fn block(&mut self, bytes: &[u8], first: &Frame<'_>) -> Result<Step, Fault> {
        let Some(fragment) = fragment(first)? else { return Ok(Step::More) };
        let mut taken = HEADER_BYTES + first.length;
        if first.flags & END_HEADERS != 0 {
            return self.judge(first, fragment, taken);
        }
        let mut block = fragment.to_vec();
        loop {
            // As large as the largest head; what is more is refused, and its rest dropped as it comes.
            if block.len() > self.limits.head_bytes * 2 {
                return self.refuse(first, Fault::HeaderSize, &Head::default(), taken);
            }
            let Some(frame) = frame(&bytes[taken..]) else { return Ok(Step::More) };
            if frame.kind != CONTINUATION || frame.stream != first.stream || frame.length > FRAME_BYTES {
                return Err(Fault::Malformed("a field block that is not continued"));
            }
            if frame.payload.len() < frame.length {
                return Ok(Step::More);
            }
            block.extend_from_slice(frame.payload);
            taken += HEADER_BYTES + frame.length;
            if frame.flags & END_HEADERS != 0 {
                return self.judge(first, &block, taken);
            }
        }
    }

    fn judge(&mut self, first: &Frame<'_>, block: &[u8], taken: usize) -> Result<Step, Fault> {
        let ends = first.flags & END_STREAM != 0;
        if first.stream <= self.last_stream {
            return match judge_trailers(&mut self.decoder, block, &self.limits) {
                Ok(()) if ends => Ok(Step::Pass(taken)),
                // The stream ends as a broken one, and whoever reads its body tells why.
                _ => {
                    self.end(first.stream);
                    Ok(Step::Instead {
                        taken,
                        with: write_frame(RST_STREAM, 0, first.stream, &PROTOCOL_ERROR),
                    })
                }
            };
        }
        self.last_stream = first.stream;
        let mut head = Head::default();
        match head.judge(&mut self.decoder, block, ends, &self.limits) {
            Err(fault) => self.refuse(first, fault, &head, taken),
            Ok(()) => {
                if head.extended && !self.extended {
                    let (method, target) = described(&head);
                    let fault = Fault::Unsupported("extended CONNECT");
                    self.news.push(News::Reset { fault, method, target });
                }
                Ok(Step::Pass(taken))
            }
        }
    }

    /// Exchanges a bad head for one that tells of it.
    fn refuse(&mut self, first: &Frame<'_>, fault: Fault, head: &Head, taken: usize) -> Result<Step, Fault> {
        self.last_stream = first.stream;
        self.end(first.stream);
        let (method, target) = described(head);
        let told = format!(
            "{} {} {}",
            fault.code(),
            method.as_deref().unwrap_or("-"),
            target.as_deref().unwrap_or("-")
        );
        // GET, https and / of the static table.
        let mut block = vec![0x82, 0x87, 0x84];
        literal(&mut block, REFUSED.as_bytes(), told.as_bytes());
        let with = write_frame(HEADERS, END_STREAM | END_HEADERS, first.stream, &block);
        Ok(Step::Instead { taken, with })
    }

    fn end(&mut self, stream: u32) {
        self.refused = Some(stream);
        self.news.push(News::Last);
    }
}

/// Method and target as records take them: visible ASCII, of a length that fits.
fn described(head: &Head) -> (Option<String>, Option<String>) {
    let visible = |text: &[u8], limit: usize| {
        let fits = !text.is_empty() && text.len() <= limit && text.iter().all(u8::is_ascii_graphic);
        fits.then(|| String::from_utf8_lossy(text).into_owned())
    };
    let method = head.method.as_deref().and_then(|method| visible(method, METHOD_BYTES));
    (method, head.target().and_then(|target| visible(target, super::DESCRIBED_BYTES)))
}

fn frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
    // The first bit of the stream's number is reserved.
    let stream = u32::from_be_bytes([header[5] & 0x7f, header[6], header[7], header[8]]);
    Some(Frame {
        kind: header[3],
        flags: header[4],
        stream,
        payload: &rest[..length.min(rest.len())],
        length,
    })
}

/// The part of a HEADERS frame that is field block (section 6.2), once the frame is whole.
fn fragment<'a>(frame: &Frame<'a>) -> Result<Option<&'a [u8]>, Fault> {
    if frame.payload.len() < frame.length {
        return Ok(None);
    }
    let malformed = Fault::Malformed("a HEADERS frame of a wrong length");
    let mut block = frame.payload;
    let mut padding = 0;
    if frame.flags & PADDED != 0 {
        let (length, rest) = block.split_first().ok_or(malformed)?;
        (padding, block) = (usize::from(*length), rest);
    }
    if frame.flags & PRIORITY != 0 {
        block = block.get(5..).ok_or(malformed)?;
    }
    let end = block.len().checked_sub(padding).ok_or(malformed)?;
    Ok(Some(&block[..end]))
}

fn write_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
