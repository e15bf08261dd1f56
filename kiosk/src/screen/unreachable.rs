//! The gateway does not answer. The screen before waits behind this one, with all that was on it, and comes back by itself.

use std::time::Duration;

use iced::Alignment;
use iced::widget::column;

use super::{Bar, Context, card, centred, frame, headline, secondary};
use crate::theme;
use crate::widget::Element;
use crate::widget::icon::{Icon, icon};

/// Between two tries: short at first, since most breaks are; bounded, so that a terminal comes back within half a minute.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    attempt: u32,
    /// The gateway answers, but not to this terminal.
    pub terminal_refused: bool,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    EnrolmentOpened,
}

impl State {
    pub fn new(terminal_refused: bool) -> State {
        State { attempt: 0, terminal_refused }
    }

    pub fn first_focus(&self) -> &'static str {
        if self.terminal_refused { "enrol-again" } else { "language" }
    }

    /// How long to wait before the next try, which is counted.
    pub fn next_pause(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempt.min(6)).min(LONGEST_PAUSE);
        self.attempt = self.attempt.saturating_add(1);
        pause
    }
}

pub fn view<'a>(state: State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let (heading, sentence) = match state.terminal_refused {
        false => ("unreachable-title", "unreachable-body"),
        true => ("revoked-title", "revoked-body"),
    };
    let picture = icon(Icon::Cut, 120.0, theme::SOFT_INK, theme::PAPER);
    let mut content = column![picture, headline(words.get(heading)), centred(words.get(sentence))];
    if state.terminal_refused {
        content = content.push(secondary("enrol-again", words.get("enrol-title"), Message::EnrolmentOpened));
    } else if context.session.is_some() {
        // A gateway that was restarted has forgotten the session: no promise that it is still there.
        content = content.push(centred(words.get("unreachable-session")));
    }
    if state.attempt > 1 && !state.terminal_refused {
        content = content.push(super::hint(words.get("unreachable-attempt")));
    }
    frame(context, Message::Bar, card(content.spacing(20).align_x(Alignment::Center), 780.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut state = State::default();
        let pauses: Vec<u64> = (0..8).map(|_| state.next_pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    }
}
