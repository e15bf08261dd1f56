//! Judges HTTP/2 request heads as hyper and h2 hand them over, by the rules of `strict_http1`.

use http::request::Parts;

use crate::strict_http1::{Fault, Limits};

/// Which connection the head came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// The terminal port: CONNECT, our own API.
    Outer,
    /// Inside an inspected tunnel: `https` requests only.
    Inner,
}

/// Judges one head; whether its authority is one that this connection serves is the caller's question.
pub fn judge(_parts: &Parts, _leg: Leg, _limits: &Limits) -> Result<(), Fault> {
    Err(Fault::Unsupported("not written yet"))
}
