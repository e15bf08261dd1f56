//! The command line of the kiosk: parses, then hands over to the library.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use passerelle_kiosk::{app, browser::cage, enrolment, events::Events};

/// Kiosk terminal of Passerelle.
#[derive(Parser)]
#[command(name = "passerelle-kiosk", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: Run,
}

#[derive(Args)]
struct Run {
    /// Folder written by an enrolment; where it is missing, the kiosk asks for an address and a code and makes it.
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/passerelle-kiosk/enrolment")]
    enrolment: PathBuf,
    /// Opens a 1280 x 800 window instead of the full screen.
    #[arg(long)]
    windowed: bool,
    /// Writes one JSON line a screen change to this file descriptor.
    #[cfg(feature = "test-events")]
    #[arg(long, value_name = "FD")]
    events: Option<u32>,
}

#[derive(Subcommand)]
enum Verb {
    /// Enrols this terminal with the one-use code of `terminal invite`.
    Enrol {
        #[arg(long, value_name = "HOST:PORT")]
        gateway: String,
        #[arg(long)]
        code: String,
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// The stage that runs inside the cage (started by the kiosk itself).
    #[command(name = cage::INNER_VERB, hide = true)]
    CageInner {
        #[arg(last = true)]
        chromium: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Verb::CageInner { chromium }) = cli.verb {
        return Err(cage::inner(&chromium).into());
    }
    start_log();
    match cli.verb {
        Some(Verb::Enrol { gateway, code, out }) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let made = runtime.block_on(enrolment::enrol(&gateway, &code, &out))?;
            println!("enrolled {} in {}", made.terminal, out.display());
            Ok(())
        }
        _ => app::run(app::Start {
            folder: cli.run.enrolment.clone(),
            windowed: cli.run.windowed,
            events: events(&cli.run)?,
        })
        .context("the kiosk's window"),
    }
}

#[cfg(feature = "test-events")]
fn events(run: &Run) -> anyhow::Result<Option<Events>> {
    run.events
        .map(|fd| Events::open(fd).with_context(|| format!("file descriptor {fd} for events")))
        .transpose()
}

#[cfg(not(feature = "test-events"))]
fn events(_run: &Run) -> anyhow::Result<Option<Events>> {
    Ok(None)
}

/// Words for staff go to standard error; the screen has words for people.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PASSERELLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,passerelle_kiosk=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
