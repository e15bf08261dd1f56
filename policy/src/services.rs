//! What one person may open now, for the kiosk's home screen.
use crate::Reason;
use crate::access::Usage;
use crate::rule::Service;
use jiff::Timestamp;

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
