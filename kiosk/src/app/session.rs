//! The session's life on this terminal: its browser, its end, and the gateway that may be away meanwhile.

use std::time::Instant;

use iced::Task;

use super::{Kiosk, Message, Screen, learning};
use crate::browser::{self, Browser, Generation, Setup};
use crate::gateway::GatewayError;
use crate::screen::{browse, enrol, home, locked, sign_in, unreachable};
use crate::widget::page;

/// Pixels of a view until the window says its own size.
const FIRST_VIEW: (u32, u32) = (1280, 720);

impl Kiosk {
    /// A fresh Chromium for this session; its address is what the browse state wants.
    pub(super) fn start_browser(&mut self) -> Task<Message> {
        let generation = self.next_id();
        let (Some(place), Some(signed_in)) = (&self.place, &mut self.signed_in) else { return Task::none() };
        let Some(browse) = &mut signed_in.browse else { return Task::none() };
        let size = self
            .seen
            .controls
            .iter()
            .find(|control| control.name == page::NAME)
            .map(|control| control.bounds.size());
        // A binary replaced under a running kiosk has no path any more; its process still is this binary.
        let stage = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        let (browser, events) = Browser::start(Setup {
            stage,
            gateway: place.gateway.clone(),
            token: signed_in.token.clone(),
            issuers: place.enrolment.page_issuers(),
            language: self.text.language().code(),
            size: size.map_or(FIRST_VIEW, |size| (size.width as u32, size.height as u32)),
            url: browse.wanted.clone(),
        });
        browse.started(generation, browser);
        self.browsers += 1;
        Task::run(events, move |event| Message::Browser(generation, event))
            .chain(Task::done(Message::BrowserGone))
    }

    pub(super) fn browser_told(&mut self, generation: Generation, event: browser::Event) -> Task<Message> {
        let Some(browse) = self.browse_mut().filter(|browse| browse.generation == generation) else {
            return Task::none();
        };
        let (before, moved) = (browse.status, matches!(event, browser::Event::Page { .. }));
        let action = browse.told(event, Instant::now());
        // The page takes the keyboard as soon as there is one.
        let painted = browse.status != before
            && matches!(browse.status, browse::Status::Ready | browse::Status::Restarted);
        let acted = self.browse_act(action);
        let acted = if moved { Task::batch([acted, self.page_moved()]) } else { acted };
        if painted && matches!(self.screen, Screen::Browse) { acted.chain(self.focus_first()) } else { acted }
    }

    pub(super) fn browse_told(&mut self, message: browse::Message) -> Task<Message> {
        let Some(action) = self.browse_mut().map(|browse| browse.update(message)) else {
            return Task::none();
        };
        self.browse_act(action)
    }

    pub(super) fn browse_act(&mut self, action: browse::Action) -> Task<Message> {
        let here = matches!(self.screen, Screen::Browse);
        match action {
            browse::Action::None => Task::none(),
            browse::Action::Focus(name) if here => super::focus_on(name),
            browse::Action::Focus(_) => Task::none(),
            browse::Action::Leave if here => self.leave_site(),
            browse::Action::Leave => Task::none(),
            browse::Action::Bar(bar) => self.bar_told(bar),
            browse::Action::Restart => self.start_browser(),
            browse::Action::AskAccess { url, reason } => self.ask_access(url, reason),
            browse::Action::Unreachable { terminal_refused } => self.gateway_lost(terminal_refused),
            browse::Action::SessionEnded => self.sign_out(sign_in::State::saying("signed-out-ended")),
        }
    }

    /// Back to where the page was chosen, with its minutes as they are now.
    fn leave_site(&mut self) -> Task<Message> {
        let granted = self.browse().is_some_and(|browse| browse.service.is_none());
        let learning =
            self.chosen().is_some_and(|service| service.category == home::Door::Training.category());
        if let Some(browse) = self.browse_mut() {
            browse.left();
        }
        match (granted, learning) {
            (true, _) => self.open_requests(),
            (false, true) => self.open_learning(),
            (false, false) => {
                let shown = self.show(Screen::Services);
                Task::batch([shown, self.ask_services()])
            }
        }
    }

    /// The service whose site is open.
    pub(super) fn chosen(&self) -> Option<&passerelle_api::Service> {
        let signed_in = self.signed_in.as_ref()?;
        let id = signed_in.browse.as_ref()?.service.as_ref()?;
        signed_in.services.as_ref()?.services.iter().find(|service| service.id == *id)
    }

    /// Ends the session here and at the gateway. Dropping it kills the browser.
    pub(super) fn sign_out(&mut self, next: sign_in::State) -> Task<Message> {
        let told = self.end_session();
        Task::batch([self.show(Screen::SignIn(next)), told])
    }

    pub(super) fn lock(&mut self) -> Task<Message> {
        let Some(signed_in) = &self.signed_in else { return Task::none() };
        let (person, name) = (signed_in.session.person.clone(), signed_in.session.name.clone());
        let told = self.end_session();
        Task::batch([self.show(Screen::Locked(locked::State::new(person, name))), told])
    }

    fn end_session(&mut self) -> Task<Message> {
        let (Some(place), Some(mut signed_in)) = (&self.place, self.signed_in.take()) else {
            return Task::none();
        };
        let (gateway, token) = (place.gateway.clone(), signed_in.token);
        let left = signed_in.reading.closed();
        let told = async move {
            learning::save(&gateway, &token, left).await;
            if let Err(error) = gateway.sign_out(&token).await {
                tracing::warn!(%error, "signing out at the gateway");
            }
        };
        Task::perform(told, |()| Message::SignOutAnswered)
    }

    /// A call of a signed-in person failed: the session may be over, or the gateway away.
    pub(super) fn call_failed(&mut self, error: &GatewayError) -> Task<Message> {
        tracing::info!(%error, "a call");
        match error {
            GatewayError::Refused(problem) if problem.code == "no-session" => {
                self.sign_out(sign_in::State::saying("signed-out-ended"))
            }
            GatewayError::Refused(problem) if problem.code == "person-locked" => {
                self.sign_out(sign_in::State::saying("sign-in-person-locked"))
            }
            error => self.look_for_gateway(error),
        }
    }

    pub(super) fn look_for_gateway(&mut self, error: &GatewayError) -> Task<Message> {
        match error {
            GatewayError::Unreachable(_) => self.gateway_lost(false),
            GatewayError::TerminalRefused(_) => self.gateway_lost(true),
            GatewayError::Refused(problem) if problem.code == "no-terminal" => self.gateway_lost(true),
            GatewayError::Refused(_) | GatewayError::Unreadable(_) => Task::none(),
        }
    }

    /// The screen waits behind; but with a terminal that was withdrawn its session ended too.
    fn gateway_lost(&mut self, terminal_refused: bool) -> Task<Message> {
        let ended = if terminal_refused { self.end_session() } else { Task::none() };
        if let Screen::Unreachable { state, behind, .. } = &mut self.screen {
            state.terminal_refused = terminal_refused;
            if terminal_refused {
                **behind = Screen::SignIn(sign_in::State::default());
                return Task::batch([ended, self.focus_first()]);
            }
            return ended;
        }
        let screen = std::mem::replace(&mut self.screen, Screen::SignIn(sign_in::State::default()));
        let behind = if terminal_refused { Screen::SignIn(sign_in::State::default()) } else { screen };
        let state = unreachable::State::new(terminal_refused);
        let shown = self.show(Screen::Unreachable { state, knock: 0, behind: Box::new(behind) });
        Task::batch([ended, shown, self.knock()])
    }

    pub(super) fn unreachable_told(&mut self, message: unreachable::Message) -> Task<Message> {
        match message {
            unreachable::Message::Bar(bar) => self.bar_told(bar),
            unreachable::Message::EnrolmentOpened => {
                let address = self.place.as_ref().map(|place| place.enrolment.gateway.clone());
                self.show(Screen::Enrol(enrol::State::again(address.unwrap_or_default())))
            }
        }
    }

    /// Back from an enrolment that was not wanted: whether this terminal is still refused, the next knock says.
    pub(super) fn leave_enrolment(&mut self) -> Task<Message> {
        if self.place.is_none() {
            return Task::none();
        }
        let behind = Box::new(Screen::SignIn(sign_in::State::default()));
        let state = unreachable::State::new(true);
        let shown = self.show(Screen::Unreachable { state, knock: 0, behind });
        Task::batch([shown, self.knock()])
    }

    /// Where nobody calls for a while, the line tells that the gateway is gone; while it is away, knocking tells that it is back.
    pub(super) fn hold_line(&mut self) -> Task<Message> {
        let is_away = matches!(self.screen, Screen::Unreachable { .. } | Screen::Enrol(_));
        let Some(place) = self.place.as_ref().filter(|_| self.line.is_none() && !is_away) else {
            return Task::none();
        };
        let gateway = place.gateway.clone();
        let call = self.next_id();
        self.line = Some(call);
        Task::perform(async move { gateway.hold_line().await }, move |lost| Message::LineLost(call, lost))
    }

    pub(super) fn line_lost(&mut self, call: u64, lost: &GatewayError) -> Task<Message> {
        if self.line != Some(call) {
            return Task::none();
        }
        self.line = None;
        self.look_for_gateway(lost)
    }

    /// Waits a little longer each time, then asks whether the gateway answers, and still knows the session.
    fn knock(&mut self) -> Task<Message> {
        let call = self.next_id();
        let (Some(place), Screen::Unreachable { state, knock, .. }) = (&self.place, &mut self.screen) else {
            return Task::none();
        };
        *knock = call;
        let (gateway, pause) = (place.gateway.clone(), state.next_pause());
        let token = self.signed_in.as_ref().map(|signed_in| signed_in.token.clone());
        let knocked = async move {
            tokio::time::sleep(pause).await;
            match token {
                Some(token) => gateway.session(&token).await.map(drop),
                None => gateway.knock().await,
            }
        };
        Task::perform(knocked, move |answer| Message::Knocked(call, answer))
    }

    pub(super) fn knocked(&mut self, call: u64, answer: Result<(), GatewayError>) -> Task<Message> {
        let Screen::Unreachable { state, knock, behind } = &mut self.screen else { return Task::none() };
        if *knock != call {
            return Task::none();
        }
        let code = match &answer {
            Err(GatewayError::Refused(problem)) => problem.code.as_str(),
            _ => "",
        };
        match (answer.as_ref(), code) {
            (Err(GatewayError::Unreachable(_)), _) => {
                state.terminal_refused = false;
                self.knock()
            }
            (Err(GatewayError::TerminalRefused(_)), _) | (_, "no-terminal") => {
                let lost = self.gateway_lost(true);
                Task::batch([lost, self.knock()])
            }
            // A gateway that was restarted has forgotten its sessions.
            (_, "no-session") => self.sign_out(sign_in::State::saying("signed-out-ended")),
            (_, "person-locked") => self.sign_out(sign_in::State::saying("sign-in-person-locked")),
            _ => {
                let behind = std::mem::replace(&mut **behind, Screen::Home);
                if let (Screen::Browse, Some(browse)) = (&behind, self.browse_mut()) {
                    browse.recovered();
                }
                let shown = self.show(behind);
                Task::batch([shown, self.ask_services()])
            }
        }
    }
}
