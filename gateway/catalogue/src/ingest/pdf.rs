//! A PDF file: each page becomes an HTML page of ours, with its image and its text below, and links to its neighbours.
//!
//! The reader in the cell sees pages made by us and images made by poppler, never the PDF: no viewer is needed, no script of the
//! file runs, the text can be enlarged and read aloud. Pages are served and searched like any folder of HTML.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::html::CONTENT;
use super::poppler::run;
use super::{Described, IngestError, Step, Tell};

pub use super::poppler::is_pdf;

/// A thick manual; some 300 KiB and half a second each.
const MOST_PAGES: u32 = 2000;
const LARGEST_BYTES: u64 = 512 << 20;
/// Of all pages together, printed.
const LARGEST_TEXT_BYTES: u64 = 64 << 20;
const LARGEST_IMAGE_BYTES: u64 = 16 << 20;
const LARGEST_INFO_BYTES: u64 = 1 << 20;
/// Wide enough for small print on a terminal's screen.
const IMAGE_WIDTH_PIXELS: &str = "1240";

#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("{program} could not be started")]
    Start { program: &'static str, source: io::Error },
    #[error("{program} failed (damaged, or behind a password?): {complaint}")]
    Failed { program: &'static str, complaint: String },
    #[error("{program} took longer than {seconds} seconds")]
    TooSlow { program: &'static str, seconds: u64 },
    #[error("{program} printed more than {limit} bytes")]
    TooMuch { program: &'static str, limit: u64 },
    #[error("it is larger than {LARGEST_BYTES} bytes")]
    TooLarge,
    #[error("it has no pages")]
    NoPages,
    #[error("it has {0} pages, more than {MOST_PAGES}")]
    TooManyPages(u32),
}

/// Makes pages of the PDF `source` in `into/content`.
pub fn take_in(source: &Path, into: &Path, tell: Tell<'_>) -> Result<Described, IngestError> {
    let failed = |attempted, path: &Path| {
        let path = path.to_owned();
        move |source| IngestError::File { attempted, path, source }
    };
    let source = fs::canonicalize(source).map_err(failed("find", source))?;
    if fs::metadata(&source).map_err(failed("read", &source))?.len() > LARGEST_BYTES {
        return Err(PdfError::TooLarge.into());
    }
    let info = Info::read(&run("pdfinfo", &["-enc", "UTF-8", "/in.pdf"], &source, LARGEST_INFO_BYTES)?)?;
    let text = run("pdftotext", &["-enc", "UTF-8", "/in.pdf", "-"], &source, LARGEST_TEXT_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    let mut texts = text.split('\u{C}');
    let title = if info.title.is_empty() { file_title(&source) } else { info.title };
    let content = into.join(CONTENT);
    fs::create_dir(&content).map_err(failed("make", &content))?;
    for page in 1..=info.pages {
        super::room(into, LARGEST_IMAGE_BYTES)?;
        let image = content.join(format!("page-{page}.jpg"));
        fs::write(&image, render(page, &source)?).map_err(failed("write", &image))?;
        let html = content.join(format!("page-{page}.html"));
        let made = page_html(&title, page, info.pages, texts.next().unwrap_or_default());
        fs::write(&html, made).map_err(failed("write", &html))?;
        tell(Step { what: "rendered", done: page.into(), of: info.pages.into() })?;
    }
    Ok(Described { title, start: "/page-1.html".into(), pages: info.pages.into(), ..Described::default() })
}

fn render(page: u32, source: &Path) -> Result<Vec<u8>, PdfError> {
    let number = page.to_string();
    let arguments = [
        "-jpeg",
        "-jpegopt",
        "quality=85",
        "-scale-to-x",
        IMAGE_WIDTH_PIXELS,
        "-scale-to-y",
        "-1",
        "-f",
        &number,
        "-l",
        &number,
        "/in.pdf",
    ];
    run("pdftoppm", &arguments, source, LARGEST_IMAGE_BYTES)
}

struct Info {
    title: String,
    pages: u32,
}

impl Info {
    /// `Title: …` and `Pages: N` among the lines of pdfinfo.
    fn read(printed: &[u8]) -> Result<Info, PdfError> {
        let printed = String::from_utf8_lossy(printed);
        let field = |name: &str| {
            let lines = printed.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(field, _)| *field == name).map(|(_, value)| value.trim().to_owned()).next()
        };
        match field("Pages").and_then(|pages| pages.parse().ok()) {
            None | Some(0) => Err(PdfError::NoPages),
            Some(pages) if pages > MOST_PAGES => Err(PdfError::TooManyPages(pages)),
            Some(pages) => Ok(Info { title: field("Title").unwrap_or_default(), pages }),
        }
    }
}

fn file_title(source: &Path) -> String {
    source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

const STYLE: &str = "body{font:1.1rem/1.6 sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#111;background:#fff}\
    img{width:100%;height:auto;border:1px solid #999}nav{display:flex;justify-content:space-between;gap:1rem;padding:1rem 0}\
    a{display:inline-block;padding:.6rem 1rem;border:2px solid;border-radius:.4rem;color:#003a8c;text-decoration:none}\
    a:focus{outline:4px solid #f0a000}";

/// One page, in French as all that people see first.
fn page_html(title: &str, page: u32, pages: u32, text: &str) -> String {
    let link = |to: u32, words: &str| match to {
        to if (1..=pages).contains(&to) => format!("<a href=\"page-{to}.html\">{words}</a>"),
        _ => "<span></span>".to_owned(),
    };
    let nav = format!(
        "<nav>{}<span>Page {page} sur {pages}</span>{}</nav>",
        link(page - 1, "← Page précédente"),
        link(page + 1, "Page suivante →")
    );
    let mut html = format!(
        "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>{} — page {page}</title><style>{STYLE}</style>\
         {nav}<img src=\"page-{page}.jpg\" alt=\"\">{nav}<main><h1 id=\"texte\">Page {page}</h1>",
        escaped(title)
    );
    for paragraph in paragraphs(text) {
        let _ = write!(html, "<p>{}</p>", escaped(&paragraph)); // writing to a String does not fail
    }
    html.push_str("</main></html>");
    html
}

/// Lines of a printed paragraph joined, a word parted at a line's end made whole.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut paragraph = String::new();
    for line in text.lines().map(str::trim).chain([""]) {
        if line.is_empty() {
            if !paragraph.is_empty() {
                paragraphs.push(std::mem::take(&mut paragraph));
            }
            continue;
        }
        let parted = paragraph.ends_with('-') && line.starts_with(char::is_lowercase);
        if parted {
            paragraph.pop();
        } else if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(line);
    }
    paragraphs
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_pdfinfo_prints() {
        let info = Info::read("Title:          Le métier: bases\nPages:          12\n".as_bytes()).unwrap();
        assert_eq!((info.title.as_str(), info.pages), ("Le métier: bases", 12));
        for bad in ["", "Pages: 0", "Pages: many", "Pages: 2001"] {
            assert!(Info::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_become_paragraphs() {
        assert_eq!(paragraphs("Un mé-\ntier\nd'avenir\n\n\n  Deux-\nA "), ["Un métier d'avenir", "Deux- A"]);
    }

    #[test]
    fn a_page_knows_its_neighbours_and_escapes_its_text() {
        let page = page_html("<script>", 1, 2, "a < b & \"c\"");
        assert!(page.contains("page-2.html") && !page.contains("page-0.html"));
        assert!(
            page.contains("&lt;script&gt; — page 1") && page.contains("<p>a &lt; b &amp; &quot;c&quot;</p>")
        );
    }
}
