//! `Range: bytes=…` (RFC 9110, section 14): one range, as media players ask for. Pure.
//!
//! Anything else in the field is ignored, as the RFC allows: the whole is answered then.

use std::ops::RangeInclusive;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Whole,
    /// First and last byte, both inside.
    Part(RangeInclusive<u64>),
    /// Nothing of what is asked for is there.
    Outside,
}

pub fn asked(field: Option<&str>, length: u64) -> Asked {
    let Some((unit, range)) = field.and_then(|field| field.trim().split_once('=')) else {
        return Asked::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Asked::Whole;
    }
    let Some((first, last)) = range.split_once('-') else { return Asked::Whole };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) if last.is_none_or(|last| first <= last) => {
            match length.checked_sub(1) {
                Some(end) if first <= end => Asked::Part(first..=last.unwrap_or(end).min(end)),
                _ => Asked::Outside,
            }
        }
        (Some(None), Some(Some(tail))) => match length.min(tail) {
            0 => Asked::Outside,
            tail => Asked::Part(length - tail..=length - 1),
        },
        _ => Asked::Whole,
    }
}

/// `Some(None)` for an empty number, `None` for what is none.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    // `parse` takes a leading `+`, the RFC does not.
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok().map(Some)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges() {
        for (field, expected) in [
            (None, Asked::Whole),
            (Some("bytes=0-"), Asked::Part(0..=9)),
            (Some("bytes=2-4"), Asked::Part(2..=4)),
            (Some("bytes=2-99"), Asked::Part(2..=9)),
            (Some("Bytes= 2 - 4 "), Asked::Part(2..=4)),
            (Some("bytes=-3"), Asked::Part(7..=9)),
            (Some("bytes=-99"), Asked::Part(0..=9)),
            (Some("bytes=10-"), Asked::Outside),
            (Some("bytes=-0"), Asked::Outside),
            (Some("bytes=4-2"), Asked::Whole),
            (Some("bytes=0-1,3-4"), Asked::Whole),
            (Some("bytes=-"), Asked::Whole),
            (Some("bytes=+1-2"), Asked::Whole),
            (Some("items=0-1"), Asked::Whole),
            (Some("bytes=99999999999999999999-"), Asked::Whole),
        ] {
            assert_eq!(asked(field, 10), expected, "{field:?}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Outside);
    }

    proptest! {
        #[test]
        fn a_part_lies_inside(field in "bytes=[0-9]{0,4}-[0-9]{0,4}", length in 0_u64..5000) {
            if let Asked::Part(range) = asked(Some(&field), length) {
                prop_assert!(range.start() <= range.end() && *range.end() < length);
            }
        }
    }
}
