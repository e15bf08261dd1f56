//! Turns keys and the pointer into calls of the Input domain; pure. Used by [`crate::widget::page`].
//!
//! Only what a page needs is let through: text, editing keys and the editing shortcuts. Whatever could open a window, a menu
//! or a tool of Chromium (function keys, Alt, Super, Ctrl with other letters, middle and right buttons, Ctrl+click) has no
//! translation. AltGr never appears as Ctrl+Alt: the text that it makes is sent as text.

use iced::keyboard::{self, Key, Modifiers, key::Named};
use iced::mouse;
use serde_json::{Value, json};

use super::protocol::Call;

/// Pixels one notch of a wheel scrolls: what Chromium itself uses on Linux.
const WHEEL_NOTCH_PIXELS: f32 = 100.0;
/// UTF-16 units Chromium takes in the text of one key; longer goes in as inserted text.
const KEY_TEXT_LIMIT: usize = 1;

/// Letters that may go with Ctrl: select all, copy, paste, cut, undo, redo.
const EDITING_LETTERS: &[&str] = &["a", "c", "v", "x", "z", "y"];

/// A key as the page sees it, or nothing when it may not.
pub fn key(event: &keyboard::Event) -> Option<Call> {
    match event {
        keyboard::Event::KeyPressed { key, modified_key, modifiers, text, repeat, .. } => {
            pressed(key, modified_key, *modifiers, text.as_deref(), *repeat)
        }
        keyboard::Event::KeyReleased { key, modified_key, modifiers, .. } => {
            let (name, code) = identity(key, modified_key, *modifiers)?;
            Some(Call::new(
                "Input.dispatchKeyEvent",
                json!({"type": "keyUp", "key": name, "windowsVirtualKeyCode": code, "modifiers": bits(*modifiers)}),
            ))
        }
        keyboard::Event::ModifiersChanged(_) => None,
    }
}

/// Text made by an input method.
pub fn text(text: &str) -> Call {
    Call::new("Input.insertText", json!({"text": text}))
}

fn pressed(
    key: &Key,
    modified: &Key,
    modifiers: Modifiers,
    text: Option<&str>,
    repeat: bool,
) -> Option<Call> {
    let (name, code) = identity(key, modified, modifiers)?;
    let text = match key {
        Key::Named(Named::Enter) => Some("\r"),
        Key::Named(Named::Space) => Some(" "),
        Key::Named(_) => None,
        _ if modifiers.control() => None,
        _ => text.filter(|text| !text.is_empty() && !text.chars().any(char::is_control)),
    };
    match text {
        Some(long) if long.encode_utf16().count() > KEY_TEXT_LIMIT => return Some(self::text(long)),
        // A dead key: what it composes comes with the next one.
        None if matches!(key, Key::Character(_)) && !modifiers.control() => return None,
        _ => {}
    }
    let mut params = json!({
        "type": if text.is_some() { "keyDown" } else { "rawKeyDown" },
        "key": text.filter(|text| *text != "\r").unwrap_or(&name),
        "windowsVirtualKeyCode": code,
        "modifiers": bits(modifiers),
        "autoRepeat": repeat,
    });
    if let Some(text) = text {
        params["text"] = Value::from(text);
    }
    if let Some(command) = editing_command(key, modifiers) {
        params["commands"] = json!([command]);
    }
    Some(Call::new("Input.dispatchKeyEvent", params))
}

/// The DOM name and Windows code of a key that a page may have.
fn identity(key: &Key, modified: &Key, modifiers: Modifiers) -> Option<(String, u32)> {
    if modifiers.alt() || modifiers.logo() {
        return None;
    }
    match key {
        Key::Named(named) => allowed(*named).map(|(name, code)| (name.to_owned(), code)),
        Key::Character(_) if modifiers.control() => {
            let letter = key.as_ref();
            let Key::Character(letter) = letter else { return None };
            let letter = letter.to_lowercase();
            let code = letter.bytes().next().map(|byte| u32::from(byte.to_ascii_uppercase()));
            EDITING_LETTERS.contains(&letter.as_str()).then(|| (letter, code.unwrap_or(0)))
        }
        Key::Character(character) => {
            let code = match character.bytes().next() {
                Some(byte) if byte.is_ascii_alphanumeric() => u32::from(byte.to_ascii_uppercase()),
                _ => 0,
            };
            let name = if let Key::Character(modified) = modified { modified } else { character };
            Some((name.to_string(), code))
        }
        // Some layouts name no key but still make text.
        Key::Unidentified => Some(("Unidentified".into(), 0)),
    }
}

fn allowed(named: Named) -> Option<(&'static str, u32)> {
    Some(match named {
        Named::Backspace => ("Backspace", 8),
        Named::Tab => ("Tab", 9),
        Named::Enter => ("Enter", 13),
        Named::Shift => ("Shift", 16),
        Named::Escape => ("Escape", 27),
        Named::Space => (" ", 32),
        Named::PageUp => ("PageUp", 33),
        Named::PageDown => ("PageDown", 34),
        Named::End => ("End", 35),
        Named::Home => ("Home", 36),
        Named::ArrowLeft => ("ArrowLeft", 37),
        Named::ArrowUp => ("ArrowUp", 38),
        Named::ArrowRight => ("ArrowRight", 39),
        Named::ArrowDown => ("ArrowDown", 40),
        Named::Delete => ("Delete", 46),
        _ => return None,
    })
}

/// Headless Chromium has no key bindings of a desktop: editing shortcuts name their command.
fn editing_command(key: &Key, modifiers: Modifiers) -> Option<&'static str> {
    if !modifiers.control() {
        return None;
    }
    let Key::Character(letter) = key else { return None };
    Some(match letter.to_lowercase().as_str() {
        "a" => "selectAll",
        "c" => "copy",
        "v" => "paste",
        "x" => "cut",
        "z" if modifiers.shift() => "redo",
        "z" => "undo",
        "y" => "redo",
        _ => return None,
    })
}

/// Alt and Meta never reach a page, so two bits are left.
fn bits(modifiers: Modifiers) -> u32 {
    2 * u32::from(modifiers.control()) + 8 * u32::from(modifiers.shift())
}

/// What the pointer does to the page. Positions are in pixels of the page's view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pointer {
    /// `held`: the left button is down (a drag).
    Moved {
        x: f32,
        y: f32,
        held: bool,
    },
    /// `clicks`: 1, 2 or 3, for selecting a word or a paragraph.
    Pressed {
        x: f32,
        y: f32,
        clicks: u8,
    },
    Released {
        x: f32,
        y: f32,
        clicks: u8,
    },
    Scrolled {
        x: f32,
        y: f32,
        delta: mouse::ScrollDelta,
    },
}

/// Only the left button exists, without modifiers: Ctrl or Shift with a click would ask for a window.
pub fn pointer(pointer: Pointer) -> Call {
    let mut params = match pointer {
        Pointer::Moved { held, .. } => json!({
            "type": "mouseMoved", "button": if held { "left" } else { "none" }, "buttons": u32::from(held)
        }),
        Pointer::Pressed { clicks, .. } => {
            json!({"type": "mousePressed", "button": "left", "buttons": 1, "clickCount": clicks})
        }
        Pointer::Released { clicks, .. } => {
            json!({"type": "mouseReleased", "button": "left", "buttons": 0, "clickCount": clicks})
        }
        Pointer::Scrolled { delta, .. } => {
            let (x, y) = match delta {
                mouse::ScrollDelta::Lines { x, y } => (x * WHEEL_NOTCH_PIXELS, y * WHEEL_NOTCH_PIXELS),
                mouse::ScrollDelta::Pixels { x, y } => (x, y),
            };
            // iced counts what the content does, the DOM what the view does.
            json!({"type": "mouseWheel", "deltaX": -x, "deltaY": -y})
        }
    };
    let (Pointer::Moved { x, y, .. }
    | Pointer::Pressed { x, y, .. }
    | Pointer::Released { x, y, .. }
    | Pointer::Scrolled { x, y, .. }) = pointer;
    params["x"] = json!(x);
    params["y"] = json!(y);
    Call::new("Input.dispatchMouseEvent", params)
}

#[cfg(test)]
mod tests {
    use iced::keyboard::{Location, key};

    use super::*;

    fn press(key: Key, modifiers: Modifiers, text: Option<&str>) -> Option<Call> {
        super::key(&keyboard::Event::KeyPressed {
            modified_key: key.clone(),
            key,
            physical_key: key::Physical::Unidentified(key::NativeCode::Unidentified),
            location: Location::Standard,
            modifiers,
            text: text.map(Into::into),
            repeat: false,
        })
    }

    fn character(text: &str) -> Key {
        Key::Character(text.into())
    }

    #[test]
    fn french_typing_is_text() {
        let check = |key: &str, modifiers, text: &str| {
            let call = press(character(key), modifiers, Some(text)).expect(text);
            assert_eq!(call.method, "Input.dispatchKeyEvent");
            assert_eq!((&call.params["type"], &call.params["text"]), (&json!("keyDown"), &json!(text)));
            assert_eq!(call.params["modifiers"], json!(bits(modifiers)), "no Ctrl+Alt for AltGr");
        };
        check("é", Modifiers::empty(), "é");
        check("è", Modifiers::empty(), "è");
        check("ç", Modifiers::empty(), "ç");
        check("à", Modifiers::empty(), "à");
        check("à", Modifiers::empty(), "@"); // AltGr + à
        check("e", Modifiers::empty(), "€"); // AltGr + e
        check("i", Modifiers::empty(), "ï"); // after the dead diaeresis
        check("e", Modifiers::empty(), "ê"); // after the dead circumflex
        check("é", Modifiers::SHIFT, "2");
    }

    #[test]
    fn a_dead_key_waits_and_what_is_long_is_inserted() {
        assert_eq!(press(character("^"), Modifiers::empty(), None), None);
        assert_eq!(press(character("b"), Modifiers::empty(), Some("^b")), Some(text("^b")));
        assert_eq!(press(character("x"), Modifiers::empty(), Some("😀")), Some(text("😀")));
    }

    #[test]
    fn only_editing_shortcuts_pass() {
        let check = |key: Key, modifiers, expected: Option<&str>| {
            let command = press(key.clone(), modifiers, None).map(|call| call.params["commands"][0].clone());
            assert_eq!(command, expected.map(Value::from), "{key:?}");
        };
        check(character("a"), Modifiers::CTRL, Some("selectAll"));
        check(character("c"), Modifiers::CTRL, Some("copy"));
        check(character("v"), Modifiers::CTRL, Some("paste"));
        check(character("Z"), Modifiers::CTRL | Modifiers::SHIFT, Some("redo"));
        for letter in
            ["n", "t", "w", "o", "s", "p", "j", "h", "u", "l", "r", "f", "g", "d", "e", "k", "i", "+", "1"]
        {
            check(character(letter), Modifiers::CTRL, None);
        }
        check(character("a"), Modifiers::ALT, None);
        check(character("a"), Modifiers::LOGO, None);
        for named in [Named::F1, Named::F5, Named::F11, Named::F12, Named::ContextMenu, Named::PrintScreen] {
            check(Key::Named(named), Modifiers::empty(), None);
        }
        check(Key::Named(Named::ArrowLeft), Modifiers::ALT, None);
    }

    #[test]
    fn named_keys_have_their_dom_names() {
        let check = |named, name: &str, code: u32, text: Value| {
            let call = press(Key::Named(named), Modifiers::empty(), None).expect(name);
            let text_sent = call.params.get("text").cloned().unwrap_or(Value::Null);
            assert_eq!(
                (&call.params["key"], &call.params["windowsVirtualKeyCode"]),
                (&json!(name), &json!(code))
            );
            assert_eq!(text_sent, text);
        };
        check(Named::Enter, "Enter", 13, json!("\r"));
        check(Named::Tab, "Tab", 9, Value::Null);
        check(Named::Space, " ", 32, json!(" "));
        check(Named::Backspace, "Backspace", 8, Value::Null);
    }

    #[test]
    fn the_pointer_has_one_button_and_no_modifiers() {
        let call = pointer(Pointer::Pressed { x: 3.0, y: 4.0, clicks: 2 });
        let expected = json!({"type": "mousePressed", "button": "left", "buttons": 1, "clickCount": 2, "x": 3.0, "y": 4.0});
        assert_eq!(call.params, expected);
        let scroll = pointer(Pointer::Scrolled {
            x: 0.0,
            y: 0.0,
            delta: mouse::ScrollDelta::Lines { x: 0.0, y: -1.0 },
        });
        assert_eq!(scroll.params["deltaY"], json!(100.0));
    }
}
