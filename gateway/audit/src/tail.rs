pub(crate) const REASON_LIMIT_BYTES: usize = 64;
pub(crate) const HEADER_LIMIT_BYTES: usize = 512;
pub(crate) const CLOSING_LIMIT_BYTES: usize = 2048;
