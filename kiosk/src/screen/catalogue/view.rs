//! What the learning screen looks like: the search on top, then results, or what there is to browse.

use std::collections::BTreeSet;

use iced::widget::{Space, column, container, row, text, text_input};
use iced::{Alignment, Renderer};
use passerelle_api as api;

use super::cards::{base_language, begun_card, item_card, kind_words, language_words, result_card};
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

/// The name of the result at that place, from 1.
pub fn result_name(place: usize) -> String {
    format!("result-{place}")
}

pub type Column<'a> = iced::widget::Column<'a, Message, Theme, Renderer>;
type Row<'a> = iced::widget::Row<'a, Message, Theme, Renderer>;

/// Whether a control of that name opens something.
pub fn is_card(name: &str) -> bool {
    ["result-", "continue-", "service-", "item-"].iter().any(|kind| name.starts_with(kind))
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
    let mut top = row![back, title(words.get("learning"))].spacing(20).align_y(Alignment::Center);
    let access = Access::of(list);
    let mut head = column![].spacing(14);
    if matches!(access, Access::Open) {
        // Beside the title where there is room, below it where there is not.
        let helps = column![suggestions(state, context), filters(state, context)].spacing(12);
        if context.is_narrow() {
            let line = row![].spacing(14).align_y(Alignment::Center);
            head = head.push(top).push(search_line(line, state, context)).push(helps);
        } else {
            top = search_line(top, state, context);
            head = head.push(top).push(helps);
        }
    } else {
        head = head.push(top);
    }
    let listed = match access {
        Access::Open if state.is_searching() => results(state, context),
        access => shelves(state, list, access, context),
    };
    listing(context, Message::Bar, head, listed.spacing(14))
}

fn search_line<'a>(top: Row<'a>, state: &'a State, context: &Context<'a>) -> Row<'a> {
    let words = context.text;
    let input = text_input(&words.get("search-hint"), &state.query)
        .id(SEARCH)
        .size(size::LARGE)
        .padding([14, 18])
        .style(theme::input)
        .on_input(Message::Typed)
        .on_submit(Message::Submitted);
    let glass = icon(Icon::Search, 44.0, theme::PLUM, theme::GROUND);
    let line = top.push(glass).push(field(SEARCH, input));
    match state.query.is_empty() {
        true => line,
        false => line.push(quiet("clear", words.get("search-clear"), Message::Cleared)),
    }
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

/// Kinds and languages for a search, where the catalogue has more than one.
fn filters<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let items = || state.items.iter().flat_map(|list| &list.items);
    let kinds: BTreeSet<&str> = items().map(|item| item.kind.as_str()).collect();
    let languages: BTreeSet<&str> = items().map(|item| base_language(&item.language)).collect();
    let mut line = row![].spacing(12).align_y(Alignment::Center);
    if !state.is_searching() {
        return line.into();
    }
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

/// What there is without a search: continue, the training sites, the items, and last what is not open now.
fn shelves<'a>(
    state: &'a State,
    list: Option<&'a api::ServiceList>,
    access: Access<'a>,
    context: &Context<'a>,
) -> Column<'a> {
    let words = context.text;
    let services = list.iter().flat_map(|list| &list.services);
    let (open, closed): (Vec<_>, Vec<_>) = services
        .filter(|service| service.category == Door::Training.category() && service.id != SERVICE)
        .partition(|service| services::can_open(service));
    let mut cards = column![];
    let mut begun = state.items.iter().flat_map(|list| &list.begun).take(BEGUN_LIMIT).peekable();
    match &access {
        Access::Open if begun.peek().is_some() => {
            cards = cards.push(shelf(words.get("learning-continue")));
            cards = begun.fold(cards, |cards, begun| cards.push(begun_card(begun, context)));
        }
        Access::Closed(why) => {
            cards = cards.push(notice(services::why_not(Some(why), context), Tone::Warning));
        }
        Access::Absent if open.is_empty() && closed.is_empty() => {
            cards = cards.push(body(words.get("services-none")));
        }
        Access::Open | Access::Absent => {}
    }
    if !open.is_empty() {
        cards = cards.push(shelf(words.get("learning-sites")));
    }
    for service in open {
        cards = cards.push(services::open_card(service, context).map(Message::Services));
    }
    if matches!(access, Access::Open) {
        cards = items(cards, state, context);
    }
    if !closed.is_empty() {
        cards = cards.push(shelf(words.get("services-closed")));
    }
    for service in closed {
        cards = cards.push(services::closed_card(service, context).map(Message::Services));
    }
    cards
}

fn items<'a>(cards: Column<'a>, state: &'a State, context: &Context<'a>) -> Column<'a> {
    let words = context.text;
    match (&state.items, &state.trouble) {
        (_, Some(trouble)) => cards.push(said(trouble, context)),
        (None, None) => cards.push(body(words.get("waiting"))),
        (Some(list), None) if list.items.is_empty() => cards.push(body(words.get("learning-empty"))),
        (Some(list), None) => {
            let cards = cards.push(shelf(words.get("learning-items")));
            list.items.iter().take(ITEM_LIMIT).fold(cards, |cards, item| cards.push(item_card(item, context)))
        }
    }
}

fn shelf<'a>(words: String) -> Element<'a, Message> {
    container(text(words).size(size::LARGE).font(theme::BOLD)).padding([6, 0]).into()
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
}
