//! Keys on the screen, for terminals without a keyboard: digits for a PIN, letters and digits for a name.

use iced::widget::{column, row, text};
use iced::{Alignment, Length};

use super::Element;
use super::control::control;
use crate::theme::{Look, size};

/// What a key of the keypad did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Character(char),
    /// Takes the last character away.
    Erase,
}

/// The keys, row by row; `<` erases.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    Digits,
    /// In the order of French keyboards.
    Letters,
}

const DIGITS: &[&str] = &["123", "456", "789", "-0<"];
const LETTERS: &[&str] = &["1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn-.<"];

pub fn keypad<'a, Message: Clone + 'a>(
    layout: Layout,
    told: impl Fn(Key) -> Message,
) -> Element<'a, Message> {
    let (rows, side, look) = match layout {
        Layout::Digits => (DIGITS, 84.0, size::TITLE),
        Layout::Letters => (LETTERS, 50.0, size::LARGE),
    };
    let key = |character: char| -> Element<'a, Message> {
        let (name, label, key) = match character {
            '<' => ("key-erase".to_owned(), "⌫".to_owned(), Key::Erase),
            character => (format!("key-{character}"), character.to_string(), Key::Character(character)),
        };
        // The digits' pad has no other character than digits.
        if matches!(layout, Layout::Digits) && character == '-' {
            return iced::widget::space().width(side).height(side).into();
        }
        let label = text(label).size(look).width(Length::Fill).height(Length::Fill).center();
        control(name, Look::Key, label).width(side).height(side).padding(0).on_press(told(key)).into()
    };
    let gap = side / 7.0;
    let rows = rows.iter().map(|keys| row(keys.chars().map(&key)).spacing(gap).into());
    column(rows).spacing(gap).align_x(Alignment::Center).into()
}
