//! The browse view's engine: Debian's Chromium, headless and caged, one for each session.
//!
//! [`Browser`] is the handle that the application holds; [`process`] owns everything behind it. What comes back is a stream of
//! [`Event`]s, which ends when Chromium does. Dropping the handle kills Chromium and wipes its profile.

pub mod cage;
pub mod frame;
pub mod input;
mod owner;
mod page_hooks;
pub mod policies;
pub mod process;
pub mod protocol;
pub mod proxied_head;
pub mod relay;
mod socket_filter;

use std::path::PathBuf;

use passerelle_api as api;
use tokio::sync::mpsc;

use crate::gateway::Gateway;
use protocol::Call;

/// Commands in flight; a burst of pointer moves beyond it is dropped, and nobody sees it.
const COMMAND_LIMIT: usize = 256;
/// Events waiting for the application; frames are not among them (the newest wins).
const EVENT_LIMIT: usize = 256;

/// What a browser is started for.
#[derive(Clone)]
pub struct Setup {
    /// This binary, which the cage runs as its first stage.
    pub stage: PathBuf,
    pub gateway: Gateway,
    pub token: String,
    /// DER, in base64, of the issuers that pages may be signed by.
    pub issuers: Vec<String>,
    pub language: &'static str,
    /// Pixels of the view.
    pub size: (u32, u32),
    pub url: String,
}

/// The part of the screen that shows the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Pixels of the page's own.
    pub width: u32,
    pub height: u32,
    /// Pixels of the screen for one of the page's own.
    pub zoom: f32,
}

impl View {
    pub fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Pixels of the screen.
    pub fn frame(&self) -> (u32, u32) {
        let pixels = |length: u32| (length as f32 * self.zoom).round() as u32;
        (pixels(self.width), pixels(self.height))
    }
}

/// What the application asks of its browser.
#[derive(Clone, Debug)]
pub enum Command {
    Open(String),
    Back,
    Reload,
    Resize(View),
    Input(Call),
    /// Answers the open dialog; the text is for `prompt`.
    AnswerDialog {
        accept: bool,
        text: Option<String>,
    },
    /// Answers a site that asks for a name and a password; `None` gives up.
    AnswerCredentials(Option<(String, String)>),
}

/// What the browser tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// Chromium runs, its sandbox was seen, its page is being opened.
    Started,
    Frame(frame::Picture),
    /// The main page is elsewhere (no title yet), or its title is known.
    Page {
        url: String,
        title: Option<String>,
    },
    Loading(bool),
    /// A page load that the gateway refused; the page before is still there.
    Refused {
        url: String,
        problem: api::Problem,
    },
    /// A page load that failed in another way (`unreachable`, `terminal-refused`, or Chromium's word).
    Failed {
        url: String,
        why: Failure,
    },
    Dialog(Dialog),
    /// A site asks for a name and a password (RFC 7617); the host is shown.
    CredentialsWanted {
        host: String,
    },
    /// Something this kiosk does not do yet.
    NotYet(NotYet),
    /// Back was asked for on the first page.
    NoWayBack,
    SessionEnded,
    /// The page's process died, or Chromium itself did: this stream ends after it.
    Crashed,
    /// Chromium could not be started; the text is for staff.
    CannotStart(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    GatewayUnreachable,
    TerminalRefused,
    /// The site itself: TLS, a cut connection, no answer.
    Site,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    Upload,
    Download,
    Print,
    /// A link for a program that is not here: mail, telephone.
    OtherProgram,
}

/// A page's own question (`alert` and its like).
#[derive(Clone, Debug)]
pub struct Dialog {
    pub kind: DialogKind,
    /// Of the page that asks.
    pub host: String,
    pub message: String,
    /// What `prompt` proposes.
    pub proposal: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    Alert,
    Confirm,
    Prompt,
    Leave,
}

/// The application's handle. Dropping it ends the browser.
#[derive(Clone, Debug)]
pub struct Browser {
    commands: mpsc::Sender<Command>,
}

impl Browser {
    /// Starts a browser; the stream tells how it goes.
    pub fn start(setup: Setup) -> (Browser, impl futures_util::Stream<Item = Event> + Send + 'static) {
        let (commands, orders) = mpsc::channel(COMMAND_LIMIT);
        let (events, mut told) = mpsc::channel(EVENT_LIMIT);
        let (pictures, mut painted) = tokio::sync::watch::channel(None::<frame::Picture>);
        let owner = process::run(setup, orders, events, pictures);
        let stream =
            iced::stream::channel(1, async move |mut out: iced::futures::channel::mpsc::Sender<Event>| {
                use iced::futures::SinkExt as _;
                let owner = tokio::spawn(owner);
                loop {
                    let event = tokio::select! {
                        biased;
                        event = told.recv() => event,
                        Ok(()) = painted.changed() => painted.borrow_and_update().clone().map(Event::Frame),
                    };
                    let Some(event) = event else { break };
                    // The application is gone: the owner sees its orders end.
                    if out.send(event).await.is_err() {
                        break;
                    }
                }
                let _ = owner.await;
            });
        (Browser { commands }, stream)
    }

    /// Never waits: what a stuck browser can't take is dropped.
    pub fn send(&self, command: Command) {
        if let Err(error) = self.commands.try_send(command) {
            tracing::debug!(%error, "a command to the browser");
        }
    }
}

/// The same browser or another one (late events of a former browser are recognised by it).
pub type Generation = u64;
