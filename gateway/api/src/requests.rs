use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST /v1/requests`: "demander l'accès".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewAccessRequest {
    pub url: String,
    /// The person's own words; may be empty for somebody who does not write.
    pub reason: String,
}

/// `GET /v1/requests`, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestList {
    pub requests: Vec<AccessRequest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessRequest {
    pub id: String,
    pub url: String,
    pub reason: String,
    pub asked_at: Timestamp,
    /// `open`, `granted` or `declined`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// Until when what was granted is open; it stays `granted` afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_until: Option<Timestamp>,
}
