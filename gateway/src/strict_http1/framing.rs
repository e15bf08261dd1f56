//! One body: where it ends, judged as it streams (RFC 9112, sections 6 and 7.1).

use super::Fault;
use super::fields::{is_decisive, is_token, parse_line};

/// Fifteen hex digits say 2^60 bytes; sixteen and more are where readers overflow differently.
const SIZE_DIGITS: u8 = 15;
/// Extensions mean nothing to anybody; a few bytes are tolerated.
const EXTENSION_BYTES: usize = 256;
/// All trailer lines of one body: half of what hyper takes, so that it never refuses what we passed.
const TRAILER_BYTES: usize = 8 * 1024;

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes.
    Length(u64),
    Chunked(Chunked),
    /// All until the end of the connection; answers only.
    UntilClose,
}

/// Where in the chunked coding the next byte stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    Size { digits: u8, size: u64 },
    Extension { size: u64, bytes: usize },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailer { line: Vec<u8>, bytes: usize },
    Over,
}

impl Body {
    pub const EMPTY: Self = Self::Length(0);
    const NEXT_CHUNK: Chunked = Chunked::Size { digits: 0, size: 0 };

    pub fn chunked() -> Self {
        Self::Chunked(Self::NEXT_CHUNK)
    }

    pub fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunked::Over))
    }

    /// Judges the next bytes; answers how many are good and of this body. It faults only on the first byte,
    /// so bytes before a fault are counted first, and the answer does not depend on how the bytes were cut.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self {
            Self::UntilClose => Ok(bytes.len()),
            Self::Length(left) => Ok(take_data(left, bytes)),
            Self::Chunked(chunked) => {
                let mut taken = 0;
                while taken < bytes.len() && *chunked != Chunked::Over {
                    match chunked.take(&bytes[taken..]) {
                        Ok(n) => taken += n,
                        Err(fault) if taken == 0 => return Err(fault),
                        Err(_) => break,
                    }
                }
                Ok(taken)
            }
        }
    }
}

/// Counts data off `left`, as much as there is.
fn take_data(left: &mut u64, bytes: &[u8]) -> usize {
    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= n as u64;
    n
}

impl Chunked {
    /// Judges one byte, or a run of chunk data; on a fault it stays where it was. `bytes` is not empty.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let byte = bytes[0];
        let next = match self {
            Self::Size { digits, size } => match (char::from(byte).to_digit(16), byte) {
                (Some(_), _) if *digits == SIZE_DIGITS => {
                    return Err(Fault::Malformed("chunk size is too long"));
                }
                (Some(digit), _) => Self::Size { digits: *digits + 1, size: *size * 16 + u64::from(digit) },
                (None, b';') if *digits > 0 => Self::Extension { size: *size, bytes: 0 },
                (None, b'\r') if *digits > 0 => Self::SizeLf { size: *size },
                _ => return Err(Fault::Malformed("not a chunk size")),
            },
            Self::Extension { size, bytes } => match byte {
                b'\r' if *bytes > 0 => Self::SizeLf { size: *size },
                _ if *bytes == EXTENSION_BYTES => {
                    return Err(Fault::Malformed("chunk extension is too long"));
                }
                b if *bytes == 0 && !is_token(&[b]) => {
                    return Err(Fault::Malformed("chunk extension without a name"));
                }
                b' '..=b'~' | b'\t' => Self::Extension { size: *size, bytes: *bytes + 1 },
                _ => return Err(Fault::Malformed("not a chunk extension")),
            },
            Self::SizeLf { size } => match (byte, *size) {
                (b'\n', 0) => Self::Trailer { line: Vec::new(), bytes: 0 },
                (b'\n', left) => Self::Data { left },
                _ => return Err(Fault::Malformed("bare CR after a chunk size")),
            },
            Self::Data { left } => {
                let n = take_data(left, bytes);
                if *left == 0 {
                    *self = Self::DataCr;
                }
                return Ok(n);
            }
            Self::DataCr if byte == b'\r' => Self::DataLf,
            Self::DataLf if byte == b'\n' => Body::NEXT_CHUNK,
            Self::DataCr | Self::DataLf => {
                return Err(Fault::Malformed("chunk data is longer than its size"));
            }
            Self::Trailer { line, bytes } => {
                if *bytes == TRAILER_BYTES {
                    return Err(Fault::HeaderSize);
                }
                if !trailer_byte(line, byte)? {
                    line.push(byte);
                    *bytes += 1;
                    return Ok(1);
                }
                match line.len() {
                    1 => Self::Over,
                    _ => Self::Trailer { line: Vec::new(), bytes: *bytes + 1 },
                }
            }
            Self::Over => return Ok(0),
        };
        *self = next;
        Ok(1)
    }
}

/// Whether `byte` ends this trailer line, which then was judged: a trailer holds no decisive field, since
/// whoever merges it into the head would change what was judged (RFC 9110, section 6.5.1).
fn trailer_byte(line: &[u8], byte: u8) -> Result<bool, Fault> {
    match (line.split_last(), byte) {
        (Some((b'\r', [])), b'\n') => Ok(true),
        (Some((b'\r', line)), b'\n') => match parse_line(line)? {
            (name, _) if is_decisive(name) => Err(Fault::Ambiguous("a decisive field in a trailer")),
            _ => Ok(true),
        },
        (Some((b'\r', _)), _) | (_, b'\n') => Err(Fault::Malformed("bare CR or LF in a trailer")),
        _ => Ok(false),
    }
}
