//! Whether the gateway can do its work now, tried and not remembered: what `/ready` says.
//!
//! Called by the metrics port. A look writes to the journal's disk and to the store (both leave nothing that grows), since a
//! disk that filled up in the night says so only to who writes. Looks are at least a second apart; in between the last one is
//! told again. Not ready never means refusing by itself: each request tries for itself.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::Gateway;

/// Between two looks, so that a monitor gone wild writes once a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Journal and store together have so long to answer; a disk that takes longer is no use to who waits before a screen.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What keeps the gateway from working; empty when nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Troubles(Vec<String>);

/// The last look and when it was.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Troubles)>>);

impl Readiness {
    pub(crate) async fn look(&self, gateway: &Gateway) -> Troubles {
        // A stop is told at once, whatever was seen a moment ago.
        if gateway.stopping.is_cancelled() {
            return Troubles(vec!["stopping".into()]);
        }
        let mut last = self.0.lock().await;
        if let Some((at, troubles)) = &*last
            && at.elapsed() < LOOK_EVERY
        {
            return troubles.clone();
        }
        let troubles = Troubles(try_out(gateway).await);
        *last = Some((Instant::now(), troubles.clone()));
        troubles
    }
}

impl Troubles {
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

/// For technicians: a line a trouble.
impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "ready\n" } else { "not ready\n" })?;
        self.0.iter().try_for_each(|trouble| writeln!(f, "{trouble}"))
    }
}

async fn try_out(gateway: &Gateway) -> Vec<String> {
    let journal = async {
        let answered = timeout(ANSWER_LIMIT, gateway.journal.probe()).await;
        let failure = gateway.journal.health().failure;
        failure.or_else(|| answered.is_err().then(no_answer)).map(|why| format!("journal: {why}"))
    };
    let store = async {
        let store = gateway.store.probe(&gateway.config.journal.gateway, Timestamp::now());
        let why = match timeout(ANSWER_LIMIT, store).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(_) => no_answer(),
        };
        Some(format!("store: {why}"))
    };
    let (journal, store) = tokio::join!(journal, store);
    journal.into_iter().chain(store).collect()
}

fn no_answer() -> String {
    format!("no answer within {} s", ANSWER_LIMIT.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Overrides;

    #[tokio::test]
    async fn readiness_names_what_is_wrong() {
        let root = tempfile::tempdir().unwrap();
        let (data, overrides) = (root.path().join("data"), Overrides::default());
        crate::init::init(&data, &[], &overrides).await.unwrap();
        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        let look = async || Readiness::default().look(&gateway).await.to_string();
        assert_eq!(look().await, "ready\n");
        gateway.store.close().await;
        let told = look().await;
        assert!(told.starts_with("not ready\nstore: trying to write"), "{told}");
        gateway.journal.clone().stop().await;
        let told = look().await;
        assert!(told.contains("\njournal: the journal's writer has ended\n"), "{told}");
        gateway.stopping.cancel();
        assert_eq!(look().await, "not ready\nstopping\n");
    }
}
