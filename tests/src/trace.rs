//! Reading what `strace` wrote: system calls with the times they began and returned.
//!
//! Pure. Calls that strace shows in two halves, because another thread's came between, are put together again.

use std::collections::BTreeMap;

/// How strace must be called for [`calls`]: every thread, times since the epoch, durations, paths of descriptors, and whole
/// records in the arguments.
pub const STRACE: [&str; 7] = ["strace", "-f", "-ttt", "-T", "-y", "-s", "20000"];

/// One system call; times in seconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub began: f64,
    pub returned: f64,
    /// `NAME(ARGUMENTS) = RESULT`.
    pub text: String,
}

/// The calls of a trace in the order they began. A call that never returned is not among them.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut pending: BTreeMap<&str, (f64, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((process, rest)) = line.split_once(char::is_whitespace) else { continue };
        let Some((time, text)) = rest.trim_start().split_once(' ') else { continue };
        let Ok(time) = time.parse::<f64>() else { continue };
        if let Some(begun) = text.strip_suffix("<unfinished ...>") {
            pending.insert(process, (time, begun));
        } else if text.starts_with("<... ") {
            if let Some((began, begun)) = pending.remove(process) {
                calls.push(Call { began, returned: time, text: format!("{begun}{text}") });
            }
        } else if let Some(took) = text.rsplit_once('<').and_then(|(_, took)| took.strip_suffix('>')) {
            let took: f64 = took.parse().unwrap_or(0.0);
            calls.push(Call { began: time, returned: time + took, text: text.to_string() });
        }
    }
    calls.sort_by(|a, b| a.began.total_cmp(&b.began));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_put_together() {
        let trace = "7 10.5 fdatasync(9</d/audit/tail> <unfinished ...>\n\
                     8 10.6 connect(11<socket:[1]>, {sa_family=AF_INET}, 16) = 0 <0.250000>\n\
                     7 10.75 <... fdatasync resumed>) = 0 <0.250000>\n\
                     8 11.0 connect(12<socket:[2]>, <unfinished ...>\n";
        let calls = calls(trace);
        let times: Vec<_> = calls.iter().map(|call| (call.began, call.returned)).collect();
        assert_eq!(times, [(10.5, 10.75), (10.6, 10.85)]);
        assert!(calls[0].text.starts_with("fdatasync(9</d/audit/tail> <... fdatasync resumed>"));
    }
}
