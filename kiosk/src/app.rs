//! The application: owns the state, obeys what the screens ask for, and is the only one that calls the gateway.
//!
//! `update` never blocks; every call is a task whose answer carries the call's id, so that a late answer is recognised.
//! Invariants: one session at a time; whenever a session ends here, its browser is dropped with it.

mod aloud;
mod calls;
mod learning;
mod look;
mod own;
#[cfg(test)]
mod screen_tests;
mod session;
#[cfg(test)]
mod studio;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use iced::keyboard::{self, Key, key::Named};
use iced::widget::operation::AbsoluteOffset;
use iced::{Event, Size, Subscription, Task, mouse, touch, window};
use jiff::Timestamp;
use passerelle_api as api;

use crate::browser::{self, Generation};
use crate::comfort::Comfort;
use crate::enrolment::Enrolment;
use crate::events::Events;
use crate::gateway::{Gateway, GatewayError, Question};
use crate::reading::Reading;
use crate::screen::{
    Bar, browse, catalogue, display, enrol, home, locked, new_pin, requests, services, sign_in, unreachable,
};
use crate::speech::SpeechError;
use crate::text::{Language, Text};
use crate::widget::{focus, page};
use crate::{idle, theme};
use aloud::Reader;

/// Pixels of the window with `--windowed`, and the smallest screen the kiosk is drawn for.
const WINDOW: (f32, f32) = (1280.0, 800.0);
/// Before a lock, the screen asks whether somebody is there.
const STILL_THERE: Duration = Duration::from_secs(30);
/// Between two looks at the minutes left, while signed in.
const REFRESH: Duration = Duration::from_secs(60);
/// What the command line says.
pub struct Start {
    pub folder: PathBuf,
    pub windowed: bool,
    pub events: Option<Events>,
}

/// Opens the window; returns when it is closed.
pub fn run(start: Start) -> iced::Result {
    let windowed = start.windowed;
    let start = std::cell::Cell::new(Some(start));
    iced::application(
        move || Kiosk::boot(start.take().expect("the window opens once")),
        Kiosk::update,
        Kiosk::view,
    )
    .title("Passerelle")
    .subscription(Kiosk::subscription)
    .theme(|kiosk: &Kiosk| kiosk.comfort.theme)
    .scale_factor(|kiosk: &Kiosk| kiosk.comfort.size.scale())
    .style(|kiosk: &Kiosk, theme| theme::base(theme, kiosk.repainted))
    .default_font(theme::FONT)
    .window(window::Settings {
        size: WINDOW.into(),
        fullscreen: !windowed,
        decorations: windowed,
        ..window::Settings::default()
    })
    .run()
}

pub struct Kiosk {
    folder: PathBuf,
    events: Option<Events>,
    text: Text,
    place: Option<Place>,
    /// The call that holds a line to the gateway.
    line: Option<u64>,
    signed_in: Option<SignedIn>,
    screen: Screen,
    comfort: Comfort,
    aloud: Reader,
    /// The screen as last surveyed.
    seen: focus::Sight,
    /// The pointer was released since the last survey: the keyboard may be nobody's.
    released: bool,
    /// Pixels of the screen.
    window: Size,
    /// Changes whenever all of the window must be painted again.
    repainted: bool,
    /// Number of the view: what an older survey saw is not what is on the screen.
    view: u64,
    /// Browsers that live: one, or another that is being wiped.
    browsers: usize,
    /// Id of the last call or browser that was started.
    last_id: u64,
    now: Timestamp,
}

/// Where this terminal belongs.
struct Place {
    enrolment: Enrolment,
    gateway: Gateway,
}

struct SignedIn {
    session: api::Session,
    token: String,
    /// Id of the call that opened it: answers to older calls are of another session.
    since: u64,
    services: Option<api::ServiceList>,
    refreshed: Instant,
    /// Lives as long as the session, once a site was opened.
    browse: Option<browse::State>,
    catalogue: catalogue::State,
    requests: requests::State,
    reading: Reading,
}

impl SignedIn {
    fn new(session: api::Session, token: String, since: u64) -> SignedIn {
        let requests = requests::State::since(session.last_sign_in.as_ref().map(|last| last.at));
        let (services, browse, refreshed) = (None, None, Instant::now());
        let (catalogue, reading) = Default::default();
        SignedIn { session, token, since, services, refreshed, browse, catalogue, requests, reading }
    }
}

enum Screen {
    Enrol(enrol::State),
    SignIn(sign_in::State),
    Locked(locked::State),
    Home,
    Services,
    Catalogue,
    Requests,
    NewPin(new_pin::State),
    Browse,
    Unreachable {
        state: unreachable::State,
        knock: u64,
        behind: Box<Screen>,
    },
    /// The screen before waits behind.
    Display {
        behind: Box<Screen>,
    },
}

#[derive(Clone, Debug)]
pub enum Message {
    Enrol(enrol::Message),
    SignIn(sign_in::Message),
    Locked(locked::Message),
    Home(home::Message),
    Services(services::Message),
    Catalogue(catalogue::Message),
    Requests(requests::Message),
    NewPin(new_pin::Message),
    Browse(browse::Message),
    Unreachable(unreachable::Message),
    Display(display::Message),
    Browser(Generation, browser::Event),
    /// A browser ended and its profile is gone.
    BrowserGone,
    Enrolled(u64, Result<(), String>),
    SignedIn(u64, Result<api::Session, GatewayError>),
    ServicesAnswered(u64, Result<api::ServiceList, GatewayError>),
    RequestsAnswered(u64, Result<api::RequestList, GatewayError>),
    /// With the id of the place that was kept before, if it was.
    ItemsAnswered(u64, Option<u64>, Result<api::ItemList, GatewayError>),
    SearchAnswered(u64, Question, Result<api::SearchResults, GatewayError>),
    SuggestionsAnswered(u64, Result<api::Suggestions, GatewayError>),
    /// Nobody moved on for a moment after the move of that id.
    ReadingRested(u64),
    ProgressSaved(Option<u64>),
    PinAnswered(u64, Result<(), GatewayError>),
    AccessAsked(u64, Result<(), GatewayError>),
    LineLost(u64, GatewayError),
    Knocked(u64, Result<(), GatewayError>),
    SignOutAnswered,
    Key(Shortcut),
    /// The focus may be elsewhere: a control was given the keyboard.
    Touched,
    /// The pointer was released somewhere.
    Released,
    /// The window's own, in pixels of the layout.
    Resized(Size),
    /// For the view of that number.
    Surveyed(u64, focus::Sight),
    /// Reading aloud came to its end, or can't be done.
    Spoken(u64, Result<(), SpeechError>),
    Ticked(Timestamp),
}

/// Keys that belong to the kiosk itself.
#[derive(Clone, Copy, Debug)]
pub enum Shortcut {
    Next,
    Previous,
    /// From the search field to the first of what it found.
    IntoList,
    Escape,
    /// From the page to the bar and back.
    ChangePane,
    /// Reads aloud, or stops.
    Aloud,
}

impl Kiosk {
    fn boot(start: Start) -> (Kiosk, Task<Message>) {
        idle::touch();
        let mut kiosk = Kiosk {
            folder: start.folder,
            events: start.events,
            text: Text::new(Language::French),
            place: None,
            line: None,
            signed_in: None,
            screen: Screen::Enrol(enrol::State::default()),
            comfort: Comfort::default(),
            aloud: Reader::default(),
            seen: focus::Sight::default(),
            released: false,
            window: WINDOW.into(),
            repainted: false,
            view: 0,
            browsers: 0,
            last_id: 0,
            now: Timestamp::now(),
        };
        if let Err(error) = kiosk.settle() {
            tracing::error!(error, "this terminal's enrolment");
        }
        let filled = if start.windowed { Task::none() } else { fill_screen() };
        let first = Task::batch([kiosk.focus_first(), filled]);
        (kiosk, first)
    }

    /// Reads the enrolment, and asks for a sign-in if there is one.
    fn settle(&mut self) -> Result<(), String> {
        let Some(enrolment) = Enrolment::load(&self.folder).map_err(|error| error.to_string())? else {
            return Ok(());
        };
        let gateway = Gateway::new(&enrolment).map_err(|error| error.to_string())?;
        self.place = Some(Place { enrolment, gateway });
        self.line = None;
        self.screen = Screen::SignIn(sign_in::State::default());
        Ok(())
    }

    fn update(&mut self, message: Message) -> Task<Message> {
        let quiet = matches!(message, Message::Surveyed(..))
            || matches!(&message, Message::Browser(_, browser::Event::Frame(_)) if self.is_painted());
        let task = self.obey(message);
        if quiet {
            return task;
        }
        self.view += 1;
        let view = self.view;
        Task::batch([task, focus::survey(move |seen| Message::Surveyed(view, seen))])
    }

    fn obey(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Enrol(message) => self.enrol_told(message),
            Message::SignIn(message) => self.sign_in_told(message),
            Message::Locked(message) => self.locked_told(message),
            Message::Home(message) => self.home_told(message),
            Message::Services(message) => self.services_told(message),
            Message::Catalogue(message) => self.catalogue_told(message),
            Message::Requests(message) => self.requests_told(message),
            Message::NewPin(message) => self.new_pin_told(message),
            Message::Browse(message) => self.browse_told(message),
            Message::Unreachable(message) => self.unreachable_told(message),
            Message::Display(message) => self.display_told(message),
            Message::Spoken(id, ended) => self.spoken(id, ended),
            Message::Browser(generation, event) => self.browser_told(generation, event),
            Message::Enrolled(call, answer) => self.enrolled(call, answer),
            Message::SignedIn(call, answer) => self.signed_in(call, answer),
            Message::ServicesAnswered(call, answer) => self.services_answered(call, answer),
            Message::RequestsAnswered(call, answer) => self.requests_answered(call, answer),
            Message::ItemsAnswered(call, saved, answer) => self.items_answered(call, saved, answer),
            Message::SearchAnswered(call, question, answer) => self.search_answered(call, question, answer),
            Message::SuggestionsAnswered(call, answer) => self.suggestions_answered(call, answer),
            Message::ReadingRested(id) => self.reading_rested(id),
            Message::ProgressSaved(saved) => self.progress_saved(saved),
            Message::PinAnswered(call, answer) => self.pin_answered(call, answer),
            Message::AccessAsked(call, answer) => self.access_asked(call, answer),
            Message::Knocked(call, answer) => self.knocked(call, answer),
            Message::LineLost(call, error) => self.line_lost(call, &error),
            Message::BrowserGone => {
                self.browsers = self.browsers.saturating_sub(1);
                Task::none()
            }
            Message::SignOutAnswered | Message::Touched => Task::none(),
            Message::Released => {
                self.released = true;
                Task::none()
            }
            Message::Resized(size) => {
                self.window = size * self.comfort.size.scale();
                Task::none()
            }
            Message::Key(shortcut) => self.key_pressed(shortcut),
            Message::Surveyed(view, seen) => self.surveyed(view, seen),
            Message::Ticked(now) => self.ticked(now),
        }
    }

    fn subscription(&self) -> Subscription<Message> {
        Subscription::batch([
            iced::event::listen_with(listen),
            iced::time::every(Duration::from_secs(1)).map(|_| Message::Ticked(Timestamp::now())),
        ])
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn bar_told(&mut self, bar: Bar) -> Task<Message> {
        match bar {
            Bar::DisplayPressed => self.display_pressed(),
            Bar::AloudPressed => self.aloud_pressed(),
            Bar::SignedOut => {
                let signed_out = self.sign_out(sign_in::State::default());
                self.usual_look();
                signed_out
            }
        }
    }

    /// Shows a screen and gives the keyboard to what comes first on it.
    fn show(&mut self, screen: Screen) -> Task<Message> {
        self.screen = screen;
        self.aloud.screen_changed();
        self.repainted = !self.repainted;
        self.focus_first()
    }

    fn focus_first(&self) -> Task<Message> {
        let name = match &self.screen {
            Screen::Enrol(state) => state.first_focus(),
            Screen::SignIn(state) => state.first_focus(),
            Screen::Locked(_) => "pin",
            Screen::Home => "door-administrative",
            Screen::Services => return focus_on(services::first_focus(self.services())),
            Screen::Requests => "back",
            Screen::Catalogue => catalogue::SEARCH,
            Screen::NewPin(state) => state.first_focus(),
            Screen::Browse => self.browse().map_or(page::NAME, browse::State::first_focus),
            Screen::Unreachable { state, .. } => state.first_focus(),
            Screen::Display { .. } => display::FIRST,
        };
        focus_on(name)
    }

    /// Whether somebody may be typing here: then the keyboard is never nobody's.
    fn takes_typing(&self) -> bool {
        matches!(
            self.screen,
            Screen::Enrol(_)
                | Screen::SignIn(_)
                | Screen::Locked(_)
                | Screen::Catalogue
                | Screen::NewPin(_)
                | Screen::Browse
        )
    }

    fn services(&self) -> Option<&api::ServiceList> {
        self.signed_in.as_ref()?.services.as_ref()
    }

    fn browse(&self) -> Option<&browse::State> {
        self.signed_in.as_ref()?.browse.as_ref()
    }

    fn browse_mut(&mut self) -> Option<&mut browse::State> {
        self.signed_in.as_mut()?.browse.as_mut()
    }

    /// Frames of a page that is already seen change nothing else on the screen.
    fn is_painted(&self) -> bool {
        self.browse()
            .is_some_and(|state| matches!(state.status, browse::Status::Ready | browse::Status::Restarted))
    }

    fn key_pressed(&mut self, shortcut: Shortcut) -> Task<Message> {
        match shortcut {
            Shortcut::Next | Shortcut::Previous => {
                let backwards = matches!(shortcut, Shortcut::Previous);
                focus::next(&self.seen.controls, backwards).map_or_else(Task::none, bring)
            }
            // Past the suggestions and filters to what there is.
            Shortcut::IntoList => {
                let here = matches!(self.screen, Screen::Catalogue)
                    && self
                        .seen
                        .controls
                        .iter()
                        .any(|control| control.focused && control.name == catalogue::SEARCH);
                let first =
                    self.seen.controls.iter().find(|control| here && catalogue::is_card(&control.name));
                first.map_or_else(Task::none, bring)
            }
            Shortcut::ChangePane => {
                let in_page =
                    self.seen.controls.iter().any(|control| control.focused && control.name == page::NAME);
                focus_on(if in_page { "back" } else { page::NAME })
            }
            Shortcut::Aloud => self.aloud_pressed(),
            Shortcut::Escape => match &self.screen {
                Screen::Display { .. } => self.display_pressed(),
                Screen::Services | Screen::Requests | Screen::NewPin(_) => self.go_home(),
                Screen::Catalogue => self.catalogue_escaped(),
                Screen::Browse => {
                    let action = self.browse_mut().map(browse::State::escape);
                    action.map_or_else(Task::none, |action| self.browse_act(action))
                }
                _ => {
                    self.released = true;
                    Task::none()
                }
            },
        }
    }

    fn ticked(&mut self, now: Timestamp) -> Task<Message> {
        self.now = now;
        let line = self.hold_line();
        Task::batch([line, self.time_passed()])
    }

    fn time_passed(&mut self) -> Task<Message> {
        let now = self.now;
        let Some(signed_in) = &self.signed_in else { return self.forget_after(idle::since_touch()) };
        if now >= signed_in.session.expires_at {
            return self.sign_out(sign_in::State::saying("signed-out-expired"));
        }
        if idle::since_touch() >= idle_limit(&signed_in.session) {
            return self.lock();
        }
        if signed_in.refreshed.elapsed() < REFRESH {
            return Task::none();
        }
        Task::batch([self.ask_services(), self.ask_requests()])
    }

    fn still_there(&self) -> bool {
        self.signed_in.as_ref().is_some_and(|signed_in| {
            let limit = idle_limit(&signed_in.session);
            limit > STILL_THERE && idle::since_touch() >= limit - STILL_THERE
        })
    }
}

fn idle_limit(session: &api::Session) -> Duration {
    Duration::from_secs(session.idle_limit_seconds.into())
}

/// Without a window manager nobody makes a full-screen window as large as its screen.
fn fill_screen() -> Task<Message> {
    window::oldest()
        .and_then(|id| window::monitor_size(id).and_then(move |size| window::resize(id, size)))
        .chain(Task::done(Message::Touched))
}

/// Gives the keyboard to a control, and looks again at what has it.
fn focus_on(name: impl Into<iced::widget::Id>) -> Task<Message> {
    iced::widget::operation::focus(name).chain(Task::done(Message::Touched))
}

/// Gives the keyboard to a control, and scrolls its list until it is seen whole.
fn bring(control: &focus::Seen) -> Task<Message> {
    let focused = focus_on(control.name.clone());
    if control.hidden == 0.0 {
        return focused;
    }
    let down = AbsoluteOffset { x: 0.0, y: control.hidden };
    focused.chain(iced::widget::operation::scroll_by(focus::SCROLLED, down))
}

/// Stamps the idle clock and the focus ring's flag for whatever a person does, and picks the kiosk's own keys that no
/// control took.
fn listen(event: Event, status: iced::event::Status, _window: window::Id) -> Option<Message> {
    if matches!(event, Event::Mouse(_) | Event::Keyboard(_) | Event::Touch(_)) {
        idle::touch();
    }
    match event {
        Event::Window(window::Event::Opened { size, .. } | window::Event::Resized(size)) => {
            Some(Message::Resized(size))
        }
        Event::Mouse(mouse::Event::ButtonPressed(_)) | Event::Touch(touch::Event::FingerPressed { .. }) => {
            focus::used_keyboard(false);
            None
        }
        Event::Mouse(mouse::Event::ButtonReleased(_)) | Event::Touch(touch::Event::FingerLifted { .. }) => {
            Some(Message::Released)
        }
        Event::Keyboard(keyboard::Event::KeyPressed { key, modifiers, .. }) => {
            focus::used_keyboard(true);
            let Key::Named(named) = key else { return None };
            let taken = status == iced::event::Status::Captured;
            Some(Message::Key(match named {
                Named::F2 => Shortcut::Aloud,
                Named::F6 => Shortcut::ChangePane,
                Named::Tab if !taken && modifiers.shift() => Shortcut::Previous,
                Named::Tab if !taken => Shortcut::Next,
                Named::ArrowDown if !taken => Shortcut::IntoList,
                // A field that is left by it takes it; what the kiosk closes is closed all the same.
                Named::Escape => Shortcut::Escape,
                _ => return None,
            }))
        }
        _ => None,
    }
}
