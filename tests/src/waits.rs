//! `cargo xtask bench --floods`: what somebody else waits while one terminal attacks (see [`crate::floods`]).
//!
//! Quiet and attacked spells alternate, so that what else the machine does falls on both. The attacker is a process of its own at the
//! lowest priority: a real one has a machine of its own, and what it computes is not the gateway's cost.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    client::{Client, read_answer},
    floods::{Attack, FLOODS, Flood, flood, raise_descriptor_limit},
    internet::{Internet, OPEN},
    process::{Process, resident_bytes},
    sample::{CAMILLE, SACHA},
};

/// Between two requests of somebody else: a person's browser is not a load.
const PAUSE: Duration = Duration::from_millis(4);
/// What an attack needs before it counts: its connections are open then.
const RAMP: Duration = Duration::from_millis(1500);

/// Waits of one spell, or of all.
#[derive(Default)]
struct Waits {
    /// On a connection that is kept.
    kept: Vec<Duration>,
    /// From nothing to the answer: both handshakes, the tunnel, the request.
    new: Vec<Duration>,
}

impl Waits {
    fn add(&mut self, other: Waits) {
        self.kept.extend(other.kept);
        self.new.extend(other.new);
    }
}

/// Measures every flood, or the one named; `rounds` of `spell` each way.
pub async fn measure(only: Option<&str>, rounds: usize, spell: Duration) -> Result<()> {
    raise_descriptor_limit()?;
    let (_internet, mut stand) = Internet::stand_with("").await?;
    let process = stand.gateway()?.process().id();
    let folder = stand.enrol("a")?;
    for flood in FLOODS.iter().filter(|flood| only.is_none_or(|only| flood.name == only)) {
        let attacker = stand.client("a")?.sign_in(&CAMILLE).await?;
        let other = stand.client("b")?.sign_in(&SACHA).await?;
        let (mut quiet, mut attacked) = (Waits::default(), Waits::default());
        for _ in 0..rounds {
            quiet.add(wait(&other, spell).await?);
            let running = start(flood, &attacker, &folder)?;
            sleep(RAMP).await;
            attacked.add(wait(&other, spell).await?);
            drop(running);
        }
        println!(
            "{}\tkept {}; new {}; gateway's memory at most {} MiB so far",
            flood.name,
            compared(&mut quiet.kept, &mut attacked.kept),
            compared(&mut quiet.new, &mut attacked.new),
            resident_bytes(process)? >> 20,
        );
    }
    Ok(())
}

/// The attacking process.
pub async fn attack(name: &str, address: &str, folder: &Path, token: &str) -> Result<()> {
    raise_descriptor_limit()?;
    let flood = flood(name).with_context(|| format!("no flood `{name}`"))?;
    let client = Client::new(address.parse()?, folder)?.with_token(token);
    flood.run(Attack::new(client)).await;
    Ok(())
}

fn start(flood: &Flood, attacker: &Client, folder: &Path) -> Result<Process> {
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(std::env::current_exe()?)
        .args(["attack", flood.name, &attacker.address().to_string()])
        .arg(folder)
        .arg(attacker.token().context("the attacker is signed in")?);
    Process::start(flood.name, &mut command, &folder.join("attack.log"))
}

async fn wait(client: &Client, spell: Duration) -> Result<Waits> {
    let until = Instant::now() + spell;
    let (kept, new) = tokio::try_join!(on_a_kept_connection(client, until), from_nothing(client, until))?;
    Ok(Waits { kept, new })
}

async fn on_a_kept_connection(client: &Client, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = client.inspected(OPEN).await?;
    let mut waits = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await?;
        read_answer(&mut stream, false).await?;
        waits.push(begun.elapsed());
        sleep(PAUSE).await;
    }
    Ok(waits)
}

async fn from_nothing(client: &Client, until: Instant) -> Result<Vec<Duration>> {
    let mut waits = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        client.get(OPEN, "/").await?;
        waits.push(begun.elapsed());
        sleep(PAUSE * 4).await;
    }
    Ok(waits)
}

fn compared(quiet: &mut [Duration], attacked: &mut [Duration]) -> String {
    let (before, during) = (p99(quiet), p99(attacked));
    format!(
        "p99 {:.1} ms quiet, {:.1} ms attacked, ratio {:.2} (median {:.1}, {:.1}; of {}, {})",
        before * 1e3,
        during * 1e3,
        during / before,
        at(quiet, 50) * 1e3,
        at(attacked, 50) * 1e3,
        quiet.len(),
        attacked.len()
    )
}

fn p99(waits: &mut [Duration]) -> f64 {
    waits.sort();
    at(waits, 99)
}

/// Seconds; `waits` is sorted.
fn at(waits: &[Duration], share: usize) -> f64 {
    waits.get(waits.len().saturating_sub(1) * share / 100).map_or(f64::NAN, Duration::as_secs_f64)
}
