//! The pure policy engine: what may be opened, by whom, when, and why not.
//!
//! No clock, no I/O, no global state: everything is an argument. The gateway asks [`Policy::decide`] for live traffic, staff ask
//! [`Policy::explain`], tests and replay ask both; it is one walk. Start reading at `evaluate`, then `rule`, then `parse`.

mod access;
mod candidate;
mod confidential;
mod decision;
mod evaluate;
mod explain;
mod finding;
mod host;
mod hosts;
mod index;
pub mod learn;
mod lint;
mod methods;
mod narrow;
mod origin;
mod parse;
mod path;
mod preview;
mod query;
mod reason;
mod rule;
mod services;
mod similar;
mod suspicious;
mod url;
mod window;

pub use access::{Access, Caller, EVERYONE, Grant, MinutesUsed, PAGE_LIFE, Request, Upload, Usage};
pub use decision::{Decision, Effect, RuleName, Terms};
pub use explain::{Explanation, Step};
pub use finding::{Finding, Severity, Text, Words};
pub use host::{Host, HostError};
pub use hosts::{HostList, Pattern};
pub use methods::Methods;
pub use origin::Origin;
pub use parse::{Checked, FILE_LIMIT_BYTES};
pub use path::{PathError, PathGlob};
pub use preview::{Change, Outcome, Past, Preview, Skipped};
pub use reason::{Reason, UnknownReason};
pub use rule::{AccessKind, CATALOGUE, Category, HostPattern, Inspect, Mode, Name, Refuse, Rule, Service};
pub use services::{Person, ServiceView, Unavailable};
pub use suspicious::is_dns_message;
pub use url::{Authority, Scheme, TARGET_LIMIT_BYTES, Target, TargetError, Url};
pub use window::Window;

use candidate::RuleAt;
use index::HostIndex;
use jiff::tz::TimeZone;

/// The starter policy that `init` installs: real steps, each unverified until staff learn it.
pub const STARTER: &str = include_str!("../starter.toml");

/// A whole policy file, judged. Cheap to share, never changed: a new file makes a new policy.
#[derive(Clone, Debug)]
pub struct Policy {
    time_zone: TimeZone,
    windows: Vec<Window>,
    /// In the order of the file.
    services: Vec<Service>,
    rules: HostIndex<RuleAt>,
    /// To the position of the `[[refuse]]` in the file.
    refused: HostIndex<usize>,
    refusals: Vec<Refuse>,
    /// See [`confidential::pieces`].
    confidential_pieces: usize,
}

impl Policy {
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// In the order of the file.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// In the order of the file.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| *service.id == *id)
    }

    /// The first `[[refuse]]` of the file that names the host.
    pub fn refusal_of(&self, host: &Host) -> Option<&Refuse> {
        self.refused.find(host).map(|(position, _)| position).min().map(|position| &self.refusals[position])
    }

    /// In the order of the file.
    pub fn refusals(&self) -> &[Refuse] {
        &self.refusals
    }
}
