//! The Stand: a gateway, its terminals and a pretended Internet, all on free ports in a temporary folder.
//!
//! The end-to-end tests **and** the demo are made of it. The gateway is the real binary, driven by its command line;
//! upstreams are ours ([`upstream`], [`site`]) or Debian's ([`dokuwiki`],
//! [`mediawiki`]); clients are raw sockets ([`client`]), standard
//! tools, or the real kiosk under a virtual display ([`kiosk`], [`screen`]). Every person here is an invented sample.
//!
//! Invariants: dropping the Stand ends every process it started and removes its folder; nothing leaves the machine.

pub mod authority;
pub mod axe;
pub mod bench;
pub mod browser;
pub mod build;
pub mod client;
pub mod clock;
pub mod crowd;
pub mod dependencies;
pub mod dokuwiki;
pub mod figures;
pub mod floods;
pub mod gateway;
pub mod http2_frames;
pub mod internet;
pub mod journal;
pub mod key_to_pixel;
pub mod kiosk;
pub mod lessons;
pub mod mediawiki;
pub mod names;
pub mod packages;
pub mod php;
pub mod process;
pub mod relay;
pub mod report;
pub mod sample;
pub mod scale;
pub mod screen;
pub mod seed;
pub mod site;
pub mod skip;
pub mod totp;
pub mod tour;
pub mod trace;
pub mod upstream;
pub mod waits;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    authority::Authority,
    client::{ANSWER_LIMIT, Client},
    clock::Clock,
    gateway::Gateway,
    journal::Record,
    process::{Output, eventually, run},
    sample::{PEOPLE, Person, STAFF, Staff},
};

/// Connections to a free port of the loopback.
pub const ANY_PORT: &str = "127.0.0.1:0";

/// What a Stand is made of; [`Setup::start`] makes it.
pub struct Setup {
    policy: String,
    resolve: BTreeMap<String, SocketAddr>,
    resolver: String,
    settings: String,
    wrapper: Vec<String>,
    data: Option<PathBuf>,
    authority: Arc<Authority>,
    more_roots: String,
}

impl Setup {
    /// A Stand that enforces `policy` (the whole file); upstreams are signed by `authority`.
    pub fn new(authority: Arc<Authority>, policy: impl Into<String>) -> Setup {
        Setup {
            policy: policy.into(),
            resolve: BTreeMap::new(),
            // Nobody listens there: a name that `resolve` does not know fails at once, without the Internet.
            resolver: "127.0.0.1:9".into(),
            settings: String::new(),
            wrapper: Vec::new(),
            data: None,
            authority,
            more_roots: String::new(),
        }
    }

    /// `host_port` (`name:443`) is reached at `address`.
    pub fn resolve(mut self, host_port: &str, address: SocketAddr) -> Setup {
        self.resolve.insert(host_port.into(), address);
        self
    }

    /// The name server that is asked for every other name.
    pub fn resolver(mut self, address: SocketAddr) -> Setup {
        self.resolver = address.to_string();
        self
    }

    /// Every other name is asked of the machine's own resolver: the demo opens real sites where there is an Internet.
    pub fn with_internet(mut self) -> Setup {
        self.resolver = "system".into();
        self
    }

    /// Trusts the issuers in `pem` too: of upstreams that are not ours.
    pub fn trust(mut self, pem: &str) -> Setup {
        self.more_roots.push_str(pem);
        self
    }

    /// More lines for `gateway.toml`, tables included; `[upstream]` is ours.
    pub fn settings(mut self, toml: &str) -> Setup {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    /// Puts a command before the gateway's, `strace` for example.
    pub fn wrapper(mut self, command: &[&str]) -> Setup {
        self.wrapper = command.iter().map(|word| word.to_string()).collect();
        self
    }

    /// The gateway reads this clock.
    pub fn clock(self, clock: &Clock) -> Result<Setup> {
        Ok(Setup { wrapper: clock.wrapper()?, ..self })
    }

    /// Keeps the gateway's data in `folder` (empty or absent): a small file system, the demo's own folder.
    pub fn data(mut self, folder: PathBuf) -> Setup {
        self.data = Some(folder);
        self
    }

    /// Initialises, serves, adds the sample people, staff and one terminal, and publishes the policy.
    pub fn start(self) -> Result<Stand> {
        let folder = TempDir::with_prefix("passerelle-stand-")?;
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
        let roots = folder.path().join("internet.pem");
        fs::write(&roots, self.authority.pem() + &self.more_roots)?;
        fs::write(data.join("gateway.toml"), self.configuration(&roots))?;
        let init = gateway::verb(&data, &["init"], "")?.success().context("init")?.stdout;
        let log = folder.path().join("gateway.log");
        let gateway = Gateway::serve(&data, &log, ANY_PORT.parse()?, &self.wrapper)?;
        let mut stand = Stand {
            gateway: Some(gateway),
            wrapper: self.wrapper,
            address: ([127, 0, 0, 1], 0).into(),
            init,
            data,
            folder,
            authority: self.authority,
        };
        stand.address = stand.gateway()?.terminal;
        for person in PEOPLE {
            stand.add_person(person)?;
        }
        for staff in STAFF {
            stand.add_staff(staff)?;
        }
        stand.publish(&self.policy)?;
        Ok(stand)
    }

    fn configuration(&self, roots: &Path) -> String {
        let known = |(name, address): (&String, &SocketAddr)| format!("{name:?} = \"{address}\"");
        let resolve: Vec<String> = self.resolve.iter().map(known).collect();
        format!(
            "{}\n[upstream]\nresolve = {{ {} }}\nextra_roots = [{:?}]\nresolvers = [\"{}\"]\n",
            self.settings,
            resolve.join(", "),
            roots.display().to_string(),
            self.resolver
        )
    }
}

/// A running gateway with sample people; see the module's text.
pub struct Stand {
    gateway: Option<Gateway>,
    wrapper: Vec<String>,
    address: SocketAddr,
    /// What `init` printed: the first administrator's login and one-time password.
    pub init: String,
    pub data: PathBuf,
    folder: TempDir,
    pub authority: Arc<Authority>,
}

impl Stand {
    /// The terminal port; the same after a restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn gateway(&mut self) -> Result<&mut Gateway> {
        self.gateway.as_mut().context("the gateway was stopped")
    }

    /// A folder of this Stand's own, removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A verb that must succeed.
    pub fn verb(&self, arguments: &[&str], input: &str) -> Result<Output> {
        self.try_verb(arguments, input)?.success().with_context(|| format!("verb {arguments:?}"))
    }

    /// A verb whose exit code the test judges.
    pub fn try_verb(&self, arguments: &[&str], input: &str) -> Result<Output> {
        gateway::verb(&self.data, arguments, input)
    }

    pub fn add_person(&self, person: &Person) -> Result<()> {
        let mut arguments = vec!["person", "add", "--id", person.id, "--name", person.name, "--pin-stdin"];
        for group in person.groups {
            arguments.extend(["--group", group]);
        }
        for login in sample::trio() {
            arguments.extend(["--trio", login]);
        }
        self.verb(&arguments, person.pin).map(drop)
    }

    pub fn add_staff(&self, staff: &Staff) -> Result<()> {
        let arguments = ["staff", "add", "--login", staff.login, "--role", staff.role, "--password-stdin"];
        self.verb(&arguments, staff.password).map(drop)
    }

    /// Publishes a policy as two people do: one proposes, another signs.
    pub fn publish(&self, policy: &str) -> Result<u64> {
        let file = self.folder().join("policy.toml");
        fs::write(&file, policy)?;
        let file = file.display().to_string();
        let [first, second] = sample::signers();
        let proposed = self.verb(
            &["policy", "propose", &file, "--by", first.login, "--password-stdin", "--json"],
            first.password,
        )?;
        let version = proposed.json()?["version"].as_u64().context("policy propose names no version")?;
        self.verb(
            &["policy", "sign", &version.to_string(), "--by", second.login, "--password-stdin"],
            second.password,
        )?;
        Ok(version)
    }

    /// Enrols terminal `name`; its folder has the five files of `terminal enrol`.
    pub fn enrol(&self, name: &str) -> Result<PathBuf> {
        let out = self.folder().join(name);
        self.verb(&["terminal", "enrol", name, "--out", &out.display().to_string()], "")?;
        Ok(out)
    }

    /// A client at terminal `name`, enrolled on first use, without a session.
    pub fn client(&self, name: &str) -> Result<Client> {
        let folder = self.folder().join(name);
        let folder = if folder.is_dir() { folder } else { self.enrol(name)? };
        Client::new(self.address, &folder)
    }

    /// The same where a clock of the test's own runs.
    pub fn client_at(&self, name: &str, clock: &Clock) -> Result<Client> {
        self.client(name)?;
        Client::with_clock(self.address, &self.folder().join(name), Arc::new(clock.clone()))
    }

    /// What `curl`, as the contract calls it, reads at terminal `name`: heads (the proxy's too) and body.
    pub fn curl(&self, name: &str, token: &str, url: &str, more: &[&str]) -> Result<String> {
        let folder = self.folder().join(name);
        let file = |name: &str| folder.join(name).display().to_string();
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--include", "--max-time", "30"])
            .args(["--proxy", &format!("https://localhost:{}", self.address.port())])
            .args(["--proxy-cacert", &file("trust.pem"), "--cacert", &file("inspection.pem")])
            .args(["--proxy-cert", &file("terminal.pem"), "--proxy-key", &file("terminal.key")])
            .args(["--proxy-header", &format!("Proxy-Authorization: Bearer {token}")])
            .args(more)
            .arg(url);
        Ok(run(&mut command, "")?.stdout)
    }

    /// Every record that `audit search` gives for `filter`.
    pub fn journal(&self, filter: &[&str]) -> Result<Vec<Record>> {
        let arguments = [&["audit", "search", "--json", "--limit", "100000"], filter].concat();
        journal::parse(&self.verb(&arguments, "")?.stdout)
    }

    /// The closing records that `filter` gives, once there are `count`: they are written right after an end, not before it.
    pub fn closings(&self, filter: &[&str], count: usize) -> Result<Vec<Record>> {
        let filter = [&["--kind", "closed"], filter].concat();
        let mut closed = Vec::new();
        eventually(ANSWER_LIMIT, &format!("{count} closing records"), || {
            closed = self.journal(&filter)?;
            Ok(closed.len() >= count)
        })?;
        Ok(closed)
    }

    /// `audit verify`, which must succeed; its line.
    pub fn verify(&self) -> Result<String> {
        Ok(self.verb(&["audit", "verify"], "")?.stdout)
    }

    /// Ends the gateway at once, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        let mut gateway = self.gateway.take().context("the gateway was stopped")?;
        gateway.process().signal(Signal::SIGKILL)
    }

    /// Ends the gateway as the service manager does.
    pub fn stop(&mut self) {
        self.gateway = None;
    }

    /// Serves again on the same terminal address.
    pub fn restart(&mut self) -> Result<()> {
        let wrapper = self.wrapper.clone();
        self.restart_under(&wrapper)
    }

    /// The same, this once with another command before the gateway's.
    pub fn restart_under(&mut self, wrapper: &[String]) -> Result<()> {
        self.stop();
        let log = self.folder().join("gateway.log");
        self.gateway = Some(Gateway::serve(&self.data, &log, self.address, wrapper)?);
        Ok(())
    }
}
