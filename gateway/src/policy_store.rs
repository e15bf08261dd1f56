//! Versions of the policy: proposed, signed, published, superseded.
//!
//! Called by the `policy` verbs and the console; every request reads [`PolicyStore::current`]. Invariants:
//! - One version is published at a time, and what is published was read by the policy crate without an error.
//! - A version needs its signatures, each of another person with the role; the proposal is the first.
//! - Publishing supersedes older proposals too: they were written without what was published since, an emergency refusal for
//!   example, and would undo it. Whoever wants one proposes its text again; so one also goes back.
//! - [`PolicyStore::refuse`] alone needs one person: it only narrows.
//! - A text is read once a change, off the async threads, and what was read is put in force in one swap: a policy of a million
//!   hosts keeps no request waiting. Its text stays in the store.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use passerelle_policy::{FILE_LIMIT_BYTES, Finding, Host, HostPattern, Policy};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::identifier::Login;
use crate::staff::Staff;
use crate::store::{Store, StoreError};

/// In bytes: a million hosts, each for itself and for all below it. A policy of full length still takes thousands of emergencies.
pub const LONGEST_POLICY: usize = FILE_LIMIT_BYTES - 1024 * 1024;
/// In bytes.
const LONGEST_NARROWED: usize = FILE_LIMIT_BYTES;
/// In characters.
const LONGEST_COMMENT: usize = 2000;
/// How many versions `history` tells, the latest.
const HISTORY_LIMIT: i64 = 500;
/// How often another gateway may add the version we were about to add.
const RACE_LIMIT: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    Proposed,
    Published,
    Superseded,
}

impl VersionState {
    const ALL: [VersionState; 3] =
        [VersionState::Proposed, VersionState::Published, VersionState::Superseded];

    pub fn word(self) -> &'static str {
        match self {
            VersionState::Proposed => "proposed",
            VersionState::Published => "published",
            VersionState::Superseded => "superseded",
        }
    }

    pub fn parse(word: &str) -> Option<VersionState> {
        VersionState::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub by: Login,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// From 1.
    pub version: u64,
    pub state: VersionState,
    pub proposer: Login,
    pub comment: String,
    pub proposed_at: Timestamp,
    pub published_at: Option<Timestamp>,
    pub signatures_needed: u32,
    /// In the order of time; the proposal is the first.
    pub signatures: Vec<Signature>,
}

/// The policy in force.
#[derive(Debug)]
pub struct Published {
    pub version: u64,
    pub policy: Arc<Policy>,
}

/// A text that was read without a mistake, and what it says.
struct Proposal {
    text: String,
    policy: Arc<Policy>,
}

#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    #[error("the policy has mistakes:\n{}", lines(.0))]
    Mistakes(Vec<Finding>),
    #[error("a policy has at most {LONGEST_POLICY} bytes")]
    TooLong,
    #[error("a comment has at most {LONGEST_COMMENT} characters")]
    Comment,
    #[error("there is no policy version {0}")]
    Unknown(u64),
    #[error("{0} may not propose or sign: only security and administrator may")]
    Role(Login),
    #[error("{0} has signed this version already: another person must")]
    SignedAlready(Login),
    #[error("version {version} does not wait for a signature: it is {}", state.word())]
    NotProposed { version: u64, state: VersionState },
    #[error("`{0}` is neither a host nor `*.` and a host")]
    Host(String),
    #[error("the store holds no published policy")]
    Nothing,
    #[error("the store holds a policy already")]
    Something,
    #[error("the published policy, version {version}, can't be read any more:\n{}", lines(.findings))]
    Broken { version: u64, findings: Vec<Finding> },
    #[error("the gateway stopped while it read the policy")]
    Interrupted,
    #[error("other changes came first, again and again: try once more")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

/// All versions; clones share the one in force.
#[derive(Clone)]
pub struct PolicyStore {
    store: Store,
    current: Arc<ArcSwap<Published>>,
    published: Arc<watch::Sender<u64>>,
    /// Changes take turns.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl PolicyStore {
    /// For `init`: the starter policy of a new store is published as version 1.
    pub async fn install(
        store: &Store,
        text: &str,
        by: &Login,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), PolicyStoreError> {
        let Proposal { text, .. } = read(text.to_owned(), LONGEST_POLICY).await?;
        let added = store.add_policy(1, &text, by, comment, 1, now).await?;
        if added { Ok(()) } else { Err(PolicyStoreError::Something) }
    }

    /// Refuses a store whose published policy is missing or can't be read: better no gateway than no rules.
    pub async fn open(store: Store) -> Result<PolicyStore, PolicyStoreError> {
        let version = store.published_policy().await?.ok_or(PolicyStoreError::Nothing)?;
        let current = load(&store, version).await?;
        let published = Arc::new(watch::Sender::new(current.version));
        let current = Arc::new(ArcSwap::from_pointee(current));
        Ok(PolicyStore { store, current, published, changing: Arc::default() })
    }

    /// Takes over what another gateway published; to be called every second where gateways share a store.
    pub async fn refresh(&self) -> Result<(), PolicyStoreError> {
        self.refresh_knowing(None).await
    }

    /// [`PolicyStore::refresh`]; what the caller has read is not read again.
    async fn refresh_knowing(&self, known: Option<(u64, Arc<Policy>)>) -> Result<(), PolicyStoreError> {
        let version = self.store.published_policy().await?.ok_or(PolicyStoreError::Nothing)?;
        if version == self.current().version {
            return Ok(());
        }
        let found = match known.filter(|(known, _)| *known == version) {
            Some((version, policy)) => Published { version, policy },
            None => load(&self.store, version).await?,
        };
        let found = Arc::new(found);
        self.published.send_if_modified(|version| {
            // Versions only grow: an older reading never replaces a newer one.
            let newer = found.version > *version;
            if newer {
                *version = found.version;
                self.current.store(found.clone());
            }
            newer
        });
        Ok(())
    }

    pub fn current(&self) -> Arc<Published> {
        self.current.load_full()
    }

    /// Holds the version in force.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Answers the new version; with `signatures_needed` 1 it is published at once.
    pub async fn propose(
        &self,
        text: impl Into<String>,
        by: &Staff,
        comment: &str,
        signatures_needed: u32,
        now: Timestamp,
    ) -> Result<Version, PolicyStoreError> {
        may_publish(by)?;
        let proposal = read(text.into(), LONGEST_POLICY).await?;
        let _turn = self.changing.lock().await;
        for _ in 0..RACE_LIMIT {
            let next = 1 + self.store.last_policy_version().await?;
            if let Some(version) = self.add(next, &proposal, by, comment, signatures_needed, now).await? {
                return Ok(version);
            }
        }
        Err(PolicyStoreError::Busy)
    }

    /// Publishes the version when this was the last signature it needed.
    pub async fn sign(&self, version: u64, by: &Staff, now: Timestamp) -> Result<Version, PolicyStoreError> {
        may_publish(by)?;
        let _turn = self.changing.lock().await;
        let found = self.show(Some(version)).await?;
        if found.state != VersionState::Proposed {
            return Err(PolicyStoreError::NotProposed { version, state: found.state });
        }
        // A policy that was right when it was proposed may be wrong for a newer program.
        let Proposal { policy, .. } = read(self.text(version).await?, LONGEST_POLICY).await?;
        if !self.store.sign_policy(version, &by.login, now).await? {
            return Err(PolicyStoreError::SignedAlready(by.login.clone()));
        }
        self.refresh_knowing(Some((version, policy))).await?;
        self.show(Some(version)).await
    }

    /// Emergency: the text in force with one more `[[refuse]]`, published at once. `host` may be `*.` and a host.
    pub async fn refuse(&self, host: &str, by: &Staff, now: Timestamp) -> Result<Version, PolicyStoreError> {
        may_publish(by)?;
        let pattern = host_pattern(host)?;
        let comment = format!("Refus d'urgence : {pattern}");
        let reason = format!("Refus d'urgence par {}, {}", by.login, now.strftime("%Y-%m-%d"));
        let _turn = self.changing.lock().await;
        // Made from the one in force; begun again when somebody else was faster.
        for _ in 0..RACE_LIMIT {
            let next = 1 + self.store.last_policy_version().await?;
            self.refresh().await?;
            let current = self.text(self.current().version).await?;
            let (pattern, reason) = (pattern.clone(), reason.clone());
            let narrowed = aside(move || Policy::refusing(&current, &pattern, &reason)).await?;
            let proposal = read(narrowed, LONGEST_NARROWED).await?;
            if let Some(version) = self.add(next, &proposal, by, &comment, 1, now).await? {
                return Ok(version);
            }
        }
        Err(PolicyStoreError::Busy)
    }

    /// Adds a version of this number; nothing when the number was taken meanwhile.
    async fn add(
        &self,
        next: u64,
        proposal: &Proposal,
        by: &Staff,
        comment: &str,
        signatures_needed: u32,
        now: Timestamp,
    ) -> Result<Option<Version>, PolicyStoreError> {
        if comment.chars().count() > LONGEST_COMMENT || comment.contains('\0') {
            return Err(PolicyStoreError::Comment);
        }
        let Proposal { text, policy } = proposal;
        if !self.store.add_policy(next, text, &by.login, comment, signatures_needed, now).await? {
            return Ok(None);
        }
        self.refresh_knowing(Some((next, policy.clone()))).await?;
        self.show(Some(next)).await.map(Some)
    }

    /// Without a number the one in force.
    pub async fn show(&self, version: Option<u64>) -> Result<Version, PolicyStoreError> {
        let version = version.unwrap_or_else(|| self.current().version);
        self.store.policy(version).await?.ok_or(PolicyStoreError::Unknown(version))
    }

    /// The text of a version, as it was proposed.
    pub async fn text(&self, version: u64) -> Result<String, PolicyStoreError> {
        self.store.policy_text(version).await?.ok_or(PolicyStoreError::Unknown(version))
    }

    /// The latest first.
    pub async fn history(&self) -> Result<Vec<Version>, PolicyStoreError> {
        Ok(self.store.policies(HISTORY_LIMIT).await?)
    }
}

async fn load(store: &Store, version: u64) -> Result<Published, PolicyStoreError> {
    let text = store.policy_text(version).await?.ok_or(PolicyStoreError::Nothing)?;
    let policy = aside(move || {
        let policy = Policy::parse_again(&text);
        drop(text);
        passerelle_memory::give_back();
        policy
    });
    let policy = policy.await?;
    let policy = policy.map_err(|findings| PolicyStoreError::Broken { version, findings })?;
    Ok(Published { version, policy: Arc::new(policy) })
}

async fn read(text: String, longest: usize) -> Result<Proposal, PolicyStoreError> {
    if text.len() > longest {
        return Err(PolicyStoreError::TooLong);
    }
    aside(move || {
        if text.contains('\0') {
            return Err(PolicyStoreError::TooLong);
        }
        let policy = Arc::new(Policy::parse_again(&text).map_err(PolicyStoreError::Mistakes)?);
        Ok(Proposal { text, policy })
    })
    .await?
}

/// What takes long, off the async threads.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PolicyStoreError> {
    spawn_blocking(work).await.map_err(|_| PolicyStoreError::Interrupted)
}

fn may_publish(staff: &Staff) -> Result<(), PolicyStoreError> {
    if staff.role.may_publish() { Ok(()) } else { Err(PolicyStoreError::Role(staff.login.clone())) }
}

fn host_pattern(text: &str) -> Result<HostPattern, PolicyStoreError> {
    let (name, pattern): (_, fn(Host) -> HostPattern) = match text.strip_prefix("*.") {
        Some(name) => (name, HostPattern::Below),
        None => (text, HostPattern::Exact),
    };
    Host::parse_written(name).map(pattern).map_err(|_| PolicyStoreError::Host(text.into()))
}
