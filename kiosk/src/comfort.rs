//! How a person wants to see the kiosk: the size of everything and its contrast. Kept for their session, on this terminal.
//!
//! Used by [`crate::app`], which scales the whole window by it, and by the browse view, whose page zooms with it.

use crate::theme::Theme;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comfort {
    pub size: Size,
    pub theme: Theme,
}

/// The size of text, and of all that is around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    #[default]
    Normal,
    Large,
    Larger,
    /// What WCAG 2.2 (1.4.4) asks for.
    Double,
}

impl Size {
    pub const ALL: [Size; 4] = [Size::Normal, Size::Large, Size::Larger, Size::Double];

    pub fn percent(self) -> u32 {
        match self {
            Size::Normal => 100,
            Size::Large => 125,
            Size::Larger => 150,
            Size::Double => 200,
        }
    }

    /// Pixels of the screen for one of the layout.
    pub fn scale(self) -> f32 {
        self.percent() as f32 / 100.0
    }
}
