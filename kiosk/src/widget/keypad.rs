//! Keys on the screen, for terminals without a keyboard: digits for a PIN, letters and digits for a name.

use iced::widget::{column, row, text};
use iced::{Alignment, Length};

use super::Element;
use super::control::control;
use super::mirror::mirrored;
use crate::theme::Look;

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
/// Sevenths of a key between two keys.
const GAP: f32 = 1.0 / 7.0;

impl Layout {
    fn rows(self) -> &'static [&'static str] {
        match self {
            Layout::Digits => DIGITS,
            Layout::Letters => LETTERS,
        }
    }

    /// Pixels of a key that is large enough for every finger.
    fn comfortable(self) -> f32 {
        match self {
            Layout::Digits => 84.0,
            Layout::Letters => 50.0,
        }
    }

    /// Pixels of a key in a keypad of that width at most.
    fn side(self, width: f32) -> f32 {
        let keys = self.rows()[0].len() as f32;
        (width / (keys + (keys - 1.0) * GAP)).floor().min(self.comfortable())
    }
}

/// `width` pixels at most; in a mirrored view (`mirror`) digits still run from the left.
pub fn keypad<'a, Message: Clone + 'a>(
    layout: Layout,
    width: f32,
    mirror: bool,
    told: impl Fn(Key) -> Message,
) -> Element<'a, Message> {
    let side = layout.side(width);
    let gap = side * GAP;
    let key = |character: char| -> Element<'a, Message> {
        let (name, label, key) = match character {
            '<' => ("key-erase".to_owned(), "⌫".to_owned(), Key::Erase),
            character => (format!("key-{character}"), character.to_string(), Key::Character(character)),
        };
        // The digits' pad has no other character than digits.
        if matches!(layout, Layout::Digits) && character == '-' {
            return iced::widget::space().width(side).height(side).into();
        }
        let label = text(label).size(side * 0.45).width(Length::Fill).height(Length::Fill).center();
        control(name, Look::Key, label).width(side).height(side).padding(0).on_press(told(key)).into()
    };
    let rows = layout.rows().iter().map(|keys| row(keys.chars().map(&key)).spacing(gap).into());
    mirrored(column(rows).spacing(gap).align_x(Alignment::Center).into(), mirror)
}
