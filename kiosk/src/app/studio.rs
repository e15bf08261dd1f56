//! The whole application without a window: the tests' hands and eyes, within one process and without a display.
//!
//! Events go through the widgets and then the same filter as in a window; tasks that are ready at once are obeyed, the others
//! when a test waits for them. Pictures go where `PASSERELLE_ALBUM` says, as PPM.

#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures_util::stream::SelectAll;
use futures_util::{FutureExt as _, StreamExt as _};
use iced::advanced::renderer::{self, Headless as _};
use iced::advanced::widget::operation::{Operation, Outcome};
use iced::advanced::{clipboard, mouse};
use iced::keyboard::{self, Key, key};
use iced::{Event, Pixels, Point, Rectangle, Renderer, Size, Task, window};
use iced_runtime::futures::BoxStream;
use iced_runtime::user_interface::{Cache, UserInterface};
use iced_runtime::{Action, task};
use jiff::{SignedDuration, Timestamp};
use passerelle_api as api;

use super::{Kiosk, Message, Place, Screen, SignedIn, Start, listen};
use crate::comfort::Comfort;
use crate::enrolment::Enrolment;
use crate::gateway::Gateway;
use crate::text::{Language, Text};
use crate::theme::{self, Theme};
use crate::widget::focus::Seen;

/// Idle clock and focus flag belong to the process: one studio at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A batch of tasks yields between its tasks: so many polls without an answer mean that nothing is ready.
const POLLS: usize = 8;
/// For what takes its time, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Studio {
    pub kiosk: Kiosk,
    renderer: Renderer,
    cache: Cache,
    /// Pixels of the screen.
    size: Size,
    pointer: mouse::Cursor,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    /// What takes its time.
    pending: SelectAll<BoxStream<Action<Message>>>,
    _one: MutexGuard<'static, ()>,
}

/// A text that was laid out, in pixels of the window.
#[derive(Debug)]
pub struct Words {
    pub words: String,
    pub bounds: Rectangle,
}

impl Studio {
    /// A kiosk without an enrolment, on a screen of that many pixels.
    pub fn open(width: f32, height: f32) -> Studio {
        let one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let start = Start { folder: folder.path().into(), windowed: true, events: None };
        let (kiosk, first) = Kiosk::boot(start);
        let renderer = Renderer::new(theme::FONT, Pixels(16.0));
        let (cache, pointer) = (Cache::new(), mouse::Cursor::Unavailable);
        let size = Size::new(width, height);
        let mut studio = Studio {
            kiosk,
            renderer,
            cache,
            size,
            pointer,
            folder,
            runtime,
            pending: SelectAll::new(),
            _one: one,
        };
        studio.obey(first);
        studio.tell(Message::Resized(size));
        studio
    }

    /// The same, enrolled at a gateway that is not there.
    pub fn enrolled(width: f32, height: f32) -> Studio {
        let mut studio = Studio::open(width, height);
        let made = rcgen::generate_simple_self_signed(["borne-exemple".into()]).unwrap();
        let certificate = made.cert.pem();
        let text = |words: &str| words.to_owned();
        let enrolment = Enrolment {
            // Nothing to look up and nobody to drive the connection: a call never ends, however slow the machine is.
            gateway: text("127.0.0.1:9"),
            server_name: text("passerelle.example"),
            terminal: text("borne-exemple"),
            journal_key: text("key"),
            key: made.signing_key.serialize_pem(),
            trust: certificate.clone(),
            inspection: certificate.clone(),
            certificate,
        };
        let gateway = Gateway::new(&enrolment).unwrap();
        studio.kiosk.place = Some(Place { enrolment, gateway });
        studio.show(Screen::SignIn(Default::default()));
        studio
    }

    /// Somebody signed in, on the home screen.
    pub fn signed_in(width: f32, height: f32) -> Studio {
        let mut studio = Studio::enrolled(width, height);
        let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        studio.kiosk.now = now;
        let last = api::LastSignIn { at: now - SignedDuration::from_hours(25), terminal: "borne-2".into() };
        let session = api::Session {
            token: None,
            session: "s".into(),
            person: "camille".into(),
            name: "Camille Exemple".into(),
            terminal: "borne-exemple".into(),
            expires_at: now + SignedDuration::from_mins(70),
            idle_limit_seconds: 600,
            last_sign_in: Some(last),
        };
        studio.kiosk.signed_in = Some(SignedIn::new(session, "t".into(), 0));
        studio.show(Screen::Home);
        studio
    }

    /// Gone with the studio.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn show(&mut self, screen: Screen) {
        let task = self.kiosk.show(screen);
        self.obey(task);
        self.tell(Message::Touched);
    }

    pub fn language(&mut self, language: Language) {
        self.kiosk.text = Text::new(language);
        self.tell(Message::Touched);
    }

    pub fn comfort(&mut self, comfort: Comfort) {
        self.kiosk.comfort = comfort;
        self.tell(Message::Touched);
    }

    /// Pixels of the layout.
    pub fn room(&self) -> Size {
        self.kiosk.room()
    }

    /// A message, and all that follows from it at once.
    pub fn tell(&mut self, message: Message) {
        let task = self.kiosk.update(message);
        self.obey(task);
    }

    pub fn obey(&mut self, task: Task<Message>) {
        let Some(mut actions) = task::into_stream(task) else { return };
        loop {
            let ready = {
                let _entered = self.runtime.enter();
                (0..POLLS).find_map(|_| actions.next().now_or_never())
            };
            match ready {
                Some(Some(action)) => self.act(action),
                Some(None) => return,
                None => return self.pending.push(actions),
            }
        }
    }

    fn act(&mut self, action: Action<Message>) {
        match action {
            Action::Output(message) => self.tell(message),
            Action::Widget(operation) => self.operate(operation),
            _ => {}
        }
    }

    /// Lets what takes its time come to its end, until the kiosk is as wanted.
    pub fn wait(&mut self, wanted: impl Fn(&Kiosk) -> bool) {
        while !wanted(&self.kiosk) {
            let next = async { tokio::time::timeout(PATIENCE, self.pending.next()).await };
            let action = self.runtime.block_on(next).expect("in time").expect("something is under way");
            self.act(action);
        }
    }

    fn operate(&mut self, operation: Box<dyn Operation>) {
        let mut next = Some(operation);
        while let Some(mut operation) = next.take() {
            self.interface(|interface, renderer| interface.operate(renderer, operation.as_mut()));
            if let Outcome::Chain(chained) = operation.finish() {
                next = Some(chained);
            }
        }
    }

    fn interface<T>(
        &mut self,
        act: impl FnOnce(&mut UserInterface<'_, Message, Theme, Renderer>, &mut Renderer) -> T,
    ) -> T {
        let cache = std::mem::take(&mut self.cache);
        let mut interface =
            UserInterface::build(self.kiosk.view(), self.kiosk.room(), cache, &mut self.renderer);
        let made = act(&mut interface, &mut self.renderer);
        self.cache = interface.into_cache();
        made
    }

    fn event(&mut self, event: Event) {
        let (pointer, mut messages) = (self.pointer, Vec::new());
        let statuses = self.interface(|interface, renderer| {
            let events = [event.clone()];
            interface.update(&events, pointer, renderer, &mut clipboard::Null, &mut messages).1
        });
        messages.extend(listen(event, statuses[0], window::Id::unique()));
        for message in messages {
            self.tell(message);
        }
    }

    /// Presses and releases the pointer on a control.
    pub fn click(&mut self, name: &str) {
        let at = self.seen(name).bounds.center();
        self.click_at(at);
    }

    pub fn click_at(&mut self, at: Point) {
        self.pointer = mouse::Cursor::Available(at);
        self.event(Event::Mouse(mouse::Event::CursorMoved { position: at }));
        self.event(Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)));
        self.event(Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)));
    }

    pub fn press(&mut self, named: key::Named) {
        self.key(Key::Named(named), None);
    }

    pub fn write(&mut self, words: &str) {
        for letter in words.chars() {
            let key = Key::Character(letter.to_string().into());
            self.key(key, Some(letter));
        }
    }

    fn key(&mut self, key: Key, text: Option<char>) {
        self.event(Event::Keyboard(keyboard::Event::KeyPressed {
            key: key.clone(),
            modified_key: key,
            physical_key: key::Physical::Unidentified(key::NativeCode::Unidentified),
            location: keyboard::Location::Standard,
            modifiers: keyboard::Modifiers::default(),
            text: text.map(|letter| letter.to_string().into()),
            repeat: false,
        }));
    }

    /// The control of that name, as last surveyed.
    pub fn seen(&self, name: &str) -> &Seen {
        let found = self.kiosk.seen.controls.iter().find(|control| control.name == name);
        found.unwrap_or_else(|| panic!("no control {name} among {:?}", self.kiosk.seen))
    }

    pub fn focused(&self) -> Vec<&str> {
        let focused = self.kiosk.seen.controls.iter().filter(|control| control.focused);
        focused.map(|control| control.name.as_str()).collect()
    }

    /// Every text of the screen, in reading order.
    pub fn words(&mut self) -> Vec<Words> {
        #[derive(Default)]
        struct Reader(Vec<Words>);
        impl Operation for Reader {
            fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation)) {
                operate(self);
            }
            fn text(&mut self, _id: Option<&iced::widget::Id>, bounds: Rectangle, words: &str) {
                self.0.push(Words { words: words.into(), bounds });
            }
        }
        let mut reader = Reader::default();
        self.interface(|interface, renderer| interface.operate(renderer, &mut reader));
        reader.0
    }

    pub fn says(&mut self, words: &str) -> bool {
        self.words().iter().any(|text| text.words.contains(words))
    }

    /// RGBA of the whole screen; also kept as a picture where an album is asked for.
    pub fn picture(&mut self, name: &str) -> Vec<u8> {
        let (pointer, look) = (self.pointer, self.kiosk.comfort.theme);
        let style = renderer::Style { text_color: theme::INK.of(&look) };
        let redraw = [Event::Window(window::Event::RedrawRequested(std::time::Instant::now()))];
        self.interface(|interface, renderer| {
            interface.update(&redraw, pointer, renderer, &mut clipboard::Null, &mut Vec::new());
            interface.draw(renderer, &look, &style, pointer);
        });
        let size = Size::new(self.size.width as u32, self.size.height as u32);
        let scale = self.kiosk.comfort.size.scale();
        let pixels = self.renderer.screenshot(size, scale, theme::GROUND.of(&look));
        if let Some(album) = std::env::var_os("PASSERELLE_ALBUM") {
            let mut file = format!("P6 {} {} 255\n", size.width, size.height).into_bytes();
            file.extend(pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]));
            std::fs::write(std::path::Path::new(&album).join(format!("{name}.ppm")), file).unwrap();
        }
        pixels
    }
}
