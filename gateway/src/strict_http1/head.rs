//! One whole head, judged.

use super::{Fault, Limits};
use super::framing::Body;

/// What the next steps need of a good request head.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub body: Body,
    /// A CONNECT or an `Upgrade: websocket`: nothing passes until it is answered.
    pub switches: bool,
}

/// What the next steps need of a good response head.
#[derive(Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub body: Body,
}

/// Judges a request head, from its first byte to its empty line.
pub fn judge_request(_head: &[u8], _limits: &Limits) -> Result<RequestHead, Fault> {
    Err(Fault::Unsupported("not written yet"))
}
