//! Local time, as far as the gateway itself needs it: which minute of which local day it is.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A minute of use. Minutes are counted from local midnight as they pass, so a night with a clock change has 1380 or 1500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalMinute {
    pub day: Date,
    pub minute: u16,
}

impl LocalMinute {
    pub fn of(now: Timestamp, zone: &TimeZone) -> LocalMinute {
        let local = now.to_zoned(zone.clone());
        let since_midnight = match local.start_of_day() {
            Ok(midnight) => now.duration_since(midnight.timestamp()).as_mins(),
            // Only at the ends of time, years from -9999 to 9999.
            Err(_) => 0,
        };
        LocalMinute { day: local.date(), minute: u16::try_from(since_midnight).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn minutes_pass_one_by_one_even_when_clocks_change() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        for (now, day, minute) in [
            ("2026-06-01T10:00:30Z", "2026-06-01", 720),
            ("2026-05-31T22:00:00Z", "2026-06-01", 0),
            ("2026-03-29T21:59:00Z", "2026-03-29", 1379),
            ("2026-10-25T00:30:00Z", "2026-10-25", 150),
            ("2026-10-25T01:30:00Z", "2026-10-25", 210),
            ("2026-10-25T22:59:00Z", "2026-10-25", 1499),
        ] {
            let expected = LocalMinute { day: day.parse().unwrap(), minute };
            assert_eq!(LocalMinute::of(now.parse().unwrap(), &paris), expected, "{now}");
        }
    }
}
