//! The kiosk terminal: what a detained person sees and touches.
//!
//! `main` parses, [`app`] owns the state and obeys what the screens ask for, each [`screen`] is a file. The web is reached
//! only through [`browser`]: a caged Chromium that paints into [`widget::page`] and whose one door is the relay.

#![recursion_limit = "256"] // the policy file is one long `json!`

pub mod app;
pub mod browser;
pub mod comfort;
pub mod enrolment;
pub mod events;
pub mod gateway;
pub mod idle;
pub mod reading;
pub mod screen;
pub mod speech;
pub mod text;
pub mod theme;
pub mod widget;
