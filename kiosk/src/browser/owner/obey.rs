//! What the application asks, as calls to the page that is shown.

use serde_json::{Value, json};

use super::super::Command;
use super::{BLANK, Owner, Pending};

impl Owner<'_> {
    pub(in super::super) fn obey(&mut self, command: Command) {
        match command {
            Command::Open(url) if self.is_starting() => self.first = Some(url),
            Command::Open(url) => {
                // The person leaves the site, and with it its windows.
                if url == BLANK {
                    self.close_windows();
                }
                self.page_call("Page.navigate", json!({"url": url}));
            }
            Command::Reload => self.page_call("Page.reload", json!({})),
            Command::Resize(view) => {
                self.view = view;
                self.show_at_size();
            }
            Command::Back => {
                if let Some(session) = self.shown().map(|page| page.session.clone()) {
                    self.go_back(&session, true);
                }
            }
            Command::Input(call) => {
                if let Some(session) = self.shown().map(|page| page.session.clone()) {
                    self.send(Some(&session), &call);
                }
            }
            Command::AnswerDialog { accept, text } => self.answer_dialog(accept, text),
            Command::AnswerCredentials(answer) => self.answer_credentials(answer),
        }
    }

    pub(super) fn go_back(&mut self, session: &str, wished: bool) {
        self.ask(session, "Page.getNavigationHistory", json!({}), Pending::History { wished });
    }

    fn close_windows(&mut self) {
        let windows: Vec<String> = self.pages.iter().skip(1).map(|page| page.session.clone()).collect();
        for session in &windows {
            self.close(session);
        }
        if !windows.is_empty() {
            self.page_call("Page.bringToFront", json!({}));
            self.show_at_size();
        }
    }

    fn answer_dialog(&mut self, accept: bool, text: Option<String>) {
        let Some(session) = self.asking.take() else { return };
        let mut params = json!({"accept": accept});
        if let Some(text) = text {
            params["promptText"] = Value::from(text);
        }
        self.call(Some(&session), "Page.handleJavaScriptDialog", params);
    }

    fn answer_credentials(&mut self, answer: Option<(String, String)>) {
        let Some((session, request)) = self.credentials.take() else { return };
        let response = match answer {
            Some((name, password)) => {
                json!({"response": "ProvideCredentials", "username": name, "password": password})
            }
            None => json!({"response": "CancelAuth"}),
        };
        let params = json!({"requestId": request, "authChallengeResponse": response});
        self.call(Some(&session), "Fetch.continueWithAuth", params);
    }
}
