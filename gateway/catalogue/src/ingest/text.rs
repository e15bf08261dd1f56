//! From a page's HTML to what search finds and lists show: passages, title, language, description.
//!
//! Pure but for a look at the clock. Reads tokens, builds no tree: what a page nests costs nothing, and a page made to be slow is
//! given up after [`PAGE_LIMIT`]. Scripts, styles, navigation and footers are no text of the page. Invariant: a passage has at
//! most [`LONGEST_PASSAGE`] characters.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use crate::passage::Passage;

/// In characters: a few paragraphs, so that a hit tells where to read.
pub const LONGEST_PASSAGE: usize = 1200;
/// In characters: what stands in a list.
const LONGEST_TITLE: usize = 300;
/// Of a page, in bytes: the text of a long book chapter is a tenth of that; the rest of a longer page is not searched.
pub const LONGEST_PAGE_BYTES: usize = 4 << 20;

/// Real pages take milliseconds; one made to be slow keeps what was read of it by then.
const PAGE_LIMIT: Duration = Duration::from_secs(5);
/// Fed at once, between two looks at the clock.
const FED_BYTES: usize = 16 << 10;

/// What a page says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub title: String,
    pub language: Option<String>,
    pub description: String,
}

/// Its bytes as text: UTF-8, or else the Latin alphabet of old pages.
pub fn read(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned(),
        // Cut at our limit within a letter: not Latin for that.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

pub fn about(html: &str) -> About {
    read_page(html).about
}

/// The shape of a language tag (BCP 47), not its registration.
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && tag.len() <= 35
}

/// The passages of a page at `path`; one without text for a page that has a title and nothing else.
pub fn passages(path: &str, html: &str) -> Vec<Passage> {
    let page = read_page(html);
    let title = page.about.title;
    let mut passages = Vec::new();
    for section in page.sections {
        let path = match &section.anchor {
            Some(anchor) => format!("{path}#{}", &super::web_path::encoded(anchor)[1..]),
            None => path.to_owned(),
        };
        passages.extend(pieces(section.paragraphs).into_iter().map(|text| Passage {
            path: path.clone(),
            title: title.clone(),
            heading: section.heading.clone(),
            text,
        }));
    }
    if passages.is_empty() && !title.is_empty() {
        passages.push(Passage { path: path.into(), title, heading: String::new(), text: String::new() });
    }
    passages
}

struct Page {
    about: About,
    sections: Vec<Section>,
}

/// What stands between two headings.
#[derive(Default)]
struct Section {
    heading: String,
    anchor: Option<String>,
    paragraphs: Vec<String>,
}

fn read_page(html: &str) -> Page {
    let tokenizer = Tokenizer::new(Sink(RefCell::default()), Default::default());
    let queue = BufferQueue::default();
    let began = Instant::now();
    let mut rest = html;
    while !rest.is_empty() && began.elapsed() < PAGE_LIMIT {
        let (now, later) = rest.split_at(rest.floor_char_boundary(FED_BYTES));
        queue.push_back(StrTendril::from(now));
        // A script's end makes it pause, as a browser would to run it.
        while !queue.is_empty() {
            let _ = tokenizer.feed(&queue);
        }
        rest = later;
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

/// Hands the tokens on.
struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                reader.opens(&tag);
                return match &*tag.name {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                        TokenSinkResult::RawData(RawKind::Rawtext)
                    }
                    "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::TagToken(tag) => reader.closes(&tag),
            Token::CharacterTokens(text) => reader.says(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Hears a page's tokens in their order.
#[derive(Default)]
struct Reader {
    about: About,
    first_heading: String,
    sections: Vec<Section>,
    section: Section,
    paragraph: String,
    /// The element of no interest that is open, and how many of its name inside.
    skipping: Option<(String, usize)>,
    place: Place,
}

#[derive(Default, PartialEq, Eq)]
enum Place {
    #[default]
    Body,
    Title,
    Heading,
}

impl Reader {
    fn opens(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((skipped, depth)) = &mut self.skipping {
            *depth += usize::from(skipped == name && !tag.self_closing);
            return;
        }
        if is_skipped(tag) {
            if !tag.self_closing {
                self.skipping = Some((name.to_owned(), 1));
            }
            return;
        }
        match name {
            "html" => {
                self.about.language = attribute(tag, "lang").filter(|tag| is_language(tag)).map(str::to_owned)
            }
            "meta" if attribute(tag, "name").is_some_and(|name| name.eq_ignore_ascii_case("description")) => {
                self.about.description = squeezed(attribute(tag, "content").unwrap_or_default());
            }
            "title" if self.about.title.is_empty() => self.place = Place::Title,
            name if is_heading(name) => {
                self.end_section();
                self.place = Place::Heading;
                self.section.anchor = anchor(tag);
            }
            _ if self.place == Place::Heading => {
                self.section.anchor = self.section.anchor.take().or_else(|| anchor(tag));
                if is_block(name) {
                    self.section.heading.push(' ');
                }
            }
            name if is_block(name) => self.end_paragraph(),
            "td" | "th" | "img" | "input" => self.paragraph.push(' '),
            _ => {}
        }
    }

    fn closes(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((skipped, depth)) = &mut self.skipping {
            *depth -= usize::from(skipped == name);
            if *depth == 0 {
                self.skipping = None;
            }
            return;
        }
        match name {
            "title" if self.place == Place::Title => self.place = Place::Body,
            name if is_heading(name) && self.place == Place::Heading => self.end_heading(),
            name if is_block(name) && self.place == Place::Body => self.end_paragraph(),
            _ => {}
        }
    }

    fn says(&mut self, text: &str) {
        if self.skipping.is_some() {
            return;
        }
        match self.place {
            Place::Title => self.about.title.push_str(text),
            Place::Heading => self.section.heading.push_str(text),
            Place::Body => self.paragraph.push_str(text),
        }
    }

    fn end_heading(&mut self) {
        self.place = Place::Body;
        self.section.heading = cut(&squeezed(&self.section.heading), LONGEST_TITLE);
        if self.first_heading.is_empty() {
            self.first_heading = self.section.heading.clone();
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = squeezed(&std::mem::take(&mut self.paragraph));
        if !paragraph.is_empty() {
            self.section.paragraphs.push(paragraph);
        }
    }

    fn end_section(&mut self) {
        if self.place == Place::Heading {
            self.end_heading(); // one that was never closed
        }
        self.end_paragraph();
        let section = std::mem::take(&mut self.section);
        if !section.paragraphs.is_empty() {
            self.sections.push(section);
        }
    }

    fn finish(mut self) -> Page {
        self.end_section();
        let title = squeezed(&self.about.title);
        let title = if title.is_empty() { self.first_heading } else { title };
        Page { about: About { title: cut(&title, LONGEST_TITLE), ..self.about }, sections: self.sections }
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| attribute.value.trim())
}

fn is_skipped(tag: &Tag) -> bool {
    const NAMES: [&str; 16] = [
        "script", "style", "noscript", "template", "nav", "footer", "svg", "math", "iframe", "object",
        "canvas", "audio", "video", "select", "button", "textarea",
    ];
    const ROLES: [&str; 4] = ["navigation", "contentinfo", "search", "menu"];
    // Elements whose end may be left out would swallow what follows them.
    const CLOSED: [&str; 10] =
        ["div", "section", "aside", "header", "main", "article", "span", "ul", "ol", "table"];
    let marked = || {
        attribute(tag, "role").is_some_and(|role| ROLES.contains(&role))
            || attribute(tag, "hidden").is_some()
            || attribute(tag, "aria-hidden") == Some("true")
    };
    NAMES.contains(&&*tag.name) || CLOSED.contains(&&*tag.name) && marked()
}

fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Elements that end a paragraph.
fn is_block(name: &str) -> bool {
    const NAMES: [&str; 31] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "form",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "thead",
        "tr",
        "ul",
        "option",
    ];
    NAMES.contains(&name)
}

fn anchor(tag: &Tag) -> Option<String> {
    let name = attribute(tag, "id").or_else(|| attribute(tag, "name").filter(|_| &*tag.name == "a"))?;
    (!name.is_empty() && name.len() <= 200).then(|| name.to_owned())
}

/// Paragraphs put together, or cut, into texts of passage length.
fn pieces(paragraphs: Vec<String>) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut length = 0;
    for part in paragraphs.iter().flat_map(|paragraph| parted(paragraph)) {
        let more = part.chars().count();
        if length > 0 && length + 1 + more > LONGEST_PASSAGE {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        if length > 0 {
            piece.push('\n');
            length += 1;
        }
        piece.push_str(part);
        length += more;
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// A paragraph in parts of passage length, cut behind a sentence where there is one, else at a space, else anywhere.
fn parted(mut paragraph: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((end, _)) = paragraph.char_indices().nth(LONGEST_PASSAGE) {
        let room = &paragraph[..end];
        let sentence = room.rfind(". ").map(|at| at + 1).filter(|at| *at > end / 2);
        let cut = sentence.or_else(|| room.rfind(' ').filter(|at| *at > 0)).unwrap_or(end);
        parts.push(&paragraph[..cut]);
        paragraph = paragraph[cut..].trim_start();
    }
    parts.push(paragraph);
    parts
}

/// One space between words, none around, no control characters.
fn squeezed(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(html: &str, expected: &[(&str, &str, &str)]) {
        let passages = passages("/a", html);
        let found: Vec<_> =
            passages.iter().map(|p| (p.path.as_str(), p.heading.as_str(), p.text.as_str())).collect();
        assert_eq!(found, expected, "{html}");
    }

    #[test]
    fn text_stands_under_its_heading() {
        check("<p>Un<p>Deux  <b>gras</b>", &[("/a", "", "Un\nDeux gras")]);
        check(
            "<h1 id=x>T</h1><p>un</p><div><h2><a id='é'></a>U</h2></div>deux",
            &[("/a#x", "T", "un"), ("/a#%C3%A9", "U", "deux")],
        );
        check("<table><tr><td>a<td>b<tr><td>c</table>", &[("/a", "", "a b\nc")]);
        check("<h1>T</h1><h2>U</h2>texte", &[("/a", "U", "texte")]);
    }

    #[test]
    fn what_is_around_the_text_is_left_out() {
        check("<nav>menu</nav><p>a<script>b</script><footer>c</footer>", &[("/a", "", "a")]);
        check(
            "<p>a<div hidden>b<div>x</div></div><span aria-hidden=true>c</span><div role=navigation><p>d</div>",
            &[("/a", "", "a")],
        );
        check("<title>Seul</title><img src=a.png>", &[("/a", "", "")]);
        check("", &[]);
    }

    #[test]
    fn pages_say_what_they_are() {
        let about = |html| super::about(html);
        assert_eq!(
            about("<html lang=fr-FR><title> Le\n titre</title><meta name=Description content='de quoi'>"),
            About { title: "Le titre".into(), language: Some("fr-FR".into()), description: "de quoi".into() }
        );
        assert_eq!(about("<html lang='?'><h1>Un <i>titre</i></h1>").title, "Un titre");
        assert_eq!(about("<html lang='?'>").language, None);
    }

    #[test]
    fn old_pages_are_latin() {
        assert_eq!(read(b"caf\xE9 noir"), "café noir");
        assert_eq!(read("\u{FEFF}café".as_bytes()), "café");
        assert_eq!(read(&"café".as_bytes()[..4]), "caf\u{FFFD}");
    }

    #[test]
    fn deep_pages_cost_nothing() {
        let html = format!("{}<p>fond", "<div>".repeat(100_000));
        assert_eq!(passages("/a", &html)[0].text, "fond");
    }

    #[test]
    fn a_page_made_to_be_slow_is_given_up() {
        let attributes: String = (0..700_000).map(|number| format!(" {number:x}")).collect();
        let began = Instant::now();
        let found = passages("/a", &format!("<p>avant<a{attributes}>après"));
        assert_eq!(found[0].text.split(' ').next(), Some("avant"));
        assert!(began.elapsed() < PAGE_LIMIT * 4, "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn passages_are_short_and_lose_no_word(words in prop::collection::vec("[a-zé]{1,2000}( |\\. |<p>)", 0..40)) {
            let html = words.concat();
            let passages = passages("/a", &html);
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            prop_assert!(passages.iter().all(|p| p.text.chars().count() <= LONGEST_PASSAGE));
            let found: usize = passages.iter().map(|p| letters(&p.text)).sum();
            prop_assert_eq!(found, letters(&html.replace("<p>", " ")));
        }

        #[test]
        fn no_page_panics(html in "(<[a-z!/]{0,8}( [a-z]{1,5}=\"[a-z]*\")?>|[ -~é]){0,200}") {
            let _ = (passages("/a", &html), about(&html));
        }
    }
}
