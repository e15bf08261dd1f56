//! What happens in a page, and what it means: frames for the decoder, events for the application. What happens in a page below
//! is kept for when it is shown again.

use serde_json::{Value, json};

use super::super::{Dialog, DialogKind, Event, Failure, NotYet, page_hooks};
use super::verdict::verdict;
use super::{Owner, Pending};

/// Characters of a title that our bar could show.
const TITLE_LIMIT: usize = 200;
/// Answers once what was loaded is painted: the first turn draws it, the second comes after.
const PAINTED: &str = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))";

impl Owner<'_> {
    pub(super) async fn page_event(&mut self, session: &str, method: &str, mut params: Value) {
        // A frame in a process of its own has a session of its own: these two may come from any.
        match method {
            "Page.fileChooserOpened" => return self.tell(Event::NotYet(NotYet::Upload)).await,
            "Runtime.bindingCalled" if params["name"] == page_hooks::BINDING => {
                return self.hooks_told(session, params["payload"].as_str().unwrap_or_default()).await;
            }
            _ => {}
        }
        let Some(page) = self.page(session) else { return };
        let in_main_frame = params["frameId"] == page.target.as_str();
        match method {
            "Page.screencastFrame" => {
                let acknowledged = json!({"sessionId": params["sessionId"]});
                self.call(Some(session), "Page.screencastFrameAck", acknowledged);
                if let (Value::String(frame), true) = (params["data"].take(), self.is_shown(session)) {
                    self.decoder.put(frame);
                }
            }
            "Page.frameStartedLoading" if in_main_frame => self.loading(session, true).await,
            "Page.frameStoppedLoading" if in_main_frame => {
                let painted = json!({"expression": PAINTED, "awaitPromise": true});
                self.ask(session, "Runtime.evaluate", painted, Pending::Painted);
            }
            "Fetch.requestPaused" => self.paused(session, in_main_frame, &params).await,
            "Fetch.authRequired" => self.credentials_wanted(session, &params).await,
            "Page.javascriptDialogOpening" => self.dialog(session, &params).await,
            "Page.frameNavigated" if params["frame"]["parentId"].is_null() => {
                self.arrived(session, &params).await
            }
            "Page.navigatedWithinDocument" if in_main_frame => {
                let title = page.title.clone();
                self.moved(session, params["url"].as_str().unwrap_or_default(), title).await;
            }
            _ => {}
        }
    }

    pub(super) async fn loading(&mut self, session: &str, loading: bool) {
        let Some(page) = self.page(session) else { return };
        page.loading = loading;
        // Asked to go back before it had loaded, Chromium may have let that drop.
        if !loading && page.drawn_by_chromium {
            self.go_back(session, false);
        }
        if loading {
            // What the document before painted says nothing about the next one.
            self.pending.retain(|_, (of, pending)| of != session || !matches!(pending, Pending::Painted));
        }
        if self.is_shown(session) {
            self.tell(Event::Loading(loading)).await;
        }
    }

    /// Another document is in the page.
    async fn arrived(&mut self, session: &str, params: &Value) {
        let frame = &params["frame"];
        if let Some(url) = frame["unreachableUrl"].as_str().filter(|url| !url.is_empty()) {
            return self.drawn_by_chromium(session, url).await;
        }
        let part = |name: &str| frame[name].as_str().unwrap_or_default();
        self.moved(session, &format!("{}{}", part("url"), part("urlFragment")), None).await;
        if params["type"] == "BackForwardCacheRestore" {
            let title = json!({"expression": "document.title"});
            self.ask(session, "Runtime.evaluate", title, Pending::Title);
        }
    }

    /// An error page of Chromium's, in its own words, which nobody should read: the page before comes back, and we say why.
    async fn drawn_by_chromium(&mut self, session: &str, url: &str) {
        let Some(page) = self.page(session) else { return };
        let fresh = page.is_blank();
        page.url.clear();
        page.drawn_by_chromium = true;
        if fresh && self.is_window(session) {
            self.close_window(session).await;
        } else {
            self.go_back(session, false);
        }
        let event = if url.starts_with("https://") || url.starts_with("http://") {
            Event::Failed { url: url.to_owned(), why: Failure::Site }
        } else {
            Event::NotYet(NotYet::OtherProgram)
        };
        self.tell(event).await;
    }

    /// The page is at another address; a new document's title comes later.
    async fn moved(&mut self, session: &str, url: &str, title: Option<String>) {
        let Some(page) = self.page(session) else { return };
        (page.url, page.title) = (url.to_owned(), title.clone());
        page.drawn_by_chromium = false;
        if !page.is_blank() && self.is_shown(session) {
            self.tell(Event::Page { url: url.to_owned(), title }).await;
        }
    }

    pub(super) async fn titled(&mut self, session: &str, title: &str) {
        let Some(page) = self.page(session).filter(|page| !page.is_blank()) else { return };
        let title: String = title.chars().take(TITLE_LIMIT).collect();
        let url = page.url.clone();
        page.title = Some(title.clone());
        if self.is_shown(session) {
            self.tell(Event::Page { url, title: Some(title) }).await;
        }
    }

    /// What the hooks of a document say.
    async fn hooks_told(&mut self, session: &str, payload: &str) {
        match payload.split_once(':') {
            Some(("title", title)) => self.titled(session, title).await,
            _ if payload == "print" => self.tell(Event::NotYet(NotYet::Print)).await,
            _ if payload == "other-program" => self.tell(Event::NotYet(NotYet::OtherProgram)).await,
            _ => {}
        }
    }

    /// A document on its way out, or its answer's head on its way in.
    async fn paused(&mut self, session: &str, in_main_frame: bool, params: &Value) {
        let request = &params["requestId"];
        let verdict = if in_main_frame { verdict(params, &self.outcomes) } else { None };
        let Some(event) = verdict else {
            self.call(Some(session), "Fetch.continueRequest", json!({"requestId": request}));
            return;
        };
        self.call(
            Some(session),
            "Fetch.failRequest",
            json!({"requestId": request, "errorReason": "Aborted"}),
        );
        self.close_if_blank(session).await;
        self.tell(event).await;
    }

    async fn credentials_wanted(&mut self, session: &str, params: &Value) {
        let Some(request) = params["requestId"].as_str() else { return };
        self.credentials = Some((session.to_owned(), request.to_owned()));
        let host = params["authChallenge"]["origin"].as_str().unwrap_or_default().to_owned();
        self.tell(Event::CredentialsWanted { host }).await;
    }

    async fn dialog(&mut self, session: &str, params: &Value) {
        self.asking = Some(session.to_owned());
        let kind = match params["type"].as_str() {
            Some("confirm") => DialogKind::Confirm,
            Some("prompt") => DialogKind::Prompt,
            Some("beforeunload") => DialogKind::Leave,
            _ => DialogKind::Alert,
        };
        let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
        let host = url::Url::parse(&text("url"))
            .ok()
            .and_then(|url| url.host_str().map(String::from))
            .unwrap_or_default();
        let (message, proposal) = (text("message"), text("defaultPrompt"));
        self.tell(Event::Dialog(Dialog { kind, host, message, proposal })).await;
    }
}
