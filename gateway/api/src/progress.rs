use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET|PUT /v1/progress/{id}`: where a person is in an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    pub item: String,
    /// An address inside the item.
    pub position: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}
