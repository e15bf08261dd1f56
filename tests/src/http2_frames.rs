//! HTTP/2 frames as bytes (RFC 9113, section 4.1; RFC 7541), right or wrong, for what no library would send.

/// Flags of HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 0x4;
pub const END_STREAM: u8 = 0x1;

/// Name and value.
pub type Field<'a> = (&'a str, &'a str);

/// The client's preface and its settings: all defaults.
pub fn preface() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    settings(&mut bytes);
    bytes
}

/// Appends one frame. A payload is at most 16 KiB, and so its length's first byte is 0.
pub fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u16::try_from(payload.len()).expect("frames here are small");
    bytes.push(0);
    bytes.extend(length.to_be_bytes());
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
}

pub fn data(bytes: &mut Vec<u8>, stream: u32, payload: &[u8]) {
    frame(bytes, 0x0, 0, stream, payload);
}

pub fn headers(bytes: &mut Vec<u8>, flags: u8, stream: u32, block: &[u8]) {
    frame(bytes, 0x1, flags, stream, block);
}

/// RST_STREAM with CANCEL.
pub fn reset(bytes: &mut Vec<u8>, stream: u32) {
    frame(bytes, 0x3, 0, stream, &8_u32.to_be_bytes());
}

pub fn settings(bytes: &mut Vec<u8>) {
    frame(bytes, 0x4, 0, 0, &[]);
}

pub fn ping(bytes: &mut Vec<u8>) {
    frame(bytes, 0x6, 0, 0, &[0; 8]);
}

pub fn window_update(bytes: &mut Vec<u8>, stream: u32, increment: u32) {
    frame(bytes, 0x8, 0, stream, &increment.to_be_bytes());
}

/// One that does not end its head.
pub fn continuation(bytes: &mut Vec<u8>, stream: u32, block: &[u8]) {
    frame(bytes, 0x9, 0, stream, block);
}

/// A block of literal fields, without indexing and without Huffman codes.
pub fn fields(fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A string literal: its length as an integer with a prefix of 7 bits (RFC 7541, section 5.1), then its bytes.
fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128 + 128) as u8);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_the_rfc_says() {
        for (length, expected) in
            [(1, vec![1]), (126, vec![126]), (127, vec![127, 0]), (1337, vec![127, 186, 9])]
        {
            let mut block = Vec::new();
            text(&mut block, &"a".repeat(length));
            assert_eq!(block[..block.len() - length], expected, "{length}");
        }
    }
}
