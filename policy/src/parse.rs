//! Reading the policy file (skeleton).
use crate::{Finding, Policy};

/// A policy that was read, with its warnings.
#[derive(Clone, Debug)]
pub struct Checked {
    pub policy: Policy,
    pub warnings: Vec<Finding>,
}

impl Policy {
    /// Reads a policy file. Every mistake at once: the error holds errors and warnings, in the order of the file.
    pub fn parse(_text: &str) -> Result<Checked, Vec<Finding>> {
        Err(Vec::new())
    }
}
