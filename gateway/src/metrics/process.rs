//! What the kernel says of this process, under the names that every Prometheus client uses.

use super::exposition::Page;

/// `USER_HZ`: what `/proc` counts processor time in, on every Linux that Debian 12 runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// A figure that can't be read is left out.
pub fn add(page: &mut Page) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(bytes) = kibibytes(&status, "VmRSS:") {
        page.gauge("process_resident_memory_bytes", "Memory in use.", bytes);
    }
    if let Some(bytes) = kibibytes(&status, "VmHWM:") {
        page.gauge("passerelle_memory_peak_bytes", "The most memory that was in use.", bytes);
    }
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(seconds) = cpu_seconds(&stat) {
        page.counter("process_cpu_seconds_total", "Processor time used.", seconds);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "File descriptors in use.", open.count());
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(most) = open_files(&limits) {
        page.gauge("process_max_fds", "File descriptors that may be in use.", most);
    }
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// The soft limit.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of proc(5); the second field, the program's name, may hold anything and ends with the last `)`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(kibibytes("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2 << 20));
        assert_eq!(kibibytes("Name:\tx\n", "VmRSS:"), None);
        let stat = "1 (a b) c) S 1 1 1 0 -1 4194560 9 0 0 0 150 50 0 0 20";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(
            open_files("Max open files            1024                 4096       files\n"),
            Some(1024)
        );
    }
}
