//! `serve`: the gateway, until it is told to stop.

use std::path::Path;
use std::sync::Arc;

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
