//! Learning: what one began, the training sites, the items of the catalogue, and results as one types.
//!
//! The state lives as long as the session, so that a person who closes a page finds their search again. Invariant: an
//! answer counts only while it is the newest of its kind that was asked for.

mod cards;
mod view;

use passerelle_api as api;

use super::{Bar, services};
use crate::gateway::{GatewayError, Question};
pub use view::{is_card, view};

/// Characters of a query: a long sentence.
const QUERY_LIMIT: usize = 200;
/// Characters of the shortest query that is asked: one letter finds everything.
const QUERY_START: usize = 2;
/// The search field's name.
pub const SEARCH: &str = "search";
/// Id of the catalogue among the services.
pub const SERVICE: &str = "catalogue";

#[derive(Default)]
pub struct State {
    query: String,
    /// Only items of this kind, of this language.
    kind: Option<String>,
    language: Option<String>,
    /// Counts what was typed: a pause after an older stroke is over nothing.
    stroke: u64,
    /// `None` until the gateway answered.
    items: Option<api::ItemList>,
    found: Option<Found>,
    suggestions: Vec<String>,
    trouble: Option<Trouble>,
    /// Ids of the calls that are under way.
    asked_items: Option<u64>,
    asked_search: Option<u64>,
    asked_suggestions: Option<u64>,
}

/// What was found, the pages so far one after the other.
struct Found {
    question: Question,
    results: Vec<api::SearchResult>,
    total: u64,
    /// The query in the catalogue's own words.
    spelt: Option<String>,
    /// The last page came.
    complete: bool,
}

/// Why there is nothing to show; the reason code where the gateway said one.
struct Trouble {
    code: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Returned,
    Typed(String),
    /// Nothing was typed for a moment after that stroke.
    Paused(u64),
    Submitted,
    Cleared,
    SuggestionChosen(String),
    /// `None`: of every kind, every language.
    KindChosen(Option<String>),
    LanguageChosen(Option<String>),
    MoreWanted,
    Retried,
    /// A page of an item, by its address.
    Opened(String),
    Services(services::Message),
}

#[derive(Debug, PartialEq)]
pub enum Action {
    None,
    Bar(Bar),
    Leave,
    Focus(String),
    /// Nothing is searched any more: the list begins anew.
    Empty,
    /// Tell [`Message::Paused`] after a moment.
    Pause(u64),
    Search {
        question: Question,
        /// What may go on from what was typed is asked too.
        suggest: bool,
    },
    AskItems,
    Open(String),
    OpenService(String),
}

impl State {
    pub fn waits_for_items(&mut self, call: u64) {
        self.asked_items = Some(call);
    }

    pub fn waits_for_results(&mut self, call: u64) {
        self.asked_search = Some(call);
    }

    pub fn waits_for_suggestions(&mut self, call: u64) {
        self.asked_suggestions = Some(call);
    }

    pub fn query(&self) -> &str {
        self.query.trim()
    }

    pub fn awaits_results(&self, call: u64) -> bool {
        self.asked_search == Some(call)
    }

    /// The query whose results are on the screen, for the events.
    pub fn searched(&self) -> Option<&str> {
        let found = self.found.as_ref().filter(|_| self.asked_search.is_none())?;
        Some(&found.question.query)
    }

    /// The reason code that is on the screen, for the events.
    pub fn refusal(&self) -> Option<&str> {
        self.trouble.as_ref()?.code.as_deref()
    }

    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Bar(bar) => Action::Bar(bar),
            Message::Returned => Action::Leave,
            Message::Typed(query) => {
                self.typed(query);
                if self.is_searching() { Action::Pause(self.stroke) } else { Action::Empty }
            }
            Message::Paused(stroke) if stroke == self.stroke && self.is_searching() => self.search(true),
            Message::Paused(_) => Action::None,
            Message::Submitted if self.is_searching() => self.search(true),
            Message::Submitted => Action::None,
            Message::Cleared => {
                self.typed(String::new());
                Action::Empty
            }
            Message::SuggestionChosen(query) => {
                self.typed(query);
                self.suggestions.clear();
                self.search(false)
            }
            Message::KindChosen(kind) => {
                self.kind = kind;
                self.search(false)
            }
            Message::LanguageChosen(language) => {
                self.language = language;
                self.search(false)
            }
            Message::MoreWanted => match &self.found {
                Some(found) if self.asked_search.is_none() => {
                    let page = found.question.page + 1;
                    Action::Search { question: Question { page, ..found.question.clone() }, suggest: false }
                }
                _ => Action::None,
            },
            Message::Retried => {
                self.trouble = None;
                if self.is_searching() { self.search(false) } else { Action::AskItems }
            }
            Message::Opened(url) => Action::Open(url),
            Message::Services(services::Message::Chosen(id)) => Action::OpenService(id),
            Message::Services(services::Message::Bar(bar)) => Action::Bar(bar),
            Message::Services(services::Message::Returned) => Action::Leave,
        }
    }

    /// Escape empties the search first, then leaves.
    pub fn escape(&mut self) -> Action {
        self.update(if self.query.is_empty() { Message::Returned } else { Message::Cleared })
    }

    fn typed(&mut self, query: String) {
        self.query = query.chars().take(QUERY_LIMIT).collect();
        self.stroke += 1;
        if !self.is_searching() {
            (self.found, self.trouble) = (None, None);
            (self.asked_search, self.asked_suggestions) = (None, None);
            self.suggestions.clear();
        }
    }

    /// Whether results are shown, or what there is to browse.
    fn is_searching(&self) -> bool {
        self.query().chars().count() >= QUERY_START
    }

    /// The first page, once: the pause after the last stroke has nothing more to ask.
    fn search(&mut self, suggest: bool) -> Action {
        self.stroke += 1;
        let query = self.query().to_owned();
        let question = Question { query, kind: self.kind.clone(), language: self.language.clone(), page: 1 };
        Action::Search { question, suggest }
    }

    /// Whether that call is the one awaited.
    pub fn items_answered(&mut self, call: u64, answer: &Result<api::ItemList, GatewayError>) -> bool {
        if self.asked_items != Some(call) {
            return false;
        }
        self.asked_items = None;
        match answer {
            Ok(list) => self.items = Some(list.clone()),
            // What was known before is still worth showing.
            Err(_) if self.items.is_some() => {}
            Err(error) => self.trouble = Some(Trouble::of(error)),
        }
        true
    }

    pub fn search_answered(
        &mut self,
        call: u64,
        question: Question,
        answer: &Result<api::SearchResults, GatewayError>,
    ) -> Action {
        if self.asked_search != Some(call) {
            return Action::None;
        }
        self.asked_search = None;
        let page = match answer {
            Ok(page) => page.clone(),
            Err(error) => {
                self.trouble = Some(Trouble::of(error));
                return Action::None;
            }
        };
        self.trouble = None;
        match &mut self.found {
            Some(found) if question.page > 1 => {
                let first_new = found.results.len() + 1;
                found.complete = page.results.is_empty();
                found.results.extend(page.results);
                found.question = question;
                let last = found.results.len();
                Action::Focus(view::result_name(first_new.min(last)))
            }
            _ => {
                let api::SearchResults { results, total, spelt, .. } = page;
                let complete = results.is_empty();
                self.found = Some(Found { question, results, total, spelt, complete });
                Action::None
            }
        }
    }

    /// Suggestions are a help: without them nothing is said.
    pub fn suggestions_answered(&mut self, call: u64, answer: Result<api::Suggestions, GatewayError>) {
        if self.asked_suggestions != Some(call) {
            return;
        }
        self.asked_suggestions = None;
        let typed = self.query().to_lowercase();
        self.suggestions = answer.map(|answer| answer.suggestions).unwrap_or_default();
        self.suggestions.retain(|suggestion| suggestion.to_lowercase() != typed);
    }
}

impl Found {
    fn has_more(&self) -> bool {
        !self.complete && (self.results.len() as u64) < self.total
    }
}

impl Trouble {
    fn of(error: &GatewayError) -> Trouble {
        let code = match error {
            GatewayError::Refused(problem) => Some(problem.code.clone()),
            _ => None,
        };
        Trouble { code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(titles: &[&str], total: u64) -> Result<api::SearchResults, GatewayError> {
        let result = |title: &&str| api::SearchResult {
            item: "guide".into(),
            item_title: "Guide".into(),
            kind: "html".into(),
            language: "fr".into(),
            title: (*title).into(),
            heading: String::new(),
            url: format!("https://guide-passerelle.internal/{title}"),
            snippet: Vec::new(),
        };
        let results = titles.iter().map(result).collect();
        Ok(api::SearchResults { results, total, page: 1, ..api::SearchResults::default() })
    }

    /// Types, and waits until the pause is over: the question that is asked.
    fn ask(state: &mut State, query: &str) -> Question {
        let Action::Pause(stroke) = state.update(Message::Typed(query.into())) else {
            panic!("{query} is worth a pause")
        };
        match state.update(Message::Paused(stroke)) {
            Action::Search { question, suggest: true } => question,
            action => panic!("{action:?}"),
        }
    }

    fn titles(state: &State) -> Vec<&str> {
        let found = state.found.iter().flat_map(|found| &found.results);
        found.map(|result| result.title.as_str()).collect()
    }

    #[test]
    fn asks_once_the_typing_rests() {
        let mut state = State::default();
        assert_eq!(state.update(Message::Typed("l".into())), Action::Empty, "one letter finds everything");
        let Action::Pause(first) = state.update(Message::Typed("lo".into())) else { panic!("a pause") };
        let Action::Pause(second) = state.update(Message::Typed("loi ".into())) else { panic!("a pause") };
        assert_eq!(state.update(Message::Paused(first)), Action::None, "the typing went on");
        let question = Question { query: "loi".into(), page: 1, ..Question::default() };
        let asked = Action::Search { question, suggest: true };
        assert_eq!(state.update(Message::Paused(second)), asked);
        assert_eq!(state.update(Message::Paused(second)), Action::None, "a pause asks once");
        assert_eq!(state.update(Message::Submitted), asked, "Enter does not wait");
    }

    #[test]
    fn a_late_answer_is_of_another_question() {
        let mut state = State::default();
        let old = ask(&mut state, "pain");
        state.waits_for_results(1);
        let new = ask(&mut state, "pain complet");
        state.waits_for_results(2);
        state.search_answered(2, new, &results(&["nouveau"], 1));
        state.search_answered(1, old.clone(), &results(&["ancien"], 1));
        assert_eq!((titles(&state), state.searched()), (vec!["nouveau"], Some("pain complet")));
        ask(&mut state, "pain");
        state.waits_for_results(3);
        state.update(Message::Cleared);
        state.search_answered(3, old, &results(&["ancien"], 1));
        assert_eq!(titles(&state), [] as [&str; 0], "nothing is searched any more");
    }

    #[test]
    fn more_follows_what_is_there_until_the_end() {
        let mut state = State::default();
        let first = ask(&mut state, "bois");
        state.waits_for_results(1);
        state.search_answered(1, first, &results(&["a", "b"], 5));
        for (call, more, focus, expected, goes_on) in [
            (2, vec!["c"], "result-3", vec!["a", "b", "c"], true),
            // Fewer pages than passages: the end is an empty page.
            (3, vec![], "result-3", vec!["a", "b", "c"], false),
        ] {
            let Action::Search { question, suggest: false } = state.update(Message::MoreWanted) else {
                panic!("there is more")
            };
            assert_eq!(question.page as u64, call);
            state.waits_for_results(call);
            assert_eq!(state.update(Message::MoreWanted), Action::None, "one page at a time");
            let focused = state.search_answered(call, question, &results(&more, 5));
            assert_eq!(focused, Action::Focus(focus.into()));
            assert_eq!(titles(&state), expected);
            assert_eq!(state.found.as_ref().map(Found::has_more), Some(goes_on));
        }
    }

    #[test]
    fn a_filter_asks_again_and_a_failure_can_be_tried_again() {
        let mut state = State::default();
        ask(&mut state, "bois");
        let kind = Some("pdf".to_owned());
        let question = Question { query: "bois".into(), kind: kind.clone(), language: None, page: 1 };
        let filtered = Action::Search { question: question.clone(), suggest: false };
        assert_eq!(state.update(Message::KindChosen(kind)), filtered);
        state.waits_for_results(1);
        state.search_answered(1, question, &Err(GatewayError::Unreadable(String::new())));
        assert!(state.trouble.is_some());
        assert_eq!(state.update(Message::Retried), filtered);
        assert!(state.trouble.is_none());
    }

    #[test]
    fn suggestions_are_of_the_last_words_and_other_than_them() {
        let mut state = State::default();
        ask(&mut state, "Pôle");
        state.waits_for_suggestions(7);
        let answer = |words: &[&str]| {
            Ok(api::Suggestions { suggestions: words.iter().map(|word| word.to_string()).collect() })
        };
        state.suggestions_answered(6, answer(&["pompe"]));
        state.suggestions_answered(7, answer(&["pôle", "pôle emploi"]));
        assert_eq!(state.suggestions, ["pôle emploi"]);
        let chosen = state.update(Message::SuggestionChosen("pôle emploi".into()));
        assert!(matches!(chosen, Action::Search { question, .. } if question.query == "pôle emploi"));
        assert!(state.suggestions.is_empty());
    }

    #[test]
    fn escape_empties_the_search_then_leaves() {
        let mut state = State::default();
        ask(&mut state, "bois");
        assert_eq!(state.escape(), Action::Empty);
        assert_eq!(state.escape(), Action::Leave);
    }
}
