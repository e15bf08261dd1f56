//! A person's own affairs: their access requests with the answers, and their PIN.

use iced::Task;
use passerelle_api as api;

use super::{Kiosk, Message, Screen};
use crate::gateway::GatewayError;
use crate::screen::{new_pin, requests};

impl Kiosk {
    /// Home, with the answers that came meanwhile.
    pub(super) fn go_home(&mut self) -> Task<Message> {
        let shown = self.show(Screen::Home);
        Task::batch([shown, self.ask_requests()])
    }

    pub(super) fn open_requests(&mut self) -> Task<Message> {
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.requests.looked();
        }
        let shown = self.show(Screen::Requests);
        Task::batch([shown, self.ask_requests()])
    }

    pub(super) fn ask_requests(&mut self) -> Task<Message> {
        let call = self.next_id();
        let Some((gateway, token)) = self.line_out() else { return Task::none() };
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        signed_in.requests.waits_for(call);
        Task::perform(async move { gateway.requests(&token).await }, move |answer| {
            Message::RequestsAnswered(call, answer)
        })
    }

    pub(super) fn requests_told(&mut self, message: requests::Message) -> Task<Message> {
        match message {
            requests::Message::Bar(bar) => self.bar_told(bar),
            requests::Message::Returned => self.go_home(),
            requests::Message::Opened(url) => self.open_page(None, url),
        }
    }

    pub(super) fn requests_answered(
        &mut self,
        call: u64,
        answer: Result<api::RequestList, GatewayError>,
    ) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        let (list, error) = answer.map_or_else(|error| (None, Some(error)), |list| (Some(list), None));
        if !signed_in.requests.answered(call, list) {
            return Task::none();
        }
        let looks = matches!(self.screen, Screen::Requests);
        if looks {
            signed_in.requests.looked();
        }
        let Some(error) = error else { return Task::none() };
        // Shown as home again: the door back is better than a wait without end.
        let shown = if looks { self.show(Screen::Home) } else { Task::none() };
        Task::batch([shown, self.call_failed(&error)])
    }

    pub(super) fn new_pin_told(&mut self, message: new_pin::Message) -> Task<Message> {
        let Screen::NewPin(state) = &mut self.screen else { return Task::none() };
        match state.update(message) {
            new_pin::Action::None => Task::none(),
            new_pin::Action::Bar(bar) => self.bar_told(bar),
            new_pin::Action::Focus => self.focus_first(),
            new_pin::Action::Leave => self.go_home(),
            new_pin::Action::Change(change) => self.change_pin(change),
        }
    }

    fn change_pin(&mut self, change: api::PinChange) -> Task<Message> {
        let call = self.next_id();
        let Some((gateway, token)) = self.line_out() else { return Task::none() };
        let Screen::NewPin(state) = &mut self.screen else { return Task::none() };
        state.waits_for(call);
        Task::perform(async move { gateway.change_pin(&token, change).await }, move |answer| {
            Message::PinAnswered(call, answer)
        })
    }

    pub(super) fn pin_answered(&mut self, call: u64, answer: Result<(), GatewayError>) -> Task<Message> {
        let Screen::NewPin(state) = &mut self.screen else { return Task::none() };
        if !state.answered(call, &answer) {
            return Task::none();
        }
        let focused = self.focus_first();
        match answer {
            Ok(()) => focused,
            Err(error) => Task::batch([focused, self.call_failed(&error)]),
        }
    }
}
