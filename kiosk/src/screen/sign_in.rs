//! Sign-in: the identifier, then the PIN, each on its own step with its own keypad.

use iced::widget::{column, container, row};
use iced::{Alignment, Length};
use passerelle_api as api;

use super::{Bar, Context, Tone, body, card, frame, hint, labelled, notice, primary, secondary, title};
use crate::gateway::GatewayError;
use crate::widget::Element;
use crate::widget::keypad::{Key, Layout, keypad};

/// Characters an identifier or a PIN can have here: more than any real one, fewer than would break the layout.
pub const FIELD_LIMIT: usize = 64;
/// Digits a PIN has at least, by the contract.
pub const PIN_DIGITS: usize = 6;

#[derive(Default)]
pub struct State {
    person: String,
    pin: String,
    step: Step,
    /// The id of the call that is under way.
    waiting: Option<u64>,
    said: Option<Said>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Person,
    Pin,
}

/// What is said above the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message by its key.
    Plain(&'static str),
    /// Too many tries: seconds to wait.
    Delay(u64),
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    PersonTyped(String),
    PinTyped(String),
    KeyPressed(Key),
    Continued,
    Returned,
    Entered,
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
        State { said: Some(Said::Plain(key)), ..State::default() }
    }

    pub fn first_focus(&self) -> &'static str {
        match self.step {
            Step::Person => "person",
            Step::Pin => "pin",
        }
    }

    pub fn waits_for(&mut self, call: u64) {
        self.waiting = Some(call);
    }

    pub fn waiting(&self) -> Option<u64> {
        self.waiting
    }

    /// The reason code that is on the screen, for the events.
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
            Message::PersonTyped(person) => self.person = person.chars().take(FIELD_LIMIT).collect(),
            Message::PinTyped(pin) => self.pin = digits(&pin),
            Message::KeyPressed(key) => match self.step {
                Step::Person => press(&mut self.person, key),
                Step::Pin => press(&mut self.pin, key),
            },
            Message::Continued if !self.person.trim().is_empty() => {
                self.step = Step::Pin;
                self.said = None;
                return Action::Focus("pin");
            }
            Message::Returned => {
                *self = State::default();
                return Action::Focus("person");
            }
            Message::Entered if self.pin.len() >= PIN_DIGITS && self.waiting.is_none() => {
                return Action::SignIn { person: self.person.trim().to_owned(), pin: self.pin.clone() };
            }
            Message::Continued | Message::Entered => {}
        }
        Action::None
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let text = context.text;
        let said = self.said.as_ref().map(|said| notice(said.words(context), Tone::Warning));
        let content: Element<'a, Message> = match self.step {
            Step::Person => {
                let ready = (!self.person.trim().is_empty()).then_some(Message::Continued);
                let input = labelled(
                    "person",
                    text.get("sign-in-person"),
                    &self.person,
                    false,
                    Message::PersonTyped,
                    Some(Message::Continued),
                );
                let go = primary("continue", text.get("sign-in-continue"), ready);
                let help = hint(text.get("sign-in-person-help"));
                let form = column![title(text.get("welcome"))].push(said).push(input).push(help).push(go);
                column![
                    form.spacing(18).width(Length::Fill),
                    container(keypad(Layout::Letters, Message::KeyPressed)).center_x(Length::Fill)
                ]
                .spacing(30)
                .into()
            }
            Step::Pin => {
                let back = secondary("other-person", text.get("sign-in-other"), Message::Returned);
                pin_step(
                    context,
                    title(self.person.clone()),
                    said,
                    &self.pin,
                    self.waiting.is_some(),
                    back,
                    Pin::SIGN_IN,
                )
            }
        };
        frame(context, Message::Bar, card(content, 860.0))
    }
}

/// The messages of a PIN step, so that the lock screen has the same one.
pub struct Pin<Message> {
    pub typed: fn(String) -> Message,
    pub pressed: fn(Key) -> Message,
    pub entered: Message,
}

impl Pin<Message> {
    const SIGN_IN: Pin<Message> =
        Pin { typed: Message::PinTyped, pressed: Message::KeyPressed, entered: Message::Entered };
}

/// The PIN with its digits, beside what identifies the person.
pub fn pin_step<'a, Message: Clone + 'a>(
    context: &Context<'a>,
    heading: Element<'a, Message>,
    said: Option<Element<'a, Message>>,
    pin: &str,
    waiting: bool,
    back: Element<'a, Message>,
    messages: Pin<Message>,
) -> Element<'a, Message> {
    let text = context.text;
    let label = text.get("sign-in-pin");
    let input = labelled("pin", label, pin, true, messages.typed, Some(messages.entered.clone()));
    let words = text.get(if waiting { "waiting" } else { "sign-in-enter" });
    let enter = primary("sign-in", words, (!waiting && pin.len() >= PIN_DIGITS).then_some(messages.entered));
    let help = hint(text.get("sign-in-pin-help"));
    let form =
        column![heading].push(said).push(input).push(help).push(row![enter, back].spacing(18)).spacing(18);
    row![form.width(Length::Fill), keypad(Layout::Digits, messages.pressed)]
        .spacing(48)
        .align_y(Alignment::Center)
        .into()
}

impl Said {
    pub fn of(error: &GatewayError) -> Said {
        match error {
            GatewayError::Refused(problem) => match problem.code.as_str() {
                "too-many-tries" => Said::Delay(problem.retry_after.unwrap_or(5)),
                "person-locked" => Said::Plain("sign-in-person-locked"),
                "sign-in-failed" => Said::Plain("sign-in-failed"),
                _ => Said::Plain("sign-in-error"),
            },
            _ => Said::Plain("sign-in-error"),
        }
    }

    pub fn words(&self, context: &Context<'_>) -> String {
        match self {
            Said::Plain(key) => context.text.get(key),
            Said::Delay(seconds) => context.text.with("sign-in-delay", &[("n", (*seconds as i64).into())]),
        }
    }

    pub fn code(&self) -> Option<&'static str> {
        match self {
            Said::Delay(_) => Some("too-many-tries"),
            Said::Plain("sign-in-failed") => Some("sign-in-failed"),
            Said::Plain("sign-in-person-locked") => Some("person-locked"),
            Said::Plain(_) => None,
        }
    }
}

pub fn press(value: &mut String, key: Key) {
    match key {
        Key::Character(character) if value.chars().count() < FIELD_LIMIT => value.push(character),
        Key::Character(_) => {}
        Key::Erase => drop(value.pop()),
    }
}

pub fn digits(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_digit).take(FIELD_LIMIT).collect()
}

/// The reason a request of the API failed, as a problem of this screen.
pub fn problem(error: &GatewayError) -> Option<&api::Problem> {
    match error {
        GatewayError::Refused(problem) => Some(problem),
        _ => None,
    }
}

/// Kept beside the others so that every screen has the same words for waiting.
pub fn waiting<'a, Message: 'a>(context: &Context<'a>) -> Element<'a, Message> {
    body(context.text.get("waiting"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_then_a_pin_of_six_digits() {
        let mut state = State::default();
        assert!(
            matches!(state.update(Message::Continued), Action::None),
            "without an identifier there is no next step"
        );
        state.update(Message::PersonTyped("p-204 ".into()));
        assert!(matches!(state.update(Message::Continued), Action::Focus("pin")));
        for digit in "12345".chars() {
            state.update(Message::KeyPressed(Key::Character(digit)));
        }
        assert!(matches!(state.update(Message::Entered), Action::None), "five digits are no PIN");
        state.update(Message::PinTyped("12a3456".into()));
        let Action::SignIn { person, pin } = state.update(Message::Entered) else {
            panic!("six digits are a PIN")
        };
        assert_eq!((person.as_str(), pin.as_str()), ("p-204", "123456"));
        state.waits_for(1);
        assert!(matches!(state.update(Message::Entered), Action::None), "one call at a time");
    }

    #[test]
    fn a_failure_clears_the_pin_and_says_why() {
        let refused = |code: &str, retry_after| {
            let (title, detail, url) = (String::new(), None, None);
            GatewayError::Refused(api::Problem {
                status: 401,
                title,
                code: code.into(),
                detail,
                url,
                retry_after,
            })
        };
        let check = |error: GatewayError, said: Said| {
            let mut state = State { pin: "123456".into(), step: Step::Pin, ..State::default() };
            state.failed(&error);
            assert_eq!((state.pin.as_str(), state.said), ("", Some(said)));
        };
        check(refused("sign-in-failed", None), Said::Plain("sign-in-failed"));
        check(refused("too-many-tries", Some(40)), Said::Delay(40));
        check(refused("person-locked", None), Said::Plain("sign-in-person-locked"));
        check(GatewayError::Unreadable(String::new()), Said::Plain("sign-in-error"));
    }
}
