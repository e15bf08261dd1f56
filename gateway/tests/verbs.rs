//! The verbs as they are used: the program is run on a folder, its exit code, output and files are judged.
#![allow(clippy::unwrap_used)]

#[path = "verbs/audit.rs"]
mod audit;
#[path = "verbs/control.rs"]
mod control;
#[path = "verbs/damage.rs"]
mod damage;
#[path = "verbs/import.rs"]
mod import;
#[path = "verbs/init.rs"]
mod init;
#[path = "verbs/people.rs"]
mod people;
#[path = "verbs/policy.rs"]
mod policy;
#[path = "verbs/preview.rs"]
mod preview;
#[path = "verbs/support.rs"]
mod support;
#[path = "verbs/terminal.rs"]
mod terminal;
