//! What the learning screen looks like: the search on top, then results, or what there is to browse.

use std::collections::BTreeSet;

use iced::widget::{Space, column, container, row, span, text, text_input};
use iced::{Alignment, Length, Renderer};
use passerelle_api as api;

use super::{Found, Message, SEARCH, SERVICE, State, Trouble};
use crate::screen::home::Door;
use crate::screen::{Context, Tone, body, hint, listing, notice, quiet, secondary, services, title};
use crate::theme::{self, Look, Theme, size};
use crate::widget::Element;
use crate::widget::control::{control, field};
use crate::widget::icon::{Icon, icon};

/// Items begun that are shown: what somebody may still remember.
const BEGUN_LIMIT: usize = 3;
/// Items to browse; beyond that people search.
const ITEM_LIMIT: usize = 100;
/// Suggestions in their line.
const SUGGESTION_LIMIT: usize = 4;
/// Characters of a description: two lines.
const DESCRIPTION_LIMIT: usize = 150;
/// Pixels of the picture of a card.
const PICTURE: f32 = 52.0;

/// The name of the result at that place, from 1.
pub fn result_name(place: usize) -> String {
    format!("result-{place}")
}

/// What this person may do with the catalogue itself.
enum Access<'a> {
    Open,
    /// The reason code, and when it opens.
    Closed(&'a api::Unavailable),
    /// The policy has none.
    Absent,
}

impl Access<'_> {
    /// Unknown yet is taken for open: the gateway decides anyway.
    fn of(list: Option<&api::ServiceList>) -> Access<'_> {
        let Some(list) = list else { return Access::Open };
        match list.services.iter().find(|service| service.id == SERVICE) {
            Some(service) => service.unavailable.as_ref().map_or(Access::Open, Access::Closed),
            None => Access::Absent,
        }
    }
}

pub fn view<'a>(
    state: &'a State,
    list: Option<&'a api::ServiceList>,
    context: &Context<'a>,
) -> Element<'a, Message> {
    let words = context.text;
    let back = quiet("back", words.get("back"), Message::Returned);
    let top = row![back, title(words.get("learning"))].spacing(24).align_y(Alignment::Center);
    let access = Access::of(list);
    let mut head = column![top].spacing(16);
    if matches!(access, Access::Open) {
        head = head.push(search_line(state, context)).push(suggestions(state, context));
        head = head.push(filters(state, context));
    }
    let listed = match access {
        Access::Open if state.is_searching() => results(state, context),
        access => shelves(state, list, access, context),
    };
    listing(context, Message::Bar, head, listed.spacing(14))
}

fn search_line<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let input = text_input(&words.get("search-hint"), &state.query)
        .id(SEARCH)
        .size(size::LARGE)
        .padding([14, 18])
        .style(theme::input)
        .on_input(Message::Typed)
        .on_submit(Message::Submitted);
    let clear: Element<'a, Message> = match state.query.is_empty() {
        true => Space::new().into(),
        false => quiet("clear", words.get("search-clear"), Message::Cleared),
    };
    let glass = icon(Icon::Search, 44.0, theme::PLUM, theme::GROUND);
    row![glass, field(SEARCH, input), clear].spacing(16).align_y(Alignment::Center).into()
}

/// Always there, empty or not: what follows would lose the keyboard with its place.
fn suggestions<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let mut line = row![].spacing(12).align_y(Alignment::Center);
    if !state.suggestions.is_empty() {
        line = line.push(hint(context.text.get("search-suggestions")));
    }
    for (place, suggestion) in state.suggestions.iter().take(SUGGESTION_LIMIT).enumerate() {
        line = line.push(chip(
            format!("suggestion-{}", place + 1),
            suggestion.clone(),
            false,
            Message::SuggestionChosen(suggestion.clone()),
        ));
    }
    line.wrap().into()
}

/// Kinds and languages, where the catalogue has more than one.
fn filters<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let items = || state.items.iter().flat_map(|list| &list.items);
    let kinds: BTreeSet<&str> = items().map(|item| item.kind.as_str()).collect();
    let languages: BTreeSet<&str> = items().map(|item| item.language.as_str()).collect();
    let mut line = row![].spacing(12).align_y(Alignment::Center);
    if kinds.len() > 1 {
        let all = (state.kind.is_none(), Message::KindChosen(None));
        line = line.push(chip("kind-all".into(), words.get("kind-all"), all.0, all.1));
        for kind in kinds {
            let chosen = state.kind.as_deref() == Some(kind);
            let message = Message::KindChosen(Some(kind.to_owned()));
            line = line.push(chip(format!("kind-{kind}"), kind_words(kind, context), chosen, message));
        }
    }
    if languages.len() > 1 {
        line = line.push(Space::new().width(16));
        let all = (state.language.is_none(), Message::LanguageChosen(None));
        line = line.push(chip("language-all".into(), words.get("language-all"), all.0, all.1));
        for language in languages {
            let chosen = state.language.as_deref() == Some(language);
            let message = Message::LanguageChosen(Some(language.to_owned()));
            line = line.push(chip(format!("language-{language}"), language_words(language), chosen, message));
        }
    }
    line.wrap().into()
}

fn chip<'a>(name: String, words: String, chosen: bool, message: Message) -> Element<'a, Message> {
    let look = if chosen { Look::Primary } else { Look::Quiet };
    control(name, look, text(words).size(size::SMALL).font(theme::BOLD))
        .padding([8, 16])
        .on_press(message)
        .into()
}

type Column<'a> = iced::widget::Column<'a, Message, Theme, Renderer>;

fn results<'a>(state: &'a State, context: &Context<'a>) -> Column<'a> {
    let words = context.text;
    if let Some(trouble) = &state.trouble {
        return column![said(trouble, context)];
    }
    let Some(found) = &state.found else { return column![body(words.get("search-waiting"))] };
    if found.results.is_empty() {
        let nothing = words.with("search-nothing", &[("name", found.question.query.as_str().into())]);
        return column![
            text(nothing).size(size::LARGE).font(theme::BOLD),
            body(words.get("search-nothing-help"))
        ];
    }
    let mut cards = column![];
    if let Some(spelt) = &found.spelt {
        cards = cards.push(body(words.with("search-spelt", &[("name", spelt.as_str().into())])));
    }
    for (place, result) in found.results.iter().enumerate() {
        cards = cards.push(result_card(place + 1, result, context));
    }
    cards.push(ending(state, found, context))
}

fn ending<'a>(state: &State, found: &Found, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    match (state.asked_search, found.has_more()) {
        (Some(_), _) => hint(words.get("search-waiting")),
        (None, true) => secondary("more", words.get("search-more"), Message::MoreWanted),
        (None, false) => hint(words.get("search-end")),
    }
}

fn result_card<'a>(
    place: usize,
    result: &'a api::SearchResult,
    context: &Context<'a>,
) -> Element<'a, Message> {
    let heading = match result.heading.as_str() {
        "" => None,
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

/// What there is without a search: continue, the training sites, the items.
fn shelves<'a>(
    state: &'a State,
    list: Option<&'a api::ServiceList>,
    access: Access<'a>,
    context: &Context<'a>,
) -> Column<'a> {
    let words = context.text;
    let mut cards = column![];
    match access {
        Access::Open => {}
        Access::Closed(why) => {
            cards = cards.push(notice(services::why_not(Some(why), context), Tone::Warning))
        }
        Access::Absent => return sites(cards, list, context, true),
    }
    let is_open = matches!(access, Access::Open);
    let begun = state.items.iter().flat_map(|list| &list.begun).take(BEGUN_LIMIT);
    for (place, begun) in begun.filter(|_| is_open).enumerate() {
        if place == 0 {
            cards = cards.push(shelf(words.get("learning-continue")));
        }
        cards = cards.push(begun_card(begun, context));
    }
    cards = sites(cards, list, context, false);
    if !is_open {
        return cards;
    }
    match (&state.items, &state.trouble) {
        (_, Some(trouble)) => cards.push(said(trouble, context)),
        (None, None) => cards.push(body(words.get("waiting"))),
        (Some(list), None) if list.items.is_empty() => cards.push(body(words.get("learning-empty"))),
        (Some(list), None) => {
            let kept = |item: &&api::CatalogueItem| {
                state.kind.as_ref().is_none_or(|kind| *kind == item.kind)
                    && state.language.as_ref().is_none_or(|language| *language == item.language)
            };
            let items = list.items.iter().filter(kept).take(ITEM_LIMIT);
            let cards = cards.push(shelf(words.get("learning-items")));
            items.fold(cards, |cards, item| cards.push(item_card(item, context)))
        }
    }
}

/// The training sites of the policy.
fn sites<'a>(
    mut cards: Column<'a>,
    list: Option<&'a api::ServiceList>,
    context: &Context<'a>,
    alone: bool,
) -> Column<'a> {
    let Some(list) = list else { return cards };
    let training =
        |service: &&api::Service| service.category == Door::Training.category() && service.id != SERVICE;
    let (open, closed): (Vec<_>, Vec<_>) =
        list.services.iter().filter(training).partition(|service| services::can_open(service));
    if alone && open.is_empty() && closed.is_empty() {
        return cards.push(body(context.text.get("services-none")));
    }
    if !open.is_empty() || !closed.is_empty() {
        cards = cards.push(shelf(context.text.get("learning-sites")));
    }
    for service in open {
        cards = cards.push(services::open_card(service, context).map(Message::Services));
    }
    for service in closed {
        cards = cards.push(services::closed_card(service, context).map(Message::Services));
    }
    cards
}

fn shelf<'a>(words: String) -> Element<'a, Message> {
    container(text(words).size(size::LARGE).font(theme::BOLD)).padding([6, 0]).into()
}

fn begun_card<'a>(begun: &'a api::Begun, context: &Context<'a>) -> Element<'a, Message> {
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

fn item_card<'a>(item: &'a api::CatalogueItem, context: &Context<'a>) -> Element<'a, Message> {
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

fn said<'a>(trouble: &Trouble, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let why = match &trouble.code {
        Some(code) => words.reason(code),
        None => words.get("learning-trouble"),
    };
    column![notice(why, Tone::Warning), secondary("retry", words.get("retry"), Message::Retried)]
        .spacing(16)
        .into()
}

fn kind_words(kind: &str, context: &Context<'_>) -> String {
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

/// A language in its own words, by its code of ISO 639-1, 639-2 or BCP 47.
fn language_words(code: &str) -> String {
    let own = match code.split(['-', '_']).next().unwrap_or_default() {
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
    fn the_catalogue_is_open_closed_or_not_there() {
        let service = |id: &str, code: Option<&str>| api::Service {
            id: id.into(),
            category: "training".into(),
            name: api::Name::default(),
            start: None,
            minutes_left: None,
            confidential: false,
            unavailable: code.map(|code| api::Unavailable { code: code.into(), opens_at: None }),
        };
        let word = |services: Option<Vec<api::Service>>| {
            let list = services.map(|services| api::ServiceList { services });
            match Access::of(list.as_ref()) {
                Access::Open => "open".to_owned(),
                Access::Closed(why) => why.code.clone(),
                Access::Absent => "absent".into(),
            }
        };
        assert_eq!(word(None), "open");
        assert_eq!(word(Some(vec![service("wiki", None)])), "absent");
        assert_eq!(word(Some(vec![service("wiki", None), service("catalogue", None)])), "open");
        assert_eq!(word(Some(vec![service("catalogue", Some("window"))])), "window");
    }

    #[test]
    fn a_long_description_ends_between_words() {
        assert_eq!(shortened("Lire"), "Lire");
        let long = "mot ".repeat(DESCRIPTION_LIMIT);
        let short = shortened(&long);
        assert!(short.ends_with("mot…") && short.chars().count() <= DESCRIPTION_LIMIT, "{short}");
    }
}
