//! Several gateways on one store: what another one changed holds here within a second.
//!
//! Spawned by `Gateway::serve`. Each gateway decides from memory; this task brings the memory up to date. A store that can't be
//! read leaves the last word standing: sign-ins, new minutes and new keys need the store anyway and are refused meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::Gateway;
use crate::policy_store::PolicyStoreError;

/// A stop or a revocation must end what is live within a second; `live` takes a quarter of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Until the gateway has stopped; has nothing to do where the store is this gateway's alone.
pub(crate) async fn follow(gateway: Arc<Gateway>) {
    if !gateway.store.is_shared() {
        return gateway.stopped.cancelled().await;
    }
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = gateway.stopped.cancelled() => return,
        }
        if let Err(error) = catch_up(&gateway).await {
            tracing::error!(%error, "what other gateways changed could not be read");
        }
    }
}

/// What takes something away comes first.
async fn catch_up(gateway: &Gateway) -> Result<(), PolicyStoreError> {
    gateway.access_stop.refresh().await?;
    gateway.terminals.refresh().await?;
    for ended in gateway.sessions.refresh(Timestamp::now()).await? {
        gateway.record_end(&ended).await;
    }
    gateway.policies.refresh().await?;
    gateway.keys.refresh().await?;
    Ok(())
}
