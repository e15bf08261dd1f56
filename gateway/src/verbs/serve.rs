//! `serve`: the gateway, until it is told to stop.

use std::path::Path;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::config::Overrides;
use crate::control::{ControlError, ControlSocket, Lock};

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("could not open the gateway")]
    Open(#[from] crate::OpenError),
    #[error("could not watch for signals")]
    Signals(#[source] std::io::Error),
    #[error("could not serve")]
    Serve(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Holds the lock, answers verbs, serves until SIGTERM or SIGINT, then lets live exchanges end. The verbs' socket listens before
/// `ready` is printed, so that whoever waits for it can use both.
pub async fn serve(data: &Path, overrides: &Overrides) -> Result<(), ServeError> {
    let lock = Lock::take(data)?;
    raise_descriptor_limit();
    let gateway = Gateway::open(data, overrides).await?;
    let stop = stop_on_signal()?;
    let socket = ControlSocket::bind(data, &lock)?;
    let verbs = tokio::spawn(socket.serve(Arc::clone(&gateway), stop.clone()));
    let served = Arc::clone(&gateway).serve(stop.clone()).await;
    stop.cancel();
    let _ = verbs.await;
    gateway.close().await;
    served.map_err(|error| ServeError::Serve(error.into()))
}

/// Each connection and each tunnel's upstream is a descriptor, and the soft limit of old is 1024: without this, one terminal's
/// tunnels would leave none for the journal.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the number of open files stays as it is");
    }
}

/// Cancelled by the first SIGTERM or SIGINT; a second one ends the process at once, as people expect.
fn stop_on_signal() -> Result<CancellationToken, ServeError> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.is_cancelled() {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            told.cancel();
        }
    });
    Ok(stop)
}
