//! Sign-in: the identifier, then the PIN, each on its own step with its own keypad.

use iced::widget::{column, container, row};
use iced::{Alignment, Length};

use super::{Bar, CARD_EDGES, Context, body, card, frame, hint, labelled, pin, primary, secondary, title};
use crate::gateway::GatewayError;
use crate::widget::Element;
use crate::widget::keypad::{Key, Layout};

#[derive(Default)]
pub struct State {
    person: String,
    pin: pin::State,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Person,
    Pin,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    PersonTyped(String),
    KeyPressed(Key),
    Continued,
    Returned,
    Pin(pin::Message),
}

pub enum Action {
    None,
    Bar(Bar),
    SignIn { person: String, pin: String },
    Focus(&'static str),
}

impl State {
    /// Why somebody finds this screen: after an idle lock, the end of the session.
    pub fn saying(key: &'static str) -> State {
        State { pin: pin::State::saying(key), ..State::default() }
    }

    pub fn first_focus(&self) -> &'static str {
        match self.step {
            Step::Person => "person",
            Step::Pin => "pin",
        }
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

    /// Nobody is there any more; whether there was something to forget.
    pub fn forget(&mut self) -> bool {
        let begun = !self.person.is_empty() && self.waiting().is_none();
        if begun {
            *self = State::default();
        }
        begun
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => return Action::Bar(bar),
            Message::PersonTyped(person) => self.person = person.chars().take(pin::FIELD_LIMIT).collect(),
            Message::KeyPressed(key) => pin::press(&mut self.person, key),
            Message::Continued if !self.person.trim().is_empty() => {
                (self.step, self.pin) = (Step::Pin, pin::State::default());
                return Action::Focus("pin");
            }
            Message::Continued => {}
            Message::Returned => {
                *self = State::default();
                return Action::Focus("person");
            }
            Message::Pin(message) => {
                if let Some(pin) = self.pin.update(message) {
                    return Action::SignIn { person: self.person.trim().to_owned(), pin };
                }
            }
        }
        Action::None
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        let content = match self.step {
            Step::Person => self.person_step(context),
            Step::Pin => {
                let back = secondary("other-person", text.get("sign-in-other"), Message::Returned);
                self.pin.view(context, title(self.person.clone()), back, Message::Pin)
            }
        };
        frame(context, Message::Bar, card(content, 860.0))
    }

    fn person_step<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        let label = text.get("sign-in-person");
        let entered = Some(Message::Continued);
        let input = labelled("person", label, &self.person, false, Message::PersonTyped, entered);
        let ready = (!self.person.trim().is_empty()).then_some(Message::Continued);
        let go = primary("continue", text.get("sign-in-continue"), ready);
        let help = hint(text.get("sign-in-person-help"));
        let field: Element<'a, Message> = match context.is_narrow() {
            true => column![input, go].spacing(14).into(),
            false => {
                row![container(input).width(Length::Fill), go].spacing(18).align_y(Alignment::End).into()
            }
        };
        let form = column![title(text.get("welcome")), self.pin.said(context), field, help];
        let keys = context.keypad(Layout::Letters, CARD_EDGES, Message::KeyPressed);
        let keys = container(keys).center_x(Length::Fill);
        column![form.spacing(14).width(Length::Fill), keys].spacing(24).into()
    }
}

/// Kept beside the others so that every screen has the same words for waiting.
pub fn waiting<'a, Message: 'a>(context: &Context<'a>) -> Element<'a, Message> {
    body(context.text.get("waiting"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(person: &str) -> State {
        let mut state = State::default();
        state.update(Message::PersonTyped(person.into()));
        state
    }

    #[test]
    fn a_person_then_a_pin() {
        let mut state = typed(" ");
        assert!(matches!(state.update(Message::Continued), Action::None), "nobody is no person");
        let mut state = typed("p-204 ");
        assert!(matches!(state.update(Message::Continued), Action::Focus("pin")));
        state.update(Message::Pin(pin::Message::Typed("123456".into())));
        let Action::SignIn { person, pin } = state.update(Message::Pin(pin::Message::Entered)) else {
            panic!("six digits are a PIN")
        };
        assert_eq!((person.as_str(), pin.as_str()), ("p-204", "123456"));
    }

    #[test]
    fn what_somebody_left_half_typed_is_forgotten() {
        assert!(!State::saying("signed-out-expired").forget(), "words for the next person stay");
        let mut state = typed("p-204");
        state.update(Message::Continued);
        state.update(Message::Pin(pin::Message::Typed("123".into())));
        assert!(state.forget());
        assert_eq!((state.person.as_str(), state.first_focus()), ("", "person"));
        let mut state = typed("p-204");
        state.pin().waits_for(7);
        assert!(!state.forget(), "an answer is awaited");
    }
}
