//! A PDF file.
use std::io;
use std::path::Path;

use super::{Described, IngestError, Tell};

#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("it can't be read yet")]
    Unread,
}

pub fn is_pdf(_: &Path) -> io::Result<bool> {
    Ok(false)
}

pub fn take_in(_: &Path, _: &Path, _: Tell<'_>) -> Result<Described, IngestError> {
    Err(PdfError::Unread.into())
}
