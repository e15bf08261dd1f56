//! How the kiosk looks to who is there: language, size, contrast; and what is forgotten once nobody is.

use std::time::Duration;

use iced::{Size, Task};

use super::{Kiosk, Message, Screen};
use crate::comfort::Comfort;
use crate::screen::display;
use crate::text::{Language, Text};

/// Without a touch for so long, a half-typed identifier or PIN is cleared: less than a walk to the next terminal and back.
pub(super) const FORGET: Duration = Duration::from_secs(60);
/// The same for an enrolment, whose code is long and is read from elsewhere.
const FORGET_ENROLMENT: Duration = Duration::from_secs(300);

impl Kiosk {
    /// Pixels of the layout.
    pub(super) fn room(&self) -> Size {
        self.window * (1.0 / self.comfort.size.scale())
    }

    /// Opens the choice, or goes back to the screen before.
    pub(super) fn display_pressed(&mut self) -> Task<Message> {
        if self.awaits_answer() {
            return Task::none();
        }
        let screen = std::mem::replace(&mut self.screen, Screen::Home);
        let next = match screen {
            Screen::Display { behind } => *behind,
            screen => Screen::Display { behind: Box::new(screen) },
        };
        self.show(next)
    }

    /// The screen is the one that an answer is for: it stays until that came.
    fn awaits_answer(&self) -> bool {
        match &self.screen {
            Screen::Enrol(state) => state.waiting().is_some(),
            Screen::SignIn(state) => state.waiting().is_some(),
            Screen::Locked(state) => state.waiting().is_some(),
            Screen::NewPin(state) => state.is_waiting(),
            _ => false,
        }
    }

    pub(super) fn display_told(&mut self, message: display::Message) -> Task<Message> {
        match message {
            display::Message::Bar(bar) => return self.bar_told(bar),
            display::Message::Closed => return self.display_pressed(),
            display::Message::LanguageChosen(language) => {
                self.text = Text::new(language);
                self.aloud.begin_again();
            }
            display::Message::ComfortChosen(comfort) => {
                self.comfort = comfort;
                self.repainted = !self.repainted;
            }
        }
        Task::none()
    }

    /// For the next person.
    pub(super) fn usual_look(&mut self) {
        if self.text.language() != Language::French {
            self.text = Text::new(Language::French);
        }
        self.comfort = Comfort::default();
        self.aloud.stop();
    }

    /// Somebody walked away before signing in, or from an enrolment: the next person finds nothing of it.
    pub(super) fn forget_after(&mut self, idle: Duration) -> Task<Message> {
        if idle < FORGET {
            return Task::none();
        }
        if matches!(&self.screen, Screen::Display { behind } if matches!(**behind, Screen::SignIn(_) | Screen::Locked(_)))
        {
            return self.display_pressed();
        }
        match &mut self.screen {
            Screen::SignIn(state) => {
                let begun = state.forget();
                self.usual_look();
                if begun { self.focus_first() } else { Task::none() }
            }
            Screen::Locked(state) => {
                state.pin().forget();
                Task::none()
            }
            Screen::Enrol(_) if idle >= FORGET_ENROLMENT => self.leave_enrolment(),
            Screen::Unreachable { behind, .. } => {
                if let Screen::SignIn(state) = &mut **behind {
                    state.forget();
                }
                Task::none()
            }
            _ => Task::none(),
        }
    }
}
