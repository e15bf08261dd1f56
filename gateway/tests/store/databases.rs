//! The two databases of the tests: SQLite in a temporary folder, PostgreSQL as a cluster of our own, without TCP.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use passerelle_gateway::identifier::{GroupId, Login, PersonId, TerminalId};
use passerelle_gateway::person::People;
use passerelle_gateway::secret::{HashCost, Hasher};
use passerelle_gateway::session::{SessionLimits, Sessions};
use passerelle_gateway::store::Store;
use tempfile::TempDir;

/// A fresh database; opening it twice is a restart, or a second gateway.
pub struct Place {
    pub url: String,
    pub data: TempDir,
}

impl Place {
    pub fn sqlite() -> Place {
        Place { url: "sqlite://state.db".into(), data: TempDir::new().unwrap() }
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.url, self.data.path()).await.unwrap()
    }

    /// Runs SQL behind the program's back; answers the last row's number, if it has one.
    pub async fn behind(&self, sql: &'static str) -> Option<i64> {
        let url = match self.url.strip_prefix("sqlite://") {
            Some(file) => format!("sqlite://{}?mode=rwc", self.data.path().join(file).display()),
            None => self.url.clone(),
        };
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&url).await.unwrap();
        let number = sqlx::query_scalar::<_, i64>(sql).fetch_optional(&pool).await.unwrap();
        pool.close().await;
        number
    }

    pub async fn people(&self) -> People {
        people(self.store().await)
    }

    pub async fn sessions(&self, gateway: &str) -> (People, Sessions) {
        let store = self.store().await;
        let people = people(store.clone());
        let limits = SessionLimits { length_seconds: 600, idle_limit_seconds: 60 };
        let sessions = Sessions::open(store, people.clone(), gateway, limits, now()).await.unwrap();
        (people, sessions)
    }
}

pub fn people(store: Store) -> People {
    People::new(store, Hasher::new(HashCost::LEAST))
}

pub fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

pub fn terminal(name: &str) -> TerminalId {
    TerminalId::parse(name).unwrap()
}

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub fn group(name: &str) -> GroupId {
    GroupId::parse(name).unwrap()
}

/// A sample person whose PIN is 314159.
pub const PIN: &str = "314159";

pub async fn add(people: &People, id: &str, groups: &[&str]) -> PersonId {
    let groups: Vec<_> = groups.iter().map(|name| group(name)).collect();
    people.add(&person(id), "Personne Exemple", &groups, &[], PIN, now()).await.unwrap();
    person(id)
}

/// A PostgreSQL cluster, stopped and removed when dropped.
pub struct Cluster {
    folder: TempDir,
    tools: PathBuf,
}

impl Cluster {
    /// `None`, with a line that says why, where PostgreSQL is not installed.
    pub fn start_or_skip() -> Option<Cluster> {
        let Some(tools) = tools() else {
            let reason = "PostgreSQL's server programs are not installed (Debian package postgresql)";
            crate::skip::skipped("on_postgres", reason);
            return None;
        };
        let cluster = Cluster { folder: TempDir::new().unwrap(), tools };
        if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name("postgres").unwrap().expect("the package made its user");
            std::os::unix::fs::chown(cluster.folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .unwrap();
        }
        let (data, folder) = (cluster.data(), cluster.folder.path().display().to_string());
        let data = data.to_str().unwrap();
        cluster.run("initdb", &["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", data]);
        let settings = format!("-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off");
        let log = format!("{folder}/log");
        cluster.run("pg_ctl", &["start", "--wait", "--pgdata", data, "--log", &log, "--options", &settings]);
        Some(cluster)
    }

    pub fn place(&self, name: &str) -> Place {
        let folder = self.folder.path().to_str().unwrap();
        self.run("createdb", &["--host", folder, "--username", "postgres", name]);
        let url = format!("postgres://postgres@localhost/{name}?host={folder}");
        Place { url, data: TempDir::new().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, tool: &str, arguments: &[&str]) {
        let program = self.tools.join(tool);
        let mut command = match nix::unistd::geteuid().is_root() {
            true => Command::new("runuser"),
            false => Command::new(&program),
        };
        if nix::unistd::geteuid().is_root() {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        let done = command.args(arguments).current_dir("/").stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "{} {arguments:?}: {done}", program.display());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["stop", "--mode", "immediate", "--pgdata", data.to_str().unwrap()]);
    }
}

/// Debian keeps the server's programs in a folder a version.
fn tools() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
    versions.flatten().map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists())
}
