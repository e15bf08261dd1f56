//! The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths of its codes say everything.

/// Bits of the code of each byte.
const BITS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26,
];
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// By length of code: the first code of that length, and where its bytes stand in `BYTES`.
struct Code {
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    offset: [usize; LONGEST + 1],
    bytes: [u8; 256],
}

const CODE: Code = code();

const fn code() -> Code {
    let mut code =
        Code { first: [0; LONGEST + 1], count: [0; LONGEST + 1], offset: [0; LONGEST + 1], bytes: [0; 256] };
    let (mut length, mut next, mut placed) = (SHORTEST, 0, 0);
    while length <= LONGEST {
        code.first[length] = next;
        code.offset[length] = placed;
        let mut byte = 0;
        while byte < 256 {
            if BITS[byte] as usize == length {
                code.bytes[placed] = byte as u8;
                (next, placed) = (next + 1, placed + 1);
            }
            byte += 1;
        }
        code.count[length] = next - code.first[length];
        next <<= 1;
        length += 1;
    }
    code
}

/// Appends what `encoded` stands for. `None`: a code of nobody, or a padding other than the one allowed (section 5.2).
pub fn decode(encoded: &[u8], into: &mut Vec<u8>) -> Option<()> {
    let (mut bits, mut count) = (0_u64, 0);
    for byte in encoded {
        bits = bits << 8 | u64::from(*byte);
        count += 8;
        while let Some((decoded, length)) = first_code(bits, count) {
            into.push(decoded);
            count -= length;
        }
        if count >= LONGEST {
            return None;
        }
    }
    // Less than a byte of ones: the beginning of no byte's code.
    let padding = (1_u64 << count) - 1;
    (count < 8 && bits & padding == padding).then_some(())
}

/// The byte whose code the last `count` bits begin with.
fn first_code(bits: u64, count: usize) -> Option<(u8, usize)> {
    (SHORTEST..=LONGEST.min(count)).find_map(|length| {
        let value = (bits >> (count - length)) as u32 & ((1 << length) - 1);
        let place = value.checked_sub(CODE.first[length]).filter(|place| *place < CODE.count[length])?;
        Some((CODE.bytes[CODE.offset[length] + place as usize], length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541, appendix C.4 and C.6.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (encoded, expected) in [
            (&b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..], Some(&b"www.example.com"[..])),
            (b"\xa8\xeb\x10\x64\x9c\xbf", Some(b"no-cache")),
            (b"\x64\x02", Some(b"302")),
            (b"", Some(b"")),
            (b"\xff", None),
            (b"\x07\xff", None),
            (b"\x00\x00", None),
            (b"\xff\xff\xff\xff", None),
        ] {
            let mut decoded = Vec::new();
            let read = decode(encoded, &mut decoded).map(|()| &decoded[..]);
            assert_eq!(read, expected, "{encoded:x?}");
        }
    }
}
