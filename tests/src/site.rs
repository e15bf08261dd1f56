//! "Mes démarches — site d'exemple": the administrative site that tests and demo use instead of a real one.
//!
//! It has what the real ones have: TLS, a sign-in by redirects through an identity host, a session cookie, a form of
//! several steps drawn by JavaScript, styles, script and data from an auxiliary host, a chat widget from a stranger's
//! host that must stay blocked, and a link that leads elsewhere. Without the auxiliary host it shows that it cannot
//! work; without the chat it works. What it received is kept for the tests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use anyhow::Result;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::{
    Setup,
    authority::Authority,
    upstream::{Behaviour, Body, Tally, Upstream, host_of, whole},
};

pub const HOST: &str = "mes-demarches.example";
pub const RESOURCES: &str = "ressources.mes-demarches.example";
pub const IDENTITY: &str = "identite.example";
/// The stranger's chat, refused by the policy.
pub const CHAT: &str = "chat.bavardage.example";
/// Where the page's last link leads; no rule names it.
pub const ELSEWHERE: &str = "www.ailleurs.example";

/// The services and the refusal that open this site; to be put behind a policy's own services.
pub const POLICY: &str = include_str!("site/policy.toml");

const HOME: &str = include_str!("site/home.html");
const FORM: &str = include_str!("site/form.html");
const IDENTITY_PAGE: &str = include_str!("site/identity.html");
const STYLE: &str = include_str!("site/style.css");
const SCRIPT: &str = include_str!("site/form.js");
const SITUATIONS: &str = include_str!("site/situations.json");
const CHAT_SCRIPT: &str =
    "document.body.insertAdjacentHTML('beforeend', '<p id=chat>Discutez avec nous</p>');";

/// The fields of one submitted form, as text.
pub type Fields = BTreeMap<String, String>;

/// A form that was sent, with the receipt number its author was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub receipt: String,
    pub fields: Fields,
}

/// The running site; dropping it closes its ports.
pub struct Site {
    main: Upstream,
    chat: Upstream,
    elsewhere: Upstream,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    sessions: AtomicU64,
    /// Half-filled forms by session.
    drafts: Mutex<BTreeMap<String, Fields>>,
    submissions: Mutex<Vec<Submission>>,
}

impl Site {
    pub async fn start(authority: &Authority) -> Result<Site> {
        let state = Arc::new(State::default());
        let own = state.clone();
        let serve = Behaviour::Serve(Arc::new(move |request| {
            let state = own.clone();
            Box::pin(async move { state.answer(request).await })
        }));
        let chat = Behaviour::Serve(Arc::new(|_| {
            Box::pin(async { page("text/javascript", CHAT_SCRIPT.to_string()) })
        }));
        let both = ["h2", "http/1.1"];
        Ok(Site {
            main: Upstream::tls(authority.server(&[HOST, RESOURCES, IDENTITY], &both)?, serve).await?,
            chat: Upstream::tls(authority.server(&[CHAT], &both)?, chat).await?,
            elsewhere: Upstream::tls(authority.server(&[ELSEWHERE], &both)?, Behaviour::Http).await?,
            state,
        })
    }

    /// Makes the site's names known to a gateway, those that must stay unreached too.
    pub fn resolve(&self, setup: Setup) -> Setup {
        let setup = [HOST, RESOURCES, IDENTITY]
            .iter()
            .fold(setup, |setup, host| setup.resolve(&format!("{host}:443"), self.main.address()));
        setup
            .resolve(&format!("{CHAT}:443"), self.chat.address())
            .resolve(&format!("{ELSEWHERE}:443"), self.elsewhere.address())
    }

    pub fn tally(&self) -> &Tally {
        self.main.tally()
    }

    /// Connections that reached the chat or the host elsewhere: none, if the gateway does its work.
    pub fn strangers_reached(&self) -> u64 {
        self.chat.tally().connections() + self.elsewhere.tally().connections()
    }

    pub fn submissions(&self) -> Vec<Submission> {
        self.state.submissions.lock().expect("no panic while held").clone()
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let host = host_of(&request);
        let path = request.uri().path().to_string();
        let session = cookie(&request);
        match (host.as_str(), request.method(), path.as_str()) {
            (HOST, &Method::GET, "/") => page("text/html", HOME.into()),
            (HOST, &Method::GET, "/demarche") if session.is_none() => {
                redirect(&format!("https://{IDENTITY}/autoriser?retour=demarche"))
            }
            (HOST, &Method::GET, "/demarche") => page("text/html", FORM.into()),
            (HOST, &Method::GET, "/retour") => self.begin(),
            (HOST, &Method::POST, "/etape") => match session {
                Some(session) => self.step(session, request).await,
                None => refused(401),
            },
            (HOST, &Method::POST, "/envoi") => match session {
                Some(session) => self.submit(&session),
                None => refused(401),
            },
            (IDENTITY, &Method::GET, "/autoriser") => redirect("/connexion?etat=exemple"),
            (IDENTITY, &Method::GET, "/connexion") => page("text/html", IDENTITY_PAGE.into()),
            (IDENTITY, &Method::POST, "/connexion") => {
                redirect(&format!("https://{HOST}/retour?code=exemple"))
            }
            (RESOURCES, &Method::GET, "/style.css") => page("text/css", STYLE.into()),
            (RESOURCES, &Method::GET, "/formulaire.js") => page("text/javascript", SCRIPT.into()),
            (RESOURCES, &Method::GET, "/situations.json") => page("application/json", SITUATIONS.into()),
            _ => refused(404),
        }
    }

    /// The way back from the identity host: a session of our own, then the form.
    fn begin(&self) -> Response<Body> {
        let session = format!("exemple-{}", self.sessions.fetch_add(1, SeqCst) + 1);
        let mut answer = redirect("/demarche");
        let cookie = format!("session={session}; Path=/; Secure; HttpOnly; SameSite=Lax");
        answer.headers_mut().insert(header::SET_COOKIE, cookie.parse().expect("an ASCII cookie"));
        self.drafts.lock().expect("no panic while held").insert(session, Fields::new());
        answer
    }

    /// Keeps the fields of one step.
    async fn step(&self, session: String, request: Request<Incoming>) -> Response<Body> {
        let Ok(body) = request.into_body().collect().await else { return refused(400) };
        let Ok(fields) = serde_json::from_slice::<Fields>(&body.to_bytes()) else { return refused(400) };
        self.drafts.lock().expect("no panic while held").entry(session).or_default().extend(fields);
        page("application/json", "{}".into())
    }

    fn submit(&self, session: &str) -> Response<Body> {
        let fields = self.drafts.lock().expect("no panic while held").remove(session);
        let Some(fields) = fields else { return refused(409) };
        let mut submissions = self.submissions.lock().expect("no panic while held");
        let receipt = format!("EX-{:05}", 40_000 + submissions.len() + 1);
        submissions.push(Submission { receipt: receipt.clone(), fields });
        page("application/json", serde_json::json!({ "recepisse": receipt }).to_string())
    }
}

fn cookie<B>(request: &Request<B>) -> Option<String> {
    let cookies = request.headers().get_all(header::COOKIE);
    let mut pairs =
        cookies.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split("; "));
    pairs.find_map(|pair| pair.strip_prefix("session=")).map(str::to_string)
}

fn page(media_type: &str, text: String) -> Response<Body> {
    Response::builder()
        .header(header::CONTENT_TYPE, format!("{media_type}; charset=utf-8"))
        .header(header::CACHE_CONTROL, "no-store")
        // The form on the main host reads data of the auxiliary one.
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, format!("https://{HOST}"))
        .body(whole(text))
        .expect("a plain answer")
}

fn redirect(to: &str) -> Response<Body> {
    Response::builder().status(303).header(header::LOCATION, to).body(whole("")).expect("a plain answer")
}

fn refused(status: u16) -> Response<Body> {
    Response::builder().status(status).body(whole("")).expect("a plain answer")
}
