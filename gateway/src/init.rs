//! `init`: a data folder that a gateway can start on.
//!
//! Called once an establishment. Invariants: a folder with anything but `gateway.toml` in it is left as it was; an `init` that
//! fails removes what it made; when it succeeded, the gateway it made was opened once and its journal has begun.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use zeroize::Zeroizing;

use crate::authority::{self, Authority};
use crate::config::{self, Config, Overrides};
use crate::control::{self, ControlError, Lock};
use crate::identifier::Login;
use crate::journal_keys::Subject;
use crate::policy_store::PolicyStore;
use crate::staff::{Role, StaffRoll};
use crate::store::Store;
use crate::verbs::VerbError;
use crate::{Gateway, OpenError};

/// Login of the first administrator.
const ADMINISTRATOR: &str = "administrator";
/// Comment of policy version 1.
const STARTER_COMMENT: &str = "Starter policy";

/// What the person who ran `init` must keep.
pub struct Initialised {
    pub login: Login,
    pub one_time_password: Zeroizing<String>,
    /// Names and addresses of the server's certificate.
    pub names: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{folder} is not empty (it holds {found}): nothing was changed")]
    NotEmpty { folder: PathBuf, found: String },
    #[error("`{0}` is neither a host name nor an address")]
    Name(String),
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Authority(#[from] authority::AuthorityError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Staff(#[from] crate::staff::StaffError),
    #[error("installing the starter policy")]
    Policy(#[from] crate::policy_store::PolicyStoreError),
    #[error("opening the new gateway")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Verb(#[from] VerbError),
}

/// Makes keys, database, starter policy and first administrator under `data`.
pub async fn init(data: &Path, names: &[String], overrides: &Overrides) -> Result<Initialised, InitError> {
    if let Some(wrong) = names.iter().find(|name| !authority::is_server_name(name)) {
        return Err(InitError::Name(wrong.clone()));
    }
    empty(data, &[config::FILE])?;
    let config = Config::load(data, overrides)?;
    let made_folder = !data.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(file("create", data))?;
    let Some(lock) = Lock::try_take(data)? else {
        return Err(ControlError::Running(data.to_owned()).into());
    };
    // Again, now that nobody else can be at it: another `init` may have come first.
    empty(data, &[config::FILE, control::LOCK])?;
    let had_settings = config.path(config::FILE).exists();
    let outcome = fill(data, &config, names, overrides).await;
    if outcome.is_err() {
        clear(data, had_settings, made_folder);
    }
    drop(lock);
    outcome
}

async fn fill(
    data: &Path,
    config: &Config,
    names: &[String],
    overrides: &Overrides,
) -> Result<Initialised, InitError> {
    let settings = config.path(config::FILE);
    if !settings.exists() {
        std::fs::write(&settings, config::TEMPLATE).map_err(file("write", &settings))?;
    }
    let authority = Authority::create(config, names)?;
    let now = Timestamp::now();
    let login = Login::parse(ADMINISTRATOR).expect("the first login is well formed");
    let store = Store::open(&config.store.url, data).await?;
    let one_time_password =
        StaffRoll::new(store.clone(), crate::secret::Hasher::new(crate::secret::HashCost::STATED))
            .add_first(&login, now)
            .await?
            .into();
    PolicyStore::install(&store, passerelle_policy::STARTER, &login, STARTER_COMMENT, now).await?;
    store.close().await;

    let gateway = Gateway::open(data, overrides).await?;
    crate::verbs::staff::record_added(&gateway, &login, Role::Administrator, None).await?;
    let sealed = Sealed { policy: Some(1), detail: Some(STARTER_COMMENT.to_owned()), ..Sealed::default() };
    gateway
        .record(Kind::PolicyPublished, &Subject::Staff(login.clone()), None, sealed)
        .await
        .map_err(VerbError::from)?;
    gateway.close().await;
    Ok(Initialised { login, one_time_password, names: authority.server_names() })
}

/// Refuses a folder that holds more than `allowed`.
fn empty(data: &Path, allowed: &[&str]) -> Result<(), InitError> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(file("read", data)(source)),
    };
    for entry in entries {
        let name = entry.map_err(file("read", data))?.file_name();
        if !allowed.iter().any(|allowed| name == *allowed) {
            let found = name.to_string_lossy().into_owned();
            return Err(InitError::NotEmpty { folder: data.to_owned(), found });
        }
    }
    Ok(())
}

/// Removes what a failed `init` made: under the lock, the folder held its settings at most.
fn clear(data: &Path, had_settings: bool, made_folder: bool) {
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        if had_settings && entry.file_name() == config::FILE {
            continue;
        }
        let path = entry.path();
        // What can't be removed keeps the next `init` from taking the folder for an empty one.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    if made_folder {
        let _ = std::fs::remove_dir(data);
    }
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InitError + use<> {
    let path = path.to_owned();
    move |source| InitError::File { action, path, source }
}
