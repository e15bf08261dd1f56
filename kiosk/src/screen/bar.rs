//! The bar at the top of a screen: whose product it is, the time left, and what helps everywhere.

use iced::widget::{container, row, text};
use iced::{Alignment, Length};

use super::{Aloud, Context, minutes_left};
use crate::text::Language;
use crate::theme::{self, Look, size};
use crate::widget::control::control;
use crate::widget::icon::{Icon, icon};
use crate::widget::{Element, focus};

/// What the bar can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Language, size and contrast are asked for, or were chosen.
    DisplayPressed,
    /// Reading aloud, on or off.
    AloudPressed,
    SignedOut,
}

/// Pixels of a picture in the bar.
const PICTURE: f32 = 28.0;

pub fn top<'a, Message: Clone + 'a>(
    context: &Context<'a>,
    bar: impl Fn(Bar) -> Message + 'a,
) -> Element<'a, Message> {
    let words = context.text;
    let brand = text(words.get("brand")).size(size::LARGE).font(theme::BOLD);
    let brand = brand.style(theme::ink(theme::TEAL_DEEP));
    let left = context.session.map(|session| {
        let left =
            words.with("session-left", &[("time", words.minutes(minutes_left(session, context.now)).into())]);
        text(left).size(size::SMALL).style(theme::ink(theme::SOFT_INK))
    });
    let mut top = row![].push((!context.is_narrow()).then_some(brand));
    let between = container(text("")).width(Length::Fill);
    top = top.push(left.map_or(between, |left| container(left).align_right(Length::Fill)));
    top = top.push(aloud(context, bar(Bar::AloudPressed))).push(display(context, bar(Bar::DisplayPressed)));
    if context.session.is_some() {
        top = top.push(super::quiet("sign-out", words.get("sign-out"), bar(Bar::SignedOut)));
    }
    let edges = if context.is_compact() { [10, 14] } else { [14, 32] };
    container(top.spacing(12).align_y(Alignment::Center))
        .id(focus::BAR)
        .padding(edges)
        .style(theme::plain(theme::PAPER))
        .into()
}

/// Reads the screen aloud, or stops.
pub fn aloud<'a, Message: Clone + 'a>(context: &Context<'a>, message: Message) -> Element<'a, Message> {
    let (picture, key) = match context.aloud {
        Aloud::On => (Icon::Silence, "aloud-stop"),
        Aloud::Off | Aloud::Failed => (Icon::Speaker, "aloud-start"),
    };
    let words = text(context.text.get(key)).size(size::SMALL).font(theme::BOLD);
    let mark = icon(picture, PICTURE, theme::TEAL_DEEP, theme::PAPER);
    let line =
        row![mark].push((!context.is_narrow()).then_some(words)).spacing(10).align_y(Alignment::Center);
    control("aloud", Look::Quiet, line).padding([7, 14]).on_press(message).into()
}

/// Opens the choice of language, size and contrast. Before a sign-in it names the other languages in their own words:
/// somebody who reads none of the screen finds theirs.
pub fn display<'a, Message: Clone + 'a>(context: &Context<'a>, message: Message) -> Element<'a, Message> {
    let words = context.text;
    let others = words.language().others().map(Language::own_name).join(" · ");
    let label = match (context.session.is_some(), context.is_narrow()) {
        (false, _) => format!("Aa · {others}"),
        (true, false) => format!("Aa · {}", words.get("display")),
        (true, true) => "Aa".to_owned(),
    };
    super::quiet("display", label, message)
}
