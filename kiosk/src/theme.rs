//! Colours, sizes and shapes, in three contrasts. Every pair of text and ground here has a contrast of at least 4.5 to 1
//! (WCAG 2.2 AA), in [`Theme::High`] of at least 7 to 1 (AAA); tested.

use iced::widget::{container, scrollable, text, text_input};
use iced::{Background, Border, Color, Font, font};

/// What a person may choose between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    Normal,
    /// Black on white, and edges that are seen.
    High,
    /// Light on dark, for eyes that light hurts.
    Dark,
}

/// A colour by what it is for; what it is depends on the theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    normal: Color,
    high: Color,
    dark: Color,
}

impl Paint {
    pub fn of(self, theme: &Theme) -> Color {
        match theme {
            Theme::Normal => self.normal,
            Theme::High => self.high,
            Theme::Dark => self.dark,
        }
    }
}

/// In [`Theme::Normal`], [`Theme::High`], [`Theme::Dark`]; `0xRRGGBB`.
const fn paint(normal: u32, high: u32, dark: u32) -> Paint {
    const fn color(hex: u32) -> Color {
        let [_, red, green, blue] = hex.to_be_bytes();
        Color::from_rgb8(red, green, blue)
    }
    Paint { normal: color(normal), high: color(high), dark: color(dark) }
}

pub const PAPER: Paint = paint(0xFFFFFF, 0xFFFFFF, 0x1D242C);
/// The ground of every screen: warm, not glaring.
pub const GROUND: Paint = paint(0xF4F1EA, 0xFFFFFF, 0x10151B);
pub const INK: Paint = paint(0x1B2733, 0x000000, 0xF1F3F5);
/// Second rank: hints, minutes.
pub const SOFT_INK: Paint = paint(0x4A5866, 0x000000, 0xC3CCD5);
pub const EDGE: Paint = paint(0xC9C3B6, 0x000000, 0x5B6773);
pub const TEAL: Paint = paint(0x0B5A60, 0x00393E, 0x7FD6DB);
pub const TEAL_DEEP: Paint = paint(0x07444A, 0x002A2E, 0xA5E6EA);
pub const TEAL_PALE: Paint = paint(0xDDEDEC, 0xDDF5F4, 0x20363A);
pub const PLUM: Paint = paint(0x6A3467, 0x4A1848, 0xE3A9E0);
pub const PLUM_DEEP: Paint = paint(0x50254E, 0x330E31, 0xF0C6EE);
pub const BRICK: Paint = paint(0xA3281C, 0x7A0F05, 0xFF9E92);
pub const BRICK_PALE: Paint = paint(0xFBE9E5, 0xFFFFFF, 0x3A1D1A);
pub const GOLD: Paint = paint(0xB98A00, 0x000000, 0xE0B93C);
pub const GOLD_PALE: Paint = paint(0xFFF3CF, 0xFFF3A0, 0x3B3213);
/// The two doors, and what is written on them.
pub const TEAL_DOOR: Paint = paint(0x0B5A60, 0x00393E, 0x0E4A50);
pub const PLUM_DOOR: Paint = paint(0x6A3467, 0x4A1848, 0x552A53);
pub const DOOR_INK: Paint = paint(0xFFFFFF, 0xFFFFFF, 0xFFFFFF);
/// The focus ring: like nothing else here.
pub const RING: Paint = paint(0x1552F0, 0x0000D0, 0xFFD54A);
/// A control that is not available.
const OFF: Paint = paint(0xE7E3DA, 0xFFFFFF, 0x2A323B);
const OFF_INK: Paint = paint(0x55606B, 0x505050, 0xA9B3BD);
const PLACEHOLDER: Paint = paint(0x66717C, 0x505050, 0xA9B3BD);
const SELECTION: Paint = paint(0xB9D3FF, 0xB9D3FF, 0x2B4A86);
const VEIL: Paint = paint(0x1B2733, 0x000000, 0x000000);

pub const FONT: Font = Font::with_name("Noto Sans");
pub const BOLD: Font = Font { weight: font::Weight::Bold, ..FONT };

/// Pixels of text, before the person's own scale. People read from a step away.
pub mod size {
    pub const SMALL: f32 = 18.0;
    pub const BODY: f32 = 21.0;
    pub const LARGE: f32 = 25.0;
    pub const TITLE: f32 = 34.0;
    pub const HERO: f32 = 42.0;
}

impl iced::theme::Base for Theme {
    fn default(_preference: iced::theme::Mode) -> Theme {
        Theme::Normal
    }

    fn mode(&self) -> iced::theme::Mode {
        match self {
            Theme::Normal | Theme::High => iced::theme::Mode::Light,
            Theme::Dark => iced::theme::Mode::Dark,
        }
    }

    fn base(&self) -> iced::theme::Style {
        base(self, false)
    }

    fn palette(&self) -> Option<iced::theme::Palette> {
        None
    }

    fn name(&self) -> &str {
        match self {
            Theme::Normal => "normal",
            Theme::High => "high",
            Theme::Dark => "dark",
        }
    }
}

/// What is below everything. The renderer paints again only what changed, a list that ends between two
/// pixels less a line; with another base, which nobody can tell from this one, it paints all of the window.
pub fn base(theme: &Theme, repainted: bool) -> iced::theme::Style {
    let ground = GROUND.of(theme);
    let nudge = if repainted { 0.0 } else { 1.0 / 255.0 };
    let background_color = Color { b: (ground.b - nudge).max(0.0), ..ground };
    iced::theme::Style { background_color, text_color: INK.of(theme) }
}

impl text::Catalog for Theme {
    type Class<'a> = text::StyleFn<'a, Theme>;

    fn default<'a>() -> Self::Class<'a> {
        Box::new(|_| text::Style::default())
    }

    fn style(&self, class: &Self::Class<'_>) -> text::Style {
        class(self)
    }
}

impl container::Catalog for Theme {
    type Class<'a> = container::StyleFn<'a, Theme>;

    fn default<'a>() -> Self::Class<'a> {
        Box::new(|_| container::Style::default())
    }

    fn style(&self, class: &Self::Class<'_>) -> container::Style {
        class(self)
    }
}

impl scrollable::Catalog for Theme {
    type Class<'a> = scrollable::StyleFn<'a, Theme>;

    fn default<'a>() -> Self::Class<'a> {
        Box::new(scroller)
    }

    fn style(&self, class: &Self::Class<'_>, status: scrollable::Status) -> scrollable::Style {
        class(self, status)
    }
}

impl text_input::Catalog for Theme {
    type Class<'a> = text_input::StyleFn<'a, Theme>;

    fn default<'a>() -> Self::Class<'a> {
        Box::new(input)
    }

    fn style(&self, class: &Self::Class<'_>, status: text_input::Status) -> text_input::Style {
        class(self, status)
    }
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

pub fn look(theme: &Theme, look: Look, enabled: bool, hovered: bool, held: bool) -> Drawn {
    let lively = |calm: Paint, hot: Paint| if held || hovered { hot } else { calm };
    let (background, text, edge, edge_width, radius) = match look {
        _ if !enabled => (OFF, OFF_INK, EDGE, 1.0, 12.0),
        Look::Primary => (lively(TEAL, TEAL_DEEP), PAPER, TEAL_DEEP, 0.0, 12.0),
        Look::Secondary => (lively(PAPER, TEAL_PALE), TEAL_DEEP, TEAL, 2.0, 12.0),
        Look::Quiet => (lively(PAPER, TEAL_PALE), INK, EDGE, 1.5, 10.0),
        Look::Administrative => (TEAL_DOOR, DOOR_INK, lively(TEAL_DOOR, TEAL_DEEP), 5.0, 24.0),
        Look::Training => (PLUM_DOOR, DOOR_INK, lively(PLUM_DOOR, PLUM_DEEP), 5.0, 24.0),
        Look::Card => (lively(PAPER, TEAL_PALE), INK, lively(EDGE, TEAL), 1.5, 16.0),
        // No trace of a pointer that rests there: it is where the last digit was pressed.
        Look::Key => (if held { TEAL_PALE } else { PAPER }, INK, EDGE, 1.5, 14.0),
        Look::Field => (PAPER, INK, PAPER, 0.0, 12.0),
    };
    let (background, text, edge) = (background.of(theme), text.of(theme), edge.of(theme));
    Drawn { background, text, edge, edge_width, radius }
}

/// Words in a colour of their own.
pub fn ink(paint: Paint) -> impl Fn(&Theme) -> text::Style {
    move |theme| text::Style { color: Some(paint.of(theme)) }
}

pub fn input(theme: &Theme, status: text_input::Status) -> text_input::Style {
    let focused = matches!(status, text_input::Status::Focused { .. });
    let (edge, width) = if focused { (RING, 4.0) } else { (SOFT_INK, 2.0) };
    text_input::Style {
        background: PAPER.of(theme).into(),
        border: Border { color: edge.of(theme), width, radius: 12.0.into() },
        icon: SOFT_INK.of(theme),
        placeholder: PLACEHOLDER.of(theme),
        value: INK.of(theme),
        selection: SELECTION.of(theme),
    }
}

/// A ground of its own, without an edge.
pub fn plain(ground: Paint) -> impl Fn(&Theme) -> container::Style {
    move |theme| container::Style {
        background: Some(ground.of(theme).into()),
        text_color: Some(INK.of(theme)),
        ..Default::default()
    }
}

/// A card on the ground. No shadow: the software renderer adds it up where it repaints a part.
pub fn card(theme: &Theme) -> container::Style {
    let border = Border { color: EDGE.of(theme), width: 1.0, radius: 18.0.into() };
    container::Style { border, ..plain(PAPER)(theme) }
}

/// A line of words that matters now.
pub fn notice(ground: Paint, edge: Paint) -> impl Fn(&Theme) -> container::Style {
    move |theme| {
        let border = Border { color: edge.of(theme), width: 1.5, radius: 12.0.into() };
        container::Style { border, ..plain(ground)(theme) }
    }
}

/// What is behind a dialog.
pub fn veil(theme: &Theme) -> container::Style {
    let veil = Color { a: 0.55, ..VEIL.of(theme) };
    container::Style { background: Some(veil.into()), ..Default::default() }
}

pub fn scroller(theme: &Theme, _status: scrollable::Status) -> scrollable::Style {
    let round = Border { radius: 4.0.into(), ..Border::default() };
    let scroller = scrollable::Scroller { background: SOFT_INK.of(theme).into(), border: round };
    let rail =
        scrollable::Rail { background: Some(Background::Color(EDGE.of(theme))), border: round, scroller };
    let auto_scroll = scrollable::AutoScroll {
        background: PAPER.of(theme).into(),
        border: round,
        shadow: Default::default(),
        icon: INK.of(theme),
    };
    let container = container::Style::default();
    scrollable::Style { container, vertical_rail: rail, horizontal_rail: rail, gap: None, auto_scroll }
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

    const LOOKS: [Look; 7] = [
        Look::Primary,
        Look::Secondary,
        Look::Quiet,
        Look::Administrative,
        Look::Training,
        Look::Card,
        Look::Key,
    ];

    #[test]
    fn text_is_readable_on_every_ground_in_every_theme() {
        for (theme, least) in [(Theme::Normal, 4.5), (Theme::High, 7.0), (Theme::Dark, 4.5)] {
            let check = |text: Color, ground: Color| {
                let found = contrast(text, ground);
                assert!(found >= least, "{theme:?}: {text:?} on {ground:?}: {found}");
            };
            for (text, ground) in [
                (INK, GROUND),
                (SOFT_INK, GROUND),
                (SOFT_INK, PAPER),
                (INK, BRICK_PALE),
                (BRICK, PAPER),
                (BRICK, GROUND),
                (INK, GOLD_PALE),
                (TEAL_DEEP, TEAL_PALE),
                (TEAL_DEEP, PAPER),
                (PLUM_DEEP, PAPER),
                (INK, TEAL_PALE),
                (INK, SELECTION),
                (PLACEHOLDER, PAPER),
            ] {
                check(text.of(&theme), ground.of(&theme));
            }
            for (look, hovered, enabled) in
                LOOKS.iter().flat_map(|look| [(look, false, true), (look, true, true), (look, false, false)])
            {
                let drawn = super::look(&theme, *look, enabled, hovered, false);
                check(drawn.text, drawn.background);
            }
            for ground in [GROUND, PAPER] {
                let ring = contrast(RING.of(&theme), ground.of(&theme));
                assert!(ring >= 3.0, "the ring is seen (WCAG 2.2, 1.4.11)");
            }
        }
    }
}
