//! My access requests, and what was answered; what was granted opens from here.

use iced::widget::{column, container, row, text};
use iced::{Alignment, Length};
use jiff::Timestamp;
use passerelle_api as api;

use super::browse::host;
use super::{Bar, Context, body, hint, listing, primary, quiet, secondary, title};
use crate::theme::{self, Paint, size};
use crate::widget::Element;
use crate::widget::icon::{Icon, icon};

/// Pixels of the picture that says how a request stands.
const PICTURE: f32 = 52.0;

/// A person's requests, as long as the session lives.
#[derive(Default)]
pub struct State {
    /// `None` until the gateway answered.
    list: Option<api::RequestList>,
    /// Answers up to here were seen.
    seen: Option<Timestamp>,
    asked: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Returned,
    /// The page of a granted request.
    Opened(String),
}

impl State {
    /// For a person who was last here at that moment: later answers are new to them.
    pub fn since(last_sign_in: Option<Timestamp>) -> State {
        State { seen: last_sign_in, ..State::default() }
    }

    pub fn waits_for(&mut self, call: u64) {
        self.asked = Some(call);
    }

    /// Whether that call is the one awaited; a late answer changes nothing.
    pub fn answered(&mut self, call: u64, list: Option<api::RequestList>) -> bool {
        let awaited = self.asked == Some(call);
        if awaited {
            self.asked = None;
            self.list = list.or(self.list.take());
        }
        awaited
    }

    /// Answers that the person has not seen.
    pub fn news(&self) -> usize {
        let requests = self.list.iter().flat_map(|list| &list.requests);
        requests.filter(|request| request.answered_at.is_some_and(|at| Some(at) > self.seen)).count()
    }

    /// They are on the screen now.
    pub fn looked(&mut self) {
        let requests = self.list.iter().flat_map(|list| &list.requests);
        self.seen = requests.filter_map(|request| request.answered_at).max().max(self.seen);
    }
}

pub fn view<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let top = row![quiet("back", words.get("back"), Message::Returned), title(words.get("my-requests"))];
    let content: Element<'a, Message> = match &state.list {
        None => super::sign_in::waiting(context),
        Some(list) if list.requests.is_empty() => {
            column![body(words.get("requests-none")), hint(words.get("requests-help"))].spacing(10).into()
        }
        Some(list) => {
            let cards = list.requests.iter().enumerate();
            let cards = cards.map(|(place, request)| entry(place + 1, request, context));
            column(cards).spacing(14).into()
        }
    };
    listing(context, Message::Bar, top.spacing(24).align_y(Alignment::Center), content)
}

/// Granted, and over by now.
fn is_expired(request: &api::AccessRequest, now: Timestamp) -> bool {
    request.state == "granted" && request.granted_until.is_some_and(|until| until <= now)
}

/// How a request stands: its picture, its colour, its words.
fn standing(request: &api::AccessRequest, now: Timestamp) -> (Icon, Paint, &'static str) {
    match request.state.as_str() {
        "granted" if is_expired(request, now) => (Icon::Clock, theme::SOFT_INK, "request-expired"),
        "granted" => (Icon::Tick, theme::TEAL, "request-granted"),
        "declined" => (Icon::Stop, theme::BRICK, "request-declined"),
        _ => (Icon::Clock, theme::SOFT_INK, "request-open"),
    }
}

fn entry<'a>(place: usize, request: &'a api::AccessRequest, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let (picture, colour, state) = standing(request, context.now);
    let when = match request.answered_at {
        Some(at) => words.with("request-answered", &[("when", words.moment(at).into())]),
        None => words.with("request-asked", &[("when", words.moment(request.asked_at).into())]),
    };
    let address = text(&request.url)
        .size(size::SMALL)
        .style(theme::ink(theme::SOFT_INK))
        .wrapping(text::Wrapping::Glyph);
    let mut lines = column![
        row![
            text(words.get(state)).size(size::LARGE).font(theme::BOLD).style(theme::ink(colour)),
            hint(when)
        ]
        .spacing(18)
        .align_y(Alignment::Center)
        .wrap(),
        text(host(&request.url)).size(size::LARGE).font(theme::BOLD).wrapping(text::Wrapping::WordOrGlyph),
        address,
    ];
    if let Some(until) = request.granted_until {
        let held = match is_expired(request, context.now) {
            true => words.with("request-ended", &[("when", words.moment(until).into())]),
            false => words.until(until, context.now),
        };
        lines = lines.push(text(held).size(size::BODY).font(theme::BOLD).style(theme::ink(colour)));
    }
    if !request.reason.is_empty() {
        let asked = words.with("request-my-words", &[("name", request.reason.as_str().into())]);
        lines = lines.push(text(asked).size(size::BODY));
    }
    if let Some(answer) = request.answer.as_deref().filter(|answer| !answer.is_empty()) {
        let answered = words.with("request-their-words", &[("name", answer.into())]);
        lines = lines.push(text(answered).size(size::BODY).font(theme::BOLD));
    }
    let line = row![icon(picture, PICTURE, colour, theme::PAPER), lines.spacing(6).width(Length::Fill)];
    let line = line.spacing(22).align_y(Alignment::Center);
    let (name, open) = (format!("open-{place}"), Message::Opened(request.url.clone()));
    let open = match request.state.as_str() {
        // The page says that it is closed, and lets ask for it.
        "granted" if is_expired(request, context.now) => {
            Some(secondary(name, words.get("request-again"), open))
        }
        "granted" => Some(primary(name, words.get("services-open"), open)),
        _ => None,
    };
    let content: Element<'a, Message> = match context.is_narrow() {
        true => column![line, open].spacing(14).into(),
        false => line.push(open).into(),
    };
    container(content).padding([18, 26]).width(Length::Fill).style(theme::card).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn list(answers: &[Option<i64>]) -> Option<api::RequestList> {
        let request = |answered: &Option<i64>| api::AccessRequest {
            id: String::new(),
            url: "https://exemple.fr/".into(),
            reason: String::new(),
            asked_at: at(0),
            state: if answered.is_some() { "granted" } else { "open" }.into(),
            answer: None,
            answered_at: answered.map(at),
            granted_until: None,
        };
        Some(api::RequestList { requests: answers.iter().map(request).collect() })
    }

    #[test]
    fn an_answer_is_new_until_it_was_looked_at() {
        let mut state = State::since(Some(at(100)));
        state.waits_for(2);
        assert!(!state.answered(1, list(&[Some(300)])), "a late answer");
        assert_eq!(state.news(), 0);
        assert!(state.answered(2, list(&[Some(99), Some(101), None])));
        assert_eq!(state.news(), 1, "the older one was there at the last sign-in");
        state.looked();
        assert_eq!(state.news(), 0);
        state.waits_for(3);
        assert!(state.answered(3, list(&[Some(99), Some(101), Some(120)])));
        assert_eq!(state.news(), 1);
        state.waits_for(4);
        assert!(state.answered(4, None), "a failed call");
        assert_eq!(state.news(), 1, "keeps what was known");
        assert_eq!(State::since(None).news(), 0);
    }
}
