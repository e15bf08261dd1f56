//! Reading what `strace -f` wrote: system calls, and which came before which.
//!
//! Pure. strace writes a line when a call is entered and, where another thread's came between, one more when it is left; so
//! the order of lines is the order of events, and a call ran between two of them.

use std::collections::BTreeMap;

/// A system call: between which lines it ran, and what strace wrote of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub entered: usize,
    /// `usize::MAX` for a call that never returned.
    pub left: usize,
    /// `NAME(ARGUMENTS) = RESULT`.
    pub text: String,
}

impl Call {
    pub fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }
}

/// The calls of a trace, in the order in which they were entered.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, text) in trace.lines().enumerate() {
        let Some((process, text)) = text.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some((_, end)) = text.split_once(" resumed>") {
            if let Some(call) = running.remove(process).map(|at| &mut calls[at]) {
                call.text.push_str(end);
                call.left = line;
            }
        } else if let Some(begin) = text.strip_suffix("<unfinished ...>") {
            running.insert(process, calls.len());
            calls.push(Call { entered: line, left: usize::MAX, text: begin.trim_end().into() });
        } else {
            calls.push(Call { entered: line, left: line, text: text.into() });
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_put_together() {
        let trace = "7 fdatasync(9</d/audit/tail> <unfinished ...>\n8   connect(11, {sa_family=AF_INET}, 16) = 0\n\
                     7 <... fdatasync resumed>) = 0\n8 connect(12, <unfinished ...>\n";
        let call = |entered, left, text: &str| Call { entered, left, text: text.into() };
        let expected = [
            call(0, 2, "fdatasync(9</d/audit/tail>) = 0"),
            call(1, 1, "connect(11, {sa_family=AF_INET}, 16) = 0"),
            call(3, usize::MAX, "connect(12,"),
        ];
        assert_eq!(calls(trace), expected);
    }
}
