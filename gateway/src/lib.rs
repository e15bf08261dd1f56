//! The gateway.

pub mod access_stop;
mod attempts;
pub mod identifier;
pub mod journal_keys;
pub mod minutes;
pub mod person;
pub mod policy_store;
pub mod request;
pub mod secret;
pub mod session;
pub mod staff;
pub mod store;
pub mod terminal;
