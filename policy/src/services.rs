//! What a service asks of a person at a moment, and what one person may open now (the kiosk's services screen).

use std::cell::OnceCell;

use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ToSpan};

use crate::access::{EVERYONE, Usage};
use crate::rule::Service;
use crate::window::Window;
use crate::{Policy, Reason};

/// How far ahead the next opening is looked for: beyond a month "not before long" is all a person needs.
const NEXT_OPENING_DAYS: i32 = 31;

/// Whose services are listed.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    pub groups: &'a [String],
    pub usage: &'a Usage,
    pub now: Timestamp,
}

/// A service as one person sees it.
#[derive(Clone, Debug)]
pub struct ServiceView<'p> {
    pub service: &'p Service,
    /// Minutes left today; absent without a limit.
    pub minutes_left: Option<u32>,
    /// Why it can't be opened now.
    pub unavailable: Option<Unavailable>,
}

/// Why a service can't be opened, and from when on it can, where that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    pub reason: Reason,
    pub opens_at: Option<Timestamp>,
}

impl Policy {
    /// What a person may open now and why not the others, in the order of the file.
    pub fn services_for(&self, person: &Person<'_>) -> Vec<ServiceView<'_>> {
        let standing = Standing::new(self, person.groups, person.usage, person.now);
        self.services.iter().map(|service| standing.view(service)).collect()
    }
}

/// A person at a moment, as services look at them. The wall clock is read once, and only if a service asks.
pub(crate) struct Standing<'a> {
    policy: &'a Policy,
    groups: &'a [String],
    usage: &'a Usage,
    now: Timestamp,
    local: OnceCell<DateTime>,
}

impl<'a> Standing<'a> {
    pub(crate) fn new(
        policy: &'a Policy,
        groups: &'a [String],
        usage: &'a Usage,
        now: Timestamp,
    ) -> Standing<'a> {
        Standing { policy, groups, usage, now, local: OnceCell::new() }
    }

    fn local(&self) -> DateTime {
        *self.local.get_or_init(|| self.policy.time_zone.to_datetime(self.now))
    }

    fn windows<'s>(&'s self, service: &'s Service) -> impl Iterator<Item = &'s Window> {
        service.windows.iter().map(|index| &self.policy.windows[*index])
    }

    pub(crate) fn in_group(&self, service: &Service) -> bool {
        service.groups.iter().any(|group| group == EVERYONE || self.groups.contains(group))
    }

    pub(crate) fn is_unexpired(&self, service: &Service) -> bool {
        service.expires.is_none_or(|last_day| self.local().date() <= last_day)
    }

    /// False when the windows that have this weekday (or else all of them) are closed on this date.
    pub(crate) fn is_open_day(&self, service: &Service) -> bool {
        if service.windows.is_empty() {
            return true;
        }
        let (date, day) = (self.local().date(), self.local().weekday());
        let any_today = self.windows(service).any(|window| window.has_day(day));
        self.windows(service).any(|window| window.has_day(day) == any_today && !window.is_closed_on(date))
    }

    pub(crate) fn is_open_hour(&self, service: &Service) -> bool {
        let open =
            |window: &Window| window.has_time(self.local()) && !window.is_closed_on(self.local().date());
        service.windows.is_empty() || self.windows(service).any(open)
    }

    /// The minute that runs may be used to its end, even when it is the last.
    pub(crate) fn has_minutes(&self, service: &Service) -> bool {
        let Some(limit) = service.minutes_per_day else { return true };
        let used = self.usage.minutes(&service.id);
        used.count < limit || (used.includes_now && used.count <= limit)
    }

    fn view<'p>(&self, service: &'p Service) -> ServiceView<'p> {
        let left = |limit: u32| limit.saturating_sub(self.usage.minutes(&service.id).count);
        let reason = match service {
            s if !self.in_group(s) => Some(Reason::Group),
            s if !self.is_unexpired(s) => Some(Reason::Expired),
            s if !self.is_open_day(s) => Some(Reason::ClosedDay),
            s if !self.is_open_hour(s) => Some(Reason::Window),
            s if !self.has_minutes(s) => Some(Reason::MinutesUsed),
            _ => None,
        };
        let unavailable =
            reason.map(|reason| Unavailable { reason, opens_at: self.opens_at(service, reason) });
        ServiceView { service, minutes_left: service.minutes_per_day.map(left), unavailable }
    }

    fn opens_at(&self, service: &Service, reason: Reason) -> Option<Timestamp> {
        let from = match reason {
            Reason::ClosedDay | Reason::Window => self.local(),
            Reason::MinutesUsed => self.local().date().tomorrow().ok()?.to_datetime(Time::midnight()),
            _ => return None,
        };
        let opening = self.next_opening(service, from)?;
        let still_valid = service.expires.is_none_or(|last_day| opening.date() <= last_day);
        let zoned = self.policy.time_zone.to_ambiguous_zoned(opening).compatible().ok()?;
        still_valid.then(|| zoned.timestamp())
    }

    /// The first wall clock at or after `from` at which one of the service's windows is open.
    fn next_opening(&self, service: &Service, from: DateTime) -> Option<DateTime> {
        if service.windows.is_empty() {
            return Some(from);
        }
        let days = (0..=NEXT_OPENING_DAYS).filter_map(|days| from.date().checked_add(days.days()).ok());
        let openings = days.flat_map(|date| {
            let open =
                self.windows(service).filter(move |w| w.has_day(date.weekday()) && !w.is_closed_on(date));
            open.filter_map(move |window| window.opening_on(date, from)).min()
        });
        openings.into_iter().next()
    }
}
