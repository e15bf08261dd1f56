//! The life of one Chromium: its cage, its relay, its pipe. Run by [`super::Browser::start`].
//!
//! One task reads the pipe and obeys the application, both through its [`Owner`]; another writes.
//! Invariant: however this task ends, Chromium is killed and its profile is seen gone before the event stream closes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, unix::pipe};
use tokio::sync::{mpsc, watch};

use super::cage::{self, Cage, CageError};
use super::frame::{Decoder, Picture};
use super::owner::{Owner, PageCrashed};
use super::protocol::{Incoming, ProtocolError, Splitter, decode};
use super::relay::{Notice, Outcomes, Relay};
use super::{Command, Event, Setup, policies};

/// Calls waiting for the pipe; Chromium reads it on a thread of its own.
const CALL_LIMIT: usize = 1024;
/// Bytes one read of the pipe takes: a frame in a few reads.
const READ_BYTES: usize = 256 << 10;
/// From Chromium's start until its first page has answered: a second or two, more on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error(transparent)]
    Cage(#[from] CageError),
    #[error("preparing the pipes of Chromium")]
    Pipe(#[source] std::io::Error),
    #[error("Chromium closed its pipe")]
    Closed,
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error(transparent)]
    PageCrashed(#[from] PageCrashed),
    #[error("no page within {START_LIMIT:?}")]
    Silent,
    #[error("the application let go")]
    LetGo,
}

/// Starts Chromium and serves it until it dies or the application lets go.
pub(super) async fn run(
    setup: Setup,
    mut orders: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    pictures: watch::Sender<Option<Picture>>,
) {
    let ending = match start(&setup).await {
        Ok(cage) => {
            let identity = cage.identity();
            let ending = serve(&setup, cage, &mut orders, &events, pictures).await;
            if let Err(error) = identity.wait_until_wiped().await {
                tracing::error!(%error, "wiping the cage");
            }
            ending
        }
        Err(error) => error.into(),
    };
    tracing::info!(%ending, "the browser ended");
    let last = match ending {
        Ending::LetGo => return,
        Ending::Cage(error) => Event::CannotStart(error.to_string()),
        Ending::Pipe(error) => Event::CannotStart(error.to_string()),
        _ => Event::Crashed,
    };
    let _ = events.send(last).await;
}

async fn start(setup: &Setup) -> Result<Cage, CageError> {
    let plan = cage::Plan {
        stage: setup.stage.clone(),
        policy: policies::managed(&setup.issuers).to_string(),
        language: setup.language,
        width: setup.size.0,
        height: setup.size.1,
    };
    cage::start(plan).await
}

/// Returns when the cage is dead.
async fn serve(
    setup: &Setup,
    mut cage: Cage,
    orders: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
    pictures: watch::Sender<Option<Picture>>,
) -> Ending {
    let prepared = || -> std::io::Result<_> {
        let reader = pipe::Receiver::from_owned_fd(cage.from_chromium.into())?;
        let writer = pipe::Sender::from_owned_fd(cage.to_chromium.into())?;
        Ok((reader, writer, TcpListener::from_std(cage.door)?, Decoder::start(pictures)?))
    };
    let (reader, writer, door, decoder) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => return Ending::Pipe(error),
    };
    let outcomes = Outcomes::default();
    let (notices, mut noticed) = mpsc::channel(1);
    let relay = Relay {
        gateway: setup.gateway.clone(),
        token: setup.token.clone(),
        outcomes: outcomes.clone(),
        notices,
    };
    let (calls, waiting) = mpsc::channel(CALL_LIMIT);
    let mut owner = Owner::new(setup, calls, events, outcomes, decoder.clone());
    owner.greet();

    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(relay.serve(door));
    tasks.spawn(write(writer, waiting));
    let mut pipe = Incomings { reader, splitter: Splitter::default(), buffer: vec![0; READ_BYTES] };
    let too_late = tokio::time::sleep(START_LIMIT);
    tokio::pin!(too_late);
    let ending = loop {
        tokio::select! {
            incoming = pipe.next() => match incoming {
                Ok(incoming) => if let Err(crash) = owner.hear(incoming).await { break crash.into() },
                Err(ending) => break ending,
            },
            command = orders.recv() => match command {
                Some(command) => owner.obey(command),
                None => break Ending::LetGo,
            },
            Some(Notice::SessionEnded) = noticed.recv() => owner.tell(Event::SessionEnded).await,
            () = &mut too_late, if owner.is_starting() => break Ending::Silent,
        }
    };
    decoder.close();
    if let Err(error) = cage.child.kill().await {
        tracing::warn!(%error, "killing the cage");
    }
    ending
}

struct Incomings {
    reader: pipe::Receiver,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl Incomings {
    /// Cancel safe: bytes that were read are kept in the splitter.
    async fn next(&mut self) -> Result<Incoming, Ending> {
        loop {
            if let Some(message) = self.splitter.next_message() {
                return Ok(decode(&message)?);
            }
            match self.reader.read(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(Ending::Closed),
                Ok(length) => self.splitter.push(&self.buffer[..length])?,
            }
        }
    }
}

async fn write(mut pipe: pipe::Sender, mut calls: mpsc::Receiver<Vec<u8>>) {
    while let Some(call) = calls.recv().await {
        if pipe.write_all(&call).await.is_err() {
            return;
        }
    }
}
