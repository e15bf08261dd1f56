use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `POST /v1/sessions`.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignIn {
    pub person: String,
    pub pin: String,
}

/// The answer to a sign-in, and `GET /v1/sessions/current` (there without the token).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Bearer token of this session; shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub session: String,
    pub person: String,
    pub name: String,
    pub terminal: String,
    pub expires_at: Timestamp,
    /// Without input for so long, the kiosk locks itself.
    pub idle_limit_seconds: u32,
    /// The sign-in before this one, so that a person notices somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<LastSignIn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastSignIn {
    pub at: Timestamp,
    pub terminal: String,
}

/// `PUT /v1/pin`. A PIN has at least 6 digits.
#[derive(Clone, Serialize, Deserialize)]
pub struct PinChange {
    pub old_pin: String,
    pub new_pin: String,
}
