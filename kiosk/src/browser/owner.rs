//! Who speaks with Chromium: which pages it has, how each is dressed, which one is shown. Owned by [`super::process`].
//!
//! [`obey`] turns the application's commands into calls, [`hear`] follows pages as they come and go, [`page_events`] turns what happens
//! in one into events, [`verdict`] judges a document's load. Calls are sent and not waited for, with one exception: a page goes nowhere before it is dressed and has answered.
//! Chromium 156 carries unanswered calls along into the next page's process, and dies of a focus that reaches a frame
//! before its document does.
//!
//! Pages lie on one another: the first is the service's, each window that a page opens lies above it and is shown in its place;
//! closing it, or going back from its first page, shows the one below as it was left.

mod hear;
mod obey;
mod page_events;
mod verdict;

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::frame::Decoder;
use super::page_hooks;
use super::protocol::Call;
use super::relay::Outcomes;
use super::{Event, Setup, View};

/// The page before the first and between two sites.
const BLANK: &str = "about:blank";
/// Pages at once, the service's own included; beyond it the oldest window gives way. Each takes memory of a small terminal.
const PAGE_LIMIT: usize = 5;
/// JPEG quality of the frames: at 80 text is clean, and a frame takes 2 to 6 ms to decode.
const FRAME_QUALITY: u32 = 80;

#[derive(Debug, thiserror::Error)]
#[error("the page's process died")]
pub(super) struct PageCrashed;

/// What waits for an answer of Chromium.
enum Pending {
    /// The last word of a page's dress: its process runs, and has obeyed everything before.
    Dressed,
    /// The page's history, to go back: at the person's wish, or from a page that Chromium drew itself.
    History { wished: bool },
    /// The title of a page that came back from memory: its hooks have told it once.
    Title,
    /// The loaded page was painted.
    Painted,
    /// A window has the focus: nothing waits for it.
    Focused,
}

/// A page: a tab or window of Chromium's, which nobody sees as such.
struct Page {
    session: String,
    /// Its target, which is its main frame's id too.
    target: String,
    url: String,
    title: Option<String>,
    loading: bool,
    /// What it shows is an error page of Chromium's, and the page before is on its way back.
    drawn_by_chromium: bool,
    /// It has been told that it has the focus, whatever Chromium thinks of its windows.
    focused: bool,
}

impl Page {
    /// Nothing was shown in it yet.
    fn is_blank(&self) -> bool {
        self.url.is_empty() || self.url == BLANK
    }
}

pub(super) struct Owner<'a> {
    calls: mpsc::Sender<Vec<u8>>,
    events: &'a mpsc::Sender<Event>,
    outcomes: Outcomes,
    decoder: Decoder,
    next_id: u64,
    pending: HashMap<u64, (String, Pending)>,
    /// The last one is shown.
    pages: Vec<Page>,
    view: View,
    /// What to open once the first page is dressed.
    first: Option<String>,
    /// The session and the Fetch request that wait for a name and a password.
    credentials: Option<(String, String)>,
    /// The session whose dialog is open.
    asking: Option<String>,
}

impl<'a> Owner<'a> {
    pub(super) fn new(
        setup: &Setup,
        calls: mpsc::Sender<Vec<u8>>,
        events: &'a mpsc::Sender<Event>,
        outcomes: Outcomes,
        decoder: Decoder,
    ) -> Owner<'a> {
        Owner {
            calls,
            events,
            outcomes,
            decoder,
            next_id: 0,
            pending: HashMap::new(),
            pages: Vec::new(),
            view: View { width: setup.size.0, height: setup.size.1, zoom: 1.0 },
            first: Some(setup.url.clone()),
            credentials: None,
            asking: None,
        }
    }

    /// First words: tell about every target, and let no window run before we have dressed it.
    pub(super) fn greet(&mut self) {
        self.call(None, "Target.setDiscoverTargets", json!({"discover": true})); // tells of crashes
        self.attach_children(None, true);
        self.call(None, "Browser.setDownloadBehavior", json!({"behavior": "deny", "eventsEnabled": true}));
    }

    /// No page is dressed yet.
    pub(super) fn is_starting(&self) -> bool {
        self.first.is_some()
    }

    pub(super) async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    fn attach_children(&mut self, session: Option<&str>, paused: bool) {
        let params = json!({"autoAttach": true, "waitForDebuggerOnStart": paused, "flatten": true});
        self.call(session, "Target.setAutoAttach", params);
    }

    fn call(&mut self, session: Option<&str>, method: &'static str, params: Value) -> u64 {
        self.send(session, &Call::new(method, params))
    }

    fn send(&mut self, session: Option<&str>, call: &Call) -> u64 {
        self.next_id += 1;
        // A Chromium that reads nothing will be noticed by its silence; pointer moves are not worth waiting for.
        if self.calls.try_send(call.encode(self.next_id, session)).is_err() {
            tracing::warn!(method = call.method, "Chromium does not keep up");
        }
        self.next_id
    }

    fn ask(&mut self, session: &str, method: &'static str, params: Value, pending: Pending) {
        let id = self.call(Some(session), method, params);
        self.pending.insert(id, (session.to_owned(), pending));
    }

    /// A call to the page that is shown.
    fn page_call(&mut self, method: &'static str, params: Value) {
        if let Some(session) = self.shown().map(|page| page.session.clone()) {
            self.call(Some(&session), method, params);
        }
    }

    fn shown(&self) -> Option<&Page> {
        self.pages.last()
    }

    fn is_shown(&self, session: &str) -> bool {
        self.shown().is_some_and(|page| page.session == session)
    }

    fn page(&mut self, session: &str) -> Option<&mut Page> {
        self.pages.iter_mut().find(|page| page.session == session)
    }

    /// A new target: a page, a frame of one, or a worker.
    fn attached(&mut self, params: &Value) {
        let Some(session) = params["sessionId"].as_str() else { return };
        let info = &params["targetInfo"];
        let paused = params["waitingForDebugger"] == true;
        match info["type"].as_str() {
            Some("page") => {
                let target = info["targetId"].as_str().unwrap_or_default().to_owned();
                self.add_page(Page {
                    session: session.to_owned(),
                    target,
                    url: String::new(),
                    title: None,
                    loading: true,
                    drawn_by_chromium: false,
                    focused: false,
                });
                self.release(session, paused);
            }
            Some("iframe") => {
                self.dress(session);
                self.release(session, paused);
            }
            _ => self.release(session, paused),
        }
    }

    fn add_page(&mut self, page: Page) {
        if self.pages.iter().any(|known| known.target == page.target) {
            return;
        }
        if self.pages.len() == PAGE_LIMIT {
            let oldest_window = self.pages[1].session.clone();
            self.close(&oldest_window);
        }
        self.page_call("Page.stopScreencast", json!({}));
        let session = page.session.clone();
        self.pages.push(page);
        self.dress(&session);
        self.dress_page(&session);
    }

    /// What a page and every frame in a process of its own get.
    fn dress(&mut self, session: &str) {
        self.call(Some(session), "Page.enable", json!({}));
        self.call(Some(session), "Runtime.enable", json!({}));
        self.attach_children(Some(session), false);
        let binding = json!({"name": page_hooks::BINDING, "executionContextName": page_hooks::WORLD});
        self.call(Some(session), "Runtime.addBinding", binding);
        let script =
            json!({"source": page_hooks::SCRIPT, "worldName": page_hooks::WORLD, "runImmediately": true});
        self.call(Some(session), "Page.addScriptToEvaluateOnNewDocument", script);
        self.call(Some(session), "Page.setInterceptFileChooserDialog", json!({"enabled": true}));
    }

    fn dress_page(&mut self, session: &str) {
        let documents = |stage| json!({"urlPattern": "*", "resourceType": "Document", "requestStage": stage});
        let fetch =
            json!({"patterns": [documents("Request"), documents("Response")], "handleAuthRequests": true});
        self.call(Some(session), "Fetch.enable", fetch);
        self.call(Some(session), "Network.setBypassServiceWorker", json!({"bypass": true}));
        self.call(Some(session), "Emulation.setScrollbarsHidden", json!({"hidden": false}));
        self.show_at_size();
        // A window goes to its page as soon as it is released, and gets the focus there.
        if self.is_starting() {
            self.focus(session, Pending::Dressed);
        }
    }

    fn focus(&mut self, session: &str, pending: Pending) {
        if let Some(page) = self.page(session).filter(|page| !page.focused) {
            page.focused = true;
            self.ask(session, "Emulation.setFocusEmulationEnabled", json!({"enabled": true}), pending);
        }
    }

    fn release(&mut self, session: &str, paused: bool) {
        if paused {
            self.call(Some(session), "Runtime.runIfWaitingForDebugger", json!({}));
        }
    }

    fn show_at_size(&mut self) {
        let View { width, height, zoom } = self.view;
        let mut metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        if zoom != 1.0 {
            // A screencast has as many pixels as the visible size, whatever the device's scale: that size is set apart
            // from the page's own, and the page is painted larger into it.
            let (width, height) = self.view.frame();
            self.page_call("Emulation.setVisibleSize", json!({"width": width, "height": height}));
            metrics["scale"] = json!(zoom);
            metrics["dontSetVisibleSize"] = json!(true);
        }
        self.page_call("Emulation.setDeviceMetricsOverride", metrics);
        self.page_call("Page.stopScreencast", json!({}));
        let (width, height) = self.view.frame();
        self.page_call(
            "Page.startScreencast",
            json!({"format": "jpeg", "quality": FRAME_QUALITY, "maxWidth": width, "maxHeight": height}),
        );
    }

    /// Closes a page; who shows the next one is told by whether it was shown.
    fn close(&mut self, session: &str) {
        if let Some(page) = self.forget(session) {
            self.call(None, "Target.closeTarget", json!({"targetId": page.target}));
        }
    }

    fn forget(&mut self, session: &str) -> Option<Page> {
        let index = self.pages.iter().position(|page| page.session == session)?;
        Some(self.pages.remove(index))
    }

    /// The page below is shown again, as it was left.
    async fn return_to_page_below(&mut self) {
        self.page_call("Page.bringToFront", json!({}));
        self.show_at_size();
        if let Some(page) = self.shown().filter(|page| !page.is_blank()) {
            self.tell(Event::Page { url: page.url.clone(), title: page.title.clone() }).await;
            self.tell(Event::Loading(page.loading)).await;
        }
    }
}
