//! Browse: the page of a site under our own bar, and what we draw over it: refusals, dialogs, "not yet".
//!
//! The state lives as long as the session, so that a person who goes home finds the page again. Invariant: while something
//! is drawn over the page, the page gets no input.

mod over;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use iced::widget::{Space, column, container, row, stack, text};
use iced::{Alignment, Length};

use super::{Bar, Context, bar, catalogue, quiet, rule};
use crate::browser::frame::Picture;
use crate::browser::{Browser, Command, Event, Failure, Generation};
use crate::theme::{self, size};
use crate::widget::one_line::one_line;
use crate::widget::page::{self, page};
use crate::widget::{Element, focus};
pub use over::{Over, Sending};

/// Restarts within a window of time before we stop: a page that kills its browser each time would do so for ever.
const RESTART_LIMIT: usize = 4;
const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// Pixels of the layout below which the page's title has a line of its own.
const ONE_LINE: f32 = 1150.0;
/// Beside a title on one line, minutes in words take two.
const LEFT_WIDTH: f32 = 190.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Starting,
    Ready,
    Crashed,
    /// Ready again after a crash; said until the next page.
    Restarted,
    CannotStart,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Starting => "starting",
            Status::Ready => "ready",
            Status::Crashed => "crashed",
            Status::Restarted => "restarted",
            Status::CannotStart => "cannot-start",
        }
    }
}

pub struct State {
    /// Of the browser whose events count; others are late.
    pub generation: Generation,
    browser: Option<Browser>,
    picture: Option<Picture>,
    pub status: Status,
    /// Id of the service that was chosen; `None`: a page that was granted.
    pub service: Option<String>,
    /// The address asked for last: opened again after a crash or when the gateway is back.
    pub wanted: String,
    /// The page that is shown.
    pub url: String,
    pub title: String,
    pub loading: bool,
    pub over: Over,
    restarts: VecDeque<Instant>,
}

#[derive(Clone, Debug)]
pub enum Message {
    BackPressed,
    ReloadPressed,
    LeavePressed,
    SignOutPressed,
    AloudPressed,
    DisplayPressed,
    Over(over::Message),
}

pub enum Action {
    None,
    Leave,
    Bar(Bar),
    Focus(&'static str),
    /// Start a new browser and open `wanted` in it.
    Restart,
    AskAccess {
        url: String,
        reason: String,
    },
    Unreachable {
        terminal_refused: bool,
    },
    SessionEnded,
}

impl State {
    pub fn new(service: Option<String>, url: String) -> State {
        State {
            generation: 0,
            browser: None,
            picture: None,
            status: Status::Starting,
            service,
            wanted: url,
            url: String::new(),
            title: String::new(),
            loading: true,
            over: Over::Nothing,
            restarts: VecDeque::new(),
        }
    }

    pub fn started(&mut self, generation: Generation, browser: Browser) {
        self.generation = generation;
        self.browser = Some(browser);
        self.picture = None;
    }

    /// Another service, or the same again, in the browser that runs.
    pub fn open(&mut self, service: Option<String>, url: String) {
        self.over = Over::Nothing;
        self.service = service;
        self.navigate(url);
    }

    /// The person is elsewhere: the page stops, and with it its minutes.
    pub fn left(&mut self) {
        self.over = Over::Nothing;
        (self.picture, self.url, self.title) = (None, String::new(), String::new());
        self.send(Command::Open("about:blank".into()));
    }

    /// The gateway is back: what it kept from opening is opened again.
    pub fn recovered(&mut self) {
        if self.url != self.wanted {
            self.navigate(self.wanted.clone());
        }
    }

    fn navigate(&mut self, url: String) {
        self.wanted = url.clone();
        self.send(Command::Open(url));
    }

    fn send(&self, command: Command) {
        if let Some(browser) = &self.browser {
            browser.send(command);
        }
    }

    /// What the browser told.
    pub fn told(&mut self, event: Event, now: Instant) -> Action {
        match event {
            Event::Started => {}
            Event::Frame(picture) => {
                self.picture = Some(picture);
                self.status = match self.status {
                    Status::Starting => Status::Ready,
                    Status::Crashed => Status::Restarted,
                    status => status,
                };
            }
            Event::Page { url, title } => {
                if self.url != url && self.status == Status::Restarted && self.url == self.wanted {
                    self.status = Status::Ready;
                }
                self.title = match title {
                    Some(title) => title,
                    None if self.url == url => std::mem::take(&mut self.title),
                    None => String::new(),
                };
                (self.wanted, self.url) = (url.clone(), url);
            }
            Event::Loading(loading) => self.loading = loading,
            Event::Refused { url, problem } => {
                self.over = Over::refused(url, problem.code);
                return Action::Focus(self.over.first_focus());
            }
            Event::Failed { url, why } => {
                self.wanted = url.clone();
                match why {
                    Failure::GatewayUnreachable => return Action::Unreachable { terminal_refused: false },
                    Failure::TerminalRefused => return Action::Unreachable { terminal_refused: true },
                    Failure::Site => self.over = Over::Failed { url, code: None },
                }
                return Action::Focus(self.over.first_focus());
            }
            Event::Dialog(dialog) => {
                self.over = Over::dialog(dialog);
                return Action::Focus(self.over.first_focus());
            }
            Event::CredentialsWanted { host } => {
                self.over = Over::credentials(host);
                return Action::Focus(self.over.first_focus());
            }
            Event::NotYet(what) => {
                self.over = Over::NotYet(what);
                return Action::Focus(self.over.first_focus());
            }
            Event::NoWayBack => return Action::Leave,
            Event::SessionEnded => return Action::SessionEnded,
            Event::Crashed => return self.crashed(now),
            Event::CannotStart(why) => {
                tracing::error!(why, "Chromium does not start");
                self.browser = None;
                self.status = Status::CannotStart;
            }
        }
        Action::None
    }

    fn crashed(&mut self, now: Instant) -> Action {
        self.browser = None;
        self.over = Over::Nothing;
        self.restarts.push_back(now);
        self.restarts.retain(|at| now.duration_since(*at) < RESTART_WINDOW);
        if self.restarts.len() > RESTART_LIMIT {
            self.status = Status::CannotStart;
            return Action::None;
        }
        self.status = Status::Crashed;
        Action::Restart
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::BackPressed if self.status == Status::CannotStart => Action::Leave,
            Message::BackPressed if !self.over.is_nothing() => self.escape(),
            Message::BackPressed => {
                self.send(Command::Back);
                Action::Focus(page::NAME)
            }
            Message::ReloadPressed if self.status == Status::CannotStart => {
                self.restarts.clear();
                self.status = Status::Crashed;
                Action::Restart
            }
            Message::ReloadPressed => {
                self.send(Command::Reload);
                Action::Focus(page::NAME)
            }
            Message::LeavePressed => Action::Leave,
            Message::SignOutPressed => Action::Bar(Bar::SignedOut),
            Message::AloudPressed => Action::Bar(Bar::AloudPressed),
            Message::DisplayPressed => Action::Bar(Bar::DisplayPressed),
            Message::Over(message) => self.over_told(message),
        }
    }

    fn over_told(&mut self, message: over::Message) -> Action {
        match self.over.update(message) {
            over::Action::None => Action::None,
            over::Action::Changed => Action::Focus(self.over.first_focus()),
            over::Action::Tell(command) => {
                self.send(command);
                Action::Focus(page::NAME)
            }
            over::Action::Close if self.url.is_empty() => Action::Leave,
            over::Action::Close => Action::Focus(page::NAME),
            over::Action::Retry => {
                self.navigate(self.wanted.clone());
                Action::Focus(page::NAME)
            }
            over::Action::AskAccess { url, reason } => Action::AskAccess { url, reason },
        }
    }

    pub fn first_focus(&self) -> &'static str {
        match self.over {
            Over::Nothing => page::NAME,
            _ => self.over.first_focus(),
        }
    }

    /// Escape closes what is over the page.
    pub fn escape(&mut self) -> Action {
        match self.over {
            Over::Nothing => Action::None,
            _ => self.over_told(over::Message::Escaped),
        }
    }

    pub fn view<'a>(&'a self, minutes: Option<u32>, context: &Context<'a>) -> Element<'a, Message> {
        let words = context.text;
        let heading = if self.title.is_empty() { host(&self.wanted) } else { self.title.clone() };
        let soft = |words: String| text(words).size(size::SMALL).style(theme::ink(theme::SOFT_INK));
        let back = row![
            quiet("back", format!("‹ {}", words.get("back")), Message::BackPressed),
            quiet("reload", words.get("browse-reload"), Message::ReloadPressed),
        ];
        let mut about = row![container(one_line(heading, size::BODY, theme::BOLD)).width(Length::Fill)];
        if self.loading && self.over.is_nothing() && !context.is_narrow() {
            about = about.push(soft(words.get("waiting")));
        }
        let left = time_left(minutes, context).map(|words| container(soft(words)).max_width(LEFT_WIDTH));
        about = about.push(left).spacing(12).align_y(Alignment::Center);
        // A lesson is no site that one leaves.
        let leave = match self.service.as_deref() {
            Some(catalogue::SERVICE) => words.get("close"),
            _ => words.get("browse-leave"),
        };
        let ways = row![
            bar::aloud(context, Message::AloudPressed),
            quiet("display", "Aa".into(), Message::DisplayPressed),
            quiet("leave", leave, Message::LeavePressed),
            quiet("sign-out", words.get("sign-out"), Message::SignOutPressed),
        ];
        let (back, ways) = (back.spacing(12), ways.spacing(12));
        let bar: Element<'a, Message> = match context.window.width < ONE_LINE {
            true => column![row![back, ways].spacing(12).wrap().vertical_spacing(8), about].spacing(6).into(),
            false => row![back, about, ways].spacing(16).align_y(Alignment::Center).into(),
        };
        let bar = container(bar)
            .id(focus::BAR)
            .padding([10, 18])
            .width(Length::Fill)
            .style(theme::plain(theme::PAPER));
        // The line keeps its place when it is empty: the page would lose the keyboard with its own.
        let said = self.said(context).unwrap_or_else(|| Space::new().into());
        column![bar, rule(), said, self.page(context)].into()
    }

    /// A line between the bar and the page.
    fn said<'a>(&self, context: &Context<'a>) -> Option<Element<'a, Message>> {
        let key = match self.status {
            _ if context.warning().is_some() => context.warning()?,
            Status::Crashed => "browse-crashed",
            Status::Restarted => "browse-restarted",
            Status::CannotStart => "browse-cannot-start",
            Status::Starting | Status::Ready => return None,
        };
        Some(container(super::notice(context.text.get(key), super::Tone::Warning)).padding([8, 18]).into())
    }

    fn page<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        let listens = self.over.is_nothing() && matches!(self.status, Status::Ready | Status::Restarted);
        let view = page(self.browser.as_ref(), self.picture.as_ref());
        let view = view.listening(listens).zoom(context.comfort.size.scale());
        let mut layers = stack![view];
        if self.picture.is_none() && self.over.is_nothing() {
            let words = text(context.text.get("browse-starting"))
                .size(size::LARGE)
                .style(theme::ink(theme::SOFT_INK));
            layers = layers.push(container(words).center(Length::Fill));
        }
        if let Some(over) = self.over.view(context, self.url.is_empty()) {
            layers = layers.push(over.map(Message::Over));
        }
        layers.width(Length::Fill).height(Length::Fill).into()
    }
}

/// The shorter of the service's minutes and the session's: what will stop this page.
fn time_left(minutes: Option<u32>, context: &Context<'_>) -> Option<String> {
    let session = super::minutes_left(context.session?, context.now);
    let (key, left) = match minutes {
        Some(minutes) if i64::from(minutes) < session => ("minutes-left", i64::from(minutes)),
        _ => ("session-left", session),
    };
    Some(context.text.with(key, &[("time", context.text.minutes(left).into())]))
}

/// The host of an address, for people.
pub fn host(url: &str) -> String {
    url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(String::from))
        .unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use passerelle_api as api;

    use super::*;

    fn state() -> State {
        State::new(Some("caf".into()), "https://www.caf.fr/".into())
    }

    #[test]
    fn a_crash_reopens_the_last_page_until_there_are_too_many() {
        let (mut state, now) = (state(), Instant::now());
        state.told(Event::Page { url: "https://www.caf.fr/2".into(), title: None }, now);
        for crash in 0..RESTART_LIMIT {
            assert!(matches!(state.told(Event::Crashed, now), Action::Restart), "crash {crash}");
            assert_eq!((state.wanted.as_str(), state.status), ("https://www.caf.fr/2", Status::Crashed));
        }
        assert!(matches!(state.told(Event::Crashed, now), Action::None));
        assert_eq!(state.status, Status::CannotStart);
        let later = now + RESTART_WINDOW;
        assert!(matches!(state.told(Event::Crashed, later), Action::Restart), "an old crash is forgotten");
    }

    #[test]
    fn a_refusal_is_drawn_with_its_reason_and_its_address() {
        let mut state = state();
        let (status, title, detail) = (403, String::new(), None);
        let problem =
            api::Problem { status, title, code: "path".into(), detail, url: None, retry_after: None };
        let action =
            state.told(Event::Refused { url: "https://www.caf.fr/x".into(), problem }, Instant::now());
        assert!(matches!(action, Action::Focus("refusal-ask")));
        assert_eq!(state.over.refusal_code(), Some("path"));
        assert!(matches!(state.escape(), Action::Leave), "there is no page to return to");
    }
}
