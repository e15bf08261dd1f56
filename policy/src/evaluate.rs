//! The walk (skeleton).
use crate::explain::Explanation;
use crate::services::{Person, ServiceView};
use crate::{Access, Decision, Policy, Reason};
use jiff::Timestamp;

impl Policy {
    /// Judges one access.
    pub fn decide(&self, _access: &Access<'_>) -> Decision {
        Decision::refuse(Reason::NoRule)
    }

    /// Judges a live exchange that began at `began` again: `None` while it may go on, else the reason it ends with
    /// (`window`, `closed-day`, `minutes-used`, `expired`, otherwise `policy-changed`).
    pub fn review(&self, _access: &Access<'_>, _began: Timestamp) -> Option<Reason> {
        Some(Reason::PolicyChanged)
    }

    /// The same walk as [`Policy::decide`], with its trace.
    pub fn explain(&self, access: &Access<'_>) -> Explanation {
        Explanation { decision: self.decide(access), trace: Vec::new(), nearest: Vec::new() }
    }

    /// What a person may open now, in the order of the file.
    pub fn services_for(&self, _person: &Person<'_>) -> Vec<ServiceView<'_>> {
        Vec::new()
    }
}
