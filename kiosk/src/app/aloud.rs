//! Reading aloud: when something is said. A new screen is read whole; on it, what appears and matters, and the control that
//! the keyboard goes to.

use iced::{Task, task};

use super::{Kiosk, Message, Screen};
use crate::screen::Aloud;
use crate::speech::{self, SpeechError, Voice};
use crate::widget::focus;

/// The voice and what it said.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) state: Aloud,
    pub(super) voice: Voice,
    /// What is being said; dropped, it falls silent.
    speaking: Option<(u64, task::Handle)>,
    /// The screen that was read, what was announced on it, and the control that was named last.
    place: String,
    announced: Vec<String>,
    control: Option<String>,
}

impl Reader {
    /// The screen is read anew, in another language for example.
    pub(super) fn begin_again(&mut self) {
        self.place.clear();
    }

    #[cfg(test)]
    pub(super) fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    pub(super) fn stop(&mut self) {
        (self.state, self.speaking) = (Aloud::Off, None);
    }
}

impl Kiosk {
    pub(super) fn aloud_pressed(&mut self) -> Task<Message> {
        if self.aloud.state == Aloud::On {
            self.aloud.stop();
        } else {
            self.aloud.state = Aloud::On;
            self.aloud.begin_again();
        }
        Task::none()
    }

    /// Says what is new in the view that was just surveyed.
    pub(super) fn read_aloud(&mut self) -> Task<Message> {
        if self.aloud.state != Aloud::On {
            return Task::none();
        }
        let (place, text) = (self.place_name(), &self.text);
        let control =
            self.seen.controls.iter().find(|control| control.focused).map(|control| control.name.clone());
        let (news, announced) = speech::announced(&self.seen, &self.aloud.announced, text);
        let said = if place != self.aloud.place {
            // Its first control takes the keyboard with it: that is no news.
            self.aloud.control = None;
            speech::whole(&self.seen, text)
        } else if !news.is_empty() {
            news
        } else if self.aloud.control.is_some() && self.aloud.control != control && focus::is_visible() {
            speech::focused(&self.seen, text)
        } else {
            String::new()
        };
        (self.aloud.place, self.aloud.announced) = (place, announced);
        self.aloud.control = control.or(self.aloud.control.take());
        if said.is_empty() { Task::none() } else { self.say(said) }
    }

    fn say(&mut self, words: String) -> Task<Message> {
        let (id, language) = (self.next_id(), self.text.language());
        let spoken = Task::perform(self.aloud.voice.clone().say(language, words), move |ended| {
            Message::Spoken(id, ended)
        });
        let (spoken, handle) = spoken.abortable();
        self.aloud.speaking = Some((id, handle.abort_on_drop()));
        spoken
    }

    pub(super) fn spoken(&mut self, id: u64, ended: Result<(), SpeechError>) -> Task<Message> {
        if self.aloud.speaking.as_ref().is_none_or(|(speaking, _)| *speaking != id) {
            return Task::none();
        }
        self.aloud.speaking = None;
        if let Err(error) = ended {
            tracing::warn!(%error, "reading aloud");
            self.aloud.state = Aloud::Failed;
        }
        Task::none()
    }

    /// The screen with its step and what is drawn over it.
    fn place_name(&self) -> String {
        let over = match &self.screen {
            Screen::SignIn(state) => state.first_focus(),
            _ => self.over().and_then(|over| over.word()).unwrap_or_default(),
        };
        format!("{} {over}", self.screen_name())
    }
}
