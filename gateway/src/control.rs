//! One writer: `DIR/lock`, and `DIR/control.sock` of the gateway that holds it.
//!
//! A verb calls [`carry_out`]: with the lock free it takes it, opens the gateway and executes; otherwise it hands the request to
//! the running gateway. Invariants: whoever changes state holds the lock (`flock`, so that it goes with its process, however
//! that ends); the socket is made by the lock's holder only, hence a socket file without a lock is a dead gateway's and is
//! replaced; it is readable by the gateway's user alone, and a request that was sent is never sent twice.
//!
//! On the socket: one [`Request`] in JSON and a newline, answered by one [`Answer`] in JSON and a newline; before it, for a long
//! work, lines `{"step": …}` that say how far it is.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use passerelle_policy::FILE_LIMIT_BYTES;

use crate::config::Overrides;
use crate::verbs::{Answer, Request, execute};
use crate::{Gateway, OpenError};

/// The lock's file in the data folder.
pub const LOCK: &str = "lock";
/// The socket's file in the data folder.
pub const SOCKET: &str = "control.sock";

/// A request holds at most a policy file, every second byte of it escaped.
const REQUEST_LIMIT_BYTES: u64 = 2 * FILE_LIMIT_BYTES as u64 + (1 << 20);
/// After a longer one memory is given back.
const LONG_REQUEST_BYTES: usize = 1 << 20;
/// An answer holds at most a policy file, as text and in JSON.
const ANSWER_LIMIT_BYTES: u64 = 2 * REQUEST_LIMIT_BYTES;
/// A client sends its request as soon as it is connected; what stays silent is no verb of ours.
const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// Verbs served at once: technicians are two.
const VERBS_AT_ONCE: usize = 8;
/// Between two words of progress: often enough to be seen moving.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// Connections at once, those included that have not asked yet: so many that silent ones keep no verb waiting.
const CLIENTS_AT_ONCE: usize = 64;
/// How long a verb waits for one that holds the lock, or for a gateway that is starting.
const TURN_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks whether it is our turn: not felt, and no load.
const TURN_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("{0} holds no gateway: run `passerelle-gateway init --data {0}` first")]
    NotInitialised(PathBuf),
    #[error("a gateway is running on {0} already")]
    Running(PathBuf),
    #[error("{0} is in use, and nobody answers on its control socket")]
    NobodyAnswers(PathBuf),
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the gateway did not answer: look whether it was done")]
    Lost(#[source] io::Error),
    #[error("could not open the gateway")]
    Open(#[from] OpenError),
}

/// The right to change the state of one data folder, until dropped.
pub struct Lock {
    file: File,
}

impl Lock {
    /// `None` while another process has it.
    pub fn try_take(data: &Path) -> Result<Option<Lock>, ControlError> {
        let path = data.join(LOCK);
        let failed = |source| ControlError::File { action: "lock", path: path.clone(), source };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// For `serve`: an error while another process has it.
    pub fn take(data: &Path) -> Result<Lock, ControlError> {
        initialised(data)?;
        Lock::try_take(data)?.ok_or_else(|| ControlError::Running(data.to_owned()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file unlocks it too; this way the order is ours to see.
        let _ = self.file.unlock();
    }
}

/// Carries out a verb: here, or in the running gateway.
pub async fn carry_out(data: &Path, overrides: &Overrides, request: Request) -> Result<Answer, ControlError> {
    match our_turn(data).await? {
        Turn::Here(lock) => {
            let gateway = Gateway::open(data, overrides).await?;
            let (tell, told) = watch::channel(String::new());
            let answer = beside(execute(&gateway, request, &tell), told, None).await;
            gateway.close().await;
            drop(lock);
            Ok(answer)
        }
        Turn::There(stream) => ask(stream, &request).await.map_err(ControlError::Lost),
    }
}

/// Who carries out the verb.
pub enum Turn {
    Here(Lock),
    There(UnixStream),
}

/// Waits until the lock is free or a running gateway listens.
pub async fn our_turn(data: &Path) -> Result<Turn, ControlError> {
    initialised(data)?;
    let deadline = Instant::now() + TURN_LIMIT;
    loop {
        if let Some(lock) = Lock::try_take(data)? {
            return Ok(Turn::Here(lock));
        }
        if let Ok(stream) = connect(data).await {
            return Ok(Turn::There(stream));
        }
        if Instant::now() > deadline {
            return Err(ControlError::NobodyAnswers(data.to_owned()));
        }
        sleep(TURN_EVERY).await;
    }
}

/// Sends one request and reads its answer.
pub async fn ask(stream: UnixStream, request: &Request) -> io::Result<Answer> {
    let (reading, mut writing) = stream.into_split();
    let line = as_line(request)?;
    if line.len() as u64 > REQUEST_LIMIT_BYTES {
        let longest = format!("the request is longer than {REQUEST_LIMIT_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, longest));
    }
    writing.write_all(&line).await?;
    let mut lines = BufReader::new(reading);
    loop {
        let line = read_line(&mut lines, ANSWER_LIMIT_BYTES).await?;
        // An answer may hold secrets: it is read from the one buffer that is wiped.
        if !line.starts_with(br#"{"step":"#) {
            return Ok(serde_json::from_slice(&line)?);
        }
        say(&serde_json::from_slice::<StepLine>(&line)?.step);
    }
}

/// How far a long work is.
#[derive(serde::Serialize, serde::Deserialize)]
struct StepLine {
    step: String,
}

/// For who waits at the command line.
fn say(step: &str) {
    eprintln!("{step}");
}

/// Waits for a verb and passes on what it tells meanwhile, the latest word at most every [`STEP_EVERY`]: to the client that waits,
/// or to standard error.
async fn beside(
    verb: impl Future<Output = Answer>,
    mut told: watch::Receiver<String>,
    mut client: Option<&mut OwnedWriteHalf>,
) -> Answer {
    let mut verb = pin!(verb);
    loop {
        let step = tokio::select! {
            biased;
            answer = verb.as_mut() => return answer,
            Ok(()) = told.changed() => told.borrow_and_update().clone(),
        };
        match &mut client {
            // A client that went away does not undo what it asked for.
            Some(client) => {
                if let Ok(line) = as_line(&StepLine { step }) {
                    let _ = client.write_all(&line).await;
                }
            }
            None => say(&step),
        }
        tokio::select! {
            answer = verb.as_mut() => return answer,
            () = sleep(STEP_EVERY) => {}
        }
    }
}

fn as_line(value: &impl serde::Serialize) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(value)?);
    line.push(b'\n');
    Ok(line)
}

/// The control socket of a gateway about to serve.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Replaces what a dead gateway left. The file appears with its mode set, listening.
    pub fn bind(data: &Path, _held: &Lock) -> Result<ControlSocket, ControlError> {
        let (path, fresh) = (data.join(SOCKET), data.join("control.sock.new"));
        let failed = |source| ControlError::File { action: "listen on", path: path.clone(), source };
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let folder = File::open(data).map_err(failed)?;
        let listener = UnixListener::bind(short(&folder, "control.sock.new")).map_err(failed)?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600)).map_err(failed)?;
        std::fs::rename(&fresh, &path).map_err(failed)?;
        Ok(ControlSocket { listener, path })
    }

    /// Answers until `stop`, finishes what it began, and removes the socket.
    pub async fn serve(self, gateway: Arc<Gateway>, stop: CancellationToken) {
        let (places, turns) =
            (Arc::new(Semaphore::new(CLIENTS_AT_ONCE)), Arc::new(Semaphore::new(VERBS_AT_ONCE)));
        let verbs = TaskTracker::new();
        loop {
            // Taking the place first leaves further clients in the kernel's queue.
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (gateway, turns) = (Arc::clone(&gateway), Arc::clone(&turns));
                    verbs.spawn(async move {
                        if let Err(error) = answer(stream, &gateway, &turns).await {
                            tracing::warn!(%error, "a verb was not answered");
                        }
                        drop(place);
                    });
                }
                // Out of file descriptors, most likely: not a reason to stop, nor to spin.
                Err(error) => {
                    tracing::warn!(%error, "accepting a verb");
                    sleep(TURN_EVERY).await;
                }
            }
        }
        verbs.close();
        verbs.wait().await;
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Reads one request, executes it, answers. A client that goes away does not undo what it asked for.
async fn answer(stream: UnixStream, gateway: &Gateway, turns: &Semaphore) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let line = timeout(REQUEST_LIMIT, read_line(&mut BufReader::new(reading), REQUEST_LIMIT_BYTES)).await??;
    let _turn = turns.acquire().await.map_err(io::Error::other)?;
    let is_long = line.len() > LONG_REQUEST_BYTES;
    // A policy of a million hosts takes a while to be read and to be wiped: not on a thread that serves.
    let request = spawn_blocking(move || serde_json::from_slice(&line)).await?;
    let answer = match request {
        Ok(request) => {
            let (tell, told) = watch::channel(String::new());
            beside(execute(gateway, request, &tell), told, Some(&mut writing)).await
        }
        Err(error) => Answer::failed(&error),
    };
    let line = spawn_blocking(move || as_line(&answer)).await??;
    writing.write_all(&line).await?;
    if is_long {
        spawn_blocking(passerelle_memory::give_back).await?;
    }
    Ok(())
}

async fn read_line(
    reading: &mut BufReader<OwnedReadHalf>,
    limit_bytes: u64,
) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut line = zeroize::Zeroizing::new(Vec::new());
    reading.take(limit_bytes).read_until(b'\n', &mut line).await?;
    match line.last() {
        Some(b'\n') => Ok(line),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line has no end")),
    }
}

async fn connect(data: &Path) -> io::Result<UnixStream> {
    let folder = File::open(data)?;
    UnixStream::connect(short(&folder, SOCKET)).await
}

/// A socket's path may have 107 bytes (unix(7)); a data folder's may have more.
fn short(folder: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

fn initialised(data: &Path) -> Result<(), ControlError> {
    match data.join("keys").is_dir() {
        true => Ok(()),
        false => Err(ControlError::NotInitialised(data.to_owned())),
    }
}
