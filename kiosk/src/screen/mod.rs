//! The screens: one file each, with `State`, `Message`, `Action`, `update` and `view`.
//!
//! A screen changes its own state and says what it wants as an `Action`; only [`crate::app`] acts. Messages are past facts.

pub mod bar;
pub mod browse;
pub mod catalogue;
pub mod display;
pub mod enrol;
pub mod home;
pub mod locked;
pub mod new_pin;
pub mod pin;
pub mod requests;
pub mod services;
pub mod sign_in;
pub mod unreachable;

use iced::widget::{Space, column, container, scrollable, text, text_input};
use iced::{Alignment, Length, Size};
use jiff::Timestamp;
use passerelle_api as api;

use crate::comfort::Comfort;
use crate::text::{Text, runs_from_right};
use crate::theme::{self, Look, Theme, size};
use crate::widget::control::{Control, control, field};
use crate::widget::{Element, focus, keypad};
pub use bar::Bar;

/// What every screen may show besides its own state.
pub struct Context<'a> {
    pub text: &'a Text,
    pub session: Option<&'a api::Session>,
    pub now: Timestamp,
    /// The screen is about to lock itself.
    pub still_there: bool,
    pub comfort: Comfort,
    /// Pixels of the layout.
    pub window: Size,
    pub aloud: Aloud,
}

impl<'a> Context<'a> {
    /// Too narrow for two things beside each other: large text on a small screen.
    pub fn is_narrow(&self) -> bool {
        self.window.width < NARROW
    }

    pub fn is_low(&self) -> bool {
        self.window.height < LOW
    }

    pub fn is_compact(&self) -> bool {
        self.is_narrow() || self.is_low()
    }

    /// What everybody before this screen has to know now.
    fn warning(&self) -> Option<&'static str> {
        match self.aloud {
            _ if self.still_there => Some("still-there"),
            Aloud::Failed => Some("aloud-failed"),
            Aloud::Off | Aloud::On => None,
        }
    }

    /// A keypad that fits `room` pixels beside and around it.
    pub fn keypad<Message: Clone + 'a>(
        &self,
        layout: keypad::Layout,
        room: f32,
        told: impl Fn(keypad::Key) -> Message,
    ) -> Element<'a, Message> {
        keypad::keypad(layout, self.window.width - room, self.text.language().is_right_to_left(), told)
    }
}

/// Whether the kiosk reads aloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aloud {
    #[default]
    Off,
    On,
    /// It was asked to, and this terminal has no voice.
    Failed,
}

/// Pixels of the layout below which things stand below each other, and lists take their head along.
const NARROW: f32 = 760.0;
const LOW: f32 = 560.0;
/// Pixels around the content of a card, both sides together.
pub const CARD_EDGES: f32 = 104.0;

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
    // The line keeps its place when it is empty: what follows would lose the keyboard with its own.
    let said: Element<'a, Message> = match context.warning() {
        Some(key) => container(notice(context.text.get(key), Tone::Warning)).padding([10, 32]).into(),
        None => Space::new().into(),
    };
    let content =
        container(content).width(Length::Fill).height(Length::Fill).style(theme::plain(theme::GROUND));
    column![bar::top(context, bar), rule(), said, content].into()
}

/// A screen with a list: its head stays where it is and the list scrolls; on a low screen both do.
pub fn listing<'a, Message: Clone + 'a>(
    context: &Context<'a>,
    bar: impl Fn(Bar) -> Message + 'a,
    head: impl Into<Element<'a, Message>>,
    list: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    let (head, list) = (head.into(), list.into());
    let content = match context.is_low() {
        true => column![scroll(column![head, list].spacing(16))],
        false => column![container(head).padding([0, 16]), scroll(list)],
    };
    let edges = if context.is_compact() { [12, 16] } else { [24, 40] };
    let content = content.spacing(16).max_width(1100).height(Length::Fill);
    frame(context, bar, container(content).center_x(Length::Fill).padding(edges))
}

/// What may be longer than the screen is high. As wide as there is room, so that a mirrored view leaves the bar its side.
pub fn scroll<'a, Message: 'a>(content: impl Into<Element<'a, Message>>) -> Element<'a, Message> {
    let content = container(content).width(Length::Fill).padding([4, 16]);
    scrollable(content).id(focus::SCROLLED).style(theme::scroller).height(Length::Fill).into()
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
    middle(words).size(size::BODY).into()
}

/// A title under a picture.
pub fn headline<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    middle(words).size(size::TITLE).font(theme::BOLD).into()
}

/// Centred lines; not those that run from the right, since the text engine moves a single one of them out of its place.
pub fn middle<'a>(words: String) -> iced::widget::Text<'a, Theme> {
    match runs_from_right(&words) {
        true => text(words),
        false => text(words).align_x(Alignment::Center),
    }
}

pub fn hint<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    text(words).size(size::SMALL).style(theme::ink(theme::SOFT_INK)).into()
}

#[derive(Clone, Copy)]
pub enum Tone {
    Warning,
    Wrong,
}

/// Words that matter now, on a ground of their own.
pub fn notice<'a, Message: 'a>(words: String, tone: Tone) -> Element<'a, Message> {
    let (ground, edge) = match tone {
        Tone::Warning => (theme::GOLD_PALE, theme::GOLD),
        Tone::Wrong => (theme::BRICK_PALE, theme::BRICK),
    };
    container(text(words).size(size::BODY))
        .id(focus::ANNOUNCED)
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
    name: impl Into<String>,
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
