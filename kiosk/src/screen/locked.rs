//! Locked: nobody was there for a while. The browser is gone already; the same person's PIN opens a new session.

use super::sign_in::{Pin, Said, digits, pin_step, press};
use super::{Bar, Context, Tone, card, frame, notice, secondary, title};
use crate::gateway::GatewayError;
use crate::widget::Element;
use crate::widget::keypad::Key;

pub struct State {
    person: String,
    name: String,
    pin: String,
    waiting: Option<u64>,
    said: Option<Said>,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    PinTyped(String),
    KeyPressed(Key),
    Entered,
    /// Somebody else wants to sign in.
    Left,
}

pub enum Action {
    None,
    Bar(Bar),
    SignIn { person: String, pin: String },
    Leave,
}

impl State {
    pub fn new(person: String, name: String) -> State {
        State { person, name, pin: String::new(), waiting: None, said: None }
    }

    pub fn waits_for(&mut self, call: u64) {
        self.waiting = Some(call);
    }

    pub fn waiting(&self) -> Option<u64> {
        self.waiting
    }

    pub fn refusal(&self) -> Option<&'static str> {
        self.said.as_ref().and_then(Said::code)
    }

    pub fn failed(&mut self, error: &GatewayError) {
        self.waiting = None;
        self.pin.clear();
        self.said = Some(Said::of(error));
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => return Action::Bar(bar),
            Message::PinTyped(pin) => self.pin = digits(&pin),
            Message::KeyPressed(key) => press(&mut self.pin, key),
            Message::Entered if self.pin.len() >= super::sign_in::PIN_DIGITS && self.waiting.is_none() => {
                return Action::SignIn { person: self.person.clone(), pin: self.pin.clone() };
            }
            Message::Entered => {}
            Message::Left => return Action::Leave,
        }
        Action::None
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        let said = match &self.said {
            Some(said) => notice(said.words(context), Tone::Warning),
            None => super::body(text.with("locked-body", &[("name", self.name.as_str().into())])),
        };
        let back = secondary("other-person", text.get("sign-in-other"), Message::Left);
        let pin = Pin { typed: Message::PinTyped, pressed: Message::KeyPressed, entered: Message::Entered };
        let heading = title(text.get("locked-title"));
        let content = pin_step(context, heading, Some(said), &self.pin, self.waiting.is_some(), back, pin);
        frame(context, Message::Bar, card(content, 860.0))
    }
}
