//! A second web application that nobody here wrote, rich in scripts: Debian's MediaWiki, with a database of its own.
//!
//! Its own installer makes the database and the settings in a temporary folder; the system's wiki is neither used nor changed.
//! One of its pages leads to [`ELSEWHERE`], a host that no rule names.

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

pub const HOST: &str = "encyclopedie.example";
/// The service that opens the wiki, as staff would write it; to be put behind a policy's own services.
pub const POLICY: &str = include_str!("mediawiki/policy.toml");
pub const SERVICE: &str = "encyclopedie-exemple";

/// Where the first page's link leads.
pub const ELSEWHERE: &str = "dehors.example";
pub const ELSEWHERE_URL: &str = "https://dehors.example/aide";
/// The link's words.
pub const LINK: &str = "Une aide au dehors";

/// The wiki's one author; a sample like everybody in the tests.
pub const USER: &str = "Exemple";
pub const PASSWORD: &str = "exemple-encyclopedie";

/// The page to be found and edited, and what it says before.
pub const ARTICLE: &str = "Menuiserie";
pub const ARTICLE_TEXT: &str = "Le travail du bois.";
/// Titles and texts before anybody edits them; the first is the wiki's first page.
const PAGES: &[(&str, &str)] = &[
    ("Accueil", "Une page pour essayer.\n\n[https://dehors.example/aide Une aide au dehors]\n"),
    (ARTICLE, ARTICLE_TEXT),
    ("Métallerie", "Le travail du fer."),
];

const PROGRAM: &str = "/usr/share/mediawiki";
/// Short addresses, as public wikis have them; what of the package is no page stays closed.
const NGINX: &str = "index index.php;
        location /wiki/ { rewrite ^ /index.php; }
        location ~ ^/(includes|languages|maintenance|mw-config|vendor|config|images)/ { return 404; }";
/// What the installer does not ask: who edits has an account, and a preview is fetched by script into the page.
const SETTINGS: &str = r#"
$wgArticlePath = '/wiki/$1';
$wgGroupPermissions['*']['edit'] = false;
$wgDefaultUserOptions['uselivepreview'] = 1;
"#;

/// A running wiki; dropping it stops both servers and removes everything.
pub struct MediaWiki {
    pub address: SocketAddr,
    server: WebServer,
}

impl MediaWiki {
    /// Serves the wiki for [`HOST`] (port 443 as browsers see it), with a certificate signed by `authority`.
    pub fn start(authority: &Authority) -> Result<MediaWiki> {
        let folder = WebServer::folder("passerelle-mediawiki-")?;
        install(folder.path())?;
        let php = format!("env[MW_CONFIG_FILE] = {}\n", settings(folder.path()).display());
        let application = Application { host: HOST, root: PROGRAM, nginx: NGINX, php: &php };
        let server = WebServer::start(&application, folder, authority)?;
        Ok(MediaWiki { address: server.address, server })
    }

    /// The text of page `title` as the wiki's database has it.
    pub fn saved_page(&self, title: &str) -> Result<String> {
        maintain(self.server.place(), "getText.php", &[title])
    }
}

fn settings(place: &Path) -> PathBuf {
    place.join("conf/LocalSettings.php")
}

/// Database, author and pages; every setting but ours stays the installer's.
fn install(place: &Path) -> Result<()> {
    let [data, conf, pages] = ["data", "conf", "pages"].map(|name| place.join(name));
    for folder in [&data.join("tmp"), &conf, &pages] {
        fs::create_dir_all(folder)?;
    }
    let option = |name: &str, value: &Path| format!("--{name}={}", value.display());
    let [data, conf] = [option("dbpath", &data), option("confpath", &conf)];
    let server = format!("--server=https://{HOST}");
    let choices = ["--dbtype=sqlite", "--dbname=wiki", "--lang=fr", "--scriptpath=", "--skins=Vector"];
    let administrator = ["--pass=exemple-administration", "Encyclopédie exemple", "Administration"];
    let extension = "--extensions=WikiEditor";
    maintain(
        place,
        "install.php",
        &[&choices[..], &[&data, &conf, &server, extension], &administrator].concat(),
    )?;
    let chosen = fs::read_to_string(settings(place))?;
    fs::write(settings(place), chosen + SETTINGS)?;

    maintain(place, "createAndPromote.php", &[USER, PASSWORD])?;
    let mut import = vec!["--overwrite".to_string(), "--user=Administration".into()];
    for (title, text) in PAGES {
        let file = pages.join(format!("{title}.txt"));
        fs::write(&file, text)?;
        import.push(file.display().to_string());
    }
    maintain(place, "importTextFiles.php", &import.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
}

/// Runs one of the wiki's own scripts; what it printed.
fn maintain(place: &Path, script: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("php");
    command.env("MW_CONFIG_FILE", settings(place)).arg(format!("{PROGRAM}/maintenance/{script}"));
    Ok(run(command.args(arguments), "")?.success().with_context(|| script.to_string())?.stdout)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The wiki alone, without a gateway, so that a failure through the kiosk can be told apart.
    #[test]
    fn serves_its_pages_and_suggests_titles() {
        let authority = Authority::new("Exemple").unwrap();
        let wiki = MediaWiki::start(&authority).unwrap();
        let root = wiki.server.place().join("root.pem");
        fs::write(&root, authority.pem()).unwrap();
        let port = wiki.address.port();
        let resolve = format!("{HOST}:{port}:127.0.0.1");
        let curl = |path: &str| {
            let mut command = Command::new("curl");
            command.args(["--silent", "--fail-with-body", "--resolve", &resolve, "--cacert"]).arg(&root);
            command.arg(format!("https://{HOST}:{port}{path}"));
            run(&mut command, "").unwrap().success().unwrap().stdout
        };
        let page = curl("/wiki/Accueil");
        assert!(page.contains(&format!("href=\"{ELSEWHERE_URL}\">{LINK}<")), "{page}");
        let suggested = curl("/api.php?action=opensearch&search=men");
        assert!(suggested.contains(ARTICLE), "{suggested}");
        assert!(wiki.saved_page(ARTICLE).unwrap().contains(ARTICLE_TEXT));
    }
}
