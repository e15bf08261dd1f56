//! A PHP application out of Debian's packages, under an nginx and a php-fpm of its own, with TLS.
//!
//! Called by the applications ([`crate::dokuwiki`], [`crate::mediawiki`]), which lay out their settings and data in a temporary
//! folder before; the system's services and their configuration are neither used nor changed.

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
    process::{Process, eventually},
};

const START_LIMIT: Duration = Duration::from_secs(20);

/// How an application is served.
pub struct Application<'a> {
    /// Port 443 of this name, as browsers see it.
    pub host: &'a str,
    /// The package's own files.
    pub root: &'a str,
    /// Lines of the `server` block, before the one that runs PHP.
    pub nginx: &'a str,
    /// Lines of php-fpm's pool.
    pub php: &'a str,
}

/// Both servers; dropping it stops them and removes the folder.
pub struct WebServer {
    pub address: SocketAddr,
    _nginx: Process,
    _php: Process,
    folder: TempDir,
}

impl WebServer {
    /// A folder that the servers' own user may enter.
    pub fn folder(prefix: &str) -> Result<TempDir> {
        let folder = TempDir::with_prefix(prefix)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }

    /// Serves from `folder`, whose `data` and `conf` become the servers' user's, with a certificate signed by `authority`.
    pub fn start(application: &Application<'_>, folder: TempDir, authority: &Authority) -> Result<WebServer> {
        let place = folder.path();
        let leaf = authority.leaf(&[application.host])?;
        fs::write(place.join("tls.pem"), leaf.certificate)?;
        fs::write(place.join("tls.key"), leaf.key)?;
        // Neither server can listen on port 0 and tell; the port is free when we look and taken at once.
        let address = TcpListener::bind(ANY_PORT)?.local_addr()?;
        fs::write(place.join("php.conf"), php_settings(application, place))?;
        fs::write(place.join("nginx.conf"), nginx_settings(application, place, address))?;
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
        Ok(WebServer { address, _nginx: nginx, _php: php, folder })
    }

    pub fn place(&self) -> &Path {
        self.folder.path()
    }
}

fn php_settings(application: &Application<'_>, place: &Path) -> String {
    let user = if Uid::effective().is_root() { "user = www-data\ngroup = www-data" } else { "" };
    let (place, more) = (place.display(), application.php);
    format!(
        "[global]\nerror_log = /dev/stderr\n[wiki]\n{user}\nlisten = {place}/php.sock\nlisten.mode = 0666\n\
         pm = static\npm.max_children = 3\ncatch_workers_output = yes\n\
         php_admin_value[session.save_path] = {place}/data/tmp\n{more}"
    )
}

fn nginx_settings(application: &Application<'_>, place: &Path, address: SocketAddr) -> String {
    let user = if Uid::effective().is_root() { "user www-data;" } else { "" };
    let (place, root, more) = (place.display(), application.root, application.nginx);
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
        root {root};
        {more}
        location ~ \.php(/|$) {{
            include /etc/nginx/fastcgi_params;
            fastcgi_split_path_info ^(.+\.php)(/.*)$;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param SERVER_PORT 443;
            fastcgi_pass unix:{place}/php.sock;
        }}
    }}
}}
"#
    )
}

/// Started by root, the workers of both servers run as Debian's `www-data` and must own what they write.
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
