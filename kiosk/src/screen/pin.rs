//! The PIN with its digits, and what is said about it: one step, for signing in and for a locked screen.
//!
//! Used by [`super::sign_in`] and [`super::locked`], which know whose PIN it is. Invariant: a PIN that failed, or that its
//! owner walked away from, is not kept.

use iced::widget::{column, container, row};
use iced::{Alignment, Length};

use super::{CARD_EDGES, Context, Tone, hint, labelled, notice, primary};
use crate::gateway::GatewayError;
use crate::widget::Element;
use crate::widget::keypad::{Key, Layout};

/// Characters an identifier or a PIN can have here: more than any real one, fewer than would break the layout.
pub const FIELD_LIMIT: usize = 64;
/// Digits a PIN has at least, by the contract.
pub const PIN_DIGITS: usize = 6;

#[derive(Default)]
pub struct State {
    typed: String,
    /// The id of the call that is under way.
    waiting: Option<u64>,
    said: Option<Said>,
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
    Typed(String),
    Pressed(Key),
    Entered,
}

impl State {
    pub fn saying(key: &'static str) -> State {
        State { said: Some(Said::Plain(key)), ..State::default() }
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
        *self = State { said: Some(Said::of(error)), ..State::default() };
    }

    /// Nobody is there any more: what was typed goes, unless it is on its way.
    pub fn forget(&mut self) {
        if self.waiting.is_none() {
            *self = State::default();
        }
    }

    /// The PIN to try, once it is entered.
    pub fn update(&mut self, message: Message) -> Option<String> {
        match message {
            Message::Typed(typed) => self.typed = digits(&typed),
            Message::Pressed(key) => press(&mut self.typed, key),
            Message::Entered if self.is_ready() => return Some(self.typed.clone()),
            Message::Entered => {}
        }
        None
    }

    fn is_ready(&self) -> bool {
        self.typed.len() >= PIN_DIGITS && self.waiting.is_none()
    }

    pub fn said<'a, M: 'a>(&self, context: &Context<'a>) -> Option<Element<'a, M>> {
        self.said.as_ref().map(|said| notice(said.words(context), Tone::Warning))
    }

    /// The digits beside `heading`, which says whose PIN it is; `back` is the way to somebody else's.
    pub fn view<'a, M: Clone + 'a>(
        &self,
        context: &Context<'a>,
        heading: Element<'a, M>,
        back: Element<'a, M>,
        told: fn(Message) -> M,
    ) -> Element<'a, M> {
        let text = context.text;
        let typed = move |typed| told(Message::Typed(typed));
        let entered = told(Message::Entered);
        let input = labelled("pin", text.get("sign-in-pin"), &self.typed, true, typed, Some(entered.clone()));
        let words = text.get(if self.waiting.is_some() { "waiting" } else { "sign-in-enter" });
        let enter = primary("sign-in", words, self.is_ready().then_some(entered));
        let form = column![heading, self.said(context), input, hint(text.get("sign-in-pin-help"))]
            .push(row![enter, back].spacing(18).wrap())
            .spacing(18);
        with_digits(context, form.into(), move |key| told(Message::Pressed(key)))
    }
}

impl Said {
    fn of(error: &GatewayError) -> Said {
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

    fn words(&self, context: &Context<'_>) -> String {
        match self {
            Said::Plain(key) => context.text.get(key),
            Said::Delay(seconds) => context.text.with("sign-in-delay", &[("n", (*seconds as i64).into())]),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Said::Delay(_) => Some("too-many-tries"),
            Said::Plain("sign-in-failed") => Some("sign-in-failed"),
            Said::Plain("sign-in-person-locked") => Some("person-locked"),
            Said::Plain(_) => None,
        }
    }
}

/// A form with the digits beside it, or below where there is little room.
pub fn with_digits<'a, M: Clone + 'a>(
    context: &Context<'a>,
    form: Element<'a, M>,
    pressed: impl Fn(Key) -> M,
) -> Element<'a, M> {
    let digits = context.keypad(Layout::Digits, CARD_EDGES, pressed);
    if context.is_narrow() {
        return column![form, container(digits).center_x(Length::Fill)].spacing(24).into();
    }
    row![container(form).width(Length::Fill), digits].spacing(48).align_y(Alignment::Center).into()
}

/// What a key of the keypad does to a field.
pub fn press(value: &mut String, key: Key) {
    match key {
        Key::Character(character) if value.chars().count() < FIELD_LIMIT => value.push(character),
        Key::Character(_) => {}
        Key::Erase => drop(value.pop()),
    }
}

/// What a PIN field keeps of what was typed.
pub fn digits(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_digit).take(FIELD_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use passerelle_api as api;

    use super::*;

    #[test]
    fn a_pin_has_six_digits_and_is_tried_once_at_a_time() {
        let mut state = State::default();
        for digit in "12345".chars() {
            state.update(Message::Pressed(Key::Character(digit)));
        }
        assert_eq!(state.update(Message::Entered), None, "five digits are no PIN");
        state.update(Message::Typed("12a3456".into()));
        assert_eq!(state.update(Message::Entered).as_deref(), Some("123456"));
        state.waits_for(1);
        assert_eq!(state.update(Message::Entered), None, "one call at a time");
        state.forget();
        assert_eq!(state.waiting(), Some(1), "a PIN on its way is waited for");
    }

    #[test]
    fn a_failure_clears_the_pin_and_says_why() {
        let refused = |code: &str, retry_after| {
            let (title, detail, url) = (String::new(), None, None);
            let code = code.into();
            GatewayError::Refused(api::Problem { status: 401, title, code, detail, url, retry_after })
        };
        let check = |error: GatewayError, said: Said| {
            let mut state = State { typed: "123456".into(), ..State::default() };
            state.failed(&error);
            assert_eq!((state.typed.as_str(), state.said), ("", Some(said)));
        };
        check(refused("sign-in-failed", None), Said::Plain("sign-in-failed"));
        check(refused("too-many-tries", Some(40)), Said::Delay(40));
        check(refused("person-locked", None), Said::Plain("sign-in-person-locked"));
        check(GatewayError::Unreadable(String::new()), Said::Plain("sign-in-error"));
    }
}
