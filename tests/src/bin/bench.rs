//! The parts of `cargo xtask bench` that need the programs themselves, built as they ship; `xtask` builds and starts it.
//!
//! `keys` times the kiosk from a key to a pixel, `floods` times one terminal while another attacks, `policy` weighs a policy of a
//! million hosts and publishes one under load, `proxy` serves a gateway for a load client to be pointed at.

use std::{fmt::Write, fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use passerelle_tests::{
    Setup,
    authority::Authority,
    key_to_pixel,
    kiosk::Kiosk,
    sample::CAMILLE,
    scale,
    screen::Screen,
    site::{self, Site},
    tour::Tour,
    waits,
};
use tokio::signal::unix::{SignalKind, signal};

/// Services of the policy that a load meets, its own two included: as many as a large establishment approves.
const SERVICES: usize = 200;
/// A load client is one terminal with a thousand connections; a real one has the default's 64.
const LIMITS: &str =
    "[limits]\nconnections = 8192\nconnections_per_terminal = 4096\nexchanges_per_terminal = 8192\n";

#[derive(Parser)]
#[command(about = "Started by `cargo xtask bench`")]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Key to pixel, in the sign-in field and in a page of the browse view
    Keys {
        #[arg(long, default_value_t = 30)]
        count: usize,
    },
    /// What somebody else waits while one terminal attacks
    Floods {
        /// One flood only, by its name
        #[arg(long)]
        only: Option<String>,
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        #[arg(long, default_value_t = 6)]
        seconds: u64,
    },
    /// The attacker of `floods`
    #[command(hide = true)]
    Attack { flood: String, address: String, folder: PathBuf, token: String },
    /// A policy of a million hosts, and one of 100,000 that is published under load
    Policy {
        #[arg(long)]
        quick: bool,
    },
    /// A gateway under a policy of 200 services, until it is interrupted
    Proxy(Proxy),
}

#[derive(Args)]
struct Proxy {
    /// The origin that the load asks for
    #[arg(long)]
    origin: SocketAddr,
    /// PEM file with the issuer of the origin's certificate
    #[arg(long)]
    origin_ca: PathBuf,
    /// A name of the origin that is tunnelled
    #[arg(long, default_value = "allowed.test")]
    tunnel_host: String,
    /// A name of the origin that is inspected, with a path rule
    #[arg(long, default_value = "www.allowed.test")]
    inspect_host: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().part {
        Part::Keys { count } => keys(count).await,
        Part::Floods { only, rounds, seconds } => {
            waits::measure(only.as_deref(), rounds, Duration::from_secs(seconds)).await
        }
        Part::Attack { flood, address, folder, token } => {
            waits::attack(&flood, &address, &folder, &token).await
        }
        Part::Policy { quick } => scale::measure(quick).await,
        Part::Proxy(proxy) => serve(&proxy).await,
    }
}

async fn keys(count: usize) -> Result<()> {
    let authority = Arc::new(Authority::new("Passerelle bench")?);
    let site = Site::start(&authority).await?;
    let policy = format!("version = 1\n{}", site::POLICY);
    let stand = site.resolve(Setup::new(authority, policy)).start()?;
    let screen = Screen::start()?;
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne-exemple")?)?);
    tour.kiosk.wait("the field for the name", Duration::from_secs(30), |event| {
        event.focus.as_deref() == Some("person")
    })?;
    tell("key to pixel, sign-in field", &key_to_pixel::measure(&screen, count)?);
    tour.sign_in(&CAMILLE)?;
    tour.open_service("administrative", "demarches-exemple", &format!("https://{}/", site::HOST))?;
    tour.begin_form()?;
    tell("key to pixel, browse view", &key_to_pixel::measure(&screen, count)?);
    Ok(())
}

/// `waits` is sorted.
fn tell(name: &str, waits: &[Duration]) {
    let at = |share: usize| waits[(waits.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    println!("{name}\tmedian {:.1} ms, p90 {:.1} ms, of {} presses", at(50), at(90), waits.len());
}

async fn serve(proxy: &Proxy) -> Result<()> {
    let issuer = fs::read_to_string(&proxy.origin_ca)
        .with_context(|| format!("reading {}", proxy.origin_ca.display()))?;
    let port = proxy.origin.port();
    let mut stand = Setup::new(Arc::new(Authority::new("Passerelle bench")?), policy(proxy)?)
        .trust(&issuer)
        .resolve(&format!("{}:{port}", proxy.tunnel_host), proxy.origin)
        .resolve(&format!("{}:{port}", proxy.inspect_host), proxy.origin)
        .settings(LIMITS)
        .start()?;
    let folder = stand.enrol("charge")?;
    let client = stand.client("charge")?.sign_in(&CAMILLE).await?;
    let address = stand.address();
    let process = stand.gateway()?.process().id();
    println!("proxy={address}\npid={process}\nbearer={}", client.token().context("signed in just now")?);
    for (name, file) in [
        ("proxy_ca", "trust.pem"),
        ("proxy_cert", "terminal.pem"),
        ("proxy_key", "terminal.key"),
        ("ca", "inspection.pem"),
    ] {
        println!("{name}={}", folder.join(file).display());
    }
    println!("serving until Ctrl+C or SIGTERM");
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// The two services that the load uses, among others as staff write them.
fn policy(proxy: &Proxy) -> Result<String> {
    let (tunnel, inspect, port) = (&proxy.tunnel_host, &proxy.inspect_host, proxy.origin.port());
    let mut policy = format!(
        r#"version = 1
[[window]]
id = "day"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
[[service]]
id = "load-tunnel"
category = "training"
name = {{ fr = "Tunnel d'essai", en = "Test tunnel" }}
start = "https://{tunnel}:{port}/"
[[service.rule]]
hosts = ["{tunnel}"]
ports = [{port}]
mode = "tunnel"
[[service]]
id = "load-inspect"
category = "training"
name = {{ fr = "Inspection d'essai", en = "Test inspection" }}
start = "https://{inspect}:{port}/1k"
[[service.rule]]
hosts = ["{inspect}"]
ports = [{port}]
paths = ["/1k", "/64k", "/10m"]
access = "page"
download_types = ["application/octet-stream"]
"#
    );
    for number in 2..SERVICES {
        write!(
            policy,
            r#"
[[service]]
id = "service-{number}"
category = "administrative"
name = {{ fr = "Service {number}", en = "Service {number}" }}
start = "https://www.service-{number}.example/"
windows = ["day"]
minutes_per_day = 60
[[service.rule]]
hosts = ["www.service-{number}.example"]
paths = ["/", "/dossier/*"]
path_regex = ['/offres/[0-9]+']
[[service.rule]]
hosts = ["*.ressources.service-{number}.example"]
access = "resource"
"#
        )?;
    }
    Ok(policy)
}
