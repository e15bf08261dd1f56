//! Home: two doors, and nothing to get lost in.

use iced::widget::{column, container, row, text};
use iced::{Alignment, Color, Length};

use super::{Bar, Context, frame, hint, quiet, secondary, title};
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
        text(words.get("home-question")).size(size::LARGE).color(theme::SOFT_INK),
    ]
    .spacing(6);
    let doors = row![
        door(
            "door-administrative",
            (Look::Administrative, theme::TEAL),
            Icon::Form,
            words.get("door-administrative"),
            words.get("door-administrative-help"),
            Message::DoorOpened(Door::Administrative)
        ),
        door(
            "door-training",
            (Look::Training, theme::PLUM),
            Icon::Book,
            words.get("door-training"),
            words.get("door-training-help"),
            Message::DoorOpened(Door::Training)
        ),
    ]
    .spacing(32)
    .height(Length::Fill);
    // The line keeps its place when it is empty: the doors would lose the keyboard with theirs.
    let told: Element<'a, Message> = match news {
        0 => iced::widget::Space::new().into(),
        news => answers(news, context),
    };
    let foot = row![
        quiet("requests", words.get("my-requests"), Message::RequestsOpened),
        quiet("new-pin", words.get("new-pin"), Message::NewPinOpened),
        iced::widget::Space::new().width(Length::Fill),
        hint(last)
    ]
    .spacing(20)
    .align_y(Alignment::Center);
    let content = column![heading, told, doors, foot].spacing(24).max_width(1200);
    frame(context, Message::Bar, container(content).center_x(Length::Fill).padding([32, 40]))
}

fn door<'a>(
    name: &'static str,
    (look, ground): (Look, Color),
    picture: Icon,
    label: String,
    help: String,
    message: Message,
) -> Element<'a, Message> {
    let words = column![
        icon(picture, PICTURE, theme::PAPER, ground),
        text(label).size(size::HERO).font(theme::BOLD),
        text(help).size(size::BODY),
    ]
    .spacing(18)
    .align_x(Alignment::Center);
    control(name, look, container(words).center(Length::Fill))
        .width(Length::Fill)
        .height(Length::Fill)
        .on_press(message)
        .into()
}

/// Somebody answered: seen before anything else, and one press away.
fn answers<'a>(news: usize, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text.with("answers-new", &[("n", (news as i64).into())]);
    let line = row![
        icon(Icon::Tick, 34.0, theme::TEAL, theme::GOLD_PALE),
        text(words).size(size::BODY).font(theme::BOLD).width(Length::Fill),
        secondary("answers", context.text.get("answers-see"), Message::RequestsOpened),
    ];
    container(line.spacing(18).align_y(Alignment::Center))
        .padding([10, 18])
        .width(Length::Fill)
        .style(theme::notice(theme::GOLD_PALE, theme::TEAL))
        .into()
}

/// Used where a screen has nothing else to say.
pub fn nothing<'a, Message: 'a>(words: String) -> Element<'a, Message> {
    container(title(words)).center(Length::Fill).into()
}
