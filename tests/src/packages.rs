//! The system packages that building, testing and the demo need on Debian 12, named in this one place, and the user
//! the kiosk runs as.
//!
//! Called by `cargo xtask setup`, `cargo xtask test` and `cargo demo`; says what it installs, skips what is there, and
//! leaves no service running that was not running before.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

use crate::{axe, process::run};

/// Chromium's sandbox refuses root, so the kiosk gets a user of its own, as on a terminal.
pub const KIOSK_USER: &str = "passerelle-kiosk";

/// Package and what it is for.
const PACKAGES: &[(&str, &str)] = &[
    // To build.
    ("build-essential", "C compiler of aws-lc and SQLite"),
    ("cmake", "aws-lc, where its prebuilt bindings don't fit"),
    ("pkg-config", "libraries found at build time"),
    ("git", "fetches the database of advisories"),
    // The gateway, as on a server.
    ("poppler-utils", "reads PDF files for the catalogue"),
    // The kiosk, as on a terminal.
    ("chromium", "the browser behind the browse view"),
    ("chromium-l10n", "its French"),
    ("chromium-driver", "clicks through the console in it"),
    ("bubblewrap", "its network namespace, and the cage of the PDF reader"),
    ("libx11-6", "the kiosk's window"),
    ("libx11-xcb1", "the kiosk's window"),
    ("libxcb1", "the kiosk's window"),
    ("libxcursor1", "the kiosk's pointer"),
    ("libxi6", "the kiosk's touch and keys"),
    ("libxkbcommon0", "the kiosk's keyboard"),
    ("libxkbcommon-x11-0", "the kiosk's keyboard"),
    ("fonts-noto-core", "texts in every script we show, Arabic too"),
    ("fonts-dejavu", "a font that screen readings know well"),
    ("espeak-ng", "reads screens aloud, in French, English and Arabic"),
    // Tests and the headless tour.
    ("xvfb", "a virtual display"),
    ("xauth", "its access"),
    ("xkb-data", "the French keyboard"),
    ("x11-xkb-utils", "the French keyboard"),
    ("x11-utils", "looks at windows"),
    ("xdotool", "presses keys and clicks, by XTEST"),
    ("imagemagick", "screenshots"),
    ("tesseract-ocr", "reads text from pixels"),
    ("tesseract-ocr-fra", "in French"),
    ("strace", "proves orders of system calls, and makes them fail"),
    ("python3-prometheus-client", "reads metrics as Prometheus does"),
    ("postgresql", "the store's second database"),
    ("nginx-light", "serves the wikis"),
    ("php-fpm", "runs the wikis"),
    ("dokuwiki", "a web application that nobody here wrote"),
    ("mediawiki", "another, rich in scripts"),
    ("php-sqlite3", "its database"),
    ("php-mbstring", "its texts"),
    ("php-xml", "its pages"),
    ("php-intl", "its languages"),
    ("zim-tools", "makes sample archives"),
    ("openssl", "a TLS client that nobody here wrote"),
    ("curl", "a proxy client that nobody here wrote"),
    ("faketime", "a wall clock that tests set"),
    ("sslscan", "looks at our TLS from outside"),
    ("slowhttptest", "slow heads, bodies and reads that nobody here wrote"),
    ("nghttp2-client", "an HTTP/2 client that nobody here wrote"),
    ("python3", "independent verifiers"),
    ("python3-h2", "an HTTP/2 library that nobody here wrote"),
    ("python3-aiohttp", "a proxy client that nobody here wrote"),
    ("python3-requests", "another, the one most programs use"),
    ("python3-websockets", "both ends of a WebSocket that nobody here wrote"),
];

/// Packages whose installation would start a service; it was not asked for.
const POLICY_RC: &str = "/usr/sbin/policy-rc.d";

/// Makes this machine ready, or says what it could not do.
pub fn set_up() -> Result<()> {
    let missing: Vec<&(&str, &str)> = PACKAGES.iter().filter(|(name, _)| !installed(name)).collect();
    if !missing.is_empty() {
        println!("installing {} packages through apt-get:", missing.len());
        for (name, purpose) in &missing {
            println!("  {name} ({purpose})");
        }
        install(&missing.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
    }
    // By the command, not by the package: Node.js may have come from elsewhere, with its own npm.
    if run(Command::new("npm").arg("--version"), "").is_err() {
        println!("installing npm through apt-get (fetches axe-core, which judges accessibility)");
        install(&["npm"])?;
    }
    axe::fetch()?;
    if User::from_name(KIOSK_USER)?.is_none() {
        println!("making the user {KIOSK_USER}");
        as_root(&["useradd", "--system", "--create-home", "--shell", "/usr/sbin/nologin", KIOSK_USER])?;
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output();
    query.is_ok_and(|output| output.stdout == b"installed")
}

fn install(packages: &[&str]) -> Result<()> {
    // Lists that lack a package are as good as none.
    let known =
        |name: &&str| run(Command::new("apt-cache").args(["show", name]), "").is_ok_and(|o| o.code == 0);
    if !packages.iter().all(known) {
        as_root(&["apt-get", "update", "--quiet"])?;
    }
    let hold = hold_services()?;
    let install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"];
    let result = as_root(&[&install[..], &["--no-install-recommends"], packages].concat());
    if hold {
        as_root(&["rm", POLICY_RC])?;
    }
    result.with_context(|| format!("installing {}", packages.join(" ")))
}

/// Debian starts services as it installs them unless this script says no (exit 101); a script that is there is kept.
fn hold_services() -> Result<bool> {
    if Path::new(POLICY_RC).exists() {
        return Ok(false);
    }
    let script = tempfile::NamedTempFile::new()?;
    fs::write(script.path(), "#!/bin/sh\nexit 101\n")?;
    fs::set_permissions(script.path(), fs::Permissions::from_mode(0o755))?;
    as_root(&["cp", "--preserve=mode", &script.path().display().to_string(), POLICY_RC])?;
    Ok(true)
}

/// Runs a command as root, through sudo where needed, its output shown.
fn as_root(command: &[&str]) -> Result<()> {
    let words = if Uid::effective().is_root() { command.to_vec() } else { [&["sudo"], command].concat() };
    let status =
        Command::new(words[0]).args(&words[1..]).status().with_context(|| format!("starting {words:?}"))?;
    if !status.success() {
        bail!("{words:?} failed with {status}");
    }
    Ok(())
}
