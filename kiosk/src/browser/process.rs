//! The owner of one Chromium: its cage, its relay, its pipe. Run by [`super::Browser::start`].
//!
//! One task reads the pipe and obeys the application; another writes. Calls are sent and not waited for: what matters comes
//! back as events. Documents pause at the Fetch domain, so that a refused page load is aborted and the page before stays.
//! Invariant: however this task ends, Chromium is killed and its profile is seen gone before the event stream closes.

use std::collections::HashMap;

use passerelle_api as api;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, unix::pipe};
use tokio::sync::{mpsc, watch};

use super::cage::{self, Cage, CageError};
use super::frame::{Decoder, Picture};
use super::page_hooks;
use super::protocol::{Call, Incoming, ProtocolError, Splitter, decode};
use super::relay::{Notice, Outcome, Outcomes, Relay};
use super::{Command, Dialog, DialogKind, Event, Failure, NotYet, Setup, View, policies};

/// Calls waiting for the pipe; Chromium reads it on a thread of its own.
const CALL_LIMIT: usize = 1024;
/// Bytes one read of the pipe takes: a frame in a few reads.
const READ_BYTES: usize = 256 << 10;
/// The page before the first and between two sites.
const BLANK: &str = "about:blank";
/// Characters of a title that our bar could show.
const TITLE_LIMIT: usize = 200;
/// JPEG quality of the frames: at 80 text is clean, and a frame takes 2 to 6 ms to decode.
const FRAME_QUALITY: u32 = 80;

#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error(transparent)]
    Cage(#[from] CageError),
    #[error("preparing the pipes of Chromium")]
    Pipe(#[source] std::io::Error),
    #[error("Chromium closed its pipe")]
    Closed,
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("the page's process died")]
    PageCrashed,
    #[error("the application let go")]
    LetGo,
}

/// Starts Chromium and serves it until it dies or the application lets go.
pub(super) async fn run(
    setup: Setup,
    mut orders: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    pictures: watch::Sender<Option<Picture>>,
) {
    let ending = match start(&setup).await {
        Ok(cage) => {
            let identity = cage.identity();
            let ending = serve(&setup, cage, &mut orders, &events, pictures).await;
            if let Err(error) = identity.wait_until_wiped().await {
                tracing::error!(%error, "wiping the cage");
            }
            ending
        }
        Err(error) => error.into(),
    };
    tracing::info!(%ending, "the browser ended");
    let last = match ending {
        Ending::LetGo => return,
        Ending::Cage(error) => Event::CannotStart(error.to_string()),
        Ending::Pipe(error) => Event::CannotStart(error.to_string()),
        _ => Event::Crashed,
    };
    let _ = events.send(last).await;
}

async fn start(setup: &Setup) -> Result<Cage, CageError> {
    let plan = cage::Plan {
        stage: setup.stage.clone(),
        policy: policies::managed(&setup.issuers).to_string(),
        language: setup.language,
        width: setup.size.0,
        height: setup.size.1,
    };
    cage::start(plan).await
}

/// Returns when the cage is dead.
async fn serve(
    setup: &Setup,
    mut cage: Cage,
    orders: &mut mpsc::Receiver<Command>,
    events: &mpsc::Sender<Event>,
    pictures: watch::Sender<Option<Picture>>,
) -> Ending {
    let prepared = || -> std::io::Result<_> {
        let reader = pipe::Receiver::from_owned_fd(cage.from_chromium.into())?;
        let writer = pipe::Sender::from_owned_fd(cage.to_chromium.into())?;
        Ok((reader, writer, TcpListener::from_std(cage.door)?, Decoder::start(pictures)?))
    };
    let (reader, writer, door, decoder) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => return Ending::Pipe(error),
    };
    let outcomes = Outcomes::default();
    let (notices, mut noticed) = mpsc::channel(1);
    let relay = Relay {
        gateway: setup.gateway.clone(),
        token: setup.token.clone(),
        outcomes: outcomes.clone(),
        notices,
    };
    let (calls, waiting) = mpsc::channel(CALL_LIMIT);
    let mut owner = Owner::new(setup, calls, events, outcomes, decoder.clone());
    owner.greet();

    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(relay.serve(door));
    tasks.spawn(write(writer, waiting));
    let mut pipe = Incomings { reader, splitter: Splitter::default(), buffer: vec![0; READ_BYTES] };
    let ending = loop {
        tokio::select! {
            incoming = pipe.next() => match incoming {
                Ok(incoming) => if let Err(ending) = owner.incoming(incoming).await { break ending },
                Err(ending) => break ending,
            },
            command = orders.recv() => match command {
                Some(command) => owner.obey(command),
                None => break Ending::LetGo,
            },
            Some(Notice::SessionEnded) = noticed.recv() => owner.tell(Event::SessionEnded).await,
        }
    };
    decoder.close();
    if let Err(error) = cage.child.kill().await {
        tracing::warn!(%error, "killing the cage");
    }
    ending
}

struct Incomings {
    reader: pipe::Receiver,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl Incomings {
    /// Cancel safe: bytes that were read are kept in the splitter.
    async fn next(&mut self) -> Result<Incoming, Ending> {
        loop {
            if let Some(message) = self.splitter.next_message() {
                return Ok(decode(&message)?);
            }
            match self.reader.read(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(Ending::Closed),
                Ok(length) => self.splitter.push(&self.buffer[..length])?,
            }
        }
    }
}

async fn write(mut pipe: pipe::Sender, mut calls: mpsc::Receiver<Vec<u8>>) {
    while let Some(call) = calls.recv().await {
        if pipe.write_all(&call).await.is_err() {
            return;
        }
    }
}

/// What waits for an answer of Chromium.
enum Pending {
    /// The page's history, to go back.
    History,
}

struct Owner<'a> {
    setup: &'a Setup,
    calls: mpsc::Sender<Vec<u8>>,
    events: &'a mpsc::Sender<Event>,
    outcomes: Outcomes,
    decoder: Decoder,
    next_id: u64,
    pending: HashMap<u64, Pending>,
    /// The one page: its session and its target, which is its main frame's id too.
    page: Option<(String, String)>,
    view: View,
    /// The Fetch request that waits for a name and a password.
    credentials: Option<String>,
    /// The address of the page that is shown.
    shown: String,
}

impl<'a> Owner<'a> {
    fn new(
        setup: &'a Setup,
        calls: mpsc::Sender<Vec<u8>>,
        events: &'a mpsc::Sender<Event>,
        outcomes: Outcomes,
        decoder: Decoder,
    ) -> Owner<'a> {
        let view = View { width: setup.size.0, height: setup.size.1, zoom: 1.0 };
        let (pending, shown) = Default::default();
        Owner {
            setup,
            calls,
            events,
            outcomes,
            decoder,
            next_id: 0,
            pending,
            page: None,
            view,
            credentials: None,
            shown,
        }
    }

    /// First words: tell about every target, and let none run before we have dressed it.
    fn greet(&mut self) {
        self.call(None, "Target.setDiscoverTargets", json!({"discover": true})); // tells of crashes
        self.attach_children(None);
        self.call(None, "Browser.setDownloadBehavior", json!({"behavior": "deny", "eventsEnabled": true}));
    }

    fn attach_children(&mut self, session: Option<&str>) {
        let params = json!({"autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true});
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

    fn page_call(&mut self, method: &'static str, params: Value) {
        if let Some((session, _)) = self.page.clone() {
            self.call(Some(&session), method, params);
        }
    }

    async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(url) => self.page_call("Page.navigate", json!({"url": url})),
            Command::Reload => self.page_call("Page.reload", json!({})),
            Command::Resize(view) => {
                self.view = view;
                self.show_at_size();
            }
            Command::Back => {
                if let Some((session, _)) = self.page.clone() {
                    let id = self.call(Some(&session), "Page.getNavigationHistory", json!({}));
                    self.pending.insert(id, Pending::History);
                }
            }
            Command::Input(call) => {
                if let Some((session, _)) = self.page.clone() {
                    self.send(Some(&session), &call);
                }
            }
            Command::AnswerDialog { accept, text } => {
                let mut params = json!({"accept": accept});
                if let Some(text) = text {
                    params["promptText"] = Value::from(text);
                }
                self.page_call("Page.handleJavaScriptDialog", params);
            }
            Command::AnswerCredentials(answer) => {
                if let Some(request) = self.credentials.take() {
                    let response = match answer {
                        Some((name, password)) => {
                            json!({"response": "ProvideCredentials", "username": name, "password": password})
                        }
                        None => json!({"response": "CancelAuth"}),
                    };
                    let params = json!({"requestId": request, "authChallengeResponse": response});
                    self.page_call("Fetch.continueWithAuth", params);
                }
            }
        }
    }

    fn show_at_size(&mut self) {
        let View { width, height, zoom } = self.view;
        self.page_call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": zoom, "mobile": false}),
        );
        self.page_call("Page.stopScreencast", json!({}));
        let (width, height) = self.view.frame();
        self.page_call(
            "Page.startScreencast",
            json!({"format": "jpeg", "quality": FRAME_QUALITY, "maxWidth": width, "maxHeight": height}),
        );
    }

    async fn incoming(&mut self, incoming: Incoming) -> Result<(), Ending> {
        match incoming {
            Incoming::Answer { id, result } => self.answer(id, result).await,
            Incoming::Event { session, method, params } => {
                let ours = self.page.as_ref().is_some_and(|(page, _)| Some(page) == session.as_ref());
                match (method.as_str(), ours) {
                    ("Target.attachedToTarget", _) => self.attached(&params).await,
                    ("Target.targetCrashed" | "Inspector.targetCrashed", _)
                        if ours || self.is_page(&params) =>
                    {
                        tracing::warn!(method, status = %params["status"], code = %params["errorCode"], "the page");
                        return Err(Ending::PageCrashed);
                    }
                    ("Browser.downloadWillBegin", _) => self.tell(Event::NotYet(NotYet::Download)).await,
                    (_, true) => self.page_event(&method, params).await,
                    (_, false) => {}
                }
            }
        }
        Ok(())
    }

    fn is_page(&self, params: &Value) -> bool {
        self.page.as_ref().is_some_and(|(_, target)| params["targetId"] == target.as_str())
    }

    async fn answer(&mut self, id: u64, result: Result<Value, String>) {
        match (self.pending.remove(&id), result) {
            (Some(Pending::History), Ok(history)) => {
                let current = history["currentIndex"].as_u64().unwrap_or(0) as usize;
                // Before the first page of a site there is the blank one.
                match history["entries"].get(current.wrapping_sub(1)).filter(|entry| entry["url"] != BLANK) {
                    Some(entry) => {
                        self.page_call("Page.navigateToHistoryEntry", json!({"entryId": entry["id"]}));
                    }
                    None => self.tell(Event::NoWayBack).await,
                }
            }
            (_, Err(error)) => tracing::debug!(id, error, "Chromium refused a call"),
            (None, Ok(_)) => {}
        }
    }

    /// A new target: our page, a frame of it, or a window that it wants. None waits for us, since a window that did would hold
    /// up the page that opened it.
    async fn attached(&mut self, params: &Value) {
        let Some(session) = params["sessionId"].as_str().map(String::from) else { return };
        let info = &params["targetInfo"];
        match (info["type"].as_str(), &self.page) {
            (Some("page"), None) => {
                let target = info["targetId"].as_str().unwrap_or_default().to_owned();
                self.page = Some((session.clone(), target));
                self.dress_page(&session);
                self.tell(Event::Started).await;
                let url = self.setup.url.clone();
                self.obey(Command::Open(url));
            }
            // A window of its own is never shown; its address comes with `Page.windowOpen` and opens in our page.
            (Some("page"), Some(_)) => {
                self.call(None, "Target.closeTarget", json!({"targetId": info["targetId"]}));
            }
            (Some("iframe"), _) => self.dress(&session),
            _ => {}
        }
    }

    /// What the main page and every frame in a process of its own get.
    fn dress(&mut self, session: &str) {
        self.call(Some(session), "Page.enable", json!({}));
        self.call(Some(session), "Runtime.enable", json!({}));
        self.attach_children(Some(session));
        let binding = json!({"name": page_hooks::BINDING, "executionContextName": page_hooks::WORLD});
        self.call(Some(session), "Runtime.addBinding", binding);
        let script =
            json!({"source": page_hooks::SCRIPT, "worldName": page_hooks::WORLD, "runImmediately": true});
        self.call(Some(session), "Page.addScriptToEvaluateOnNewDocument", script);
        self.call(Some(session), "Page.setInterceptFileChooserDialog", json!({"enabled": true}));
    }

    fn dress_page(&mut self, session: &str) {
        self.dress(session);
        let documents = |stage| json!({"urlPattern": "*", "resourceType": "Document", "requestStage": stage});
        let fetch =
            json!({"patterns": [documents("Request"), documents("Response")], "handleAuthRequests": true});
        self.call(Some(session), "Fetch.enable", fetch);
        self.call(Some(session), "Network.setBypassServiceWorker", json!({"bypass": true}));
        self.call(Some(session), "Emulation.setScrollbarsHidden", json!({"hidden": false}));
        self.call(Some(session), "Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        self.show_at_size();
    }

    /// The main page is at another address: its title comes later.
    async fn moved(&mut self, url: &Value) {
        let url = url.as_str().unwrap_or_default();
        self.shown = url.to_owned();
        if url != BLANK {
            self.tell(Event::Page { url: url.to_owned(), title: None }).await;
        }
    }

    /// What the hooks of a document say.
    async fn hooks_told(&mut self, payload: &str) {
        match payload.split_once(':') {
            Some(("title", title)) if self.shown != BLANK => {
                let title = title.chars().take(TITLE_LIMIT).collect();
                self.tell(Event::Page { url: self.shown.clone(), title: Some(title) }).await;
            }
            _ if payload == "print" => self.tell(Event::NotYet(NotYet::Print)).await,
            _ => {}
        }
    }

    async fn page_event(&mut self, method: &str, mut params: Value) {
        match method {
            "Page.screencastFrame" => {
                self.page_call("Page.screencastFrameAck", json!({"sessionId": params["sessionId"]}));
                if let Value::String(frame) = params["data"].take() {
                    self.decoder.put(frame);
                }
            }
            "Page.frameStartedLoading" if self.is_main_frame(&params) => {
                self.tell(Event::Loading(true)).await
            }
            "Page.frameStoppedLoading" if self.is_main_frame(&params) => {
                self.tell(Event::Loading(false)).await
            }
            "Fetch.requestPaused" => self.paused(&params).await,
            "Fetch.authRequired" => self.credentials_wanted(&params).await,
            "Page.javascriptDialogOpening" => self.dialog(&params).await,
            "Page.windowOpen" => self.window_wanted(&params),
            "Page.fileChooserOpened" => self.tell(Event::NotYet(NotYet::Upload)).await,
            "Page.frameNavigated" if params["frame"]["parentId"].is_null() => {
                self.moved(&params["frame"]["url"]).await;
            }
            "Page.navigatedWithinDocument" if self.is_main_frame(&params) => self.moved(&params["url"]).await,
            "Runtime.bindingCalled" if params["name"] == page_hooks::BINDING => {
                self.hooks_told(params["payload"].as_str().unwrap_or_default()).await;
            }
            _ => {}
        }
    }

    fn is_main_frame(&self, params: &Value) -> bool {
        self.page.as_ref().is_some_and(|(_, target)| params["frameId"] == target.as_str())
    }

    /// A document on its way out, or its answer's head on its way in.
    async fn paused(&mut self, params: &Value) {
        let request = &params["requestId"];
        let verdict = if self.is_main_frame(params) { self.verdict(params) } else { None };
        match verdict {
            None => {
                self.page_call("Fetch.continueRequest", json!({"requestId": request}));
            }
            Some(event) => {
                self.page_call("Fetch.failRequest", json!({"requestId": request, "errorReason": "Aborted"}));
                self.tell(event).await;
            }
        }
    }

    /// Whether a page load failed or was refused, and why.
    fn verdict(&self, params: &Value) -> Option<Event> {
        let url = params["request"]["url"].as_str().unwrap_or_default().to_owned();
        if params.get("responseErrorReason").is_some() {
            let outcome = authority(&url).and_then(|authority| self.outcomes.take(&authority));
            return Some(match outcome {
                Some(Outcome::Refused(problem)) => Event::Refused { url, problem },
                Some(Outcome::Unreachable) => Event::Failed { url, why: Failure::GatewayUnreachable },
                Some(Outcome::TerminalRefused) => Event::Failed { url, why: Failure::TerminalRefused },
                None => Event::Failed { url, why: Failure::Site },
            });
        }
        let status = u16::try_from(params.get("responseStatusCode")?.as_u64()?).ok()?;
        let headers = params["responseHeaders"].as_array()?;
        let named = |header: &&Value| {
            header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("proxy-status"))
        };
        let refused = api::ProxyStatus::parse(headers.iter().find(named)?["value"].as_str()?)?;
        let (title, detail) = (refused.error, None);
        let problem = api::Problem {
            status,
            title,
            code: refused.reason,
            detail,
            url: Some(url.clone()),
            retry_after: None,
        };
        Some(Event::Refused { url, problem })
    }

    async fn credentials_wanted(&mut self, params: &Value) {
        let Some(request) = params["requestId"].as_str() else { return };
        self.credentials = Some(request.to_owned());
        let host = params["authChallenge"]["origin"].as_str().unwrap_or_default().to_owned();
        self.tell(Event::CredentialsWanted { host }).await;
    }

    async fn dialog(&mut self, params: &Value) {
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

    fn window_wanted(&mut self, params: &Value) {
        let url = params["url"].as_str().unwrap_or_default();
        if url.starts_with("https://") || url.starts_with("http://") {
            self.obey(Command::Open(url.to_owned()));
        }
    }
}

/// `host:port` of a page's address, as the relay names it.
fn authority(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}
