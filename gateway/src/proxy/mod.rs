//! The proxy: from a request head to bytes on their way, or a refusal.
//!
//! Read `exchange` first: it is the path. Around it, in the order in which a request meets them: `leg` (a connection that speaks
//! HTTP), `identity`, `question`, `refusals` (what is recorded of a no), `permit`, `tunnel` and `inspect` (CONNECT), `forward` (with
//! `upload` and `answer`, the judges of bodies) and `websocket` (everything else), `upstream` and `dial` (the way out), `live` (what is open is judged again).

pub mod address;
mod answer;
pub mod body;
pub mod dial;
pub mod exchange;
mod forward;
mod headers;
pub mod identity;
mod inspect;
pub mod leg;
pub mod live;
pub(crate) mod permit;
pub mod question;
pub mod refusal;
pub mod refusals;
mod sniff;
mod tunnel;
mod upload;
pub mod upstream;
mod websocket;
