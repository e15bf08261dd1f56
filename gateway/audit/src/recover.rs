use crate::journal::*;
use crate::*;
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the journal's folder cannot be read or written")]
    Disk(#[from] std::io::Error),
}
pub(crate) fn start(
    _: JournalConfig,
    _: Clock,
    _: &dyn Fn(&KeyId) -> Option<SealingKey>,
    _: Arc<Inbox>,
) -> Result<Vec<Orphan>, StartError> {
    Ok(Vec::new())
}
