//! Real input: a web application that nobody here wrote, used in the kiosk, and its own disk asked what was saved.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use passerelle_tests::{
    Setup,
    authority::Authority,
    dokuwiki::{self, DokuWiki},
    kiosk::Kiosk,
    sample::SACHA,
    screen::Screen,
    tour::Tour,
};

const TEXT: &str = "Note de la borne : é è ç à @ € ï, ça marche";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_edited_in_the_kiosk_is_on_the_wikis_disk() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let wiki = DokuWiki::start(&authority).unwrap();
    let policy = format!("version = 1\ntime_zone = \"Europe/Paris\"\n{}", dokuwiki::POLICY);
    let setup = Setup::new(authority, policy).resolve(&format!("{}:443", dokuwiki::HOST), wiki.address);
    let stand = setup.start().unwrap();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne").unwrap()).unwrap());
    tour.sign_in(&SACHA).unwrap();
    tour.open_service("training", "wiki-exemple", &format!("https://{}/", dokuwiki::HOST)).unwrap();
    tour.edit_wiki(TEXT).unwrap();
    tour.sign_out().unwrap();

    let saved = wiki.saved_page("start").unwrap();
    assert!(saved.contains(TEXT), "{saved}");
    stand.verify().unwrap();
    let records = stand.journal(&["--kind", "opened", "--person", SACHA.id]).unwrap();
    let save = records.iter().find(|record| {
        record.method.as_deref() == Some("POST") && record.service.as_deref() == Some("wiki-exemple")
    });
    assert!(save.is_some(), "{records:#?}");
}
