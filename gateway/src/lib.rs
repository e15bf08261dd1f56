//! The gateway. (PROVISIONAL: the lead's version replaces this file; `verbs` needs what stands here.)

pub mod access_stop;
mod attempts;
pub mod authority;
pub mod client_hello;
pub mod config;
pub mod control;
pub mod identifier;
pub mod init;
pub mod journal_keys;
pub mod minutes;
pub mod person;
pub mod policy_store;
pub mod request;
pub mod secret;
pub mod session;
pub mod staff;
pub mod store;
pub mod strict_http1;
pub mod strict_http2;
pub mod terminal;
pub mod verbs;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use passerelle_audit::{Draft, Journal, JournalConfig, JournalError, KeyId, Kind, SealingKey, Sealed};
use passerelle_policy::Host;
use tokio_util::sync::CancellationToken;

use crate::access_stop::AccessStop;
use crate::authority::Authority;
use crate::config::{Config, Overrides};
use crate::journal_keys::{JournalKeys, Subject};
use crate::minutes::Minutes;
use crate::person::People;
use crate::policy_store::PolicyStore;
use crate::request::Requests;
use crate::secret::{HashCost, Hasher};
use crate::session::{SessionLimits, Sessions};
use crate::staff::StaffRoll;
use crate::store::Store;
use crate::terminal::Terminals;

/// PROVISIONAL.
pub struct Gateway {
    pub config: Config,
    pub authority: Authority,
    pub people: People,
    pub terminals: Terminals,
    pub staff: StaffRoll,
    pub sessions: Sessions,
    pub policies: PolicyStore,
    pub requests: Requests,
    pub minutes: Minutes,
    pub access_stop: AccessStop,
    pub keys: JournalKeys,
    pub journal: Journal,
    pub own_names: Vec<Host>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Authority(#[from] authority::AuthorityError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Policy(#[from] policy_store::PolicyStoreError),
    #[error("could not open the journal")]
    Journal(#[from] passerelle_audit::StartError),
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Gateway {
    /// PROVISIONAL. The state of `data`, with `DIR/lock` held by the caller.
    pub async fn open(data: &Path, overrides: &Overrides) -> Result<Arc<Gateway>, OpenError> {
        let config = Config::load(data, overrides)?;
        let authority = Authority::load(&config)?;
        let now = Timestamp::now();
        let store = Store::open(&config.store.url, data).await?;
        let hasher = hasher();
        let people = People::new(store.clone(), hasher.clone());
        let limits = SessionLimits {
            length_seconds: config.session.hours * 3600,
            idle_limit_seconds: config.session.idle_lock_seconds,
        };
        let sessions =
            Sessions::open(store.clone(), people.clone(), &config.journal.gateway, limits, now).await?;
        let keys = JournalKeys::open(store.clone()).await?;
        let journal_config = JournalConfig {
            folder: config.path("audit"),
            gateway: config.journal.gateway.clone(),
            origin: config.journal.gateway.clone(),
            signing_key: authority.journal_key(),
            limits: passerelle_audit::Limits::default(),
        };
        let keyring = |id: &KeyId| keys.lookup(id).map(|key| SealingKey::clone(&key));
        let (journal, _orphans) = Journal::start(journal_config, Arc::new(Timestamp::now), keyring)?;
        let own_names = authority.server_names().iter().filter_map(|name| Host::parse(name).ok()).collect();
        Ok(Arc::new(Gateway {
            own_names,
            terminals: Terminals::open(store.clone()).await?,
            staff: StaffRoll::new(store.clone(), hasher),
            policies: PolicyStore::open(store.clone()).await?,
            requests: Requests::new(store.clone()),
            minutes: Minutes::new(store.clone()),
            access_stop: AccessStop::open(store).await?,
            config,
            authority,
            people,
            sessions,
            keys,
            journal,
        }))
    }

    /// PROVISIONAL. Durable when it returns.
    pub async fn record(
        &self,
        kind: Kind,
        subject: &Subject,
        reason: Option<&str>,
        sealed: Sealed,
    ) -> Result<u64, RecordError> {
        let key = self.keys.key_for(subject, Timestamp::now()).await?;
        let draft = Draft { reason: reason.map(str::to_owned), sealed, ..Draft::new(kind) };
        Ok(self.journal.append(draft, key).await?)
    }

    /// PROVISIONAL. Where terminals reach us: the bound address while serving, else the configured one.
    pub fn terminal_address(&self) -> std::net::SocketAddr {
        self.config.listen.terminal
    }

    /// PROVISIONAL. Listens, prints `ready …`, serves until `stop`.
    pub async fn serve(self: Arc<Self>, stop: CancellationToken) -> Result<(), anyhow::Error> {
        use std::io::Write;
        let listen = &self.config.listen;
        writeln!(
            std::io::stdout(),
            "ready terminal={} staff={} metrics={}",
            listen.terminal,
            listen.staff,
            listen.metrics
        )?;
        stop.cancelled().await;
        Ok(())
    }

    /// PROVISIONAL. Ends the journal with a last checkpoint.
    pub async fn close(&self) {
        self.journal.clone().stop().await;
    }
}

/// PROVISIONAL.
pub fn hasher() -> Hasher {
    Hasher::new(HashCost::STATED)
}
