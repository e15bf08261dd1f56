//! One body.

/// How a body ends (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    Empty,
    Length(u64),
    UntilClose,
}
