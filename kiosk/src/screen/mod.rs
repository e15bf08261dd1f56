//! The screens: one file each, with `State`, `Message`, `Action`, `update` and `view`.
//!
//! A screen changes its own state and says what it wants as an `Action`; only [`crate::app`] acts. Messages are past facts.

pub mod browse;
pub mod catalogue;
pub mod enrol;
pub mod home;
pub mod locked;
pub mod new_pin;
pub mod pin;
pub mod requests;
pub mod services;
pub mod sign_in;
pub mod unreachable;

use iced::widget::{Space, column, container, row, scrollable, text, text_input};
use iced::{Alignment, Color, Length};
use jiff::Timestamp;
use passerelle_api as api;

use crate::text::Text;
use crate::theme::{self, Look, size};
use crate::widget::control::{Control, control, field};
use crate::widget::{Element, focus};

/// What every screen may show besides its own state.
pub struct Context<'a> {
    pub text: &'a Text,
    pub session: Option<&'a api::Session>,
    pub now: Timestamp,
    /// The screen is about to lock itself.
    pub still_there: bool,
}

/// What the bar at the top of a screen can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    LanguageChanged,
    SignedOut,
}

/// Minutes until the session ends, rounded up: "1 minute" until it is over.
pub fn minutes_left(session: &api::Session, now: Timestamp) -> i64 {
    let seconds = session.expires_at.as_second() - now.as_second();
    (seconds.max(0) + 59) / 60
}

/// A whole screen: the bar, then a content that fills the rest.
pub fn frame<'a, Message: Clone + 'a>(
    context: &Context<'a>,
    bar: impl Fn(Bar) -> Message + 'a,
    content: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    let text_of = |key| context.text.get(key);
    let brand = text(text_of("brand")).size(size::LARGE).font(theme::BOLD).color(theme::TEAL_DEEP);
    let mut top = row![brand, Space::new().width(Length::Fill)].spacing(18).align_y(Alignment::Center);
    if let Some(session) = context.session {
        let left = context.text.with("session-left", &[("n", minutes_left(session, context.now).into())]);
        top = top.push(text(left).size(size::BODY).color(theme::SOFT_INK));
    }
    top = top.push(quiet("language", text_of("other-language"), bar(Bar::LanguageChanged)));
    if context.session.is_some() {
        top = top.push(quiet("sign-out", text_of("sign-out"), bar(Bar::SignedOut)));
    }
    let top = container(top).padding([14, 32]).style(theme::plain(theme::PAPER));
    // The line keeps its place when it is empty: what follows would lose the keyboard with its own.
    let said: Element<'a, Message> = match context.still_there {
        true => container(notice(text_of("still-there"), Tone::Warning)).padding([10, 32]).into(),
        false => Space::new().into(),
    };
    let page = column![top, rule(), said];
    page.push(container(content).width(Length::Fill).height(Length::Fill).style(theme::plain(theme::GROUND)))
        .into()
}

/// A thin line.
pub fn rule<'a, Message: 'a>() -> Element<'a, Message> {
    container(Space::new()).width(Length::Fill).height(1).style(theme::plain(theme::EDGE)).into()
}

pub fn title<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    text(words).size(size::TITLE).font(theme::BOLD).into()
}

pub fn body<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    text(words).size(size::BODY).into()
}

/// A sentence under a picture.
pub fn centred<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    text(words).size(size::BODY).align_x(Alignment::Center).into()
}

pub fn hint<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    text(words).size(size::SMALL).color(theme::SOFT_INK).into()
}

#[derive(Clone, Copy)]
pub enum Tone {
    Warning,
    Wrong,
}

/// Words that matter now, on a ground of their own.
pub fn notice<'a, Message: 'a>(words: String, tone: Tone) -> Element<'a, Message> {
    let (ground, edge) = match tone {
        Tone::Warning => (theme::GOLD_PALE, Color::from_rgb8(0xB9, 0x8A, 0x00)),
        Tone::Wrong => (theme::BRICK_PALE, theme::BRICK),
    };
    container(text(words).size(size::BODY))
        .padding([12, 18])
        .width(Length::Fill)
        .style(theme::notice(ground, edge))
        .into()
}

fn worded<'a, Message: Clone + 'a>(
    name: impl Into<String>,
    look: Look,
    words: String,
    letters: f32,
) -> Control<'a, Message> {
    control(name, look, text(words).size(letters).font(theme::BOLD))
}

/// The one thing to do on a screen; disabled without a message.
pub fn primary<'a, Message: Clone + 'a>(
    name: impl Into<String>,
    words: String,
    message: impl Into<Option<Message>>,
) -> Element<'a, Message> {
    worded(name, Look::Primary, words, size::LARGE).on_press_maybe(message.into()).into()
}

pub fn secondary<'a, Message: Clone + 'a>(
    name: &'static str,
    words: String,
    message: Message,
) -> Element<'a, Message> {
    worded(name, Look::Secondary, words, size::LARGE).on_press(message).into()
}

/// A control in a bar.
pub fn quiet<'a, Message: Clone + 'a>(
    name: &'static str,
    words: String,
    message: Message,
) -> Element<'a, Message> {
    worded(name, Look::Quiet, words, size::SMALL).padding([9, 16]).on_press(message).into()
}

/// A text input with its label; `name` is its name and its id.
pub fn labelled<'a, Message: Clone + 'a>(
    name: &'static str,
    label: String,
    value: &str,
    secret: bool,
    on_input: impl Fn(String) -> Message + 'a,
    on_submit: Option<Message>,
) -> Element<'a, Message> {
    let input = text_input("", value)
        .id(name)
        .secure(secret)
        .size(size::LARGE)
        .padding([14, 18])
        .style(theme::input)
        .on_input(on_input)
        .on_submit_maybe(on_submit);
    column![text(label).size(size::BODY).font(theme::BOLD), field(name, input)].spacing(8).into()
}

/// A card in the middle of the screen; it scrolls where the screen is too small for it.
pub fn card<'a, Message: 'a>(content: impl Into<Element<'a, Message>>, width: f32) -> Element<'a, Message> {
    let card = container(content).padding(28).max_width(width).style(theme::card);
    let room = container(card).center_x(Length::Fill).padding([16, 24]);
    container(scrollable(room).id(focus::SCROLLED).style(theme::scroller)).center_y(Length::Fill).into()
}
