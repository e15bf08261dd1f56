//! What screens are made of: controls that take the keyboard, the keypad, the page.

pub mod control;
pub mod focus;
pub mod icon;
pub mod keypad;
pub mod mirror;
pub mod one_line;
pub mod page;

/// The kiosk's own theme and its renderer of the kiosk.
pub type Element<'a, Message> = iced::Element<'a, Message, crate::theme::Theme, iced::Renderer>;
