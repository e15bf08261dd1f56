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

    /// Every minute of a day is another one, whatever the zone does on it; a day is too long for minutes (refused when they
    /// are charged) only where a whole date came twice.
    #[test]
    fn no_minute_comes_twice_in_a_day() {
        for (zone, day, expected) in [
            ("Europe/Paris", "2026-03-29", 1380),
            ("Europe/Paris", "2026-10-25", 1500),
            ("Australia/Lord_Howe", "2026-04-05", 1470),
            ("America/Sao_Paulo", "2018-11-04", 1380),
            ("Pacific/Apia", "2011-12-31", 1440),
            ("Pacific/Kwajalein", "1969-09-30", 2820),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let date: Date = day.parse().unwrap();
            let start = date.to_zoned(zone.clone()).unwrap().start_of_day().unwrap().timestamp();
            let mut minutes = 0;
            for minute in 0.. {
                let now = start + jiff::SignedDuration::from_mins(minute);
                let local = LocalMinute::of(now, &zone);
                if local.day != date {
                    break;
                }
                assert_eq!(i64::from(local.minute), minute, "{day}");
                minutes += 1;
            }
            assert_eq!(minutes, expected, "{day}");
        }
    }

    #[test]
    fn the_ends_of_time_are_minutes_too() {
        for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            for zone in ["Europe/Paris", "Pacific/Kiritimati", "America/Los_Angeles"] {
                assert!(LocalMinute::of(now, &TimeZone::get(zone).unwrap()).minute < 1500, "{now} {zone}");
            }
        }
    }

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
