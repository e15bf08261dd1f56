//! The cards of the learning screen: a result, an item, what was begun. Each opens a page.

use iced::widget::{column, row, span, text};
use iced::{Alignment, Length};
use passerelle_api as api;

use super::Message;
use super::view::{Column, result_name};
use crate::screen::{Context, hint};
use crate::theme::{self, Look, Theme, size};
use crate::widget::Element;
use crate::widget::control::control;
use crate::widget::icon::{Icon, icon};

/// Characters of a description: two lines.
const DESCRIPTION_LIMIT: usize = 150;
/// Pixels of the picture of a card.
const PICTURE: f32 = 52.0;

pub fn result_card<'a>(
    place: usize,
    result: &'a api::SearchResult,
    context: &Context<'a>,
) -> Element<'a, Message> {
    let heading = match result.heading.as_str() {
        heading if heading.is_empty() || heading == result.title => None,
        heading => Some(text(heading).size(size::BODY).style(theme::ink(theme::SOFT_INK))),
    };
    let part = |part: &'a api::SnippetPart| match part.found {
        true => {
            span(part.text.as_str()).font(theme::BOLD).background(theme::GOLD_PALE.of(&context.comfort.theme))
        }
        false => span(part.text.as_str()),
    };
    let parts: Vec<text::Span<'a, ()>> = result.snippet.iter().map(part).collect();
    let snippet: text::Rich<'a, (), Message, Theme> = text::Rich::with_spans(parts).size(size::BODY);
    let from = format!("{} · {}", kind_words(&result.kind, context), result.item_title);
    let lines = column![text(&result.title).size(size::LARGE).font(theme::BOLD)]
        .push(heading)
        .push(snippet)
        .push(hint(from));
    card(result_name(place), kind_icon(&result.kind), lines.spacing(4), None, result.url.clone())
}

pub fn begun_card<'a>(begun: &'a api::Begun, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let at = words.with("learning-read", &[("when", words.moment(begun.updated_at).into())]);
    let page = if begun.title.is_empty() { at } else { format!("{} · {at}", begun.title) };
    let lines = column![
        text(&begun.item.title).size(size::LARGE).font(theme::BOLD),
        text(page).size(size::BODY).style(theme::ink(theme::SOFT_INK))
    ];
    let name = format!("continue-{}", begun.item.id);
    card(name, Icon::Continue, lines.spacing(4), Some(words.get("learning-go-on")), begun.url.clone())
}

pub fn item_card<'a>(item: &'a api::CatalogueItem, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let pages = words.with("learning-pages", &[("n", item.pages.into())]);
    let about = format!("{} · {} · {pages}", kind_words(&item.kind, context), language_words(&item.language));
    let description = match shortened(&item.description) {
        description if description.is_empty() => None,
        description => Some(text(description).size(size::BODY)),
    };
    let lines = column![text(&item.title).size(size::LARGE).font(theme::BOLD)].push(description);
    let name = format!("item-{}", item.id);
    let go = Some(words.get("services-open"));
    card(name, kind_icon(&item.kind), lines.push(hint(about)).spacing(4), go, item.start.clone())
}

/// Everything that opens a page looks alike: a picture, what it is, and the way in.
fn card<'a>(
    name: String,
    picture: Icon,
    lines: Column<'a>,
    go: Option<String>,
    url: String,
) -> Element<'a, Message> {
    let mut line = row![icon(picture, PICTURE, theme::PLUM, theme::PAPER), lines.width(Length::Fill)];
    if let Some(go) = go {
        let go =
            text(format!("{go}  ›")).size(size::LARGE).font(theme::BOLD).style(theme::ink(theme::PLUM_DEEP));
        line = line.push(go);
    }
    control(name, Look::Card, line.spacing(22).align_y(Alignment::Center))
        .width(Length::Fill)
        .padding([16, 24])
        .on_press(Message::Opened(url))
        .into()
}

pub fn kind_words(kind: &str, context: &Context<'_>) -> String {
    context.text.get(match kind {
        "zim" => "kind-zim",
        "html" => "kind-html",
        "pdf" => "kind-pdf",
        _ => "kind-other",
    })
}

fn kind_icon(kind: &str) -> Icon {
    match kind {
        "pdf" => Icon::Form,
        _ => Icon::Book,
    }
}

/// What a language is without its region (BCP 47): a filter of it lets every region through.
pub fn base_language(code: &str) -> &str {
    code.split('-').next().unwrap_or(code)
}

/// A language in its own words, by its code of BCP 47; some archives have three letters.
pub fn language_words(code: &str) -> String {
    let own = match base_language(code) {
        "fr" | "fra" | "fre" => "Français",
        "en" | "eng" => "English",
        "es" | "spa" => "Español",
        "pt" | "por" => "Português",
        "de" | "deu" | "ger" => "Deutsch",
        "it" | "ita" => "Italiano",
        "ro" | "ron" | "rum" => "Română",
        "ar" | "ara" => "العربية",
        _ => code,
    };
    own.to_owned()
}

/// A description in two lines, cut between words.
fn shortened(description: &str) -> String {
    if description.chars().count() <= DESCRIPTION_LIMIT {
        return description.to_owned();
    }
    let start: String = description.chars().take(DESCRIPTION_LIMIT).collect();
    let whole = start.rsplit_once(' ').map_or(start.as_str(), |(words, _)| words);
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_description_ends_between_words() {
        assert_eq!(shortened("Lire"), "Lire");
        let long = "mot ".repeat(DESCRIPTION_LIMIT);
        let short = shortened(&long);
        assert!(short.ends_with("mot…") && short.chars().count() <= DESCRIPTION_LIMIT, "{short}");
    }
}
