//! The cage: a network namespace with only `lo`, and Chromium in it.
//!
//! bubblewrap makes the namespaces without root (network, processes, IPC, mounts). Inside them a small stage of this same
//! binary opens the only listener there is, hands it out to the kiosk over an inherited socket, then becomes Chromium.
//! Called by [`super::process`]. Invariants: Chromium is never started as root, never without its own sandbox; its HOME,
//! profile and temporary folder are a tmpfs that dies with the cage; nothing of the host is written; its environment is
//! empty but for what is named here.

use std::io::{self, IoSlice, IoSliceMut, PipeReader, PipeWriter, Write as _};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::socket_filter;
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// The hidden verb under which this binary runs inside the cage.
pub const INNER_VERB: &str = "cage-inner";

/// Debian's Chromium itself: its wrapper script adds flags of its own.
const CHROMIUM: &str = "/usr/lib/chromium/chromium";
/// Where the relay listens, inside the cage's own network namespace: nobody else is there, so the port can be fixed.
const RELAY_PORT: u16 = 3128;
/// Where this binary is seen inside the cage.
const STAGE: &str = "/passerelle-stage";
/// Bytes the profile, downloads and caches of one session may take in memory.
const PROFILE_LIMIT_BYTES: &str = "536870912";
/// Bytes a pipe holds without a reader (Linux's default): policy and filter are written before the start.
const PIPE_LIMIT_BYTES: usize = 64 << 10;
/// How long bubblewrap and our stage may take to hand out the listener: they start in milliseconds, a busy machine in seconds.
const DOOR_LIMIT: Duration = Duration::from_secs(20);
/// How long the kernel may take to empty a killed cage.
const WIPE_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum CageError {
    #[error(
        "Chromium is never started as root: start the kiosk as a user of its own, `passerelle-kiosk` for example"
    )]
    Root,
    #[error("the managed policy is longer than {PIPE_LIMIT_BYTES} bytes")]
    PolicyTooLong,
    #[error("{what} for the cage")]
    Io { what: &'static str, source: io::Error },
    #[error("the cage closed its door before it opened it: is bubblewrap allowed to make namespaces?")]
    NoDoor,
    #[error("{0} processes outlived their cage")]
    Survivors(usize),
}

fn io(what: &'static str) -> impl FnOnce(io::Error) -> CageError {
    move |source| CageError::Io { what, source }
}

/// What a cage is built for.
pub struct Plan {
    /// This binary: the stage inside the cage.
    pub stage: PathBuf,
    /// JSON of the managed policies.
    pub policy: String,
    /// `fr` or `en`: Chromium's own words and `Accept-Language`.
    pub language: &'static str,
    pub width: u32,
    pub height: u32,
}

/// A started cage. Dropping it kills everything inside.
pub struct Cage {
    pub child: tokio::process::Child,
    pub to_chromium: PipeWriter,
    pub from_chromium: PipeReader,
    /// Listens inside the cage: Chromium's proxy.
    pub door: TcpListener,
    identity: Identity,
}

/// The cage's mount namespace, as `/proc/PID/ns/mnt` names it: its tmpfs lives exactly as long as a process is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(PathBuf);

/// Starts the cage. Must run on a thread that lives as long as the cage: the kernel kills it with the thread that forked it.
pub async fn start(plan: Plan) -> Result<Cage, CageError> {
    if rustix::process::geteuid().is_root() {
        return Err(CageError::Root);
    }
    let (commands_out, to_chromium) = io::pipe().map_err(io("a pipe"))?;
    let (from_chromium, events_in) = io::pipe().map_err(io("a pipe"))?;
    let (ours, theirs) = UnixStream::pair().map_err(io("a socket pair"))?;
    let policy = written(plan.policy.as_bytes())?;
    let filter = written(&socket_filter::program())?;

    let mut command = Command::new("bwrap");
    command
        .args(walls(&plan.stage, plan.language))
        .arg("--")
        .arg(STAGE)
        .arg(INNER_VERB)
        .arg("--")
        .args(chromium_arguments(&plan))
        .args(user_agent().await.map(|agent| format!("--user-agent={agent}")));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null());
    command.stderr(if tracing::enabled!(tracing::Level::DEBUG) { Stdio::inherit() } else { Stdio::null() });
    command
        .fd_mappings(vec![
            FdMapping { parent_fd: commands_out.into(), child_fd: 3 },
            FdMapping { parent_fd: events_in.into(), child_fd: 4 },
            FdMapping { parent_fd: policy.into(), child_fd: POLICY_FD },
            FdMapping { parent_fd: filter.into(), child_fd: FILTER_FD },
        ])
        .expect("the descriptors differ");
    let child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(io("starting bubblewrap"))?;

    let (door, identity) =
        tokio::task::spawn_blocking(move || receive_door(&ours)).await.map_err(|_| CageError::NoDoor)??;
    Ok(Cage { child, to_chromium, from_chromium, door, identity })
}

impl Cage {
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

impl Identity {
    /// Waits until no process is left in the cage, so that its profile is gone. Call it after the kill.
    pub async fn wait_until_wiped(&self) -> Result<(), CageError> {
        let pause = Duration::from_millis(20);
        for _ in 0..WIPE_LIMIT.as_millis() / pause.as_millis() {
            if self.survivors() == 0 {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        Err(CageError::Survivors(self.survivors()))
    }

    /// Processes still in the cage's mount namespace.
    fn survivors(&self) -> usize {
        let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
        let inside = |entry: &std::fs::DirEntry| {
            std::fs::read_link(entry.path().join("ns/mnt")).is_ok_and(|namespace| namespace == self.0)
        };
        processes.flatten().filter(inside).count()
    }
}

/// Descriptors on which bubblewrap reads the policy file and the socket filter.
const POLICY_FD: i32 = 9;
const FILTER_FD: i32 = 10;

fn written(bytes: &[u8]) -> Result<PipeReader, CageError> {
    if bytes.len() > PIPE_LIMIT_BYTES {
        return Err(CageError::PolicyTooLong);
    }
    let (reader, mut writer) = io::pipe().map_err(io("a pipe"))?;
    writer.write_all(bytes).map_err(io("writing the policy"))?;
    Ok(reader)
}

/// What the cage can see: system files to read, and empty folders of its own.
fn walls(stage: &Path, language: &str) -> Vec<String> {
    let words = "--unshare-net --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --die-with-parent --new-session \
         --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin \
         --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/fonts /etc/fonts \
         --ro-bind-try /etc/localtime /etc/localtime --ro-bind-try /etc/alternatives /etc/alternatives \
         --ro-bind-try /var/cache/fontconfig /var/cache/fontconfig \
         --proc /proc --dev /dev --tmpfs /dev/shm --dir /run --tmpfs /tmp";
    let mut walls: Vec<String> = words.split_whitespace().map(String::from).collect();
    let mut add = |words: &[&str]| walls.extend(words.iter().map(|word| word.to_string()));
    add(&["--size", PROFILE_LIMIT_BYTES, "--tmpfs", "/home", "--dir", "/home/profile"]);
    add(&["--ro-bind-data", &POLICY_FD.to_string(), "/etc/chromium/policies/managed/passerelle.json"]);
    add(&["--ro-bind", &stage.to_string_lossy(), STAGE]);
    add(&[
        "--clearenv",
        "--setenv",
        "HOME",
        "/home",
        "--setenv",
        "LANG",
        "C.UTF-8",
        "--setenv",
        "PATH",
        "/usr/bin",
    ]);
    // There is no bus in here; without an address Chromium would try to launch one.
    add(&["--setenv", "DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/no-bus", "--setenv", "LANGUAGE", language]);
    add(&["--seccomp", &FILTER_FD.to_string(), "--remount-ro", "/"]);
    walls
}

/// Chromium's arguments. The namespace is the guarantee; these keep it quiet and make the relay its way out.
fn chromium_arguments(plan: &Plan) -> Vec<String> {
    let words = "--headless=new --remote-debugging-pipe --user-data-dir=/home/profile --no-first-run \
         --no-default-browser-check --disable-gpu --proxy-bypass-list=<-loopback> --disable-quic \
         --disable-background-networking --disable-component-update --disable-sync --disable-domain-reliability \
         --disable-extensions --disable-breakpad --no-pings --dns-prefetch-disable --mute-audio \
         --force-webrtc-ip-handling-policy=disable_non_proxied_udp --password-store=basic";
    let mut arguments: Vec<String> = words.split_whitespace().map(String::from).collect();
    arguments.extend([
        format!("--proxy-server=127.0.0.1:{RELAY_PORT}"),
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".into(),
        format!("--lang={}", plan.language),
        format!("--accept-lang={}", if plan.language == "fr" { "fr-FR,fr" } else { "en-GB,en,fr" }),
        format!("--window-size={},{}", plan.width, plan.height),
        "about:blank".into(),
    ]);
    arguments
}

/// Sites turn away what calls itself headless, so Chromium names itself as it does with a window. Without a version it keeps
/// its own name.
async fn user_agent() -> Option<String> {
    let output = tokio::process::Command::new(CHROMIUM).arg("--version").output().await.ok()?;
    ordinary_user_agent(&String::from_utf8_lossy(&output.stdout))
}

/// The reduced user agent, which carries the major version only.
fn ordinary_user_agent(version: &str) -> Option<String> {
    let numbers =
        version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let major = numbers.split('.').next()?;
    Some(format!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
    ))
}

/// The stage inside the cage: opens the relay's listener, hands it out on standard input, becomes Chromium.
/// Returns only if it failed.
pub fn inner(chromium: &[String]) -> io::Error {
    let become_chromium = || -> io::Result<io::Error> {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, RELAY_PORT))?;
        let identity = std::fs::read_link("/proc/self/ns/mnt")?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        let fds = [door.as_fd()];
        rights.push(SendAncillaryMessage::ScmRights(&fds));
        let payload = identity.to_string_lossy();
        rustix::net::sendmsg(
            io::stdin(),
            &[IoSlice::new(payload.as_bytes())],
            &mut rights,
            SendFlags::empty(),
        )?;
        Ok(Command::new(CHROMIUM).args(chromium).stdin(Stdio::null()).exec())
    };
    become_chromium().unwrap_or_else(|error| error)
}

fn receive_door(from: &UnixStream) -> Result<(TcpListener, Identity), CageError> {
    from.set_read_timeout(Some(DOOR_LIMIT)).map_err(io("a limit on the wait"))?;
    let mut payload = [0; 128];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::net::recvmsg(
        from,
        &mut [IoSliceMut::new(&mut payload)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_err(|error| CageError::Io { what: "receiving the door", source: error.into() })?;
    let door = rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let identity = std::str::from_utf8(&payload[..message.bytes]).map_err(|_| CageError::NoDoor)?;
    let door = TcpListener::from(door.ok_or(CageError::NoDoor)?);
    door.set_nonblocking(true).map_err(io("the door"))?;
    Ok((door, Identity(identity.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_itself_like_a_browser_with_a_window() {
        for (version, expected) in [
            ("Chromium 156.0.8078.73 built on Debian GNU/Linux 12 (bookworm)\n", Some(" Chrome/156.0.0.0 ")),
            ("no version here", None),
        ] {
            let agent = ordinary_user_agent(version);
            assert_eq!(agent.is_some(), expected.is_some(), "{version}");
            assert!(agent.is_none_or(|agent| agent.contains(expected.unwrap_or_default())), "{version}");
        }
    }

    #[test]
    fn chromium_keeps_its_sandbox_and_has_one_way_out() {
        let plan =
            Plan { stage: "/stage".into(), policy: String::new(), language: "fr", width: 1280, height: 720 };
        let arguments = chromium_arguments(&plan);
        assert!(!arguments.iter().any(|argument| argument.contains("sandbox")), "{arguments:?}");
        assert!(arguments.contains(&"--proxy-server=127.0.0.1:3128".to_owned()));
        assert!(arguments.contains(&"--proxy-bypass-list=<-loopback>".to_owned()));
        assert!(walls(&plan.stage, "fr").contains(&"--unshare-net".to_owned()));
    }
}
