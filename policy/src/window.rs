//! Hours on the local wall clock. When the clock is set back in autumn the hour that comes twice is open twice; the hour
//! that is missing in spring is missed.

use jiff::civil::{Date, DateTime, Weekday};

/// Minutes of a day; `24:00` is this many.
pub(crate) const MINUTES_OF_DAY: u16 = 24 * 60;

/// One `[[window]]`: local day in `days`, `from` <= wall clock < `to`, and not on a closed date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) id: String,
    /// Monday first.
    pub(crate) days: [bool; 7],
    /// Minutes since midnight, `from` < `to`.
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) closed: Vec<Date>,
}

impl Window {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Monday first.
    pub fn days(&self) -> [bool; 7] {
        self.days
    }

    /// From and to, as the file writes them: `24:00` is the end of the day.
    pub fn hours(&self) -> (String, String) {
        let written = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        (written(self.from), written(self.to))
    }

    /// Dates without this window.
    pub fn closed(&self) -> &[Date] {
        &self.closed
    }

    pub(crate) fn has_day(&self, day: Weekday) -> bool {
        self.days[day.to_monday_zero_offset().unsigned_abs() as usize]
    }

    pub(crate) fn is_closed_on(&self, date: Date) -> bool {
        self.closed.contains(&date)
    }

    /// Open at this wall clock, closed dates left aside.
    pub(crate) fn has_time(&self, local: DateTime) -> bool {
        let minute = minute_of_day(local);
        self.has_day(local.weekday()) && self.from <= minute && minute < self.to
    }

    /// The first opening on `date` that is not before `earliest`.
    pub(crate) fn opening_on(&self, date: Date, earliest: DateTime) -> Option<DateTime> {
        let opening = date.at((self.from / 60) as i8, (self.from % 60) as i8, 0, 0);
        match opening >= earliest {
            true => Some(opening),
            false => (date == earliest.date() && minute_of_day(earliest) < self.to).then_some(earliest),
        }
    }
}

fn minute_of_day(local: DateTime) -> u16 {
    u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs())
}
