//! Locked: nobody was there for a while. The browser is gone already; the same person's PIN opens a new session.

use iced::widget::column;

use super::{Bar, Context, body, card, frame, pin, secondary, title};
use crate::gateway::GatewayError;
use crate::widget::Element;

pub struct State {
    person: String,
    name: String,
    pin: pin::State,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Pin(pin::Message),
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
        State { person, name, pin: pin::State::default() }
    }

    pub fn pin(&mut self) -> &mut pin::State {
        &mut self.pin
    }

    pub fn waiting(&self) -> Option<u64> {
        self.pin.waiting()
    }

    pub fn refusal(&self) -> Option<&'static str> {
        self.pin.refusal()
    }

    pub fn failed(&mut self, error: &GatewayError) {
        self.pin.failed(error);
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => Action::Bar(bar),
            Message::Left => Action::Leave,
            Message::Pin(message) => match self.pin.update(message) {
                Some(pin) => Action::SignIn { person: self.person.clone(), pin },
                None => Action::None,
            },
        }
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        // Whose screen it is stands there whatever else is said: another person must not try their own PIN.
        let whose = body(text.with("locked-body", &[("name", self.name.as_str().into())]));
        let heading = column![title(text.get("locked-title")), whose].spacing(18);
        let back = secondary("other-person", text.get("sign-in-other"), Message::Left);
        let content = self.pin.view(context, heading.into(), back, Message::Pin);
        frame(context, Message::Bar, card(content, 860.0))
    }
}
