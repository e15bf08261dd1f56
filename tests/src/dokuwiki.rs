//! A web application that nobody here wrote: Debian's DokuWiki, with its own users, rights and pages.
//!
//! The system's wiki and its configuration are neither used nor changed.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    authority::Authority,
    php::{Application, WebServer},
    process::run,
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
/// The sub-folders that DokuWiki expects and does not make.
const DATA_FOLDERS: [&str; 11] =
    ["attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"];

/// What of the package is no page.
const CLOSED: &str = "index doku.php;\n        location ~ ^/(inc|vendor|bin|conf|data)/ { return 404; }";

/// A running wiki; dropping it stops both servers and removes everything.
pub struct DokuWiki {
    pub address: SocketAddr,
    server: WebServer,
}

impl DokuWiki {
    /// Serves the wiki for [`HOST`] (port 443 as browsers see it), with a certificate signed by `authority`.
    pub fn start(authority: &Authority) -> Result<DokuWiki> {
        let folder = WebServer::folder("passerelle-wiki-")?;
        lay_out(folder.path())?;
        let php = format!("php_admin_value[auto_prepend_file] = {}/prepend.php\n", folder.path().display());
        let application = Application { host: HOST, root: PROGRAM, nginx: CLOSED, php: &php };
        let server = WebServer::start(&application, folder, authority)?;
        Ok(DokuWiki { address: server.address, server })
    }

    /// The text of page `name` as the wiki saved it.
    pub fn saved_page(&self, name: &str) -> Result<String> {
        let file = self.page_file(name);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    }

    fn page_file(&self, name: &str) -> PathBuf {
        self.server.place().join("data/pages").join(format!("{name}.txt"))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The wiki alone, without a gateway, so that a failure through the kiosk can be told apart.
    #[test]
    fn serves_its_first_page_and_lets_its_user_in() {
        let authority = Authority::new("Exemple").unwrap();
        let wiki = DokuWiki::start(&authority).unwrap();
        let root = wiki.server.place().join("root.pem");
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
        let jar = wiki.server.place().join("jar").display().to_string();
        let form = format!("do=login&u={USER}&p={PASSWORD}&id=start");
        // The answer sends the browser to port 443, which nobody serves here; the cookie is what counts.
        curl("/doku.php?id=start", &["--cookie-jar", &jar, "--data", &form]);
        let page = curl("/doku.php?id=start", &["--cookie", &jar]);
        assert!(page.contains("Exemple Wiki"), "{page}");
    }
}
