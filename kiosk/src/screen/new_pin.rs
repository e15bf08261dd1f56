//! Changing one's PIN: the old one, the new one, the new one again; one step at a time, each with the digits.
//!
//! Invariant: no PIN is kept longer than its step needs it.

use iced::widget::{column, container, row};
use iced::{Alignment, Length};
use passerelle_api as api;

use super::pin::{self, PIN_DIGITS, digits, press};
use super::{
    Bar, Context, Tone, card, centred, frame, headline, hint, labelled, notice, primary, secondary, title,
};
use crate::gateway::GatewayError;
use crate::theme;
use crate::widget::Element;
use crate::widget::icon::{Icon, icon};
use crate::widget::keypad::Key;

/// The field's name.
pub const FIELD: &str = "pin";

#[derive(Default)]
pub struct State {
    step: Step,
    typed: String,
    old: String,
    new: String,
    waiting: Option<u64>,
    said: Option<Said>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Old,
    New,
    Again,
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// The old PIN is another one.
    WrongOld,
    /// Seconds to wait after too many tries.
    Delay(u64),
    NotTheSame,
    SameAsOld,
    Failed,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Typed(String),
    Pressed(Key),
    Entered,
    Left,
}

pub enum Action {
    None,
    Bar(Bar),
    Focus,
    Change(api::PinChange),
    Leave,
}

impl State {
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    pub fn waits_for(&mut self, call: u64) {
        self.waiting = Some(call);
    }

    /// What takes the keyboard first.
    pub fn first_focus(&self) -> &'static str {
        if self.step == Step::Done { "back" } else { FIELD }
    }

    /// The step, for the events.
    pub fn step(&self) -> &'static str {
        match self.step {
            Step::Old => "old-pin",
            Step::New => "new-pin",
            Step::Again => "new-pin-again",
            Step::Done => "pin-changed",
        }
    }

    /// The reason code that is on the screen, for the events.
    pub fn refusal(&self) -> Option<&'static str> {
        match self.said {
            Some(Said::WrongOld) => Some("sign-in-failed"),
            Some(Said::Delay(_)) => Some("too-many-tries"),
            _ => None,
        }
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => Action::Bar(bar),
            Message::Left => Action::Leave,
            Message::Typed(typed) => {
                self.typed = digits(&typed);
                Action::None
            }
            Message::Pressed(key) => {
                press(&mut self.typed, key);
                Action::None
            }
            Message::Entered if self.is_ready() => self.entered(),
            Message::Entered => Action::None,
        }
    }

    fn is_ready(&self) -> bool {
        self.typed.len() >= PIN_DIGITS && self.waiting.is_none()
    }

    fn entered(&mut self) -> Action {
        self.said = None;
        let typed = std::mem::take(&mut self.typed);
        match self.step {
            Step::Old => (self.old, self.step) = (typed, Step::New),
            Step::New if typed == self.old => self.said = Some(Said::SameAsOld),
            Step::New => (self.new, self.step) = (typed, Step::Again),
            Step::Again if typed != self.new => self.again_from(Step::New, Said::NotTheSame),
            Step::Again => {
                let (old_pin, new_pin) = (self.old.clone(), self.new.clone());
                return Action::Change(api::PinChange { old_pin, new_pin });
            }
            Step::Done => {}
        }
        Action::Focus
    }

    fn again_from(&mut self, step: Step, said: Said) {
        let old = if step == Step::Old { String::new() } else { std::mem::take(&mut self.old) };
        *self = State { step, old, said: Some(said), ..State::default() };
    }

    /// Whether that call is the one awaited.
    pub fn answered(&mut self, call: u64, answer: &Result<(), GatewayError>) -> bool {
        if self.waiting != Some(call) {
            return false;
        }
        match answer {
            Ok(()) => *self = State { step: Step::Done, ..State::default() },
            Err(GatewayError::Refused(problem)) if problem.code == "sign-in-failed" => {
                self.again_from(Step::Old, Said::WrongOld)
            }
            Err(GatewayError::Refused(problem)) if problem.code == "too-many-tries" => {
                self.again_from(Step::Old, Said::Delay(problem.retry_after.unwrap_or(5)))
            }
            Err(_) => self.again_from(Step::Old, Said::Failed),
        }
        true
    }

    pub fn view<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let words = context.text;
        if self.step == Step::Done {
            let done = column![
                icon(Icon::Tick, 96.0, theme::TEAL, theme::PAPER),
                headline(words.get("new-pin-done")),
                centred(words.get("new-pin-done-help")),
                primary("back", words.get("home"), Message::Left),
            ];
            let done = container(done.spacing(22).align_x(Alignment::Center)).center_x(Length::Fill);
            return frame(context, Message::Bar, card(done, 720.0));
        }
        let (number, label, help) = match self.step {
            Step::Old => (1, "new-pin-old", "new-pin-old-help"),
            Step::New => (2, "new-pin-new", "new-pin-rule"),
            Step::Again | Step::Done => (3, "new-pin-again", "new-pin-again-help"),
        };
        let said = self.said.as_ref().map(|said| notice(said.words(context), Tone::Warning));
        let input =
            labelled(FIELD, words.get(label), &self.typed, true, Message::Typed, Some(Message::Entered));
        let key = if self.waiting.is_some() { "waiting" } else { "sign-in-continue" };
        let enter = primary("continue", words.get(key), self.is_ready().then_some(Message::Entered));
        let form = column![
            title(words.get("new-pin-title")),
            hint(words.with("new-pin-step", &[("n", number.into())]))
        ]
        .push(said)
        .push(input)
        .push(hint(words.get(help)))
        .push(row![enter, secondary("back", words.get("cancel"), Message::Left)].spacing(18).wrap())
        .spacing(16);
        let content = pin::with_digits(context, form.into(), Message::Pressed);
        frame(context, Message::Bar, card(content, 860.0))
    }
}

impl Said {
    fn words(&self, context: &Context<'_>) -> String {
        match self {
            Said::WrongOld => context.text.get("new-pin-wrong-old"),
            Said::Delay(seconds) => context.text.with("sign-in-delay", &[("n", (*seconds as i64).into())]),
            Said::NotTheSame => context.text.get("new-pin-not-same"),
            Said::SameAsOld => context.text.get("new-pin-same-as-old"),
            Said::Failed => context.text.get("new-pin-failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types each PIN and enters it.
    fn enter(state: &mut State, pins: &[&str]) -> Action {
        let mut last = Action::None;
        for pin in pins {
            state.update(Message::Typed((*pin).into()));
            last = state.update(Message::Entered);
        }
        last
    }

    fn refused(code: &str, retry_after: Option<u64>) -> Result<(), GatewayError> {
        let (title, detail, url) = (String::new(), None, None);
        let code = code.into();
        Err(GatewayError::Refused(api::Problem { status: 401, title, code, detail, url, retry_after }))
    }

    #[test]
    fn old_new_and_new_again() {
        let mut state = State::default();
        assert!(matches!(enter(&mut state, &["12345"]), Action::None), "five digits are no PIN");
        let Action::Change(change) = enter(&mut state, &["271828", "161803", "161803"]) else {
            panic!("three entries are a change")
        };
        assert_eq!((change.old_pin.as_str(), change.new_pin.as_str()), ("271828", "161803"));
        state.waits_for(4);
        assert!(matches!(enter(&mut state, &["161803"]), Action::None), "one call at a time");
        assert!(!state.answered(3, &Ok(())), "a late answer");
        assert!(state.answered(4, &Ok(())));
        assert_eq!((state.step(), state.old.as_str(), state.new.as_str()), ("pin-changed", "", ""));
    }

    #[test]
    fn mistakes_are_told_where_they_are_mended() {
        let check = |pins: &[&str], step: Step, said: Said| {
            let mut state = State::default();
            assert!(matches!(enter(&mut state, pins), Action::Focus));
            assert_eq!((state.step, state.said, state.typed.as_str()), (step, Some(said), ""), "{pins:?}");
        };
        check(&["271828", "271828"], Step::New, Said::SameAsOld);
        check(&["271828", "161803", "161804"], Step::New, Said::NotTheSame);
        let answered = |answer: Result<(), GatewayError>, said: Said| {
            let mut state = State::default();
            enter(&mut state, &["271828", "161803", "161803"]);
            state.waits_for(1);
            assert!(state.answered(1, &answer));
            assert_eq!((state.step, state.said), (Step::Old, Some(said)));
            assert_eq!((state.old.as_str(), state.new.as_str()), ("", ""), "no PIN is kept");
        };
        answered(refused("sign-in-failed", None), Said::WrongOld);
        answered(refused("too-many-tries", Some(20)), Said::Delay(20));
        answered(refused("invalid", None), Said::Failed);
        answered(Err(GatewayError::Unreachable(String::new())), Said::Failed);
    }
}
