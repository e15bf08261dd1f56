//! Enrolment: asks for the gateway's address and a one-use code, on a terminal that has none yet.

use iced::widget::{column, row};

use super::{Bar, Context, Tone, body, card, frame, labelled, notice, primary, secondary, title};
use crate::widget::Element;

#[derive(Default)]
pub struct State {
    address: String,
    code: String,
    waiting: Option<u64>,
    failed: bool,
    /// This terminal had an enrolment, so that there is something to return to.
    again: bool,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    AddressTyped(String),
    CodeTyped(String),
    Sent,
    Left,
}

pub enum Action {
    None,
    Bar(Bar),
    Enrol { address: String, code: String },
    Leave,
}

impl State {
    /// For a terminal that was withdrawn from the gateway at `address`.
    pub fn again(address: String) -> State {
        State { address, again: true, ..State::default() }
    }

    pub fn first_focus(&self) -> &'static str {
        if self.address.is_empty() { "address" } else { "code" }
    }

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
            Message::Left => Action::Leave,
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
            row![
                primary("enrol", words, self.is_ready().then_some(Message::Sent)),
                self.again.then(|| secondary("cancel", text.get("cancel"), Message::Left))
            ]
            .spacing(18)
            .wrap(),
        ];
        frame(context, Message::Bar, card(form.spacing(18), 720.0))
    }
}
