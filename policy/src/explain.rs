//! Why: the trace of the walk.
use crate::{Decision, finding::Text};

/// A decision and how it came about.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub decision: Decision,
    pub trace: Vec<Step>,
    /// For a refusal: the rules that came nearest, and the first thing each failed on.
    pub nearest: Vec<Step>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Step {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::Reason>,
    pub text: Text,
}
