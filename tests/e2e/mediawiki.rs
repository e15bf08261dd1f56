//! Real input: an encyclopedia that nobody here wrote, its scripts at work in the kiosk, and a way out of it that staff open
//! while the person waits.
//!
//! Search with suggestions, an edit with a preview fetched by script, a link to a host outside: refused, asked for, granted by the
//! counsellor at the console in a Chromium of their own, and opened in the same session. Told by pixels, by the wiki's own
//! database, by what reached the host outside, and by the records.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    browser::{Browser, album},
    journal::{Record, orphans},
    kiosk::Kiosk,
    mediawiki::{self, ELSEWHERE, ELSEWHERE_URL, HOST, MediaWiki, SERVICE},
    sample::{COUNSELLOR, SACHA},
    screen::Screen,
    tour::Tour,
    upstream::{Behaviour, Upstream},
};

const TEXT: &str = "Note de la borne : é è ç à @ € ï, ça marche";

#[tokio::test(flavor = "multi_thread")]
async fn a_way_out_of_the_encyclopedia_opens_in_the_running_session() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let wiki = MediaWiki::start(&authority).unwrap();
    let both = ["h2", "http/1.1"];
    let tls = authority.server(&[ELSEWHERE], &both).unwrap();
    let elsewhere = Upstream::tls(tls, Behaviour::Http).await.unwrap();
    let policy = format!("version = 1\ntime_zone = \"Europe/Paris\"\n{}", mediawiki::POLICY);
    let setup = Setup::new(authority, policy)
        .resolve(&format!("{HOST}:443"), wiki.address)
        .resolve(&format!("{ELSEWHERE}:443"), elsewhere.address());
    let mut stand = setup.start().unwrap();
    let enrolment = stand.enrol("borne").unwrap();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &enrolment).unwrap());
    tour.sign_in(&SACHA).unwrap();
    tour.open_service("training", SERVICE, &format!("https://{HOST}/wiki/Accueil")).unwrap();

    tour.search_encyclopedia().unwrap();
    tour.edit_article(TEXT).unwrap();
    let saved = wiki.saved_page(mediawiki::ARTICLE).unwrap();
    assert!(saved.contains(TEXT), "{saved}");

    // The wiki's tools are no articles.
    assert_eq!(tour.be_refused_at("Modifications récentes", HOST).unwrap(), "path");
    tour.dismiss().unwrap();
    tour.follow("Page d'accueil").unwrap();
    tour.wait_for_page(&format!("https://{HOST}/wiki/Accueil")).unwrap();
    assert_eq!(tour.be_refused_at(mediawiki::LINK, ELSEWHERE).unwrap(), "no-rule");
    tour.ask_for_access("Pour préparer ma sortie").unwrap();
    assert_eq!(elsewhere.tally().connections(), 0);

    grant(&mut stand);
    tour.open_granted(1, ELSEWHERE_URL).unwrap();
    tour.see("Page d'exemple").unwrap();
    tour.picture("page-accordee").unwrap();
    assert!(elsewhere.tally().seen().iter().any(|seen| seen.method == "GET" && seen.target == "/aide"));
    tour.sign_out().unwrap();

    stand.verify().unwrap();
    judge(&stand.journal(&[]).unwrap());
}

/// What the counsellor does at the console: signs in with a second factor, reads the request, grants it for an hour.
fn grant(stand: &mut Stand) {
    let origin = format!("https://localhost:{}", stand.gateway().unwrap().staff.port());
    let console = Browser::start(&origin).unwrap();
    console.first_sign_in(&COUNSELLOR).unwrap();
    console.click("nav", "Demandes").unwrap();
    console.click("main", "Voir").unwrap();
    let text = console.text().unwrap();
    for words in [SACHA.name, ELSEWHERE_URL, "Pour préparer ma sortie"] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    console.choose("span", "hour").unwrap();
    console.write("grant-words", "D’accord, pour préparer votre sortie.").unwrap();
    if let Some(album) = album() {
        console.save(&album.join("console-demande.png")).unwrap();
    }
    console.click("section[aria-labelledby=grant]", "Accorder l’accès").unwrap();
    let text = console.text().unwrap();
    assert!(text.contains("L’accès est accordé"), "{text}");
}

/// The story in the records: scripts at work, refused, asked, answered with an end, opened by the grant, in one session.
fn judge(records: &[Record]) {
    let at = |what: &str, wanted: &dyn Fn(&Record) -> bool| {
        let found = records.iter().find(|record| wanted(record));
        found.unwrap_or_else(|| panic!("{what} is not on record: {records:#?}")).clone()
    };
    let to = |record: &Record, url: &str| record.url.as_deref().is_some_and(|own| own.starts_with(url));
    let api = format!("https://{HOST}/api.php");
    for method in ["GET", "POST"] {
        let asked = at("a script's request", &|record| {
            record.kind == "opened" && to(record, &api) && record.method.as_deref() == Some(method)
        });
        assert_eq!(asked.rule.as_deref(), Some("encyclopedie-exemple/5"));
    }
    let refused = at("the refusal", &|record| {
        record.kind == "refused" && record.url.as_deref().is_some_and(|url| url.contains(ELSEWHERE))
    });
    assert_eq!(refused.reason.as_deref(), Some("no-rule"));
    let made = at("the request", &|record| record.kind == "request-made");
    let answered = at("the answer", &|record| record.kind == "request-answered");
    let detail = answered.detail.clone().unwrap();
    assert!(detail.contains(&format!("granted by {} until ", COUNSELLOR.login)), "{detail}");
    let opened = at("the page", &|record| record.kind == "opened" && to(record, ELSEWHERE_URL));
    assert!(opened.rule.as_deref().is_some_and(|rule| rule.starts_with("grant/")), "{opened:?}");
    assert!(refused.session.is_some() && refused.session == opened.session, "{refused:?} {opened:?}");
    let order = [refused.index, made.index, answered.index, opened.index];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(orphans(records), [] as [u64; 0]);
}
