//! Poppler's programs in a confined child: PDF files are programs of strangers for a reader full of corners.
//!
//! Called by `pdf`. Each run is a bubblewrap sandbox: no network, no process but its own, no file but `/usr`, the fonts and the one
//! PDF (all read-only), no capability, an empty environment; with limits on memory, processor time and time on the clock.
//! What it makes comes out of standard output, and no more of it is read than was allowed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::pdf::PdfError;

/// Address space of one run: a page of photographs takes some 200 MiB.
const MEMORY_BYTES: u64 = 1 << 30;
/// Processor time and time on the clock of one run: a heavy page takes seconds, the text of a thick book ten.
const SECONDS: u64 = 60;
/// Of what it complains, the beginning tells.
const COMPLAINT_BYTES: u64 = 4 << 10;

/// Walls of the sandbox; `/in.pdf` is bound by [`run`].
const WALLS: [&str; 40] = [
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    "--cap-drop",
    "ALL",
    "--uid",
    "65534",
    "--gid",
    "65534",
    "--hostname",
    "pdf",
    "--setenv",
    "PATH",
    "/usr/bin",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--ro-bind-try",
    "/etc/fonts",
    "/etc/fonts",
    "--ro-bind-try",
    "/etc/ld.so.cache",
    "/etc/ld.so.cache",
    "--ro-bind-try",
    "/var/cache/fontconfig",
    "/var/cache/fontconfig",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
];

/// Runs `program` with `arguments` on the PDF, which it finds at `/in.pdf`, and returns what it prints.
///
/// Errors when it fails, complains to death, takes longer than its limits or prints more than `limit` bytes.
pub fn run(program: &'static str, arguments: &[&str], pdf: &Path, limit: u64) -> Result<Vec<u8>, PdfError> {
    let mut child = start(program, arguments, pdf).map_err(|source| PdfError::Start { program, source })?;
    let (output, complaint) = listen(&mut child, limit);
    let too_long = output.as_ref().is_ok_and(|bytes| bytes.len() as u64 > limit);
    if output.is_err() || too_long {
        let _ = child.kill(); // gone already, then
    }
    let status = child.wait().map_err(|source| PdfError::Start { program, source })?;
    if too_long {
        return Err(PdfError::TooMuch { program, limit });
    }
    let output = output.map_err(|source| PdfError::Start { program, source })?;
    match status.code() {
        Some(0) => Ok(output),
        Some(KILLED) | None => Err(PdfError::TooSlow { program, seconds: SECONDS }),
        Some(_) => Err(PdfError::Failed { program, complaint }),
    }
}

/// How `timeout` ends when it had to kill.
const KILLED: i32 = 128 + 9;

fn start(program: &str, arguments: &[&str], pdf: &Path) -> io::Result<Child> {
    Command::new("/usr/bin/timeout")
        .args(["--signal=KILL", &SECONDS.to_string(), "/usr/bin/bwrap"])
        .args(WALLS)
        .arg("--ro-bind")
        .arg(pdf)
        .args(["/in.pdf", "--", "/usr/bin/prlimit"])
        .args([format!("--as={MEMORY_BYTES}"), format!("--cpu={SECONDS}")])
        .args(["--fsize=0", "--core=0", "--nofile=64", "--"])
        .arg(format!("/usr/bin/{program}"))
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Both outputs at once, so that neither blocks the other; one byte beyond the limit tells that there was more.
fn listen(child: &mut Child, limit: u64) -> (io::Result<Vec<u8>>, String) {
    let (output, complaints) = (child.stdout.take(), child.stderr.take());
    let read = move |pipe: &mut dyn Read, limit: u64| {
        let mut bytes = Vec::new();
        pipe.take(limit).read_to_end(&mut bytes).map(|_| bytes)
    };
    std::thread::scope(|scope| {
        let complaint = scope.spawn(|| {
            let Some(mut pipe) = complaints else { return Vec::new() };
            let complaint = read(&mut pipe, COMPLAINT_BYTES).unwrap_or_default();
            let _ = io::copy(&mut pipe, &mut io::sink()); // so that it is not stopped by its complaints
            complaint
        });
        let output = match output {
            Some(mut pipe) => read(&mut pipe, limit + 1),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if !matches!(&output, Ok(bytes) if bytes.len() as u64 <= limit) {
            let _ = child.kill(); // or its complaints would be waited for
        }
        let complaint = complaint.join().unwrap_or_default();
        (output, String::from_utf8_lossy(&complaint).trim().to_owned())
    })
}

/// A PDF's first bytes: within the first KiB, as readers take it (ISO 32000-1, annex H.3.4.1).
pub fn is_pdf(path: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(path)?.take(1024).read_to_end(&mut bytes)?;
    Ok(bytes.windows(5).any(|window| window == b"%PDF-"))
}
