//! Reading `audit search --json`: one object a line, the fields of the contract in their order.

use anyhow::{Context, Result};
use serde::Deserialize;

/// One record, its clear and sealed fields; what a kind does not carry is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    pub index: u64,
    pub gateway: String,
    pub time: String,
    pub kind: String,
    pub decision: Option<String>,
    pub reason: Option<String>,
    /// Of a closing record: the index of its opening.
    pub opened: Option<u64>,
    pub count: Option<u64>,
    pub terminal: Option<String>,
    pub person: Option<String>,
    pub session: Option<String>,
    pub service: Option<String>,
    pub rule: Option<String>,
    pub policy: Option<serde_json::Value>,
    pub method: Option<String>,
    pub url: Option<String>,
    pub page: Option<String>,
    pub address: Option<String>,
    pub status: Option<u16>,
    pub sent_bytes: Option<u64>,
    pub received_bytes: Option<u64>,
    pub duration_ms: Option<u64>,
    pub detail: Option<String>,
}

pub fn parse(lines: &str) -> Result<Vec<Record>> {
    lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).with_context(|| format!("not a record: {line}")))
        .collect()
}

/// The indexes of openings without a closing record.
pub fn orphans(records: &[Record]) -> Vec<u64> {
    let closed: std::collections::BTreeSet<u64> =
        records.iter().filter(|record| record.kind == "closed").filter_map(|record| record.opened).collect();
    records
        .iter()
        .filter(|record| record.kind == "opened" && !closed.contains(&record.index))
        .map(|record| record.index)
        .collect()
}
