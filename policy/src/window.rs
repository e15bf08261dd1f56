//! Hours on the local wall clock.

use jiff::civil::{Date, DateTime, Weekday};

/// Minutes of a day; `24:00` is this many.
pub const MINUTES_OF_DAY: u16 = 24 * 60;

/// One `[[window]]`: local day in `days`, `from` <= wall clock < `to`, and not on a closed date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) id: String,
    /// Monday first.
    pub(crate) days: [bool; 7],
    /// Minutes since midnight.
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) closed: Vec<Date>,
}

impl Window {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn has_day(&self, day: Weekday) -> bool {
        self.days[usize::from(day.to_monday_zero_offset() as u8)]
    }

    pub(crate) fn is_closed_on(&self, date: Date) -> bool {
        self.closed.contains(&date)
    }

    /// Open at this wall clock, closed dates left aside.
    pub(crate) fn has_time(&self, local: DateTime) -> bool {
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        self.has_day(local.weekday()) && self.from <= minute && minute < self.to
    }
}
