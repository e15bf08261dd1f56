//! The nth write, sync or reservation of the journal and of the database fails, is refused for want of room, or is the last thing
//! the process does, for every n of a scripted session. `strace` puts the faults into the real program's system calls.
//!
//! CI plays a few of them, chosen by a seed that is printed; `cargo xtask nightly` plays every one.

#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;
use passerelle_tests::{
    Stand,
    client::Client,
    internet::{Internet, OPEN, limited_to},
    journal::orphans,
    process::eventually,
    sample::CAMILLE,
    seed::{Chance, rounds},
};

/// File, system calls, and what happens to the nth of them, in strace's words.
const FAULTS: &[(Place, &str, &str)] = &[
    (Place::Journal, "pwrite64", "error=EIO"),
    (Place::Journal, "pwrite64", "error=ENOSPC"),
    (Place::Journal, "pwrite64", "signal=KILL"),
    (Place::Journal, "fsync,fdatasync", "error=EIO"),
    (Place::Journal, "fsync,fdatasync", "signal=KILL"),
    (Place::Journal, "fallocate", "error=ENOSPC"),
    (Place::Database, "pwrite64", "error=EIO"),
    (Place::Database, "pwrite64", "error=ENOSPC"),
    (Place::Database, "pwrite64", "signal=KILL"),
    (Place::Database, "fsync,fdatasync", "error=EIO"),
    (Place::Database, "fsync,fdatasync", "signal=KILL"),
];
/// Of all faults and all n, CI plays so many, with n up to the second.
const SAMPLES: (u64, u64) = (8, 10);
/// No script makes so many calls: a fault that still strikes then strikes for ever.
const CALLS_LIMIT: u64 = 400;
/// Requests of the script.
const PAGES: usize = 3;
/// Beyond the gateway's own five seconds, and short of the client's twenty.
const HANG: &str = "delay_enter=8000000";
const WELL_AGAIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Journal,
    /// SQLite writes and syncs its write-ahead log; the rest follows from it.
    Database,
}

impl Place {
    fn file(self, stand: &Stand) -> PathBuf {
        match self {
            Place::Database => stand.data.join("state.db-wal"),
            Place::Journal => {
                let folder = fs::read_dir(stand.data.join("audit/pending")).unwrap();
                let mut files = folder.map(|entry| entry.unwrap().path());
                files.find(|path| path.extension().is_some_and(|name| name == "tail")).unwrap()
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_write_fails_nothing_is_answered_without_a_record() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    stand.publish(&limited_to(600)).unwrap();
    stand.client("a").unwrap();
    let mut chance = Chance::from_environment();
    let mut wrong = Vec::new();
    let mut struck = 0;
    if rounds(0) == 0 {
        for _ in 0..SAMPLES.0 {
            let fault = FAULTS[chance.below(FAULTS.len() as u64) as usize];
            struck += u64::from(strike(&mut stand, fault, 1 + chance.below(SAMPLES.1), &mut wrong).await);
        }
    } else {
        for fault in FAULTS {
            let mut n = 1;
            while n < CALLS_LIMIT && strike(&mut stand, *fault, n, &mut wrong).await {
                n += 1;
            }
            println!("{fault:?}: struck {} times", n - 1);
            struck += n - 1;
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(struck > 0, "no fault struck: no proof");
}

/// Plays the script with the nth call failing, then starts without faults and looks at what is there. False when the script made
/// fewer calls.
async fn strike(
    stand: &mut Stand,
    (place, calls, what): (Place, &str, &str),
    n: u64,
    wrong: &mut Vec<String>,
) -> bool {
    let name = format!("{place:?} {calls} {what} {n}");
    stand.stop();
    let trace = stand.folder().join("faults.strace");
    let started = stand.restart_under(&strace(stand, place, calls, what, n)).is_ok();
    let path = name.replace([' ', ',', '='], "-");
    let answered = if started { play(stand, &path, &name, wrong).await } else { Vec::new() };
    // What is still there ends as the service manager ends it, or by another cut.
    if started && n.is_multiple_of(2) && !what.starts_with("signal") {
        let _ = stand.gateway().unwrap().process().signal(Signal::SIGKILL);
    }
    stand.stop();
    let traced = fs::read_to_string(&trace).unwrap();
    let struck = !started
        || traced.contains("(INJECTED)")
        || what.starts_with("signal") && traced.contains("killed by SIGKILL");

    start_again(stand, &name);
    let records = stand.journal(&[]).unwrap();
    let recorded = |url: &String| records.iter().any(|r| r.kind == "opened" && r.url.as_ref() == Some(url));
    wrong.extend(
        answered.iter().filter(|url| !recorded(url)).map(|url| format!("{name}: {url} has no record")),
    );
    if !orphans(&records).is_empty() {
        wrong.push(format!("{name}: without an end: {:?}", orphans(&records)));
    }
    if let Err(error) = stand.verify() {
        wrong.push(format!("{name}: {error:?}"));
    }
    if let Err(error) = stand.client("a").unwrap().sign_in(&CAMILLE).await {
        wrong.push(format!("{name}: sign-in: {error:?}"));
    }
    struck
}

/// Whoever was killed with its tracer may hold the folder's lock for a moment more.
fn start_again(stand: &mut Stand, name: &str) {
    eventually(WELL_AGAIN, "the end of the one before", || match stand.restart() {
        Err(error) if format!("{error:#}").contains("is running on") => Ok(false),
        started => started.map(|()| true),
    })
    .unwrap_or_else(|error| panic!("{name}: it does not start again: {error:?}"));
}

fn strace(stand: &Stand, place: Place, calls: &str, what: &str, n: u64) -> Vec<String> {
    let trace = stand.folder().join("faults.strace");
    let file = place.file(stand);
    let (file, trace) = (file.to_str().unwrap(), trace.to_str().unwrap());
    let (traced, inject) = (format!("trace={calls}"), format!("inject={calls}:{what}:when={n}"));
    let words = ["strace", "-f", "-qq", "-o", trace, "-P", file, "-e", &traced, "-e", &inject];
    // Which makes it fast, and makes strace 6.1 send the first signal only.
    let fast = (!what.starts_with("signal")).then_some("--seccomp-bpf");
    words.into_iter().chain(fast).map(String::from).collect()
}

/// A sign-in, pages, a refusal, a request for access, a sign-out; the pages that were answered. A step may fail, in words: not hang,
/// and not be answered by anything but the gateway.
async fn play(stand: &Stand, path: &str, name: &str, wrong: &mut Vec<String>) -> Vec<String> {
    let mut answered = Vec::new();
    let terminal = stand.client("a").unwrap();
    let mut client = None;
    // What failed once is tried again, as a person would.
    for _ in 0..2 {
        match terminal.sign_in(&CAMILLE).await {
            Ok(signed_in) => client = Some(signed_in),
            Err(error) => hung(name, "sign-in", &error, wrong),
        }
        if client.is_some() {
            break;
        }
    }
    let Some(client) = client else { return answered };
    for number in 0..PAGES {
        let target = format!("/public/{path}-{number}");
        match client.get(OPEN, &target).await {
            Ok(answer) if answer.status == 200 => answered.push(format!("https://{OPEN}{target}")),
            Ok(answer) if answer.reason().is_some() => {}
            Ok(answer) => wrong.push(format!("{name}: {target}: {answer:?}")),
            Err(error) => hung(name, &target, &error, wrong),
        }
    }
    others(&client, name, wrong).await;
    answered
}

async fn others(client: &Client, name: &str, wrong: &mut Vec<String>) {
    match client.get("refuse.example", "/").await {
        Ok(answer) if answer.status < 400 => wrong.push(format!("{name}: a refused host: {answer:?}")),
        Ok(_) => {}
        Err(error) => hung(name, "a refused host", &error, wrong),
    }
    let asked = serde_json::json!({ "url": "https://ailleurs.example/", "reason": "essai" });
    for (method, path, body) in
        [("POST", "/v1/requests", Some(asked)), ("DELETE", "/v1/sessions/current", None)]
    {
        if let Err(error) = client.api(method, path, body).await {
            hung(name, path, &error, wrong);
        }
    }
}

/// A connection may break off with the process; a client that waits for nothing may not be left waiting.
fn hung(name: &str, step: &str, error: &anyhow::Error, wrong: &mut Vec<String>) {
    if format!("{error:#}").contains("nothing within") {
        wrong.push(format!("{name}: {step}: {error:#}"));
    }
}

/// A disk that takes eight seconds for one sync: whoever waits for it is told after five, and it is forgotten afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_is_told_and_forgotten() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let terminal = stand.client("a").unwrap();
    stand.stop();
    // The first syncs are the start's and the sign-in's.
    stand.restart_under(&strace(&stand, Place::Journal, "fsync,fdatasync", HANG, 6)).unwrap();
    let client = terminal.sign_in(&CAMILLE).await.unwrap();
    let told = async {
        for _ in 0..50 {
            let answer = client.get(OPEN, "/").await.unwrap();
            if answer.status != 200 {
                return answer;
            }
        }
        panic!("the sync that hangs was never waited for");
    };
    let told = told.await;
    assert_eq!((told.status, told.reason().as_deref()), (503, Some("journal-unavailable")), "{told:?}");
    let token = client.token().unwrap();
    eventually(WELL_AGAIN, "work after the disk answered", || {
        Ok(stand.curl("a", token, &format!("https://{OPEN}/"), &[])?.contains("exemple"))
    })
    .unwrap();
    stand.restart().unwrap();
    let records = stand.journal(&[]).unwrap();
    assert_eq!(orphans(&records), [0; 0]);
    // The opening that came too late was closed by whoever no longer waited for it.
    assert!(records.iter().any(|record| record.reason.as_deref() == Some("client-gone")), "{records:?}");
    stand.verify().unwrap();
}
