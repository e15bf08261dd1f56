//! What the screens ask for, done: each function obeys one screen's action or takes one answer.

use std::time::Instant;

use iced::Task;
use jiff::Timestamp;
use passerelle_api as api;

use super::{Kiosk, Message, Screen, SignedIn};
use crate::enrolment;
use crate::gateway::GatewayError;
use crate::screen::{browse, enrol, home, locked, new_pin, services, sign_in};

impl Kiosk {
    pub(super) fn enrol_told(&mut self, message: enrol::Message) -> Task<Message> {
        let Screen::Enrol(state) = &mut self.screen else { return Task::none() };
        match state.update(message) {
            enrol::Action::None => Task::none(),
            enrol::Action::Bar(bar) => self.bar_told(bar),
            enrol::Action::Leave => self.leave_enrolment(),
            enrol::Action::Enrol { address, code } => {
                let call = self.next_id();
                if let Screen::Enrol(state) = &mut self.screen {
                    state.waits_for(call);
                }
                let folder = self.folder.clone();
                let enrolled = async move {
                    let made = enrolment::enrol(&address, &code, &folder).await;
                    made.map(drop).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
                };
                Task::perform(enrolled, move |answer| Message::Enrolled(call, answer))
            }
        }
    }

    pub(super) fn enrolled(&mut self, call: u64, answer: Result<(), String>) -> Task<Message> {
        let Screen::Enrol(state) = &mut self.screen else { return Task::none() };
        if state.waiting() != Some(call) {
            return Task::none();
        }
        if let Err(error) = answer.and_then(|()| self.settle()) {
            tracing::error!(error, "enrolling this terminal");
            if let Screen::Enrol(state) = &mut self.screen {
                state.failed();
            }
        }
        self.focus_first()
    }

    pub(super) fn sign_in_told(&mut self, message: sign_in::Message) -> Task<Message> {
        let Screen::SignIn(state) = &mut self.screen else { return Task::none() };
        match state.update(message) {
            sign_in::Action::None => Task::none(),
            sign_in::Action::Bar(bar) => self.bar_told(bar),
            sign_in::Action::Focus(name) => super::focus_on(name),
            sign_in::Action::SignIn { person, pin } => self.sign_in(person, pin),
        }
    }

    pub(super) fn locked_told(&mut self, message: locked::Message) -> Task<Message> {
        let Screen::Locked(state) = &mut self.screen else { return Task::none() };
        match state.update(message) {
            locked::Action::None => Task::none(),
            locked::Action::Bar(bar) => self.bar_told(bar),
            locked::Action::Leave => {
                self.usual_look();
                self.show(Screen::SignIn(sign_in::State::default()))
            }
            locked::Action::SignIn { person, pin } => self.sign_in(person, pin),
        }
    }

    fn sign_in(&mut self, person: String, pin: String) -> Task<Message> {
        let call = self.next_id();
        match &mut self.screen {
            Screen::SignIn(state) => state.pin().waits_for(call),
            Screen::Locked(state) => state.pin().waits_for(call),
            _ => return Task::none(),
        }
        let Some(place) = &self.place else { return Task::none() };
        let gateway = place.gateway.clone();
        Task::perform(async move { gateway.sign_in(person, pin).await }, move |answer| {
            Message::SignedIn(call, answer)
        })
    }

    pub(super) fn signed_in(
        &mut self,
        call: u64,
        answer: Result<api::Session, GatewayError>,
    ) -> Task<Message> {
        let waiting = match &self.screen {
            Screen::SignIn(state) => state.waiting(),
            Screen::Locked(state) => state.waiting(),
            _ => None,
        };
        if waiting != Some(call) {
            return Task::none();
        }
        match answer {
            Ok(mut session) => match session.token.take() {
                Some(token) => {
                    self.now = Timestamp::now(); // the last tick may be older than this session
                    self.signed_in = Some(SignedIn::new(session, token, call));
                    Task::batch([self.go_home(), self.ask_services()])
                }
                None => self.sign_in_failed(&GatewayError::Unreadable("a session without token".into())),
            },
            Err(error) => self.sign_in_failed(&error),
        }
    }

    fn sign_in_failed(&mut self, error: &GatewayError) -> Task<Message> {
        tracing::info!(%error, "a sign-in");
        match &mut self.screen {
            Screen::SignIn(state) => state.failed(error),
            Screen::Locked(state) => state.failed(error),
            _ => {}
        }
        let focus = self.focus_first();
        Task::batch([focus, self.look_for_gateway(error)])
    }

    pub(super) fn home_told(&mut self, message: home::Message) -> Task<Message> {
        match message {
            home::Message::Bar(bar) => self.bar_told(bar),
            home::Message::DoorOpened(home::Door::Administrative) => {
                let shown = self.show(Screen::Services);
                Task::batch([shown, self.ask_services()])
            }
            home::Message::DoorOpened(home::Door::Training) => self.open_learning(),
            home::Message::RequestsOpened => self.open_requests(),
            home::Message::NewPinOpened => self.show(Screen::NewPin(new_pin::State::default())),
        }
    }

    pub(super) fn ask_services(&mut self) -> Task<Message> {
        let call = self.next_id();
        let (Some(place), Some(signed_in)) = (&self.place, &mut self.signed_in) else { return Task::none() };
        signed_in.refreshed = Instant::now();
        let (gateway, token) = (place.gateway.clone(), signed_in.token.clone());
        Task::perform(async move { gateway.services(&token).await }, move |answer| {
            Message::ServicesAnswered(call, answer)
        })
    }

    pub(super) fn services_answered(
        &mut self,
        call: u64,
        answer: Result<api::ServiceList, GatewayError>,
    ) -> Task<Message> {
        // Whose session asked is all that matters: an older list of the same session is as good for a minute.
        let Some(signed_in) = self.signed_in.as_mut().filter(|signed_in| signed_in.since <= call) else {
            return Task::none();
        };
        match answer {
            Ok(list) => {
                let first = signed_in.services.replace(list).is_none();
                if first && matches!(self.screen, Screen::Services) {
                    self.focus_first()
                } else {
                    Task::none()
                }
            }
            Err(error) => self.call_failed(&error),
        }
    }

    pub(super) fn services_told(&mut self, message: services::Message) -> Task<Message> {
        match message {
            services::Message::Bar(bar) => self.bar_told(bar),
            services::Message::Returned => self.go_home(),
            services::Message::Chosen(id) => self.open_service(&id),
        }
    }

    pub(super) fn open_service(&mut self, id: &str) -> Task<Message> {
        let Some(signed_in) = &self.signed_in else { return Task::none() };
        let chosen =
            signed_in.services.iter().flat_map(|list| &list.services).find(|service| service.id == id);
        let Some(url) = chosen.and_then(|service| service.start.clone()) else { return Task::none() };
        self.open_page(Some(id.to_owned()), url)
    }

    /// A page of a service, or one that was granted.
    pub(super) fn open_page(&mut self, service: Option<String>, url: String) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        if let Some(browse) =
            signed_in.browse.as_mut().filter(|browse| browse.status != browse::Status::CannotStart)
        {
            browse.open(service, url);
            return self.show(Screen::Browse);
        }
        signed_in.browse = Some(browse::State::new(service, url));
        let started = self.start_browser();
        Task::batch([self.show(Screen::Browse), started])
    }

    pub(super) fn ask_access(&mut self, url: String, reason: String) -> Task<Message> {
        let call = self.next_id();
        let (Some(place), Some(signed_in)) = (&self.place, &mut self.signed_in) else { return Task::none() };
        if let Some(browse) = &mut signed_in.browse {
            browse.over.sending(browse::Sending::Waiting(call));
        }
        let (gateway, token) = (place.gateway.clone(), signed_in.token.clone());
        let request = api::NewAccessRequest { url, reason };
        Task::perform(async move { gateway.request_access(&token, request).await }, move |answer| {
            Message::AccessAsked(call, answer)
        })
    }

    pub(super) fn access_asked(&mut self, call: u64, answer: Result<(), GatewayError>) -> Task<Message> {
        let Some(browse) = self.browse_mut().filter(|browse| browse.over.waits_for(call)) else {
            return Task::none();
        };
        match answer {
            Ok(()) => {
                browse.over = browse::Over::Asked;
                self.focus_first()
            }
            Err(error) => {
                browse.over.sending(browse::Sending::Failed);
                self.call_failed(&error)
            }
        }
    }
}
