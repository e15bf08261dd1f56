//! Learning: the catalogue's calls, and the place of a reader kept at the gateway.

use std::time::Duration;

use iced::Task;
use iced::widget::operation::AbsoluteOffset;
use passerelle_api as api;

use super::{Kiosk, Message, Screen};
use crate::gateway::{Gateway, GatewayError, Question};
use crate::screen::catalogue;
use crate::widget::focus;

/// Without a stroke for so long, results are asked: shorter than people notice, longer than between two keys.
const TYPING_PAUSE: Duration = Duration::from_millis(250);
/// A page that somebody stays on for so long is where they are; those they leaf through are not.
const READING_REST: Duration = Duration::from_secs(2);

impl Kiosk {
    /// The learning door, and the way back from a page of it.
    pub(super) fn open_learning(&mut self) -> Task<Message> {
        let shown = self.show(Screen::Catalogue);
        Task::batch([shown, self.ask_services(), self.save_then_ask_items()])
    }

    pub(super) fn catalogue_told(&mut self, message: catalogue::Message) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        let action = signed_in.catalogue.update(message);
        self.catalogue_act(action)
    }

    pub(super) fn catalogue_escaped(&mut self) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        let action = signed_in.catalogue.escape();
        self.catalogue_act(action)
    }

    fn catalogue_act(&mut self, action: catalogue::Action) -> Task<Message> {
        self.repainted = !self.repainted; // the list may begin elsewhere now
        match action {
            catalogue::Action::None => Task::none(),
            catalogue::Action::Bar(bar) => self.bar_told(bar),
            catalogue::Action::Leave => self.go_home(),
            catalogue::Action::Empty => super::focus_on(catalogue::SEARCH).chain(scroll_to_top()),
            catalogue::Action::Focus(name) if matches!(self.screen, Screen::Catalogue) => {
                super::focus_on(name)
            }
            catalogue::Action::Focus(_) => Task::none(),
            catalogue::Action::Pause(stroke) => {
                after(TYPING_PAUSE, Message::Catalogue(catalogue::Message::Paused(stroke)))
            }
            catalogue::Action::Search { question, suggest } => self.search(question, suggest),
            catalogue::Action::AskItems => self.save_then_ask_items(),
            catalogue::Action::Open(url) => self.open_page(Some(catalogue::SERVICE.into()), url),
            catalogue::Action::OpenService(id) => self.open_service(&id),
        }
    }

    fn search(&mut self, question: Question, suggest: bool) -> Task<Message> {
        let (call, suggesting) = (self.next_id(), self.next_id());
        let Some((gateway, token)) = self.line_out() else { return Task::none() };
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        signed_in.catalogue.waits_for_results(call);
        let is_new = question.page == 1;
        let (asked, line) = (question.clone(), (gateway.clone(), token.clone()));
        let searched = Task::perform(async move { line.0.search(&line.1, asked).await }, move |answer| {
            Message::SearchAnswered(call, question.clone(), answer)
        });
        // The list of a new question begins at its beginning.
        let searched = if is_new { Task::batch([searched, scroll_to_top()]) } else { searched };
        if !suggest {
            return searched;
        }
        signed_in.catalogue.waits_for_suggestions(suggesting);
        let typed = signed_in.catalogue.query().to_owned();
        let suggested = Task::perform(async move { gateway.suggest(&token, &typed).await }, move |answer| {
            Message::SuggestionsAnswered(suggesting, answer)
        });
        Task::batch([searched, suggested])
    }

    pub(super) fn search_answered(
        &mut self,
        call: u64,
        question: Question,
        answer: Result<api::SearchResults, GatewayError>,
    ) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        if !signed_in.catalogue.awaits_results(call) {
            return Task::none();
        }
        let action = signed_in.catalogue.search_answered(call, question, &answer);
        let acted = self.catalogue_act(action);
        self.unless_failed(answer.map(drop), acted)
    }

    /// Suggestions are a help: their failure is nothing to tell.
    pub(super) fn suggestions_answered(
        &mut self,
        call: u64,
        answer: Result<api::Suggestions, GatewayError>,
    ) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        signed_in.catalogue.suggestions_answered(call, answer);
        self.catalogue_act(catalogue::Action::None)
    }

    /// The place of the page that was closed is kept first: what one began is part of the answer.
    fn save_then_ask_items(&mut self) -> Task<Message> {
        let call = self.next_id();
        let Some((gateway, token)) = self.line_out() else { return Task::none() };
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        signed_in.catalogue.waits_for_items(call);
        let left = signed_in.reading.closed();
        let asked = async move {
            let saved = save(&gateway, &token, left).await;
            (saved, gateway.items(&token).await)
        };
        Task::perform(asked, move |(saved, answer)| Message::ItemsAnswered(call, saved, answer))
    }

    pub(super) fn items_answered(
        &mut self,
        call: u64,
        saved: Option<u64>,
        answer: Result<api::ItemList, GatewayError>,
    ) -> Task<Message> {
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        if let Some(saved) = saved {
            signed_in.reading.saved(saved);
        }
        if !signed_in.catalogue.items_answered(call, &answer) {
            return Task::none();
        }
        self.unless_failed(answer.map(drop), Task::none())
    }

    /// The browser shows another page: if it is one of an item, that is where the person is.
    pub(super) fn page_moved(&mut self) -> Task<Message> {
        let id = self.next_id();
        let Some(signed_in) = &mut self.signed_in else { return Task::none() };
        let Some(browse) = &signed_in.browse else { return Task::none() };
        if !signed_in.reading.moved(id, &browse.url) {
            return Task::none();
        }
        after(READING_REST, Message::ReadingRested(id))
    }

    pub(super) fn reading_rested(&mut self, id: u64) -> Task<Message> {
        let Some((gateway, token)) = self.line_out() else { return Task::none() };
        let place = self.signed_in.as_ref().and_then(|signed_in| signed_in.reading.rested(id));
        let Some(place) = place else { return Task::none() };
        Task::perform(async move { save(&gateway, &token, Some((id, place))).await }, Message::ProgressSaved)
    }

    pub(super) fn progress_saved(&mut self, saved: Option<u64>) -> Task<Message> {
        if let (Some(id), Some(signed_in)) = (saved, &mut self.signed_in) {
            signed_in.reading.saved(id);
        }
        Task::none()
    }

    /// How a signed-in person's calls reach the gateway.
    pub(super) fn line_out(&self) -> Option<(Gateway, String)> {
        Some((self.place.as_ref()?.gateway.clone(), self.signed_in.as_ref()?.token.clone()))
    }

    fn unless_failed(&mut self, answer: Result<(), GatewayError>, task: Task<Message>) -> Task<Message> {
        match answer {
            Ok(()) => task,
            Err(error) => Task::batch([task, self.call_failed(&error)]),
        }
    }
}

fn scroll_to_top() -> Task<Message> {
    let top = AbsoluteOffset { x: 0.0, y: 0.0 };
    iced::widget::operation::scroll_to(focus::SCROLLED, top).chain(Task::done(Message::Touched))
}

fn after(pause: Duration, message: Message) -> Task<Message> {
    Task::perform(async move { tokio::time::sleep(pause).await }, move |()| message)
}

/// Keeps a place at the gateway: its id once that is done. A failure is for staff only: the reader's next page tries again.
pub(super) async fn save(gateway: &Gateway, token: &str, place: Option<(u64, api::Progress)>) -> Option<u64> {
    let (id, place) = place?;
    match gateway.save_progress(token, &place).await {
        Ok(()) => Some(id),
        Err(error) => {
            tracing::warn!(%error, item = place.item, "keeping a reader's place");
            None
        }
    }
}
