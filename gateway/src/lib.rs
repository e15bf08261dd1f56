//! (opened in the first commits)
pub mod authority;
pub mod config;
