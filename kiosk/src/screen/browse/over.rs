//! What is drawn over the page: one thing at a time, closed by the person.

use iced::widget::{column, container, row};
use iced::{Alignment, Length};

use super::host;
use crate::browser::{Command, Dialog, DialogKind, NotYet};
use crate::screen::{Context, Tone, body, centred, headline, labelled, notice, primary, secondary, title};
use crate::theme;
use crate::widget::Element;
use crate::widget::icon::{Icon, icon};

/// Characters of a reason: a few sentences.
const REASON_LIMIT: usize = 500;

/// Reasons that are nobody's decision: trying again may help, asking for access would not.
const BREAKDOWNS: &[&str] = &[
    "dns",
    "connect",
    "tls-upstream",
    "upstream-protocol",
    "timeout",
    "journal-unavailable",
    "busy",
    "stopping",
    "rate",
];

#[derive(Debug, Default)]
pub enum Over {
    #[default]
    Nothing,
    /// A page load that the gateway refused, by its reason code.
    Refusal {
        url: String,
        code: String,
    },
    /// "Demander l'accès".
    Asking {
        url: String,
        code: String,
        reason: String,
        sending: Sending,
    },
    Asked,
    /// A page load that failed; the reason code where the gateway said one.
    Failed {
        url: String,
        code: Option<String>,
    },
    Dialog {
        dialog: Dialog,
        answer: String,
    },
    Credentials {
        host: String,
        name: String,
        password: String,
    },
    NotYet(NotYet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    No,
    /// The id of the call.
    Waiting(u64),
    Failed,
}

#[derive(Clone, Debug)]
pub enum Message {
    Closed,
    Escaped,
    Retried,
    AskOpened,
    Typed(String),
    PasswordTyped(String),
    Sent,
    Accepted,
    Declined,
}

pub enum Action {
    None,
    /// Another thing is drawn now.
    Changed,
    Close,
    Retry,
    Tell(Command),
    AskAccess {
        url: String,
        reason: String,
    },
}

impl Over {
    /// What the gateway refused, or what failed beyond it.
    pub fn refused(url: String, code: String) -> Over {
        match BREAKDOWNS.contains(&code.as_str()) {
            true => Over::Failed { url, code: Some(code) },
            false => Over::Refusal { url, code },
        }
    }

    pub fn dialog(dialog: Dialog) -> Over {
        let answer = dialog.proposal.clone();
        Over::Dialog { dialog, answer }
    }

    pub fn credentials(host: String) -> Over {
        Over::Credentials { host, name: String::new(), password: String::new() }
    }

    pub fn is_nothing(&self) -> bool {
        matches!(self, Over::Nothing)
    }

    /// The reason code on the screen.
    pub fn refusal_code(&self) -> Option<&str> {
        match self {
            Over::Refusal { code, .. } | Over::Asking { code, .. } => Some(code),
            Over::Failed { code, .. } => Some(code.as_deref().unwrap_or("failed")),
            _ => None,
        }
    }

    /// Its name in the events.
    pub fn word(&self) -> Option<&'static str> {
        Some(match self {
            Over::Nothing => return None,
            Over::Refusal { .. } => "refusal",
            Over::Asking { .. } => "ask",
            Over::Asked => "asked",
            Over::Failed { .. } => "failed",
            Over::Credentials { .. } => "credentials",
            Over::Dialog { dialog, .. } => match dialog.kind {
                DialogKind::Alert => "alert",
                DialogKind::Confirm => "confirm",
                DialogKind::Prompt => "prompt",
                DialogKind::Leave => "leave",
            },
            Over::NotYet(NotYet::Upload) => "not-yet-upload",
            Over::NotYet(NotYet::Download) => "not-yet-download",
            Over::NotYet(NotYet::Print) => "not-yet-print",
            Over::NotYet(NotYet::OtherProgram) => "not-yet-other-program",
        })
    }

    pub fn first_focus(&self) -> &'static str {
        match self {
            Over::Nothing => crate::widget::page::NAME,
            Over::Refusal { .. } => "refusal-ask",
            Over::Asking { .. } => "ask-reason",
            Over::Asked | Over::NotYet(_) => "close",
            Over::Failed { .. } => "retry",
            Over::Dialog { dialog: Dialog { kind: DialogKind::Prompt, .. }, .. } => "dialog-text",
            Over::Dialog { .. } => "dialog-accept",
            Over::Credentials { .. } => "credentials-name",
        }
    }

    /// The call that sends a request for access is under way.
    pub fn sending(&mut self, state: Sending) {
        if let Over::Asking { sending, .. } = self {
            *sending = state;
        }
    }

    pub fn waits_for(&self, call: u64) -> bool {
        matches!(self, Over::Asking { sending: Sending::Waiting(waiting), .. } if *waiting == call)
    }

    pub fn update(&mut self, message: Message) -> Action {
        match (&mut *self, message) {
            (Over::Refusal { url, code }, Message::AskOpened) => {
                let (url, code) = (std::mem::take(url), std::mem::take(code));
                *self = Over::Asking { url, code, reason: String::new(), sending: Sending::No };
                Action::Changed
            }
            (Over::Asking { url, code, .. }, Message::Closed | Message::Escaped) => {
                let (url, code) = (std::mem::take(url), std::mem::take(code));
                *self = Over::Refusal { url, code };
                Action::Changed
            }
            (Over::Asking { reason, .. }, Message::Typed(typed)) => {
                *reason = typed.chars().take(REASON_LIMIT).collect();
                Action::None
            }
            (Over::Asking { url, reason, sending, .. }, Message::Sent)
                if !matches!(sending, Sending::Waiting(_)) =>
            {
                Action::AskAccess { url: url.clone(), reason: reason.trim().to_owned() }
            }
            (Over::Dialog { answer, .. }, Message::Typed(typed)) => {
                *answer = typed;
                Action::None
            }
            (Over::Dialog { dialog, answer }, Message::Accepted) => {
                let text = (dialog.kind == DialogKind::Prompt).then(|| std::mem::take(answer));
                self.close_and(Command::AnswerDialog { accept: true, text })
            }
            (Over::Dialog { .. }, Message::Declined | Message::Escaped) => {
                self.close_and(Command::AnswerDialog { accept: false, text: None })
            }
            (Over::Credentials { name, .. }, Message::Typed(typed)) => {
                *name = typed;
                Action::None
            }
            (Over::Credentials { password, .. }, Message::PasswordTyped(typed)) => {
                *password = typed;
                Action::None
            }
            (Over::Credentials { name, password, .. }, Message::Sent) => {
                let answer = (std::mem::take(name), std::mem::take(password));
                self.close_and(Command::AnswerCredentials(Some(answer)))
            }
            (Over::Credentials { .. }, Message::Closed | Message::Escaped) => {
                self.close_and(Command::AnswerCredentials(None))
            }
            (Over::Failed { .. }, Message::Retried) => {
                *self = Over::Nothing;
                Action::Retry
            }
            (
                Over::Refusal { .. } | Over::Failed { .. } | Over::Asked | Over::NotYet(_),
                Message::Closed | Message::Escaped,
            ) => {
                *self = Over::Nothing;
                Action::Close
            }
            _ => Action::None,
        }
    }

    fn close_and(&mut self, command: Command) -> Action {
        *self = Over::Nothing;
        Action::Tell(command)
    }

    /// `first`: no page was shown yet, there is nothing to return to but the list of services.
    pub fn view<'a>(&'a self, context: &Context<'a>, first: bool) -> Option<Element<'a, Message>> {
        let words = context.text;
        let back_words = || words.get(if first { "back" } else { "refusal-return" });
        Some(match self {
            Over::Nothing => return None,
            Over::Refusal { url, code } => {
                let content = column![
                    icon(Icon::Stop, 84.0, theme::BRICK, theme::PAPER),
                    headline(words.get("refusal-title")),
                    centred(words.reason(code)),
                    super::super::hint(words.with("refusal-where", &[("host", host(url).into())])),
                    row![
                        primary("refusal-ask", words.get("refusal-ask"), Message::AskOpened),
                        secondary("refusal-return", back_words(), Message::Closed)
                    ]
                    .spacing(18)
                    .wrap(),
                ];
                whole(content.spacing(18).align_x(Alignment::Center))
            }
            Over::Asking { url, reason, sending, .. } => {
                let send = primary(
                    "ask-send",
                    words.get("send"),
                    (!matches!(sending, Sending::Waiting(_))).then_some(Message::Sent),
                );
                let content = column![
                    title(words.get("ask-title")),
                    body(words.with("ask-body", &[("host", host(url).into())])),
                    matches!(sending, Sending::Failed).then(|| notice(words.get("ask-failed"), Tone::Wrong)),
                    labelled(
                        "ask-reason",
                        words.get("ask-reason"),
                        reason,
                        false,
                        Message::Typed,
                        Some(Message::Sent)
                    ),
                    row![send, secondary("ask-cancel", words.get("cancel"), Message::Closed)]
                        .spacing(18)
                        .wrap(),
                ];
                whole(content.spacing(18))
            }
            Over::Asked => whole(
                column![
                    headline(words.get("ask-sent-title")),
                    centred(words.get("ask-sent-body")),
                    primary("close", back_words(), Message::Closed)
                ]
                .spacing(18)
                .align_x(Alignment::Center),
            ),
            Over::Failed { url, code } => whole(
                column![
                    icon(Icon::Cut, 84.0, theme::SOFT_INK, theme::PAPER),
                    headline(words.get("failed-title")),
                    centred(match code {
                        Some(code) => words.reason(code),
                        None => words.with("failed-body", &[("host", host(url).into())]),
                    }),
                    row![
                        primary("retry", words.get("retry"), Message::Retried),
                        secondary("refusal-return", back_words(), Message::Closed)
                    ]
                    .spacing(18)
                    .wrap(),
                ]
                .spacing(18)
                .align_x(Alignment::Center),
            ),
            Over::Dialog { dialog, answer } => veiled(dialog_view(dialog, answer, context)),
            Over::Credentials { host, name, password } => veiled(
                column![
                    title(words.get("credentials-title")),
                    super::super::hint(host.clone()),
                    labelled(
                        "credentials-name",
                        words.get("credentials-name"),
                        name,
                        false,
                        Message::Typed,
                        Some(Message::Sent)
                    ),
                    labelled(
                        "credentials-password",
                        words.get("credentials-password"),
                        password,
                        true,
                        Message::PasswordTyped,
                        Some(Message::Sent)
                    ),
                    row![
                        primary("credentials-send", words.get("send"), Message::Sent),
                        secondary("credentials-cancel", words.get("cancel"), Message::Closed)
                    ]
                    .spacing(18)
                    .wrap(),
                ]
                .spacing(18)
                .into(),
            ),
            Over::NotYet(what) => {
                let key = match what {
                    NotYet::Upload => "not-yet-upload",
                    NotYet::Download => "not-yet-download",
                    NotYet::Print => "not-yet-print",
                    NotYet::OtherProgram => "not-yet-other-program",
                };
                let close = primary("close", words.get("close"), Message::Closed);
                veiled(
                    column![title(words.get("not-yet-title")), body(words.get(key)), close]
                        .spacing(18)
                        .into(),
                )
            }
        })
    }
}

fn dialog_view<'a>(dialog: &'a Dialog, answer: &'a str, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let (yes, no) = match dialog.kind {
        DialogKind::Alert => (words.get("dialog-ok"), None),
        DialogKind::Confirm => (words.get("yes"), Some(words.get("no"))),
        DialogKind::Prompt => (words.get("dialog-ok"), Some(words.get("cancel"))),
        DialogKind::Leave => (words.get("dialog-leave-yes"), Some(words.get("dialog-leave-no"))),
    };
    let says = match dialog.kind {
        DialogKind::Leave => words.get("dialog-leave"),
        _ => dialog.message.clone(),
    };
    let accept = primary("dialog-accept", yes, Message::Accepted);
    let buttons =
        row![accept].push(no.map(|no| secondary("dialog-cancel", no, Message::Declined))).spacing(18).wrap();
    let heading = super::super::hint(words.with("dialog-says", &[("host", dialog.host.as_str().into())]));
    let mut content = column![].spacing(18);
    if dialog.kind != DialogKind::Leave {
        content = content.push(heading);
    }
    content = content.push(body(says));
    if dialog.kind == DialogKind::Prompt {
        content = content.push(labelled(
            "dialog-text",
            String::new(),
            answer,
            false,
            Message::Typed,
            Some(Message::Accepted),
        ));
    }
    content.push(buttons).into()
}

/// In place of the page.
fn whole<'a>(content: impl Into<Element<'a, Message>>) -> Element<'a, Message> {
    container(crate::screen::card(content, 820.0))
        .width(Length::Fill)
        .height(Length::Fill)
        .style(theme::plain(theme::GROUND))
        .into()
}

/// Before the page, which is still seen.
fn veiled(content: Element<'_, Message>) -> Element<'_, Message> {
    container(crate::screen::card(content, 720.0))
        .width(Length::Fill)
        .height(Length::Fill)
        .style(theme::veil)
        .into()
}
