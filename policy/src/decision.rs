//! The answer of the policy, and on what terms.
//!
//! Cheap to make and to keep: names are shared with the policy, nothing is copied.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::Reason;
use crate::methods::Methods;
use crate::rule::Mode;

/// Allow or refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Allow,
    Refuse,
}

impl Effect {
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Refuse => "refuse",
        }
    }
}

/// What [`crate::Policy::decide`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub effect: Effect,
    /// Absent for an allowance.
    pub reason: Option<Reason>,
    /// The service that is recorded and charged; of a refusal, the service of the rule that came nearest.
    pub service: Option<Arc<str>>,
    /// `SERVICE/N` or `grant/ID`; of a refusal, the rule that came nearest.
    pub rule: Option<RuleName>,
    pub mode: Mode,
    pub terms: Terms,
    /// For the Allow header of a 405: every method that some rule would have allowed here.
    pub allow_methods: Methods,
}

impl Decision {
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// A refusal that no rule had a part in.
    pub fn refuse(reason: Reason) -> Decision {
        Decision {
            effect: Effect::Refuse,
            reason: Some(reason),
            service: None,
            rule: None,
            mode: Mode::Inspect,
            terms: Terms::default(),
            allow_methods: Methods::NONE,
        }
    }
}

/// The conditions of an allowance; for an inspected CONNECT and a refusal all but `confidential` are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Bytes the request may send.
    pub upload_limit: u64,
    /// Media types beyond what pages are made of.
    pub download_types: Arc<[Box<str>]>,
    /// The WebSocket handshake asked for is allowed.
    pub websocket: bool,
    /// Values of query parameters may be recorded.
    pub record_query: bool,
    /// A page request: charges a minute, and its service counts as opened.
    pub page: bool,
    /// Records name no service, host, address, byte count or page. Also set on refusals that concern such a service.
    pub confidential: bool,
}

/// `SERVICE/N`, N from 1 in file order; or `grant/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleName {
    Rule { service: Arc<str>, number: u32 },
    Grant { id: Arc<str> },
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleName::Rule { service, number } => write!(f, "{service}/{number}"),
            RuleName::Grant { id } => write!(f, "grant/{id}"),
        }
    }
}

impl Serialize for RuleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
