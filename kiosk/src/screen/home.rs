//! Home: two doors, and nothing to get lost in.

use iced::widget::{Space, column, container, row, text};
use iced::{Alignment, Length};

use super::{Bar, Context, frame, hint, middle, quiet, scroll, secondary};
use crate::theme::{self, Look, size};
use crate::widget::Element;
use crate::widget::control::control;
use crate::widget::icon::{Icon, icon};

/// The two categories of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Administrative,
    Training,
}

impl Door {
    /// As policies name it.
    pub fn category(self) -> &'static str {
        match self {
            Door::Administrative => "administrative",
            Door::Training => "training",
        }
    }

    /// What is behind it, by the message's key.
    fn help(self) -> &'static str {
        match self {
            Door::Administrative => "door-administrative-help",
            Door::Training => "door-training-help",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    DoorOpened(Door),
    RequestsOpened,
    NewPinOpened,
}

/// Pixels of a door's picture.
const PICTURE: f32 = 132.0;

/// `news` is the number of answers to requests that the person has not seen.
pub fn view<'a>(news: usize, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let Some(session) = context.session else { return frame(context, Message::Bar, text("")) };
    let last = match &session.last_sign_in {
        Some(last) => words.with(
            "last-sign-in",
            &[("when", words.moment(last.at).into()), ("terminal", last.terminal.clone().into())],
        ),
        None => words.get("first-sign-in"),
    };
    let heading = column![
        text(words.with("hello", &[("name", session.name.as_str().into())]))
            .size(size::HERO)
            .font(theme::BOLD),
        text(words.get("home-question")).size(size::LARGE).style(theme::ink(theme::SOFT_INK)),
    ]
    .spacing(6);
    // The line keeps its place when it is empty: the doors would lose the keyboard with theirs.
    let told: Element<'a, Message> = match news {
        0 => Space::new().into(),
        news => answers(news, context),
    };
    let own = row![
        quiet("requests", words.get("my-requests"), Message::RequestsOpened),
        quiet("new-pin", words.get("new-pin"), Message::NewPinOpened),
    ]
    .spacing(16);
    let [administrative, training] = DOORS.map(|door| way(door, context));
    if context.is_compact() {
        let doors = column![administrative, training].spacing(14);
        let content = column![heading, told, doors, own.wrap(), hint(last)].spacing(16);
        return frame(context, Message::Bar, scroll(container(content).padding([12, 0])));
    }
    let doors = row![administrative, training].spacing(32).height(Length::Fill);
    let foot =
        row![own, container(hint(last)).align_right(Length::Fill)].spacing(20).align_y(Alignment::Center);
    let content = column![heading, told, doors, foot].spacing(24).max_width(1200);
    frame(context, Message::Bar, container(content).center_x(Length::Fill).padding([28, 40]))
}

const DOORS: [Door; 2] = [Door::Administrative, Door::Training];

/// The way through a door: a large picture over its words, or beside them where there is little room.
fn way<'a>(door: Door, context: &Context<'a>) -> Element<'a, Message> {
    let (name, look, ground, picture, key) = match door {
        Door::Administrative => {
            ("door-administrative", Look::Administrative, theme::TEAL_DOOR, Icon::Form, "door-administrative")
        }
        Door::Training => ("door-training", Look::Training, theme::PLUM_DOOR, Icon::Book, "door-training"),
    };
    let label = context.text.get(key);
    let help = middle(context.text.get(door.help())).size(size::BODY);
    let door = Message::DoorOpened(door);
    if context.is_compact() {
        let words = column![text(label).size(size::TITLE).font(theme::BOLD), help].spacing(4);
        let picture = icon(picture, PICTURE / 2.0, theme::DOOR_INK, ground);
        let line = row![picture, words].spacing(20).align_y(Alignment::Center);
        return control(name, look, line).width(Length::Fill).padding([16, 22]).on_press(door).into();
    }
    let label = text(label).size(size::HERO).font(theme::BOLD);
    let words = column![icon(picture, PICTURE, theme::DOOR_INK, ground), label, help];
    let words = container(words.spacing(18).align_x(Alignment::Center)).center(Length::Fill);
    control(name, look, words).width(Length::Fill).height(Length::Fill).on_press(door).into()
}

/// Somebody answered: seen before anything else, and one press away.
fn answers<'a>(news: usize, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text.with("answers-new", &[("n", (news as i64).into())]);
    let line = row![
        icon(Icon::Tick, 34.0, theme::TEAL, theme::GOLD_PALE),
        container(text(words).size(size::BODY).font(theme::BOLD)).width(Length::Fill),
        secondary("answers", context.text.get("answers-see"), Message::RequestsOpened),
    ];
    container(line.spacing(18).align_y(Alignment::Center))
        .padding([10, 18])
        .width(Length::Fill)
        .style(theme::notice(theme::GOLD_PALE, theme::TEAL))
        .into()
}
