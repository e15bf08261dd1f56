//! Learning and one's own affairs at the real kiosk: a lesson found despite a typo goes on at another terminal; a PIN is changed.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    kiosk::{Event, Kiosk},
    lessons::{self, CV_ITEM, POLICY},
    sample::{CAMILLE, Person},
    screen::Screen,
    tour::Tour,
};

const LIMIT: Duration = Duration::from_secs(60);

fn stand() -> Stand {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    Setup::new(authority, POLICY).start().unwrap()
}

/// Whether a page of the sample lesson is shown, whole.
fn shows(event: &Event, file: &str) -> bool {
    let url = format!("https://{CV_ITEM}-passerelle.internal/{file}");
    event.page.as_ref().is_some_and(|page| !page.loading && page.url == url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_goes_on_at_another_terminal() {
    let stand = stand();
    lessons::add(&stand).unwrap();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne-a").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_door("training").unwrap();
    tour.picture("apprendre").unwrap();
    tour.kiosk.click(&format!("item-{CV_ITEM}"), LIMIT).unwrap();
    tour.follow("Raconter son expérience").unwrap();
    tour.kiosk.wait("the page of the step", LIMIT, |event| shows(event, "experience.html")).unwrap();
    tour.picture("lecon").unwrap();
    tour.follow("Étape suivante").unwrap();
    tour.kiosk.wait("the next page", LIMIT, |event| shows(event, "relire.html")).unwrap();
    tour.see("Relire et faire relire").unwrap();
    // Closed at once: the place is kept without the moment that a reader stays.
    tour.leave_site().unwrap();
    tour.sign_out().unwrap();
    drop(tour);

    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne-b").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_door("training").unwrap();
    tour.picture("continuer").unwrap();
    tour.kiosk.click(&format!("continue-{CV_ITEM}"), LIMIT).unwrap();
    tour.kiosk.wait("the page that was left", LIMIT, |event| shows(event, "relire.html")).unwrap();
    tour.see("Relire et faire relire").unwrap();
    tour.sign_out().unwrap();

    let opened = stand.journal(&["--kind", "opened", "--person", CAMILLE.id]).unwrap();
    let of_catalogue = |terminal: &str| {
        opened.iter().any(|record| {
            record.terminal.as_deref() == Some(terminal)
                && record.service.as_deref() == Some("catalogue")
                && record.url.as_deref().is_some_and(|url| url.ends_with("/relire.html"))
        })
    };
    assert!(of_catalogue("borne-a") && of_catalogue("borne-b"), "{opened:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_found_despite_a_typo() {
    let stand = stand();
    lessons::add(&stand).unwrap();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.find_lesson().unwrap();
    // The search is still there behind the page.
    tour.kiosk.click("leave", LIMIT).unwrap();
    let kept = |event: &Event| event.searched.as_deref() == Some("experiance");
    tour.kiosk.wait("the results behind the page", LIMIT, kept).unwrap();
    tour.sign_out().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_changed_at_the_kiosk_is_the_one_that_opens_it() {
    let stand = stand();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();

    // Somebody else's try with a wrong PIN is told, counted and on record.
    tour.kiosk.click("new-pin", LIMIT).unwrap();
    for (step, pin) in [("old-pin", "000000"), ("new-pin", "161803"), ("new-pin-again", "161803")] {
        tour.kiosk.wait_for_screen(step, LIMIT).unwrap();
        for digit in pin.chars() {
            tour.kiosk.click(&format!("key-{digit}"), LIMIT).unwrap();
        }
        tour.kiosk.click("continue", LIMIT).unwrap();
    }
    let refused = |event: &Event| event.refusal.as_deref() == Some("sign-in-failed");
    tour.kiosk.wait("the refusal of the old PIN", LIMIT, refused).unwrap();
    tour.picture("code-faux").unwrap();
    assert_eq!(stand.journal(&["--kind", "sign-in-failed", "--person", CAMILLE.id]).unwrap().len(), 1);
    tour.kiosk.click("back", LIMIT).unwrap();
    tour.kiosk.wait_for_screen("home", LIMIT).unwrap();

    let new = Person { pin: "161803", ..CAMILLE };
    tour.change_pin(&CAMILLE, new.pin).unwrap();
    tour.sign_out().unwrap();
    tour.sign_in(&new).unwrap();
    tour.sign_out().unwrap();
}
