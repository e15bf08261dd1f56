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
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Button,
    Field,
    /// Of the keypad: never said aloud.
    Key,
    Page,
}

/// A control that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub name: String,
    pub kind: Kind,
    /// In pixels of the layout.
    pub bounds: Rectangle,
    pub enabled: bool,
    pub focused: bool,
    /// Pixels the list around it must scroll to show it whole.
    pub hidden: f32,
}

/// Words that were seen, in reading order.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Empty for a text input, whose content is nobody's to hear.
    pub words: String,
    /// The control they are written on, by its place in the list.
    pub on: Option<usize>,
    /// Said as soon as they appear.
    pub announced: bool,
    /// In the bar, which is the same on every screen.
    pub in_bar: bool,
}

/// What a view shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// In the order of Tab.
    pub controls: Vec<Seen>,
    pub words: Vec<Words>,
}

/// Id of the one list that scrolls on a screen.
pub const SCROLLED: &str = "list";
/// Id of what is said aloud as soon as it appears.
pub const ANNOUNCED: &str = "announced";
/// Id of the bar of a screen.
pub const BAR: &str = "bar";
/// Pixels a control is kept away from the edge of its list: a little of what follows is seen.
const SCROLL_MARGIN: f32 = 24.0;

/// Looks at the view as it is laid out now.
pub fn survey<Message: Send + 'static>(told: impl Fn(Sight) -> Message + Send + 'static) -> Task<Message> {
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
    sight: Sight,
    around: Around,
    /// Of the widget whose content is traversed next.
    entering: Option<Entered>,
}

/// What is around the widget that is looked at.
#[derive(Clone, Copy, Default)]
struct Around {
    /// How far the scrollables have moved, and what is still visible through them.
    translation: Vector,
    window: Option<Rectangle>,
    control: Option<usize>,
    announced: bool,
    in_bar: bool,
}

enum Entered {
    Scrollable(Rectangle, Vector),
    Control(usize),
    Announced,
    Bar,
}

impl Survey {
    fn saw(&mut self, words: String, on: Option<usize>) {
        let Around { announced, in_bar, .. } = self.around;
        self.sight.words.push(Words { words, on, announced, in_bar });
    }
}

impl Operation<Sight> for Survey {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<Sight>)) {
        let outside = self.around;
        match self.entering.take() {
            Some(Entered::Scrollable(bounds, translation)) => {
                self.around.window = Some(bounds - outside.translation);
                self.around.translation += translation;
            }
            Some(Entered::Control(place)) => self.around.control = Some(place),
            Some(Entered::Announced) => self.around.announced = true,
            Some(Entered::Bar) => self.around.in_bar = true,
            None => {}
        }
        operate(self);
        self.around = outside;
    }

    fn container(&mut self, id: Option<&Id>, _bounds: Rectangle) {
        if id == Some(&Id::new(ANNOUNCED)) {
            self.entering = Some(Entered::Announced);
        } else if id == Some(&Id::new(BAR)) {
            self.entering = Some(Entered::Bar);
        }
    }

    fn scrollable(
        &mut self,
        _id: Option<&Id>,
        bounds: Rectangle,
        _content: Rectangle,
        translation: Vector,
        _state: &mut dyn Scrollable,
    ) {
        self.entering = Some(Entered::Scrollable(bounds, translation));
    }

    fn text(&mut self, _id: Option<&Id>, _bounds: Rectangle, words: &str) {
        if !words.is_empty() {
            self.saw(words.to_owned(), self.around.control);
        }
    }

    fn custom(&mut self, _id: Option<&Id>, bounds: Rectangle, state: &mut dyn std::any::Any) {
        let Some(named) = state.downcast_ref::<Named>() else { return };
        let bounds = bounds - self.around.translation;
        // A control scrolled out of sight keeps its place in the order, with nothing to click.
        let hidden = self.around.window.map_or(0.0, |window| hidden(bounds, window));
        let bounds = match self.around.window {
            Some(window) => {
                window.intersection(&bounds).unwrap_or(Rectangle { width: 0.0, height: 0.0, ..bounds })
            }
            None => bounds,
        };
        let (name, kind, enabled) = (named.name.clone(), named.kind, named.enabled);
        let place = self.sight.controls.len();
        self.sight.controls.push(Seen { name, kind, bounds, enabled, focused: false, hidden });
        match kind {
            Kind::Button | Kind::Key => self.entering = Some(Entered::Control(place)),
            Kind::Field => self.saw(String::new(), Some(place)),
            Kind::Page => {}
        }
    }

    fn focusable(&mut self, _id: Option<&Id>, _bounds: Rectangle, state: &mut dyn Focusable) {
        if let Some(last) = self.sight.controls.last_mut() {
            last.focused |= state.is_focused();
        }
    }

    fn finish(&self) -> Outcome<Sight> {
        Outcome::Some(self.sight.clone())
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
                kind: Kind::Button,
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
