//! A staff member's browser: the real Chromium, headless, driven by chromedriver over WebDriver (W3C), by clicks and keys.
//!
//! Called by the end-to-end tests of the console and of what staff grant there. As the kiosk, it runs as a user of its own, so that Chromium's sandbox stays on; the
//! gateway's own certificate is taken as it is, since TLS has its proofs elsewhere. Every wait has [`LIMIT`].

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use data_encoding::BASE64;
use jiff::Timestamp;
use nix::unistd::{Uid, User};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    axe,
    packages::KIOSK_USER,
    process::{Process, eventually},
    sample::Staff,
    totp,
};

/// For one command, the start of Chromium on a loaded machine included.
const LIMIT: Duration = Duration::from_secs(90);
/// The name under which WebDriver answers an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Width and height of a page, in CSS pixels.
pub type Size = (u32, u32);
pub const DESK: Size = (1366, 768);
pub const PHONE: Size = (390, 844);

pub struct Browser {
    port: u16,
    session: String,
    origin: String,
    _driver: Process,
    _folder: TempDir,
    _policies: Option<TempDir>,
}

impl Browser {
    /// A fresh profile that speaks French; paths are those of `origin`.
    pub fn start(origin: &str) -> Result<Browser> {
        let mut command = Command::new("chromedriver");
        if Uid::effective().is_root() {
            let user = kiosk_user()?;
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        Browser::with(origin, command, &[])
    }

    /// A fresh profile behind a proxy; addresses are given whole. As root: the one policy that the gateway needs, no GREASE of
    /// encrypted ClientHellos, is read from `/etc` alone, so a mount of its own puts it there.
    pub fn behind(proxy: SocketAddr) -> Result<Browser> {
        let policies = TempDir::with_prefix("passerelle-policies-")?;
        let managed = policies.path().join("policies/managed");
        fs::create_dir_all(&managed)?;
        fs::set_permissions(policies.path(), fs::Permissions::from_mode(0o755))?;
        fs::write(
            managed.join("passerelle.json"),
            json!({ "EncryptedClientHelloEnabled": false }).to_string(),
        )?;
        let user = kiosk_user()?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/chromium && exec setpriv \"$@\""])
            .arg(policies.path())
            .args([&format!("--reuid={}", user.uid), &format!("--regid={}", user.gid), "--clear-groups"])
            .arg("chromedriver");
        let proxy = format!("--proxy-server=http://{proxy}");
        // Workers have no tab whose certificates could be taken as they are.
        let mut browser = Browser::with(
            "",
            command,
            &[&proxy, "--ignore-certificate-errors", "--disable-background-networking"],
        )?;
        browser._policies = Some(policies);
        Ok(browser)
    }

    fn with(origin: &str, mut command: Command, more: &[&str]) -> Result<Browser> {
        let folder = TempDir::with_prefix("passerelle-browser-")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        command.arg("--port=0").env("HOME", folder.path()).current_dir(folder.path());
        if Uid::effective().is_root() {
            let user = kiosk_user()?;
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        // Outside the folder that Chromium's user owns.
        let log = tempfile::NamedTempFile::with_prefix("passerelle-chromedriver-")?.into_temp_path();
        let mut driver = Process::start_with_lines("chromedriver", &mut command, &log)?;
        let line = driver.wait_for_line(LIMIT, |line| line.contains("successfully on port"))?;
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        let port = digits.parse().with_context(|| format!("no port in: {line}"))?;
        let mut browser = Browser {
            port,
            session: String::new(),
            origin: origin.into(),
            _driver: driver,
            _folder: folder,
            _policies: None,
        };
        let arguments = [&["--headless=new", "--disable-dev-shm-usage", "--lang=fr-FR"], more].concat();
        let options = json!({
            "args": arguments,
            "prefs": { "intl.accept_languages": "fr-FR,fr" },
        });
        let wanted = json!({ "acceptInsecureCerts": true, "goog:chromeOptions": options });
        let begun =
            browser.call("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }))?;
        browser.session = begun["sessionId"].as_str().context("a session has an id")?.to_owned();
        browser.resize(DESK)?;
        Ok(browser)
    }

    /// Signs `staff` in for the first time: password, second factor enrolled by its key, recovery codes.
    pub fn first_sign_in(&self, staff: &Staff) -> Result<()> {
        self.open("/")?;
        self.write("login", staff.login)?;
        self.write("password", staff.password)?;
        self.click("main", "Continuer")?;
        let key = self.text_of(".secret")?;
        self.write("code", &totp::code(&key, Timestamp::now())?)?;
        self.click("main", "Continuer")?;
        self.click("main", "Je les ai notés")
    }

    pub fn open(&self, path: &str) -> Result<()> {
        self.command("POST", "/url", &json!({ "url": format!("{}{path}", self.origin) })).map(drop)
    }

    /// A new tab to go on in; what the others are at goes on.
    pub fn new_tab(&self) -> Result<()> {
        let tab = self.command("POST", "/window/new", &json!({ "type": "tab" }))?;
        self.command("POST", "/window", &json!({ "handle": tab["handle"] })).map(drop)
    }

    /// The path that is shown, its query included.
    pub fn path(&self) -> Result<String> {
        let url = self.command("GET", "/url", &Value::Null)?;
        let url = url.as_str().context("a URL is text")?;
        Ok(url.strip_prefix(&self.origin).unwrap_or(url).to_owned())
    }

    /// The page's words.
    pub fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText", &[])?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// The words of the first element that a CSS selector finds.
    pub fn text_of(&self, selector: &str) -> Result<String> {
        let text = self.run("return document.querySelector(arguments[0]).textContent", &[json!(selector)])?;
        Ok(text.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Clicks the first button or link of these words below `within` (a CSS selector), and waits for the page it leads to.
    pub fn click(&self, within: &str, words: &str) -> Result<()> {
        self.run("window.stale = true", &[])?;
        self.press(within, words)?;
        eventually(LIMIT, &format!("the page behind `{words}`"), || {
            // While the page changes there may be nothing to ask.
            Ok(self.run("return !window.stale && document.readyState == 'complete'", &[]).ok()
                == Some(Value::Bool(true)))
        })
    }

    /// The same where no other page follows.
    pub fn press(&self, within: &str, words: &str) -> Result<()> {
        let found = self.run(
            "return [...document.querySelectorAll(arguments[0] + ' button,' + arguments[0] + ' a')]\
             .find(e => e.textContent.trim() == arguments[1])",
            &[json!(within), json!(words)],
        )?;
        let element = found[ELEMENT].as_str().with_context(|| format!("`{words}` in `{within}`"))?;
        self.command("POST", &format!("/element/{element}/click"), &json!({})).map(drop)
    }

    /// Types into the field of this id, in place of what is there.
    pub fn write(&self, id: &str, text: &str) -> Result<()> {
        let element = self.element(&format!("[id='{id}']"))?;
        self.command("POST", &format!("/element/{element}/clear"), &json!({}))?;
        self.command("POST", &format!("/element/{element}/value"), &json!({ "text": text })).map(drop)
    }

    /// Chooses in a select.
    pub fn choose(&self, id: &str, value: &str) -> Result<()> {
        let element = self.element(&format!("[id='{id}'] option[value='{value}']"))?;
        self.command("POST", &format!("/element/{element}/click"), &json!({})).map(drop)
    }

    /// Chooses files in a field for files; Chromium's user must be able to read them.
    pub fn choose_files(&self, id: &str, files: &[&Path]) -> Result<()> {
        let element = self.element(&format!("[id='{id}']"))?;
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let names = json!({ "text": names.join("\n") });
        self.command("POST", &format!("/element/{element}/value"), &names).map(drop)
    }

    fn element(&self, selector: &str) -> Result<String> {
        let found =
            self.command("POST", "/element", &json!({ "using": "css selector", "value": selector }))?;
        Ok(found[ELEMENT].as_str().with_context(|| format!("no {selector}"))?.to_owned())
    }

    /// The size of the page; a phone's is emulated, since windows are never so narrow.
    pub fn resize(&self, (width, height): Size) -> Result<()> {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.command("POST", "/goog/cdp/execute", &command).map(drop)
    }

    /// How many CSS pixels the page is wider than its window.
    pub fn overflow(&self) -> Result<i64> {
        let wider = self.run("return document.documentElement.scrollWidth - window.innerWidth", &[])?;
        wider.as_i64().context("a width is a number")
    }

    /// Saves a picture of the whole page, what lies below the window included.
    pub fn save(&self, file: &Path) -> Result<()> {
        let sizes = "const page = document.documentElement;
            return { x: 0, y: 0, scale: 1, width: page.scrollWidth, height: page.scrollHeight }";
        let clip = self.run(sizes, &[])?;
        let command = json!({
            "cmd": "Page.captureScreenshot",
            "params": { "format": "png", "captureBeyondViewport": true, "clip": clip },
        });
        let picture = self.command("POST", "/goog/cdp/execute", &command)?;
        let bytes = BASE64.decode(picture["data"].as_str().context("a picture is text")?.as_bytes())?;
        fs::write(file, bytes).with_context(|| format!("writing {}", file.display()))
    }

    /// What axe-core finds on this page that is serious or critical, a line each.
    pub fn accessibility_faults(&self) -> Result<Vec<String>> {
        self.run(&format!("{}; return typeof axe", fs::read_to_string(axe::script()?)?), &[])?;
        let script = "const done = arguments[0]; axe.run({ resultTypes: ['violations'] }).then(
            found => done(found.violations.filter(v => ['serious', 'critical'].includes(v.impact))
                .map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))),
            error => done(['axe failed: ' + error]))";
        let found = self.command("POST", "/execute/async", &json!({ "script": script, "args": [] }))?;
        let faults = found.as_array().context("axe answers a list")?;
        Ok(faults.iter().filter_map(|fault| fault.as_str().map(str::to_owned)).collect())
    }

    /// Runs a script in the page and answers what it returns.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.call(method, &format!("/session/{}{path}", self.session), body)
    }

    /// One call of the WebDriver protocol: JSON both ways, the result in `value`.
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        // chromedriver keeps the connection whatever it is asked.
        let mut answer = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        while answer.read_line(&mut head).with_context(|| format!("reading the answer to {path}"))? > 2 {
            let line = head.lines().last().unwrap_or_default();
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        let body: Value =
            serde_json::from_slice(&body).with_context(|| format!("{method} {path}: {head}"))?;
        if !head.starts_with("HTTP/1.1 200") {
            let short: String = body["value"].to_string().chars().take(600).collect();
            bail!("{method} {path}: {short}");
        }
        Ok(body["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session; chromedriver with its process.
        let _ = self.command("DELETE", "", &Value::Null);
    }
}

fn kiosk_user() -> Result<User> {
    User::from_name(KIOSK_USER)?.with_context(|| format!("no user {KIOSK_USER}"))
}

/// The folder for pictures of pages, where one was asked for.
pub fn album() -> Option<PathBuf> {
    std::env::var_os("PASSERELLE_ALBUM").map(PathBuf::from)
}
