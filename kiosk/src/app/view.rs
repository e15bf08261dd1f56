//! What is on the screen, and what is told about it.

use iced::widget::Space;
use iced::{Size, Task};

use super::{Kiosk, Message, Screen, SignedIn};
use crate::events::{Line, Page};
use crate::screen::{Context, browse, catalogue, display, home, requests, services, unreachable};
use crate::widget::mirror::mirrored;
use crate::widget::{Element, focus};

impl Kiosk {
    pub(super) fn view(&self) -> Element<'_, Message> {
        let context = Context {
            text: &self.text,
            session: self.signed_in.as_ref().map(|signed_in| &signed_in.session),
            now: self.now,
            still_there: self.still_there(),
            comfort: self.comfort,
            window: self.room(),
            aloud: self.aloud.state,
        };
        mirrored(self.view_screen(&context), self.text.language().is_right_to_left())
    }

    fn view_screen<'a>(&'a self, context: &Context<'a>) -> Element<'a, Message> {
        match &self.screen {
            Screen::Enrol(state) => state.view(context).map(Message::Enrol),
            Screen::SignIn(state) => state.view(context).map(Message::SignIn),
            Screen::Locked(state) => state.view(context).map(Message::Locked),
            Screen::NewPin(state) => state.view(context).map(Message::NewPin),
            Screen::Unreachable { state, .. } => unreachable::view(*state, context).map(Message::Unreachable),
            Screen::Display { .. } => display::view(context).map(Message::Display),
            Screen::Home | Screen::Services | Screen::Catalogue | Screen::Requests | Screen::Browse => {
                match &self.signed_in {
                    Some(signed_in) => self.view_signed_in(signed_in, context),
                    None => Space::new().into(),
                }
            }
        }
    }

    /// The screens that only a signed-in person has.
    fn view_signed_in<'a>(&'a self, signed_in: &'a SignedIn, context: &Context<'a>) -> Element<'a, Message> {
        let services = signed_in.services.as_ref();
        match &self.screen {
            Screen::Services => services::view(services, context).map(Message::Services),
            Screen::Catalogue => {
                catalogue::view(&signed_in.catalogue, services, context).map(Message::Catalogue)
            }
            Screen::Requests => requests::view(&signed_in.requests, context).map(Message::Requests),
            Screen::Browse if signed_in.browse.is_some() => {
                let minutes = self.chosen().and_then(|service| service.minutes_left);
                let page = signed_in.browse.as_ref().map(|state| state.view(minutes, context));
                page.map_or_else(|| Space::new().into(), |page| page.map(Message::Browse))
            }
            _ => home::view(signed_in.requests.news(), context).map(Message::Home),
        }
    }

    /// The view was laid out: its controls are known.
    pub(super) fn surveyed(&mut self, view: u64, seen: focus::Sight) -> Task<Message> {
        if view != self.view {
            return Task::none();
        }
        self.seen = seen;
        let lost =
            std::mem::take(&mut self.released) && !self.seen.controls.iter().any(|control| control.focused);
        if lost && self.takes_typing() {
            return self.focus_first();
        }
        let said = self.read_aloud();
        if let Some(mut events) = self.events.take() {
            events.write(&self.line());
            self.events = Some(events);
        }
        said
    }

    fn line(&self) -> Line {
        let visible = |control: &&focus::Seen| control.enabled && control.bounds.size() != Size::ZERO;
        let scale = self.comfort.size.scale();
        let rectangle = |control: &focus::Seen| {
            let bounds = control.bounds;
            (
                control.name.clone(),
                [bounds.x, bounds.y, bounds.width, bounds.height].map(|pixels| (pixels * scale) as i32),
            )
        };
        let browse = self.browse();
        Line {
            screen: self.screen_name(),
            focus: self
                .seen
                .controls
                .iter()
                .find(|control| control.focused)
                .map(|control| control.name.clone()),
            rectangles: self.seen.controls.iter().filter(visible).map(rectangle).collect(),
            refusal: self.refusal(),
            dialog: self.over().and_then(|over| over.word()).map(String::from),
            page: browse.filter(|browse| !browse.url.is_empty()).map(|browse| Page {
                url: browse.url.clone(),
                title: browse.title.clone(),
                loading: browse.loading,
            }),
            searched: self
                .signed_in
                .as_ref()
                .filter(|_| matches!(self.screen, Screen::Catalogue))
                .and_then(|signed_in| signed_in.catalogue.searched().map(String::from)),
            browser: match browse {
                Some(browse) => Some(browse.status.word()),
                None => (self.browsers > 0).then_some("ending"),
            },
        }
    }

    pub(super) fn screen_name(&self) -> &'static str {
        match &self.screen {
            Screen::Enrol(_) => "enrol",
            Screen::SignIn(_) => "sign-in",
            Screen::Locked(_) => "locked",
            Screen::Home => "home",
            Screen::Services => "services",
            Screen::Catalogue => "catalogue",
            Screen::Requests => "requests",
            Screen::NewPin(state) => state.step(),
            Screen::Browse => "browse",
            Screen::Unreachable { .. } => "unreachable",
            Screen::Display { .. } => "display",
        }
    }

    fn refusal(&self) -> Option<String> {
        match &self.screen {
            Screen::SignIn(state) => state.refusal().map(String::from),
            Screen::Locked(state) => state.refusal().map(String::from),
            Screen::NewPin(state) => state.refusal().map(String::from),
            Screen::Catalogue => self.signed_in.as_ref()?.catalogue.refusal().map(String::from),
            _ => self.over()?.refusal_code().map(String::from),
        }
    }

    /// What is drawn over the page, where the page is on the screen.
    pub(super) fn over(&self) -> Option<&browse::Over> {
        self.browse().filter(|_| matches!(self.screen, Screen::Browse)).map(|browse| &browse.over)
    }
}
