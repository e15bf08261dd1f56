//! HPACK (RFC 7541), the reading side: field blocks as the client wrote them, before h2 reads them its way. Pure; called by
//! `frames`, which hands over the blocks of one connection in order, since each builds on those before.

use std::collections::VecDeque;

use super::huffman;

/// SETTINGS_HEADER_TABLE_SIZE (RFC 9113, section 6.5.2): its default, which hyper leaves alone.
const TABLE_BYTES: usize = 4096;
/// What an entry counts beside its text (section 4.1).
const ENTRY_BYTES: usize = 32;
/// Bytes that may continue an integer (section 5.1): enough for any length that fits a frame.
const INTEGER_BYTES: usize = 4;

/// A block that no reader can read; everything behind it is lost too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a field block")]
pub struct Unreadable;

type Name = &'static str;

/// RFC 7541, appendix A; indexes count from 1.
const STATIC: [(Name, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Name and value.
type Entry = (Box<[u8]>, Box<[u8]>);

/// The state of one direction of one connection.
#[derive(Debug)]
pub struct Decoder {
    /// Newest first.
    entries: VecDeque<Entry>,
    bytes: usize,
    capacity: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        let (name, value) = Default::default();
        Self { entries: VecDeque::new(), bytes: 0, capacity: TABLE_BYTES, name, value }
    }
}

impl Decoder {
    /// Hands each field of a whole block to `field`, which stops the reading with an error of its own. After any error the
    /// connection's blocks can't be read any more.
    pub fn decode<E: From<Unreadable>>(
        &mut self,
        block: &[u8],
        mut field: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = Block(block);
        let mut may_resize = true;
        while let Some(&first) = rest.0.first() {
            may_resize &= first & 0xe0 == 0x20;
            match first {
                0x80.. => {
                    let index = rest.integer(7)?;
                    let (name, value) = self.entry(index)?;
                    field(name, value)?;
                }
                0x20..=0x3f if may_resize => self.resize(rest.integer(5)?)?,
                0x20..=0x3f => return Err(Unreadable.into()),
                _ => {
                    let indexed = first & 0x40 != 0;
                    self.literal(&mut rest, if indexed { 6 } else { 4 })?;
                    field(&self.name, &self.value)?;
                    if indexed {
                        self.insert();
                    }
                }
            }
        }
        Ok(())
    }

    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Unreadable> {
        let known = index.checked_sub(1).ok_or(Unreadable)?;
        if let Some((name, value)) = STATIC.get(known) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        self.entries.get(known - STATIC.len()).map(|(name, value)| (&**name, &**value)).ok_or(Unreadable)
    }

    /// Reads a literal into `name` and `value`; its name may be that of an entry.
    fn literal(&mut self, rest: &mut Block<'_>, prefix: u32) -> Result<(), Unreadable> {
        let index = rest.integer(prefix)?;
        let (mut name, mut value) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        name.clear();
        value.clear();
        match index {
            0 => rest.string(&mut name)?,
            _ => name.extend_from_slice(self.entry(index)?.0),
        }
        rest.string(&mut value)?;
        (self.name, self.value) = (name, value);
        Ok(())
    }

    fn insert(&mut self) {
        let size = self.name.len() + self.value.len() + ENTRY_BYTES;
        self.evict(self.capacity.saturating_sub(size));
        if size <= self.capacity {
            self.entries.push_front((self.name.as_slice().into(), self.value.as_slice().into()));
            self.bytes += size;
        }
    }

    fn resize(&mut self, capacity: usize) -> Result<(), Unreadable> {
        if capacity > TABLE_BYTES {
            return Err(Unreadable);
        }
        self.capacity = capacity;
        self.evict(capacity);
        Ok(())
    }

    fn evict(&mut self, allowed_bytes: usize) {
        while self.bytes > allowed_bytes {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.bytes -= name.len() + value.len() + ENTRY_BYTES;
        }
    }
}

/// What is left of a block.
struct Block<'a>(&'a [u8]);

impl Block<'_> {
    fn byte(&mut self) -> Result<u8, Unreadable> {
        let (first, rest) = self.0.split_first().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(*first)
    }

    /// An integer whose first byte keeps `prefix` bits for it (section 5.1).
    fn integer(&mut self, prefix: u32) -> Result<usize, Unreadable> {
        let all = (1 << prefix) - 1;
        let first = usize::from(self.byte()?) & all;
        if first < all {
            return Ok(first);
        }
        let mut value = all;
        for shift in (0..INTEGER_BYTES).map(|byte| 7 * byte) {
            let next = self.byte()?;
            value += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Unreadable)
    }

    /// A string, plain or Huffman coded (section 5.2), appended to `into`.
    fn string(&mut self, into: &mut Vec<u8>) -> Result<(), Unreadable> {
        let coded = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Unreadable)?;
        self.0 = rest;
        match coded {
            true => huffman::decode(text, into).ok_or(Unreadable),
            false => {
                into.extend_from_slice(text);
                Ok(())
            }
        }
    }
}

/// A literal that leaves the table alone (section 6.2.2), for blocks of our own.
pub fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        let mut left = text.len();
        if left < 0x7f {
            block.push(left as u8);
        } else {
            block.push(0x7f);
            left -= 0x7f;
            while left >= 0x80 {
                block.push(left as u8 | 0x80);
                left >>= 7;
            }
            block.push(left as u8);
        }
        block.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Unreadable> {
        let mut fields = Vec::new();
        decoder.decode(block, |name, value| {
            fields.push(format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
            Ok::<_, Unreadable>(())
        })?;
        Ok(fields)
    }

    /// RFC 7541, appendix C.4: three requests on one connection.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        let mut decoder = Decoder::default();
        for (block, expected) in [
            (
                &b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
                ":method=GET :scheme=http :path=/ :authority=www.example.com",
            ),
            (
                b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
                ":method=GET :scheme=http :path=/ :authority=www.example.com cache-control=no-cache",
            ),
            (
                b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf",
                ":method=GET :scheme=https :path=/index.html :authority=www.example.com custom-key=custom-value",
            ),
        ] {
            assert_eq!(read(&mut decoder, block).unwrap().join(" "), expected);
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for block in [
            &b"\x80"[..],
            b"\xbe",
            b"\x82\x3f\xe1\x1f",
            b"\x3f\xe2\x1f",
            b"\x00\x01",
            b"\x00\x05ab",
            b"\xff\xff\xff\xff\xff\xff",
            b"\x00\x01a\x81\x00",
        ] {
            assert_eq!(read(&mut Decoder::default(), block), Err(Unreadable), "{block:x?}");
        }
    }

    #[test]
    fn our_own_literals_are_read() {
        for length in [0, 1, 126, 127, 128, 254, 255, 9000] {
            let (mut block, value) = (Vec::new(), "v".repeat(length));
            literal(&mut block, b"name", value.as_bytes());
            assert_eq!(read(&mut Decoder::default(), &block).unwrap(), [format!("name={value}")]);
        }
    }
}
