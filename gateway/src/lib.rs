//! (opened in the first commits)

pub mod client_hello;
pub mod strict_http1;
pub mod strict_http2;
