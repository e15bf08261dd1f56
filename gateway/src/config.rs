//! The gateway's settings: `DIR/gateway.toml`, the environment, the flags.
//!
//! Owned here: the names, defaults and ranges of every key. Read once, when a verb starts; everybody else gets values.
//! Invariants: every key has a default, a key nobody knows is an error (a limit misspelt is a limit absent), and a value
//! that was accepted is inside its range. The file that `init` writes, [`TEMPLATE`], holds every default.

mod limits;
mod mend;
mod overrides;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use limits::Limits;
pub use overrides::Overrides;

/// `gateway.toml` as `init` writes it: every key, its default and why.
pub const TEMPLATE: &str = include_str!("gateway.toml");

/// The file's name inside the data folder.
pub const FILE: &str = "gateway.toml";

/// Everything that can be set; one field a section of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data folder, from `--data`; relative paths of the file start there.
    #[serde(skip)]
    pub data: PathBuf,
    pub listen: Listen,
    pub store: Store,
    pub policy: Policy,
    pub upstream: Upstream,
    pub journal: Journal,
    pub session: Session,
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    pub terminal: SocketAddr,
    pub staff: SocketAddr,
    pub metrics: SocketAddr,
    /// Chain, then key, in one PEM file; empty: the gateway's own certificate. Read it with
    /// [`Config::staff_certificate`].
    pub staff_certificate: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite://FILE` (relative to the data folder) or `postgres://…`.
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// People who agree before a version applies, the proposer included: 1 or 2.
    #[serde(deserialize_with = "within::<1, 2, _, _>")]
    pub signatures: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// `host:port` to the address dialled instead of asking DNS: the administrator's word, the one way to a private
    /// address. Look names up with [`Upstream::resolved`].
    #[serde(deserialize_with = "resolve_map")]
    pub resolve: BTreeMap<String, SocketAddr>,
    /// PEM files of issuers trusted besides the system's.
    pub extra_roots: Vec<PathBuf>,
    /// PEM files of intermediates that servers forget to send.
    pub intermediates: Vec<PathBuf>,
    pub resolvers: Vec<Resolver>,
}

/// Whom DNS questions go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Resolver {
    /// What `/etc/resolv.conf` says.
    System,
    Server(SocketAddr),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// This gateway's name in its records and in its log's verifier key.
    #[serde(deserialize_with = "gateway_name")]
    pub gateway: String,
    /// Whole months before the one that runs: what is older is erased. See `retention`.
    #[serde(deserialize_with = "within::<1, 120, _, _>")]
    pub retention_months: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// From sign-in to the end, whatever happens.
    #[serde(deserialize_with = "within::<10, 86400, _, _>")]
    pub limit_seconds: u32,
    #[serde(deserialize_with = "within::<10, 7200, _, _>")]
    pub idle_lock_seconds: u32,
}

/// Why the settings can't be used. All are the administrator's to mend: exit 1.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    /// `line` and `column` count from 1, columns in characters.
    #[error("{path}:{line}:{column}: {what} — {mend}")]
    File { path: PathBuf, line: usize, column: usize, what: String, mend: String },
    /// `origin` is the variable or flag.
    #[error("{origin}: {what} — {mend}")]
    Override { origin: String, what: String, mend: String },
}

impl Config {
    /// The settings of the data folder `data`: its `gateway.toml` (defaults where there is none), then `overrides`.
    pub fn load(data: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
        let path = data.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(half_written(path, &text));
        }
        let mut config = overrides.apply(Config::parse(&path, &text)?)?;
        config.data = data.to_owned();
        Ok(config)
    }

    fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let (line, column) = mend::position(text, error.span().map_or(0, |span| span.start));
            let (what, mend) = mend::sentence(error.message());
            ConfigError::File { path: path.to_owned(), line, column, what, mend }
        })
    }

    /// A path of the file, read from the data folder.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.data.join(path)
    }

    /// The staff port's certificate file, when it is not the gateway's own.
    pub fn staff_certificate(&self) -> Option<PathBuf> {
        let file = &self.listen.staff_certificate;
        (!file.is_empty()).then(|| self.path(file))
    }
}

/// A limit that was cut off is a limit absent, and half a file is often good TOML: every line has its end, or nothing starts.
fn half_written(path: PathBuf, text: &str) -> ConfigError {
    let (line, column) = mend::position(text, text.len());
    let what = "the last line does not end: the file may be half written".into();
    ConfigError::File { path, line, column, what, mend: "complete it, and end its last line".into() }
}

impl Upstream {
    /// The address the administrator gave this host (lower case, no trailing dot) and port.
    pub fn resolved(&self, host: &str, port: u16) -> Option<SocketAddr> {
        self.resolve.get(&format!("{host}:{port}")).copied()
    }
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            terminal: SocketAddr::from(([0, 0, 0, 0], 8443)),
            staff: SocketAddr::from(([127, 0, 0, 1], 9443)),
            metrics: SocketAddr::from(([127, 0, 0, 1], 9100)),
            staff_certificate: String::new(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Store { url: "sqlite://state.db".into() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy { signatures: 2 }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Upstream {
            resolve: BTreeMap::new(),
            extra_roots: Vec::new(),
            intermediates: Vec::new(),
            resolvers: vec![Resolver::System],
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Journal { gateway: "passerelle".into(), retention_months: 12 }
    }
}

impl Default for Session {
    fn default() -> Self {
        Session { limit_seconds: 7200, idle_lock_seconds: 300 }
    }
}

impl TryFrom<String> for Resolver {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "system" => Ok(Resolver::System),
            address => address
                .parse()
                .map(Resolver::Server)
                .map_err(|_| "not a resolver, expected \"system\" or ADDRESS:PORT"),
        }
    }
}

impl From<Resolver> for String {
    fn from(resolver: Resolver) -> String {
        match resolver {
            Resolver::System => "system".into(),
            Resolver::Server(address) => address.to_string(),
        }
    }
}

/// A whole number inside its range; the message is made so that [`mend::sentence`] can cut it in two.
fn within<'de, const MIN: u64, const MAX: u64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    let expected = format!("expected a number from {MIN} to {MAX}");
    let number = i64::deserialize(deserializer)
        .map_err(|_| D::Error::custom(format!("not a whole number, {expected}")))?;
    u64::try_from(number)
        .ok()
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(format!("{number} is out of range, {expected}")))
}

fn resolve_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, SocketAddr>, D::Error> {
    let map = BTreeMap::<String, SocketAddr>::deserialize(deserializer)?;
    for name in map.keys() {
        let known = name.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.ends_with('.')
                && *host == host.to_lowercase()
                && port.parse::<u16>().is_ok()
        });
        if !known {
            let text = format!("`{name}` names no host and port, expected \"host:port\" in lower case");
            return Err(D::Error::custom(text));
        }
    }
    Ok(map)
}

/// The name goes into a C2SP signed-note key, which allows neither spaces nor `+`.
fn gateway_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let text =
            format!("`{name}` can't name a gateway, expected 1 to 64 letters, digits, '.', '-', '_' or '/'");
        return Err(D::Error::custom(text));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
