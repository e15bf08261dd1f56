//! Enrolment: asks for the gateway's address and a one-use code, on a terminal that has none yet.

use iced::widget::column;

use super::{Bar, Context, Tone, body, card, frame, labelled, notice, primary, title};
use crate::widget::Element;

#[derive(Default)]
pub struct State {
    address: String,
    code: String,
    waiting: Option<u64>,
    failed: bool,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    AddressTyped(String),
    CodeTyped(String),
    Sent,
}

pub enum Action {
    None,
    Bar(Bar),
    Enrol { address: String, code: String },
}

impl State {
    pub fn waits_for(&mut self, call: u64) {
        self.waiting = Some(call);
    }

    pub fn waiting(&self) -> Option<u64> {
        self.waiting
    }

    pub fn failed(&mut self) {
        self.waiting = None;
        self.failed = true;
    }

    fn is_ready(&self) -> bool {
        self.waiting.is_none() && !self.address.trim().is_empty() && !self.code.trim().is_empty()
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => Action::Bar(bar),
            Message::AddressTyped(address) => {
                self.address = address;
                Action::None
            }
            Message::CodeTyped(code) => {
                self.code = code;
                Action::None
            }
            Message::Sent if self.is_ready() => {
                self.failed = false;
                Action::Enrol { address: self.address.trim().to_owned(), code: self.code.trim().to_owned() }
            }
            Message::Sent => Action::None,
        }
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        let words = text.get(if self.waiting.is_some() { "waiting" } else { "enrol-send" });
        let address = text.get("enrol-address");
        let form = column![
            title(text.get("enrol-title")),
            body(text.get("enrol-body")),
            self.failed.then(|| notice(text.get("enrol-failed"), Tone::Wrong)),
            labelled("address", address, &self.address, false, Message::AddressTyped, Some(Message::Sent)),
            super::hint(text.get("enrol-address-hint")),
            labelled(
                "code",
                text.get("enrol-code"),
                &self.code,
                false,
                Message::CodeTyped,
                Some(Message::Sent)
            ),
            primary("enrol", words, self.is_ready().then_some(Message::Sent)),
        ];
        frame(context, Message::Bar, card(form.spacing(18), 720.0))
    }
}
