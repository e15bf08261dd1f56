//! A web application that nobody here wrote: Debian's DokuWiki under Debian's nginx and php-fpm, with TLS.
//!
//! Own instances with their own configuration, wiki and users in a temporary folder; the system's services, their
//! configuration and their wiki are neither used nor changed.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{
        fs::{PermissionsExt, chown},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::unistd::{Uid, User};
use tempfile::TempDir;

use crate::{
    ANY_PORT,
    authority::Authority,
    process::{Process, eventually, run},
};

pub const HOST: &str = "wiki.example";
/// The service that opens the wiki; to be put behind a policy's own services.
pub const POLICY: &str = r#"
# Debian's DokuWiki, as tests and demo serve it.
[[service]]
id = "wiki-exemple"
category = "training"
name = { fr = "Wiki de la formation (exemple)", en = "Training wiki (sample)" }
start = "https://wiki.example/"

  [[service.rule]]
  hosts = ["wiki.example"]
  methods = ["GET", "HEAD", "POST"]
  access = "page"
"#;

/// The wiki's one author; a sample like everybody in the tests.
pub const USER: &str = "exemple";
pub const PASSWORD: &str = "exemple-wiki";

/// What the wiki's first page says before anybody edits it.
pub const FIRST_TEXT: &str = "Une page pour essayer.";

const PROGRAM: &str = "/usr/share/dokuwiki";
const START_LIMIT: Duration = Duration::from_secs(20);
/// The sub-folders that DokuWiki expects and does not make.
const DATA_FOLDERS: [&str; 11] =
    ["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"];

/// A running wiki; dropping it stops both servers and removes everything.
pub struct DokuWiki {
    pub address: SocketAddr,
    _nginx: Process,
    _php: Process,
    folder: TempDir,
}

impl DokuWiki {
    /// Serves the wiki for [`HOST`] (port 443 as browsers see it), with a certificate signed by `authority`.
    pub fn start(authority: &Authority) -> Result<DokuWiki> {
        let folder = TempDir::with_prefix("passerelle-wiki-")?;
        let place = folder.path();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755))?;
        lay_out(place)?;
        let leaf = authority.leaf(&[HOST])?;
        fs::write(place.join("tls.pem"), leaf.certificate)?;
        fs::write(place.join("tls.key"), leaf.key)?;
        // Neither server can listen on port 0 and tell; the port is free when we look and taken at once.
        let address = TcpListener::bind(ANY_PORT)?.local_addr()?;
        fs::write(place.join("php.conf"), php_settings(place))?;
        fs::write(place.join("nginx.conf"), nginx_settings(place, address))?;
        give_to_web_server(place)?;

        let log = place.join("php.log");
        let mut command = Command::new(php_program()?);
        command.arg("--nodaemonize").arg("--fpm-config").arg(place.join("php.conf"));
        let php = Process::start("php-fpm", &mut command, &log)?;
        let socket = place.join("php.sock");
        eventually(START_LIMIT, "php-fpm's socket", || Ok(UnixStream::connect(&socket).is_ok()))
            .with_context(|| php.log_tail())?;

        let log = place.join("nginx.log");
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(place).arg("-c").arg(place.join("nginx.conf")).args(["-e", "stderr"]);
        let nginx = Process::start("nginx", &mut command, &log)?;
        eventually(START_LIMIT, "nginx's port", || Ok(TcpStream::connect(address).is_ok()))
            .with_context(|| nginx.log_tail())?;
        Ok(DokuWiki { address, _nginx: nginx, _php: php, folder })
    }

    /// The text of page `name` as the wiki saved it.
    pub fn saved_page(&self, name: &str) -> Result<String> {
        let file = self.page_file(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }

    fn page_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/pages").join(format!("{name}.txt"))
    }
}

/// Users, rights, a wiki with one page; every other setting stays Debian's, by the multi-site hook of its package.
fn lay_out(place: &Path) -> Result<()> {
    let settings = place.join("conf");
    fs::create_dir_all(&settings)?;
    for name in DATA_FOLDERS {
        fs::create_dir_all(place.join("data").join(name))?;
    }
    let hash = run(Command::new("openssl").args(["passwd", "-6", "-stdin"]), PASSWORD)?.success()?.stdout;
    fs::write(
        settings.join("users.auth.php"),
        format!("{USER}:{}:Exemple Wiki:exemple@exemple.fr:user\n", hash.trim()),
    )?;
    fs::write(settings.join("acl.auth.php"), "*\t@ALL\t1\n*\t@user\t8\n")?;
    fs::write(
        settings.join("local.php"),
        format!(
            "<?php\n$conf['title'] = 'Wiki exemple';\n$conf['lang'] = 'fr';\n$conf['useacl'] = 1;\n\
             $conf['savedir'] = '{}/data';\n$conf['baseurl'] = 'https://{HOST}';\n$conf['updatecheck'] = 0;\n",
            place.display()
        ),
    )?;
    let prepend = format!("<?php define('DOKU_CONF', '{}/');\n", settings.display());
    fs::write(place.join("prepend.php"), prepend)?;
    fs::write(place.join("data/pages/start.txt"), format!("====== Wiki exemple ======\n\n{FIRST_TEXT}\n"))?;
    Ok(())
}

fn php_settings(place: &Path) -> String {
    let user = if Uid::effective().is_root() { "user = www-data\ngroup = www-data" } else { "" };
    let place = place.display();
    format!(
        "[global]\nerror_log = /dev/stderr\n[wiki]\n{user}\nlisten = {place}/php.sock\nlisten.mode = 0666\n\
         pm = static\npm.max_children = 3\ncatch_workers_output = yes\n\
         php_admin_value[auto_prepend_file] = {place}/prepend.php\n\
         php_admin_value[session.save_path] = {place}/data/tmp\n"
    )
}

fn nginx_settings(place: &Path, address: SocketAddr) -> String {
    let user = if Uid::effective().is_root() { "user www-data;" } else { "" };
    let place = place.display();
    format!(
        r#"{user}
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    include /etc/nginx/mime.types;
    access_log {place}/access.log;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen {address} ssl http2;
        ssl_certificate {place}/tls.pem;
        ssl_certificate_key {place}/tls.key;
        root {PROGRAM};
        index doku.php;
        location ~ ^/(inc|vendor|bin|conf|data)/ {{ return 404; }}
        location ~ \.php$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param SERVER_PORT 443;
            fastcgi_pass unix:{place}/php.sock;
        }}
    }}
}}
"#
    )
}

/// Started by root, the workers of both servers run as Debian's `www-data` and must own the wiki.
fn give_to_web_server(place: &Path) -> Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let user = User::from_name("www-data")?.context("Debian's user www-data is missing")?;
    let (uid, gid) = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
    let mut folders = vec![place.join("data"), place.join("conf")];
    while let Some(folder) = folders.pop() {
        chown(&folder, uid, gid)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                chown(&path, uid, gid)?;
            }
        }
    }
    Ok(())
}

/// `php-fpm8.2` on Debian 12; the number changes with the release.
fn php_program() -> Result<PathBuf> {
    fs::read_dir("/usr/sbin")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("php-fpm")))
        .context("php-fpm is installed by `cargo xtask setup`")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The wiki alone, without a gateway, so that a failure through the kiosk can be told apart.
    #[test]
    fn serves_its_first_page_and_lets_its_user_in() {
        let authority = Authority::new("Exemple").unwrap();
        let wiki = DokuWiki::start(&authority).unwrap();
        let root = wiki.folder.path().join("root.pem");
        fs::write(&root, authority.pem()).unwrap();
        let resolve = format!("{HOST}:{}:127.0.0.1", wiki.address.port());
        let curl = |path: &str, more: &[&str]| {
            let url = format!("https://{HOST}:{}{path}", wiki.address.port());
            let mut command = Command::new("curl");
            command.args(["--silent", "--fail-with-body", "--resolve", &resolve, "--cacert"]).arg(&root);
            run(command.args(more).arg(url), "").unwrap().success().unwrap().stdout
        };
        let page = curl("/doku.php?id=start", &[]);
        assert!(page.contains(FIRST_TEXT), "{page}");
        let jar = wiki.folder.path().join("jar").display().to_string();
        let form = format!("do=login&u={USER}&p={PASSWORD}&id=start");
        // The answer sends the browser to port 443, which nobody serves here; the cookie is what counts.
        curl("/doku.php?id=start", &["--cookie-jar", &jar, "--data", &form]);
        let page = curl("/doku.php?id=start", &["--cookie", &jar]);
        assert!(page.contains("Exemple Wiki"), "{page}");
    }
}
