//! What a policy of a million hosts costs a gateway, and what its publication costs those who are being served.
//!
//! Part of `cargo xtask bench`. Client, origin and gateway share the machine, so the gaps below are upper bounds: each is told
//! beside the gap of the same load while nothing is published.

use std::{
    fmt::Write,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;
use tokio::io::AsyncWriteExt;
use tokio_rustls::client::TlsStream;

use crate::{
    Setup, Stand,
    authority::Authority,
    client::{Client, Outer, handshake, read_answer},
    sample::CAMILLE,
    upstream::{Behaviour, Upstream},
};

const TUNNEL: &str = "allowed.test";
const INSPECTED: &str = "www.allowed.test";
/// As many as a large establishment approves.
const SERVICES: usize = 200;
const MILLION: usize = 1_000_000;
const PUBLISHED: usize = 100_000;
/// Connections that ask one request after the other, and others that open a tunnel for each.
const KEPT: usize = 6;
const OPENING: usize = 2;
/// As long as proposing and signing takes, or longer.
const CALM: Duration = Duration::from_secs(3);
const AFTERWARDS: Duration = Duration::from_secs(1);
/// Tunnels that are open and silent meanwhile: as many as the terminals of a house have.
const SILENT: usize = 300;
/// So many before the first answers, and the load has no origin or no session.
const FAILURES_LIMIT: usize = 100;

/// Prints one line `NAME <tab> FIGURE` for each figure.
pub async fn measure(quick: bool) -> Result<()> {
    let authority = Arc::new(Authority::new("Passerelle bench")?);
    let http1 = ["http/1.1"];
    let origin = Upstream::tls(authority.server(&[TUNNEL, INSPECTED], &http1)?, Behaviour::Http).await?;
    let mut stand = Setup::new(authority.clone(), policy(0))
        .resolve(&format!("{TUNNEL}:443"), origin.address())
        .resolve(&format!("{INSPECTED}:443"), origin.address())
        .settings("[limits]\nconnections = 8192\nconnections_per_terminal = 4096\n")
        .start()?;
    let mut load = Load { client: stand.client("charge")?, browser: authority.browser()? };
    let tunnels = if quick { 200 } else { 2000 };
    let few = load.settled(&mut stand, tunnels).await?;
    tell("policy, 200 services", &few);

    let begun = Instant::now();
    publish(&stand, &policy(MILLION)).await?;
    println!("policy, 1 million hosts, propose and sign\t{:.1} s", begun.elapsed().as_secs_f64());
    let million = load.settled(&mut stand, tunnels).await?;
    tell("policy, 1 million hosts", &million);
    let (memory, cost) = (million.memory_kib - few.memory_kib, million.tunnel_us / few.tunnel_us);
    let peak = million.peak_kib - few.peak_kib;
    println!(
        "policy, 1 million hosts against 200 services\t{:.1} MB more, {:.1} MB more at the peak, tunnels cost {cost:.3} times as much",
        megabytes(memory),
        megabytes(peak)
    );

    publish(&stand, &policy(0)).await?;
    stand.restart()?;
    load.client = stand.client("charge")?.sign_in(&CAMILLE).await?;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(load.open().await?);
    }
    let hosts = policy(PUBLISHED);
    for round in 1..=if quick { 1 } else { 3 } {
        let calm = load.run(async || {
            tokio::time::sleep(CALM).await;
            Ok(())
        });
        let calm = calm.await?;
        println!("load {round}, nothing published\t{}", calm.told());
        let publishing = load.run(async || {
            publish(&stand, &hosts).await?;
            // Everything that is open is judged again now.
            tokio::time::sleep(AFTERWARDS).await;
            Ok(())
        });
        let publishing = publishing.await?;
        println!("load {round}, 100,000 hosts published\t{}", publishing.told());
        publish(&stand, &policy(0)).await?;
    }
    Ok(())
}

/// A list that could be anybody's, half of it refused and half of it a service's, beside 200 services as staff write them.
fn policy(hosts: usize) -> String {
    let mut text = format!(
        r#"version = 1
[[window]]
id = "day"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
[[service]]
id = "load-tunnel"
category = "training"
start = "https://{TUNNEL}/"
[[service.rule]]
hosts = ["{TUNNEL}"]
mode = "tunnel"
[[service]]
id = "load-inspect"
category = "training"
start = "https://{INSPECTED}/"
[[service.rule]]
hosts = ["{INSPECTED}"]
"#
    );
    let mut add = |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("a string takes every word");
    for number in 2..SERVICES {
        add(format_args!(
            "[[service]]\nid = \"service-{number}\"\ncategory = \"administrative\"\nwindows = [\"day\"]\nminutes_per_day = 60\n\
             start = \"https://www.service-{number}.example/\"\n[[service.rule]]\nhosts = [\"www.service-{number}.example\"]\n\
             paths = [\"/\", \"/dossier/*\"]\npath_regex = ['/offres/[0-9]+']\n[[service.rule]]\n\
             hosts = [\"*.ressources.service-{number}.example\"]\naccess = \"resource\"\n"
        ));
    }
    if hosts > 0 {
        add(format_args!(
            "[[service]]\nid = \"list\"\ncategory = \"training\"\n[[service.rule]]\nhosts = [\n"
        ));
        (0..hosts / 2).for_each(|number| add(format_args!("\"site{number}.liste.example\",\n")));
        add(format_args!("]\n[[refuse]]\nreason = \"Liste\"\nhosts = [\n"));
        (0..hosts / 2).for_each(|number| add(format_args!("\"*.publicite-{number}.example\",\n")));
        add(format_args!("]\n"));
    }
    text
}

/// What two people do, without keeping the load waiting for it.
async fn publish(stand: &Stand, policy: &str) -> Result<()> {
    tokio::task::block_in_place(|| stand.publish(policy)).map(drop)
}

/// What a gateway is after a start and some tunnels.
struct Settled {
    ready: Duration,
    memory_kib: f64,
    peak_kib: f64,
    /// Of the gateway's processor time, each.
    tunnel_us: f64,
}

fn tell(name: &str, settled: &Settled) {
    let Settled { ready, memory_kib, peak_kib, tunnel_us } = settled;
    println!("{name}, start to ready\t{:.3} s", ready.as_secs_f64());
    println!("{name}, memory\t{:.1} MB, {:.1} MB at the peak", megabytes(*memory_kib), megabytes(*peak_kib));
    println!("{name}, a new tunnel\t{tunnel_us:.0} µs of the gateway's processor time");
}

fn megabytes(kib: f64) -> f64 {
    kib * 1024.0 / 1e6
}

struct Load {
    client: Client,
    browser: Arc<ClientConfig>,
}

impl Load {
    /// Starts the gateway afresh, looks at it, and opens tunnels one after the other.
    async fn settled(&mut self, stand: &mut Stand, tunnels: usize) -> Result<Settled> {
        stand.stop();
        let begun = Instant::now();
        stand.restart()?;
        let ready = begun.elapsed();
        let process = stand.gateway()?.process().id();
        // Before any request: what the start alone needs.
        let memory_kib = figure(process, "smaps_rollup", "Pss:")?;
        let peak_kib = figure(process, "status", "VmHWM:")?;
        self.client = stand.client("charge")?.sign_in(&CAMILLE).await?;
        for _ in 0..tunnels / 10 {
            self.tunnel().await?;
        }
        let before = processor_ticks(process)?;
        for _ in 0..tunnels {
            self.tunnel().await?;
        }
        let ticks = processor_ticks(process)? - before;
        let tunnel_us = ticks as f64 * 1e6 / TICKS_A_SECOND / tunnels as f64;
        Ok(Settled { ready, memory_kib, peak_kib, tunnel_us })
    }

    /// A tunnel with TLS and one request inside.
    async fn tunnel(&self) -> Result<()> {
        self.open().await.map(drop)
    }

    async fn open(&self) -> Result<TlsStream<Outer>> {
        let tunnel = self.client.connect(&format!("{TUNNEL}:443")).await?;
        let tunnel = tunnel.ok().context("the tunnel was refused")?;
        let mut stream = handshake(tunnel, TUNNEL, self.browser.clone()).await?;
        request(&mut stream, TUNNEL).await?;
        Ok(stream)
    }

    /// Asks without a pause while `work` is done.
    async fn run(&self, work: impl AsyncFnOnce() -> Result<()>) -> Result<Answered> {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Answers::default()));
        let mut askers = tokio::task::JoinSet::new();
        for number in 0..KEPT + OPENING {
            let load = Load { client: self.client.clone(), browser: self.browser.clone() };
            let (over, answered) = (over.clone(), answered.clone());
            askers.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let asked = match number < OPENING {
                        true => load.open_on(&over, &answered).await,
                        false => load.ask_on(&over, &answered).await,
                    };
                    if asked.is_err() {
                        answered.failures.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        // Everybody is under way before the clock begins.
        while answered.at.lock().expect("no panic while held").len() < KEPT + OPENING {
            ensure!(answered.failures.load(Ordering::Relaxed) < FAILURES_LIMIT, "nothing but failures");
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        work().await?;
        let ended = Instant::now();
        over.store(true, Ordering::Relaxed);
        while askers.join_next().await.is_some() {}
        answered.between(begun, ended)
    }

    async fn open_on(&self, over: &AtomicBool, answered: &Answers) -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            self.tunnel().await?;
            answered.note(asked);
        }
        Ok(())
    }

    async fn ask_on(&self, over: &AtomicBool, answered: &Answers) -> Result<()> {
        let mut stream = self.client.inspected(INSPECTED).await?;
        while !over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            request(&mut stream, INSPECTED).await?;
            answered.note(asked);
        }
        Ok(())
    }
}

async fn request<S>(stream: &mut S, host: &str) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let answer = read_answer(stream, false).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// When answers came, and for how long each was waited.
#[derive(Default)]
struct Answers {
    at: Mutex<Vec<(Instant, Duration)>>,
    failures: AtomicUsize,
}

impl Answers {
    fn note(&self, asked: Instant) {
        let now = Instant::now();
        self.at.lock().expect("no panic while held").push((now, now - asked));
    }

    fn between(&self, begun: Instant, ended: Instant) -> Result<Answered> {
        let at = self.at.lock().expect("no panic while held");
        let during: Vec<_> = at.iter().filter(|(at, _)| (begun..=ended).contains(at)).collect();
        let times = || std::iter::once(begun).chain(during.iter().map(|(at, _)| *at)).chain([ended]);
        let gaps = times().zip(times().skip(1)).map(|(before, after)| after - before);
        Ok(Answered {
            count: during.len(),
            failures: self.failures.load(Ordering::Relaxed),
            seconds: (ended - begun).as_secs_f64(),
            longest_gap: gaps.max().context("there are two times at least")?,
            longest_wait: during.iter().map(|(_, waited)| *waited).max().unwrap_or_default(),
        })
    }
}

struct Answered {
    count: usize,
    failures: usize,
    seconds: f64,
    /// In which nobody was answered.
    longest_gap: Duration,
    longest_wait: Duration,
}

impl Answered {
    fn told(&self) -> String {
        let Answered { count, failures, seconds, longest_gap, longest_wait } = self;
        let milliseconds = |time: &Duration| time.as_secs_f64() * 1000.0;
        format!(
            "{count} answers in {seconds:.1} s, {failures} failures, longest gap {:.1} ms, longest wait {:.1} ms",
            milliseconds(longest_gap),
            milliseconds(longest_wait)
        )
    }
}

/// Of `/proc/PID/stat` (proc(5)): Linux counts in hundredths of a second for programs, whatever it does inside.
const TICKS_A_SECOND: f64 = 100.0;

/// User and system time of a process and its threads.
fn processor_ticks(process: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').context("a process has a name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    // Fields 14 and 15, the first behind the name being the third.
    ticks(11).zip(ticks(12)).map(|(user, system)| user + system).context("a process has its times")
}

/// In KiB: the line of `/proc/PID/FILE` that begins with `name`.
fn figure(process: u32, file: &str, name: &str) -> Result<f64> {
    let path = Path::new("/proc").join(process.to_string()).join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("no {name} in {}", path.display()))
}
