//! Judges HTTP/1 heads and framing on raw bytes, before hyper sees any of them.
//!
//! hyper repairs what we must refuse: its server drops `Content-Length` in silence beside
//! `Transfer-Encoding`, takes any coding list that ends in `chunked`, never looks at `Host`, and `http::Uri`
//! cuts a target at `#`. What we judge and what is acted upon would then differ, and between the two lives
//! request smuggling (RFC 9112, sections 6.3 and 11.2). So a [`StrictIo`] stands between the TLS stream and
//! hyper on **every** HTTP/1 leg: [`StrictIo::server`] towards terminals (outside and inside an inspected
//! tunnel), [`StrictIo::client`] towards upstreams.
//!
//! Invariants:
//! - hyper sees a head whole and judged good, or no byte of it; keep-alive heads are judged one after
//!   another;
//! - bodies stream through as they come; their framing is judged before the bytes pass, their content is
//!   never copied;
//! - after a fault nothing more passes, ever;
//! - after a CONNECT or an `Upgrade` head nothing passes until the caller says
//!   [`Verdict::become_transparent`] or [`Verdict::resume`];
//! - every wait has a limit of [`Limits`].
//!
//! The modules, inside out: `authority` and `fields` (the grammar both HTTP versions share), `head` (one
//! whole head), `framing` (one body), `inspector` (the sequence of them), all pure; `adapter` (I/O and
//! timers), `handle` (what the connection's owner holds).

mod adapter;
mod authority;
mod fault;
mod fields;
mod framing;
mod handle;
mod head;
mod inspector;

pub use adapter::StrictIo;
pub use authority::Authority;
pub use fault::Fault;
pub use handle::{Expectation, Refused, Verdict};
pub use inspector::{Inspector, Phase, Step};

pub(crate) use fields::{
    content_length, decisive_once, decisive_once_in_answers, is_decisive, is_token, undisguised,
};
pub(crate) use head::{METHOD_BYTES, judge_path};

/// What one leg may cost us. The same values judge HTTP/2 heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one head, its first line and last CRLF included: far above real cookies, far below what could
    /// hurt.
    pub head_bytes: usize,
    /// Field lines of one head; hyper's own default, so that it never refuses what we passed.
    pub headers: usize,
    /// Bytes of a request target: what one record can hold.
    pub target_bytes: usize,
    /// From the first byte of a head to its last: ends slow heads.
    pub head_seconds: u64,
    /// Without a byte in a body, or before an upstream's answer.
    pub idle_body_seconds: u64,
    /// Without a byte between requests, then a clean end. Longer than `idle_body_seconds`, since an exchange
    /// that waits for its upstream looks idle from here.
    pub idle_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            headers: 100,
            target_bytes: 8 * 1024,
            head_seconds: 10,
            idle_body_seconds: 60,
            idle_seconds: 90,
        }
    }
}
