use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Text by language code (`fr`, `en`, …).
pub type Name = BTreeMap<String, String>;

/// `GET /v1/services`: what this person may open now, and why not the others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceList {
    pub services: Vec<Service>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    pub id: String,
    /// `administrative` or `training`.
    pub category: String,
    pub name: Name,
    /// The address its first page is opened at; absent for the local catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Minutes left today; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes_left: Option<u32>,
    /// True: its records name no service, host, address, byte count or page.
    #[serde(default)]
    pub confidential: bool,
    /// Why it can't be opened now; absent when it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Unavailable>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unavailable {
    /// A reason code, as in a refusal.
    pub code: String,
    /// When it opens again, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
}
