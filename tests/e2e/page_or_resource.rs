//! Page or resource, as the contract's 4.3 has it, tried with the real Chromium: by every way in which a browser comes to ask for
//! something, with a referrer and without. What is expected is a table; what happened is read from the journal.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use http::{Request, Response, header};
use hyper::body::Incoming;
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    browser::Browser,
    process::eventually,
    relay::Relay,
    sample::CAMILLE,
    upstream::{Behaviour, Body, Upstream, host_of, whole},
};

/// Its pages may be opened.
const PAGE: &str = "page.example";
/// The same service's resources.
const RESOURCE: &str = "ressource.example";
/// Another service's page.
const OTHER: &str = "autre.example";

const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"
[[service]]
id = "essai"
category = "administrative"
name = { fr = "Service d'essai" }
start = "https://page.example/"
[[service.rule]]
hosts = ["page.example"]
access = "page"
[[service.rule]]
hosts = ["ressource.example"]
access = "resource"
[[service]]
id = "voisin"
category = "administrative"
name = { fr = "Service voisin" }
start = "https://autre.example/"
[[service.rule]]
hosts = ["autre.example"]
access = "page"
"#;

/// For the browser to ask, and the journal to know.
const LIMIT: Duration = Duration::from_secs(30);

const ALLOWED: &str = "";
const NOT_A_PAGE: &str = "not-a-page";
const NOT_THIS_SERVICE: &str = "not-this-service";

/// How the browser comes to ask: `{r}` is the resource's address.
enum Way {
    /// Typed into the address bar.
    Typed,
    /// A page of this service holds it.
    Page(&'static str),
    /// A page of the other service holds it.
    Elsewhere(&'static str),
}
use Way::*;

/// Name, way, and what the journal says: with the referrer that browsers send by themselves, and with `no-referrer`.
const WAYS: &[(&str, Way, &str, &str)] = &[
    ("adresse", Typed, NOT_A_PAGE, NOT_A_PAGE),
    ("lien", Page("<a id=l href='{r}'>lien</a><script>l.click()</script>"), NOT_A_PAGE, NOT_A_PAGE),
    ("remplacement", Page("<script>location.replace('{r}')</script>"), NOT_A_PAGE, NOT_A_PAGE),
    ("rafraichissement", Page("<meta http-equiv=refresh content='0;url={r}'>"), NOT_A_PAGE, NOT_A_PAGE),
    ("fenetre", Page("<script>window.open('{r}')</script>"), NOT_A_PAGE, NOT_A_PAGE),
    ("redirection", Page("<script>location='/vers?{r}'</script>"), NOT_A_PAGE, NOT_A_PAGE),
    (
        "formulaire",
        Page("<form id=f action='{r}'></form><script>f.submit()</script>"),
        NOT_A_PAGE,
        NOT_A_PAGE,
    ),
    (
        "formulaire-fenetre",
        Page("<form id=f target=_blank action='{r}'></form><script>f.submit()</script>"),
        NOT_A_PAGE,
        NOT_A_PAGE,
    ),
    (
        "formulaire-cadre",
        Page("<iframe name=c></iframe><form id=f target=c action='{r}'></form><script>f.submit()</script>"),
        ALLOWED,
        ALLOWED,
    ),
    (
        "formulaire-envoi",
        Page("<form id=f method=post action='{r}'></form><script>f.submit()</script>"),
        "method",
        "method",
    ),
    ("cadre", Page("<iframe src='{r}'></iframe>"), ALLOWED, ALLOWED),
    ("objet", Page("<object data='{r}'></object>"), ALLOWED, ALLOWED),
    ("integre", Page("<embed src='{r}'>"), ALLOWED, ALLOWED),
    ("script", Page("<script src='{r}'></script>"), ALLOWED, ALLOWED),
    ("module", Page("<script type=module src='{r}'></script>"), ALLOWED, ALLOWED),
    ("style", Page("<link rel=stylesheet href='{r}'>"), ALLOWED, ALLOWED),
    ("image", Page("<img src='{r}'>"), ALLOWED, ALLOWED),
    ("image-redirigee", Page("<img src='/vers?{r}'>"), ALLOWED, ALLOWED),
    (
        "police",
        Page("<style>@font-face{font-family:e;src:url('{r}')}</style><p style='font-family:e'>Texte"),
        ALLOWED,
        ALLOWED,
    ),
    ("son", Page("<audio autoplay src='{r}'></audio>"), ALLOWED, ALLOWED),
    ("lecture", Page("<script>fetch('{r}')</script>"), ALLOWED, ALLOWED),
    ("lecture-opaque", Page("<script>fetch('{r}',{mode:'no-cors'})</script>"), ALLOWED, ALLOWED),
    (
        "travailleur",
        Page("<script>new Worker(URL.createObjectURL(new Blob([\"importScripts('{r}')\"])))</script>"),
        ALLOWED,
        ALLOWED,
    ),
    ("prefetch", Page("<link rel=prefetch href='{r}'>"), ALLOWED, ALLOWED),
    ("prechargement", Page("<link rel=preload as=script href='{r}'>"), ALLOWED, ALLOWED),
    ("balise", Page("<script>navigator.sendBeacon('{r}')</script>"), "method", "method"),
    ("evenements", Page("<script>new EventSource('{r}')</script>"), ALLOWED, ALLOWED),
    // Without a referrer nothing tells which page asked: this session has opened one of the service.
    ("script-voisin", Elsewhere("<script src='{r}'></script>"), NOT_THIS_SERVICE, ALLOWED),
    ("image-voisine", Elsewhere("<img src='{r}'>"), NOT_THIS_SERVICE, ALLOWED),
    ("cadre-voisin", Elsewhere("<iframe src='{r}'></iframe>"), NOT_THIS_SERVICE, ALLOWED),
    // What is asked across origins says whence, whatever the referrer.
    (
        "module-voisin",
        Elsewhere("<script type=module src='{r}'></script>"),
        NOT_THIS_SERVICE,
        NOT_THIS_SERVICE,
    ),
    ("lecture-voisine", Elsewhere("<script>fetch('{r}')</script>"), NOT_THIS_SERVICE, NOT_THIS_SERVICE),
    (
        "lien-voisin",
        Elsewhere("<a id=l href='{r}'>lien</a><script>l.click()</script>"),
        NOT_A_PAGE,
        NOT_A_PAGE,
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_asks_for_pages_and_resources() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let hosts = [PAGE, RESOURCE, OTHER];
    let server = authority.server(&hosts, &["h2", "http/1.1"]).unwrap();
    let handler = Arc::new(|request| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move { answer(&request) })
    });
    let upstream = Upstream::tls(server, Behaviour::Serve(handler)).await.unwrap();
    let mut setup = Setup::new(authority, POLICY);
    for host in hosts {
        setup = setup.resolve(&format!("{host}:443"), upstream.address());
    }
    let stand = setup.start().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let relay = Relay::start(client).await.unwrap();
    let browser = Browser::behind(relay.address).unwrap();

    let mut wrong = Vec::new();
    // Before a page was opened there is nothing that a resource could belong to.
    wrong.extend(see(&stand, &browser, "script-voisin", "avant", NOT_THIS_SERVICE));
    browser.open(&format!("https://{PAGE}/")).unwrap();
    for (name, _, with, without) in WAYS {
        wrong.extend(see(&stand, &browser, name, "avec", with));
        wrong.extend(see(&stand, &browser, name, "sans", without));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stand.verify().unwrap();
}

/// Has the browser ask in one way, and says what the journal has instead of `expected`.
fn see(stand: &Stand, browser: &Browser, name: &str, referrer: &str, expected: &str) -> Option<String> {
    let (_, way, ..) = WAYS.iter().find(|(known, ..)| *known == name).unwrap();
    let resource = format!("https://{RESOURCE}/{name}/{referrer}");
    let opened = browser.open(&match way {
        Typed => resource.clone(),
        Page(_) => format!("https://{PAGE}/{name}/{referrer}"),
        Elsewhere(_) => format!("https://{OTHER}/{name}/{referrer}"),
    });
    let mut found = Vec::new();
    let waited = eventually(LIMIT, name, || {
        let records = stand.journal(&["--host", RESOURCE])?;
        let this = records.into_iter().filter(|record| {
            let url = record.url.as_deref().unwrap_or_default();
            // A form that is sent adds its question mark.
            url.trim_end_matches('?') == resource && record.kind != "closed"
        });
        found = this.map(|record| record.reason.unwrap_or_default()).collect();
        Ok(!found.is_empty())
    });
    if let (Err(_), Err(error)) = (waited, opened) {
        return Some(format!("{name}, {referrer}: {error:#}"));
    }
    (found.is_empty() || found.iter().any(|reason| reason != expected))
        .then(|| format!("{name}, {referrer}: expected {expected:?}, found {found:?}"))
}

fn answer(request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let mut response = Response::builder()
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .header(header::CACHE_CONTROL, "no-store");
    let mut parts = path.trim_start_matches('/').split('/');
    let (name, referrer) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if name == "vers" {
        let to = request.uri().query().unwrap_or_default();
        return response.status(302).header(header::LOCATION, to).body(whole("")).unwrap();
    }
    if host_of(request) == RESOURCE {
        response = response.header(header::CONTENT_TYPE, media_type(name));
        return response.body(whole("")).unwrap();
    }
    let way = WAYS.iter().find(|(known, ..)| *known == name).map(|(_, way, ..)| way);
    let html = match way {
        Some(Page(html) | Elsewhere(html)) => {
            html.replace("{r}", &format!("https://{RESOURCE}/{name}/{referrer}"))
        }
        _ => String::new(),
    };
    let policy = if referrer == "avec" { "" } else { "<meta name=referrer content=no-referrer>" };
    response
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .body(whole(format!("<!doctype html><title>Exemple</title>{policy}<body>{html}")))
        .unwrap()
}

/// What a browser takes there without a word.
fn media_type(name: &str) -> &'static str {
    match name.split('-').next().unwrap_or_default() {
        "script" | "module" | "travailleur" | "prechargement" => "text/javascript",
        "style" => "text/css",
        "image" => "image/png",
        "police" => "font/woff2",
        "son" => "audio/ogg",
        "evenements" => "text/event-stream",
        _ => "text/html",
    }
}
