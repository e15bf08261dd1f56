//! A folder of HTML: copied file by file, served as it stands. PDF items are read through the same [`Folder`], from pages that
//! we made.
//!
//! Invariants: only regular files below the folder are copied; a link may lead to a file inside it, never out; names that no
//! address can have are refused; names that begin with a dot are left out. What is read later is below our own copy.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::text::{self, LONGEST_PAGE_BYTES};
use super::{Described, IngestError, ReadError, Step, Tell, web_path};
use crate::content::{Content, Found, Parts};

/// Below the item's folder.
pub const CONTENT: &str = "content";
/// A whole documentation has some thousands.
const MOST_FILES: u64 = 200_000;
/// Deeper folders are a mistake or a loop.
const DEEPEST: usize = 32;
/// A course with its videos; the disk of a small server holds dozens.
const LARGEST_BYTES: u64 = 16 << 30;
/// Between two words of progress.
const FILES_A_STEP: u64 = 100;

#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    #[error("it holds no HTML page")]
    NoPage,
    #[error("it holds more than {MOST_FILES} files")]
    TooManyFiles,
    #[error("it holds more than {LARGEST_BYTES} bytes")]
    TooLarge,
    #[error("{0}: more than {DEEPEST} folders deep")]
    TooDeep(PathBuf),
    #[error("{0}: a link that leads out of the folder, or to a folder")]
    Link(PathBuf),
    #[error("{0}: neither a file nor a folder")]
    Special(PathBuf),
    #[error("{0}: a name that no address can have")]
    Name(PathBuf),
}

/// Copies the folder `source` to `into/content`.
pub fn take_in(source: &Path, into: &Path, tell: Tell<'_>) -> Result<Described, IngestError> {
    let root = fs::canonicalize(source).map_err(failed("read", source))?;
    let mut plan = Plan { root: root.clone(), files: Vec::new(), bytes: 0 };
    plan.look(&root, "", 0)?;
    super::room(into, plan.bytes)?;
    plan.files.sort();
    let content = into.join(CONTENT);
    fs::create_dir(&content).map_err(failed("make", &content))?;
    let of = plan.files.len() as u64;
    for (done, file) in (1..).zip(&plan.files) {
        copy(&file.path, &content.join(&file.name), file.bytes)?;
        if done % FILES_A_STEP == 0 || done == of {
            tell(Step { what: "copied", done, of })?;
        }
    }
    describe(&content)
}

/// Reads what a folder of pages says of itself.
pub fn describe(content: &Path) -> Result<Described, IngestError> {
    let folder = Folder { root: content.to_owned() };
    let pages = folder.pages().map_err(failed("read", content))?;
    let start = pages.iter().min_by_key(|name| start_order(name)).ok_or(HtmlError::NoPage)?;
    let html = folder.html(start).map_err(failed("read", content))?;
    let about = text::about(&html);
    Ok(Described {
        title: about.title,
        description: about.description,
        language: about.language,
        start: web_path::encoded(start),
        pages: pages.len() as u64,
    })
}

/// `index.html` before others, the upper folders before the lower.
fn start_order(name: &str) -> (usize, bool, &str) {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let is_index = matches!(file.as_str(), "index.html" | "index.htm" | "index.xhtml");
    (name.matches('/').count(), !is_index, name)
}

/// What is to be copied.
struct Plan {
    root: PathBuf,
    files: Vec<Planned>,
    bytes: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    name: String,
    path: PathBuf,
    bytes: u64,
}

impl Plan {
    fn look(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), IngestError> {
        if depth > DEEPEST {
            return Err(HtmlError::TooDeep(folder.to_owned()).into());
        }
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let entry = entry.map_err(failed("read", folder))?;
            let path = entry.path();
            let name = entry.file_name().into_string().map_err(|_| HtmlError::Name(path.clone()))?;
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{prefix}{name}");
            if web_path::segments(&name).is_none() {
                return Err(HtmlError::Name(path).into());
            }
            let kind = entry.file_type().map_err(failed("read", &path))?;
            match kind {
                _ if kind.is_dir() => self.look(&path, &format!("{name}/"), depth + 1)?,
                _ if kind.is_symlink() => {
                    let led = fs::canonicalize(&path).ok().filter(|led| led.starts_with(&self.root));
                    self.file(name, led.ok_or(HtmlError::Link(path))?)?;
                }
                _ => self.file(name, path)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, name: String, path: PathBuf) -> Result<(), IngestError> {
        let found = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
        if found.is_dir() {
            return Err(HtmlError::Link(path).into());
        }
        if !found.is_file() {
            return Err(HtmlError::Special(path).into());
        }
        let bytes = found.len();
        self.bytes = self.bytes.saturating_add(bytes);
        self.files.push(Planned { name, path, bytes });
        if self.files.len() as u64 > MOST_FILES {
            return Err(HtmlError::TooManyFiles.into());
        }
        if self.bytes > LARGEST_BYTES {
            return Err(HtmlError::TooLarge.into());
        }
        Ok(())
    }
}

/// No more than was planned, should the file grow meanwhile.
fn copy(from: &Path, to: &Path, bytes: u64) -> Result<(), IngestError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
    }
    let source = File::open(from).map_err(failed("open", from))?;
    let mut target = File::create_new(to).map_err(failed("write", to))?;
    io::copy(&mut source.take(bytes), &mut target).map_err(failed("copy", from))?;
    Ok(())
}

/// Our copy, served by path.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn open(item: &Path) -> Result<Folder, ReadError> {
        let root = item.join(CONTENT);
        fs::metadata(&root)?;
        Ok(Folder { root })
    }

    pub fn read(&self, path: &str) -> Result<Found, ReadError> {
        let name = web_path::decoded(path).ok_or(ReadError::NoPage)?;
        let (folder, is_folder) = match name.strip_suffix('/') {
            Some(folder) => (folder, true),
            None => (name.as_str(), name.is_empty()),
        };
        if !folder.is_empty() && web_path::segments(folder).is_none() {
            return Err(ReadError::NoPage);
        }
        let place =
            if is_folder { self.root.join(folder).join("index.html") } else { self.root.join(folder) };
        let found = fs::symlink_metadata(&place).map_err(|_| ReadError::NoPage)?;
        if found.is_dir() && !is_folder {
            return Ok(Found::Redirect(format!("{path}/")));
        }
        if !found.is_file() {
            return Err(ReadError::NoPage);
        }
        let bytes = Parts::new(vec![File::open(&place)?])?;
        let length = bytes.length();
        Ok(Found::Content(Content::stretch(mime(&place).into(), Arc::new(bytes), 0, length)))
    }

    /// Names of its pages, sorted.
    pub fn pages(&self) -> io::Result<Vec<String>> {
        let mut pages = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(prefix) = folders.pop() {
            for entry in fs::read_dir(self.root.join(&prefix))? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = format!("{prefix}{name}");
                if entry.file_type()?.is_dir() {
                    folders.push(format!("{name}/"));
                } else if matches!(mime(Path::new(&name)), "text/html" | "application/xhtml+xml") {
                    pages.push(name);
                }
            }
        }
        pages.sort();
        Ok(pages)
    }

    /// Path and HTML of one of its pages.
    pub fn page(&self, name: &str) -> Result<(String, String), ReadError> {
        Ok((web_path::encoded(name), self.html(name)?))
    }

    fn html(&self, name: &str) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.root.join(name))?.take(LONGEST_PAGE_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(text::read(&bytes))
    }
}

/// By the name's ending; what we don't know is bytes, which browsers neither show nor run.
pub fn mime(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "html" | "htm" => "text/html",
        "xhtml" => "application/xhtml+xml",
        "css" => "text/css",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "xml" => "application/xml",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "vtt" => "text/vtt",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "m4a" => "audio/mp4",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

fn failed(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IngestError + use<> {
    let path = path.to_owned();
    move |source| IngestError::File { attempted, path, source }
}
