//! The gateway: the only way out of a kiosk, and what decides, records and forwards on it.
//!
//! [`Gateway::open`] brings up the state of a data folder (for a verb as for a server), [`Gateway::serve`] opens the doors. The way
//! of a request begins in [`listener`] and is told by [`proxy::exchange`].

pub mod access_stop;
mod attempts;
pub mod authority;
pub mod catalogue;
pub mod client_hello;
pub mod clock;
pub mod config;
mod console;
pub mod control;
mod handshakes;
mod health;
pub mod identifier;
pub mod init;
pub mod journal_keys;
pub mod kiosk_api;
pub mod learning;
mod listener;
mod metrics;
pub mod minutes;
pub mod person;
pub mod policy_store;
pub mod proxy;
mod public_log;
pub mod request;
pub mod retention;
pub mod second_factor;
pub mod secret;
pub mod session;
mod share;
mod shared_store;
pub mod staff;
pub mod store;
pub mod strict_http1;
pub mod strict_http2;
pub mod terminal;
pub mod text;
pub mod tls;
mod turns;
pub mod verbs;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, Uri};
use jiff::Timestamp;
use passerelle_audit::{Draft, Journal, JournalConfig, Kind, Sealed, SealingKey};
use passerelle_policy::{Host, Reason};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::access_stop::AccessStop;
use crate::authority::Authority;
use crate::catalogue::Catalogue;
use crate::catalogue::intake::Intakes;
use crate::catalogue::progress::Progress;
use crate::clock::LocalMinute;
use crate::config::{Config, Overrides};
use crate::console::StaffSessions;
use crate::handshakes::Handshakes;
use crate::health::Readiness;
use crate::identifier::{Login, PersonId};
use crate::journal_keys::{JournalKeys, Subject};
use crate::learning::Learning;
use crate::metrics::Metrics;
use crate::minutes::Minutes;
use crate::person::People;
use crate::policy_store::PolicyStore;
use crate::proxy::dial::Dialer;
use crate::proxy::live::{self, Exchanges};
use crate::proxy::refusals::{self, Refusals};
use crate::proxy::upstream::Pools;
use crate::request::Requests;
use crate::second_factor::SecondFactors;
use crate::secret::{HashCost, Hasher};
use crate::session::{EndReason, LiveSession, SessionLimits, Sessions};
use crate::share::Shares;
use crate::staff::StaffRoll;
use crate::store::Store;
use crate::terminal::Terminals;

/// How long a request may wait for the store; beyond it its disk or its server is broken, and the person is told.
const STORE_LIMIT: Duration = Duration::from_secs(5);
/// How often a stop looks whether the live exchanges are gone.
const STOP_LOOK: Duration = Duration::from_millis(20);

/// Everything one gateway knows and does; shared by its connections and verbs.
pub struct Gateway {
    pub config: Config,
    pub authority: Authority,
    pub people: People,
    pub terminals: Terminals,
    pub staff: StaffRoll,
    pub second_factors: SecondFactors,
    pub staff_sessions: StaffSessions,
    pub sessions: Sessions,
    pub policies: PolicyStore,
    pub requests: Requests,
    pub learning: Learning,
    pub catalogue: Catalogue,
    pub intakes: Intakes,
    pub progress: Progress,
    pub minutes: Minutes,
    pub access_stop: AccessStop,
    pub keys: JournalKeys,
    pub journal: Journal,
    /// The log's verifier key, as `audit/log.vkey` holds it.
    pub journal_key: String,
    /// Names this gateway answers to: never an upstream.
    pub own_names: Vec<Host>,
    pub(crate) exchanges: Exchanges,
    pub(crate) refusals: Refusals,
    pub(crate) pools: Pools,
    pub(crate) dialer: Dialer,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    /// Where terminals are served, once they are.
    terminal_address: OnceLock<SocketAddr>,
    pub(crate) shares: Shares,
    pub(crate) handshakes: Handshakes,
    pub(crate) terminal_addresses: listener::TerminalAddresses,
    /// No new connections from here on.
    pub(crate) stopping: CancellationToken,
    /// Everything is over.
    pub(crate) stopped: CancellationToken,
    /// When the run before last wrote its checkpoint, by the clock of then.
    pub(crate) last_run: Option<Timestamp>,
    store: Store,
}

/// Why a data folder could not be opened; nothing is served then.
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
    #[error("could not open the catalogue")]
    Catalogue(#[from] catalogue::CatalogueError),
    #[error("could not open the journal")]
    Journal(#[from] passerelle_audit::StartError),
    #[error("could not set up TLS towards upstreams")]
    Tls(#[from] tls::TlsError),
    #[error("could not set up the way out")]
    Dial(#[from] proxy::dial::DialError),
}

/// Why a gateway could not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("could not listen on {address} for {port}")]
    Listen { port: &'static str, address: SocketAddr, source: std::io::Error },
    #[error("could not set up TLS")]
    Tls(#[from] tls::TlsError),
    #[error("could not read the staff port's certificate")]
    Authority(#[from] authority::AuthorityError),
    #[error("could not record the start")]
    Record(#[from] RecordError),
    #[error("a task that everything rests on has ended")]
    Task,
    #[error("could not say that the gateway is ready")]
    Output(#[source] std::io::Error),
}

/// Why something was not recorded, and hence must not happen.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("could not keep the key of a record")]
    Key(#[from] store::StoreError),
    #[error(transparent)]
    Journal(#[from] passerelle_audit::JournalError),
}

impl From<RecordError> for Reason {
    fn from(_: RecordError) -> Reason {
        Reason::JournalUnavailable
    }
}

impl Gateway {
    /// Opens the state of `data`, whose `DIR/lock` the caller holds. Orphans of a crash are closed on the way.
    pub async fn open(data: &Path, overrides: &Overrides) -> Result<Arc<Gateway>, OpenError> {
        let config = Config::load(data, overrides)?;
        let authority = Authority::load(&config)?;
        let now = Timestamp::now();
        let last_run = last_written(&authority::journal_anchor(data));
        let store = Store::open(&config.store.url, data).await?;
        let hasher = Hasher::new(HashCost::STATED);
        let people = People::new(store.clone(), hasher.clone());
        let limits = SessionLimits {
            length_seconds: config.session.limit_seconds,
            idle_limit_seconds: config.session.idle_lock_seconds,
        };
        let sessions =
            Sessions::open(store.clone(), people.clone(), &config.journal.gateway, limits, now).await?;
        let keys = JournalKeys::open(store.clone()).await?;
        let journal = start_journal(&config, &authority, &keys)?;
        let catalogue = Catalogue::open(data)?;
        let upstream = &config.upstream;
        let resolved = |paths: &[PathBuf]| paths.iter().map(|path| config.path(path)).collect::<Vec<_>>();
        let towards_upstreams =
            tls::upstream(&resolved(&upstream.extra_roots), &resolved(&upstream.intermediates))?;
        Ok(Arc::new(Gateway {
            dialer: Dialer::new(upstream, towards_upstreams, config.limits.dial())?,
            own_names: authority.server_names().iter().filter_map(|name| Host::parse(name).ok()).collect(),
            journal_key: authority.journal_key().verifier_key(&config.journal.gateway).to_string(),
            terminals: Terminals::open(store.clone()).await?,
            staff: StaffRoll::new(store.clone(), hasher),
            second_factors: SecondFactors::new(store.clone()),
            staff_sessions: StaffSessions::default(),
            policies: PolicyStore::open(store.clone()).await?,
            requests: Requests::new(store.clone()),
            learning: Learning::default(),
            progress: Progress::new(store.clone(), catalogue.clone()),
            catalogue,
            intakes: Intakes::default(),
            minutes: Minutes::new(store.clone()),
            access_stop: AccessStop::open(store.clone()).await?,
            exchanges: Exchanges::default(),
            refusals: Refusals::default(),
            pools: Pools::default(),
            metrics: Metrics::default(),
            readiness: Readiness::default(),
            terminal_address: OnceLock::new(),
            shares: Shares::new(&config.limits),
            handshakes: Handshakes::new(config.limits.handshakes),
            terminal_addresses: listener::TerminalAddresses::default(),
            stopping: CancellationToken::new(),
            stopped: CancellationToken::new(),
            config,
            authority,
            people,
            sessions,
            keys,
            journal,
            last_run,
            store,
        }))
    }

    /// Opens the doors, says `ready …`, serves until `stop`, and ends in order: no new connections, sessions ended, live exchanges
    /// ended and their closings written, refusals written. A task that everything rests on (the doors, the one that judges
    /// again) must not end before: without it nothing is served, so that ends everything too, and is an error.
    pub async fn serve(self: Arc<Self>, stop: CancellationToken) -> Result<(), ServeError> {
        let listen = &self.config.listen;
        let terminal = bind("terminals", listen.terminal).await?;
        let staff = bind("staff", listen.staff).await?;
        let metrics = bind("metrics", listen.metrics).await?;
        let address = |listener: &TcpListener| listener.local_addr().map_err(ServeError::Output);
        let (at_terminal, at_staff, at_metrics) = (address(&terminal)?, address(&staff)?, address(&metrics)?);
        self.dialer.never_dial(vec![at_terminal, at_staff, at_metrics]);
        let _ = self.terminal_address.set(at_terminal);
        let terminal_tls = tls::terminal_port(&self.authority, self.terminals.clone())?;
        let staff_tls = self.staff_tls()?;
        self.record(Kind::GatewayStarted, &Subject::Gateway, None, Sealed::default()).await?;

        let mut tasks = JoinSet::new();
        tasks.spawn(listener::terminals(self.clone(), terminal, terminal_tls));
        tasks.spawn(listener::staff(self.clone(), staff, staff_tls));
        tasks.spawn(listener::metrics(self.clone(), metrics));
        tasks.spawn(live::supervise(self.clone()));
        tasks.spawn(refusals::write_due(self.clone()));
        tasks.spawn(retention::keep(self.clone()));
        tasks.spawn(shared_store::follow(self.clone()));

        writeln!(std::io::stdout(), "ready terminal={at_terminal} staff={at_staff} metrics={at_metrics}")
            .map_err(ServeError::Output)?;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]); // nobody listens outside systemd
        let lost = tokio::select! {
            () = stop.cancelled() => false,
            _ = tasks.join_next() => true,
        };
        if lost {
            tracing::error!("a task that everything rests on has ended: the gateway stops");
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        self.end_everything().await;
        while tasks.join_next().await.is_some() {}
        if lost { Err(ServeError::Task) } else { Ok(()) }
    }

    /// Within thrice `[limits] stop_seconds`, and what the journal's disk takes for its last records.
    async fn end_everything(&self) {
        let limit = Duration::from_secs(self.config.limits.stop_seconds);
        self.stopping.cancel();
        let _ = timeout(limit, self.end_sessions()).await;
        self.exchanges.end_all(Reason::Stopping);
        let _ = timeout(limit, self.all_closed()).await;
        self.refusals.flush(self, true).await;
        // What did not end by itself is cut now, and the drop of its permit hands over its closing, which is waited for.
        self.stopped.cancel();
        let _ = timeout(limit, self.all_closed()).await;
        // Of whoever was signing in meanwhile.
        self.end_sessions().await;
        if let Err(error) =
            self.record(Kind::GatewayStopped, &Subject::Gateway, None, Sealed::default()).await
        {
            tracing::error!(%error, "the stop could not be recorded");
        }
    }

    async fn end_sessions(&self) {
        let ended = self.sessions.end_all(EndReason::Stopping, Timestamp::now()).await;
        // Together: one after the other they would cost a sync each.
        futures_util::future::join_all(ended.iter().map(|session| self.record_end(session))).await;
    }

    /// Resolves when every opening has its closing on disk.
    async fn all_closed(&self) {
        while self.exchanges.count() > 0 || self.journal.health().live > 0 {
            sleep(STOP_LOOK).await;
        }
    }

    /// Ends the journal with a last checkpoint, and the store. The last thing that happens.
    pub async fn close(&self) {
        self.journal.clone().stop().await;
        self.store.close().await;
    }

    fn staff_tls(&self) -> Result<ServerConfig, ServeError> {
        let own = match self.config.staff_certificate() {
            Some(path) => Some(authority::read_chain(&path)?),
            None => None,
        };
        Ok(tls::staff_port(own.unwrap_or_else(|| self.authority.server_chain()))?)
    }

    /// TLS for the inside of a tunnel to `host`; call it only after the decision.
    pub(crate) fn inspected_tls(&self, host: &Host) -> Result<Arc<ServerConfig>, authority::AuthorityError> {
        let leaf = self.authority.mint_leaf(host.as_str())?;
        tls::inspected(leaf).map(Arc::new).map_err(|error| match error {
            tls::TlsError::Server(source) => authority::AuthorityError::Key(source),
            _ => authority::AuthorityError::Key(rustls::Error::General(error.to_string())),
        })
    }

    /// Where terminals are served; before that, where they will be.
    pub fn terminal_address(&self) -> SocketAddr {
        self.terminal_address.get().copied().unwrap_or(self.config.listen.terminal)
    }

    pub fn audit_folder(&self) -> PathBuf {
        self.config.path("audit")
    }

    /// True when a call is meant for this gateway: by the request's authority (HTTP/2) or Host field.
    pub(crate) fn is_our_host(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let field = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let Some(authority) = uri.authority().map(|authority| authority.as_str()).or(field) else {
            return false;
        };
        let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        self.authority.server_names().iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Appends a record and waits until it is on disk.
    pub async fn record(
        &self,
        kind: Kind,
        subject: &Subject,
        reason: Option<&str>,
        sealed: Sealed,
    ) -> Result<u64, RecordError> {
        let draft = Draft { reason: reason.map(str::to_owned), sealed, ..Draft::new(kind) };
        self.append(subject, draft).await
    }

    pub(crate) async fn append(&self, subject: &Subject, draft: Draft) -> Result<u64, RecordError> {
        let key = self.sealing_key(subject).await?;
        Ok(self.journal.append(draft, key).await?)
    }

    pub(crate) async fn sealing_key(&self, subject: &Subject) -> Result<Arc<SealingKey>, RecordError> {
        Ok(self.keys.key_for(subject, Timestamp::now()).await?)
    }

    /// Records that a session ended, and why. A journal that can't take it has refused everything else too.
    pub async fn record_end(&self, session: &LiveSession) {
        if let Err(error) = self.try_record_end(session, None).await {
            tracing::error!(%error, "the end of a session could not be recorded");
        }
    }

    /// Ends one session, on the word of a member of staff; false when it is not live here.
    pub async fn end_session(&self, id: &str, by: &Login) -> Result<bool, RecordError> {
        let ended = self.sessions.end_one(id, EndReason::SignedOut, Timestamp::now()).await;
        let Some(session) = ended else { return Ok(false) };
        self.try_record_end(&session, Some(by)).await?;
        Ok(true)
    }

    async fn try_record_end(&self, session: &LiveSession, by: Option<&Login>) -> Result<(), RecordError> {
        let reason = session.ended().filter(|ended| *ended != EndReason::SignedOut).map(EndReason::code);
        let subject = Subject::Person(session.person.clone());
        let detail = by.map(|by| format!("ended by {by}"));
        let sealed = Sealed { detail, ..kiosk_api::whose(session) };
        self.record(Kind::SignedOut, &subject, reason, sealed).await.map(drop)
    }

    /// Ends and records the sessions whose time is over.
    pub(crate) fn expire_sessions(self: &Arc<Self>, now: Timestamp) {
        self.pools.sweep();
        let ended = self.sessions.expire(now);
        if ended.is_empty() {
            return;
        }
        // They are over; what is written of it waits for disks that may hang.
        let gateway = self.clone();
        tokio::spawn(async move {
            for session in ended {
                gateway.sessions.write_end(&session, now).await;
                gateway.record_end(&session).await;
            }
        });
    }

    /// Counts the minute that runs as used of `service`, durably.
    ///
    /// Errors: `minutes-used` when none is left, `busy` when the store can't say.
    pub(crate) async fn charge_minute(
        &self,
        person: &PersonId,
        service: &str,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let published = self.policies.current();
        let Some(limit) = published.policy.service(service).and_then(|service| service.minutes_per_day())
        else {
            return Ok(());
        };
        let LocalMinute { day, minute } = LocalMinute::of(now, published.policy.time_zone());
        let charged = self.minutes.try_charge(person, service, day, minute, limit);
        match timeout(STORE_LIMIT, charged).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Reason::MinutesUsed),
            Err(_) => Err(Reason::Busy),
            Ok(Err(error)) => {
                tracing::error!(%error, "a minute could not be charged");
                Err(Reason::Busy)
            }
        }
    }
}

fn start_journal(config: &Config, authority: &Authority, keys: &JournalKeys) -> Result<Journal, OpenError> {
    let journal = JournalConfig {
        folder: config.path("audit"),
        anchor: authority::journal_anchor(&config.data),
        gateway: config.journal.gateway.clone(),
        origin: config.journal.gateway.clone(),
        signing_key: authority.journal_key(),
        limits: passerelle_audit::Limits::default(),
    };
    let keyring =
        |id: &passerelle_audit::KeyId| keys.lookup(id).map(|key| SealingKey::new(key.id(), *key.secret()));
    let (journal, orphans) = Journal::start(journal, Arc::new(Timestamp::now), keyring)?;
    if !orphans.is_empty() {
        tracing::warn!(orphans = orphans.len(), "closed what the last run left open");
    }
    Ok(journal)
}

fn last_written(file: &Path) -> Option<Timestamp> {
    let written = std::fs::metadata(file).and_then(|found| found.modified()).ok()?;
    Timestamp::try_from(written).ok()
}

async fn bind(port: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { port, address, source })
}
