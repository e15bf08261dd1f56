//! Colours, sizes and shapes. Every pair of text and ground here has a contrast of at least 4.5 to 1 (WCAG 2.2 AA); tested.

use iced::theme::Palette;
use iced::widget::{container, scrollable, text_input};
use iced::{Background, Border, Color, Font, Theme, color, font};

pub const PAPER: Color = color!(0xFFFFFF);
/// The ground of every screen: warm, not glaring.
pub const GROUND: Color = color!(0xF4F1EA);
pub const INK: Color = color!(0x1B2733);
/// Second rank: hints, minutes.
pub const SOFT_INK: Color = color!(0x4A5866);
pub const EDGE: Color = color!(0xC9C3B6);
pub const TEAL: Color = color!(0x0B5A60);
pub const TEAL_DEEP: Color = color!(0x07444A);
pub const TEAL_PALE: Color = color!(0xDDEDEC);
pub const PLUM: Color = color!(0x6A3467);
pub const PLUM_DEEP: Color = color!(0x50254E);
pub const BRICK: Color = color!(0xA3281C);
pub const BRICK_PALE: Color = color!(0xFBE9E5);
pub const GOLD_PALE: Color = color!(0xFFF3CF);
/// The focus ring: like nothing else here.
pub const RING: Color = color!(0x1552F0);

pub const FONT: Font = Font::with_name("Noto Sans");
pub const BOLD: Font = Font { weight: font::Weight::Bold, ..FONT };

/// Pixels of text. People read from a step away.
pub mod size {
    pub const SMALL: f32 = 18.0;
    pub const BODY: f32 = 21.0;
    pub const LARGE: f32 = 25.0;
    pub const TITLE: f32 = 34.0;
    pub const HERO: f32 = 42.0;
}

pub fn theme() -> Theme {
    let palette =
        Palette { background: GROUND, text: INK, primary: TEAL, success: TEAL, warning: PLUM, danger: BRICK };
    Theme::custom("passerelle", palette)
}

/// What is below everything. The renderer paints again only what changed, a list that ends between two
/// pixels less a line; with another base, which nobody can tell from this one, it paints all of the window.
pub fn base(repainted: bool) -> iced::theme::Style {
    let background_color = if repainted { GROUND } else { color!(0xF4F1EB) };
    iced::theme::Style { background_color, text_color: INK }
}

/// What a control looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do here.
    Primary,
    Secondary,
    /// In a bar.
    Quiet,
    /// One of the two doors of the home screen.
    Administrative,
    Training,
    /// A service that can be opened.
    Card,
    /// A key of the keypad.
    Key,
    /// A text input draws itself.
    Field,
}

/// How a control is drawn at this moment.
pub struct Drawn {
    pub background: Color,
    pub text: Color,
    pub edge: Color,
    pub edge_width: f32,
    pub radius: f32,
}

pub fn look(look: Look, enabled: bool, hovered: bool, held: bool) -> Drawn {
    let lively = |calm, hot| if held || hovered { hot } else { calm };
    let (background, text, edge, edge_width, radius) = match look {
        _ if !enabled => (color!(0xE7E3DA), color!(0x55606B), EDGE, 1.0, 12.0),
        Look::Primary => (lively(TEAL, TEAL_DEEP), PAPER, TEAL_DEEP, 0.0, 12.0),
        Look::Secondary => (lively(PAPER, TEAL_PALE), TEAL_DEEP, TEAL, 2.0, 12.0),
        Look::Quiet => (lively(Color::TRANSPARENT, TEAL_PALE), INK, EDGE, 1.5, 10.0),
        Look::Administrative => (lively(TEAL, TEAL_DEEP), PAPER, TEAL_DEEP, 0.0, 24.0),
        Look::Training => (lively(PLUM, PLUM_DEEP), PAPER, PLUM_DEEP, 0.0, 24.0),
        Look::Card => (lively(PAPER, TEAL_PALE), INK, lively(EDGE, TEAL), 1.5, 16.0),
        // No trace of a pointer that rests there: it is where the last digit was pressed.
        Look::Key => (if held { TEAL_PALE } else { PAPER }, INK, EDGE, 1.5, 14.0),
        Look::Field => (Color::TRANSPARENT, INK, Color::TRANSPARENT, 0.0, 12.0),
    };
    Drawn { background, text, edge, edge_width, radius }
}

pub fn input(_theme: &Theme, status: text_input::Status) -> text_input::Style {
    let focused = matches!(status, text_input::Status::Focused { .. });
    text_input::Style {
        background: Background::Color(PAPER),
        border: Border {
            color: if focused { RING } else { SOFT_INK },
            width: if focused { 4.0 } else { 2.0 },
            radius: 12.0.into(),
        },
        icon: SOFT_INK,
        placeholder: color!(0x66717C),
        value: INK,
        selection: color!(0xB9D3FF),
    }
}

/// A ground of its own, without an edge.
pub fn plain(ground: Color) -> impl Fn(&Theme) -> container::Style {
    move |_| container::Style { background: Some(ground.into()), text_color: Some(INK), ..Default::default() }
}

/// A card on the ground. No shadow: the software renderer adds it up where it repaints a part.
pub fn card(_theme: &Theme) -> container::Style {
    container::Style {
        background: Some(PAPER.into()),
        text_color: Some(INK),
        border: Border { color: EDGE, width: 1.0, radius: 18.0.into() },
        ..Default::default()
    }
}

/// A line of words that matters now.
pub fn notice(ground: Color, edge: Color) -> impl Fn(&Theme) -> container::Style {
    move |_| container::Style {
        background: Some(ground.into()),
        text_color: Some(INK),
        border: Border { color: edge, width: 1.5, radius: 12.0.into() },
        ..Default::default()
    }
}

/// What is behind a dialog.
pub fn veil(_theme: &Theme) -> container::Style {
    container::Style { background: Some(Color { a: 0.55, ..INK }.into()), ..Default::default() }
}

pub fn scroller(theme: &Theme, status: scrollable::Status) -> scrollable::Style {
    let mut style = scrollable::default(theme, status);
    style.vertical_rail.scroller.background = SOFT_INK.into();
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: Color) -> f32 {
        let linear =
            |part: f32| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b)
    }

    fn contrast(one: Color, other: Color) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_is_readable_on_every_ground() {
        for (text, ground) in [
            (INK, GROUND),
            (SOFT_INK, GROUND),
            (SOFT_INK, PAPER),
            (INK, BRICK_PALE),
            (BRICK, PAPER),
            (BRICK, GROUND),
            (INK, GOLD_PALE),
            (TEAL_DEEP, TEAL_PALE),
            (INK, TEAL_PALE),
        ] {
            assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}: {}", contrast(text, ground));
        }
        let looks =
            [Look::Primary, Look::Secondary, Look::Administrative, Look::Training, Look::Card, Look::Key];
        for (drawn, hovered, enabled) in
            looks.iter().flat_map(|look| [(look, false, true), (look, true, true), (look, false, false)])
        {
            let drawn = look(*drawn, enabled, hovered, false);
            assert!(contrast(drawn.text, drawn.background) >= 4.5);
        }
        assert!(
            contrast(RING, GROUND) >= 3.0 && contrast(RING, PAPER) >= 3.0,
            "the ring is seen (WCAG 2.2, 1.4.11)"
        );
    }
}
