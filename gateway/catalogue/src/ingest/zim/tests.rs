//! Archives made for the purpose, small, one fault each. Real ones are tried by `tests/archives.rs`.
