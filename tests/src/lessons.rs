//! The sample catalogue of tests and demo: two short lessons in French, plainly samples, as a folder of HTML and as the ZIM archive
//! that Debian's `zimwriterfs` makes of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::Stand;
use crate::process::run;

/// Name and bytes of a lesson's files.
type Lesson = &'static [(&'static str, &'static [u8])];

macro_rules! lesson {
    ($folder:literal: $($name:literal),+) => {
        &[$(($name, include_bytes!(concat!("lessons/", $folder, "/", $name)))),+]
    };
}

const CV: Lesson = lesson!("cv": "index.html", "competences.html", "experience.html", "relire.html", "style.css", "illustration.png");
const PAY: Lesson = lesson!("paie": "index.html", "style.css");

/// A policy whose one service is the catalogue.
pub const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"
[[service]]
id = "catalogue"
category = "training"
name = { fr = "Catalogue" }
"#;

/// Titles of the lessons, and what ids the catalogue makes of them.
pub const CV_ITEM: &str = "ecrire-un-cv-lecon-d-exemple";
pub const PAY_ITEM: &str = "comprendre-sa-fiche-de-paie-lecon-d-exemple";
pub const ARCHIVE_ITEM: &str = "ecrire-un-cv-archive-d-exemple";

/// Writes both lessons below `folder`; their two folders.
pub fn write(folder: &Path) -> Result<[PathBuf; 2]> {
    let write = |name: &str, lesson: Lesson| -> Result<PathBuf> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in lesson {
            fs::write(folder.join(name), bytes)?;
        }
        Ok(folder)
    };
    Ok([write("cv", CV)?, write("paie", PAY)?])
}

/// A ZIM archive of the first lesson, in `folder`.
pub fn archive(folder: &Path) -> Result<PathBuf> {
    let [lesson, _] = write(folder)?;
    let archive = folder.join("cv.zim");
    let mut command = Command::new("zimwriterfs");
    command
        .args([
            "--welcome=index.html",
            "--illustration=illustration.png",
            "--language=fra",
            "--name=cv_exemple",
        ])
        .args(["--title=Écrire un CV (archive d’exemple)", "--description=Trois étapes pour écrire un CV"])
        .args(["--creator=exemple", "--publisher=exemple"])
        .arg(lesson)
        .arg(&archive);
    run(&mut command, "")?.success().context("zimwriterfs")?;
    Ok(archive)
}

/// Takes both lessons into the Stand's catalogue.
pub fn add(stand: &Stand) -> Result<()> {
    let folders = write(&stand.folder().join("lessons"))?;
    let [cv, pay] = folders.map(|folder| folder.display().to_string());
    stand.verb(&["catalogue", "add", &cv, &pay], "").map(drop)
}
