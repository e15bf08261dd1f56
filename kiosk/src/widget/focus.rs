//! The focus layer: iced 0.14 gives the keyboard to text inputs only, so our controls name themselves.
//!
//! Every control reports a [`Named`] and takes part in iced's own focus operations, in the order of the widget tree: what is
//! read first comes first. [`survey`] lists them with their place; the same list drives Tab, the test events and, later,
//! reading aloud. Invariants: a control that can be clicked can be reached by Tab; the ring around the one that has the
//! keyboard shows only while the keyboard is used.

use std::sync::atomic::{AtomicBool, Ordering};

use iced::advanced::widget::operation::{Focusable, Operation, Outcome, Scrollable};
use iced::advanced::widget::{Id, operate};
use iced::{Rectangle, Task, Vector};

/// Whether a key was pressed since the pointer was. One flag for the process, stamped by [`crate::app`]'s event filter
/// without a message, as the idle clock is.
static BY_KEYBOARD: AtomicBool = AtomicBool::new(false);

/// The keyboard was used last, or the pointer was.
pub fn used_keyboard(yes: bool) {
    BY_KEYBOARD.store(yes, Ordering::Relaxed);
}

/// Whether the ring is drawn.
pub fn is_visible() -> bool {
    BY_KEYBOARD.load(Ordering::Relaxed)
}

/// What a control says about itself to a survey.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub enabled: bool,
}

/// A control that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub name: String,
    /// In pixels of the window.
    pub bounds: Rectangle,
    pub enabled: bool,
    pub focused: bool,
    /// Pixels the list around it must scroll to show it whole.
    pub hidden: f32,
}

/// Id of the one list that scrolls on a screen.
pub const SCROLLED: &str = "list";
/// Pixels a control is kept away from the edge of its list: its focus ring, and a little of what follows.
const SCROLL_MARGIN: f32 = 24.0;

/// Lists the controls of the view as it is laid out now, in the order of Tab.
pub fn survey<Message: Send + 'static>(
    told: impl Fn(Vec<Seen>) -> Message + Send + 'static,
) -> Task<Message> {
    operate(Survey::default()).map(told)
}

/// The next control of the keyboard, round and round; pure.
pub fn next(seen: &[Seen], backwards: bool) -> Option<&Seen> {
    let ways: Vec<&Seen> = seen.iter().filter(|control| control.enabled).collect();
    let count = ways.len();
    let index = match (ways.iter().position(|control| control.focused), backwards) {
        (None, false) => 0,
        (None, true) => count.checked_sub(1)?,
        (Some(index), false) => (index + 1) % count,
        (Some(index), true) => (index + count - 1) % count,
    };
    ways.get(index).copied()
}

fn hidden(bounds: Rectangle, window: Rectangle) -> f32 {
    let above = bounds.y - window.y;
    let below = (bounds.y + bounds.height) - (window.y + window.height);
    match (above < 0.0, below > 0.0) {
        (true, _) => above - SCROLL_MARGIN,
        (false, true) => (below + SCROLL_MARGIN).min(above),
        (false, false) => 0.0,
    }
}

#[derive(Default)]
struct Survey {
    seen: Vec<Seen>,
    /// How far the scrollables around have moved, and what is still visible through them.
    translation: Vector,
    window: Option<Rectangle>,
    /// Of the scrollable whose content is traversed next.
    entering: Option<(Rectangle, Vector)>,
}

impl Operation<Vec<Seen>> for Survey {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<Vec<Seen>>)) {
        let outside = (self.translation, self.window);
        if let Some((bounds, translation)) = self.entering.take() {
            self.window = Some(bounds - self.translation);
            self.translation += translation;
        }
        operate(self);
        (self.translation, self.window) = outside;
    }

    fn scrollable(
        &mut self,
        _id: Option<&Id>,
        bounds: Rectangle,
        _content: Rectangle,
        translation: Vector,
        _state: &mut dyn Scrollable,
    ) {
        self.entering = Some((bounds, translation));
    }

    fn custom(&mut self, _id: Option<&Id>, bounds: Rectangle, state: &mut dyn std::any::Any) {
        let Some(named) = state.downcast_ref::<Named>() else { return };
        let bounds = bounds - self.translation;
        // A control scrolled out of sight keeps its place in the order, with nothing to click.
        let hidden = self.window.map_or(0.0, |window| hidden(bounds, window));
        let bounds = match self.window {
            Some(window) => {
                window.intersection(&bounds).unwrap_or(Rectangle { width: 0.0, height: 0.0, ..bounds })
            }
            None => bounds,
        };
        self.seen.push(Seen {
            name: named.name.clone(),
            bounds,
            enabled: named.enabled,
            focused: false,
            hidden,
        });
    }

    fn focusable(&mut self, _id: Option<&Id>, _bounds: Rectangle, state: &mut dyn Focusable) {
        if let Some(last) = self.seen.last_mut() {
            last.focused |= state.is_focused();
        }
    }

    fn finish(&self) -> Outcome<Vec<Seen>> {
        Outcome::Some(self.seen.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_round_and_skips_what_is_disabled() {
        let seen = |focused: &str| -> Vec<Seen> {
            let names = [("language", true), ("person", true), ("sign-in", false), ("help", true)];
            let bounds = Rectangle::default();
            let control = |(name, enabled): (&str, bool)| Seen {
                name: name.into(),
                bounds,
                enabled,
                focused: name == focused,
                hidden: 0.0,
            };
            names.into_iter().map(control).collect()
        };
        let check = |focused, backwards, expected| {
            assert_eq!(next(&seen(focused), backwards).map(|control| control.name.as_str()), expected)
        };
        check("", false, Some("language"));
        check("", true, Some("help"));
        check("language", false, Some("person"));
        check("person", false, Some("help"));
        check("help", false, Some("language"));
        check("language", true, Some("help"));
        check("help", true, Some("person"));
        assert_eq!(next(&[], false), None);
        assert_eq!(next(&[], true), None);
    }
}
