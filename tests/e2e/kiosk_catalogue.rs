//! Learning and one's own affairs at the real kiosk: a lesson found despite a typo goes on at another terminal; a PIN is changed.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    course,
    kiosk::{Event, Kiosk},
    sample::{CAMILLE, Person},
    screen::Screen,
    tour::Tour,
};

const LIMIT: Duration = Duration::from_secs(60);

/// A gateway whose catalogue has the sample course, and no Internet at all.
fn stage() -> Stand {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let policy = format!("version = 1\ntime_zone = \"Europe/Paris\"\n{}", course::POLICY);
    let stand = Setup::new(authority, policy).start().unwrap();
    let folder = course::write(stand.folder()).unwrap();
    stand.verb(&["catalogue", "add", &folder.display().to_string()], "").unwrap();
    stand
}

fn shows(event: &Event, file: &str) -> bool {
    event.page.as_ref().is_some_and(|page| {
        !page.loading && page.url.contains("-passerelle.internal/") && page.url.ends_with(file)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_found_despite_a_typo_goes_on_at_another_terminal() {
    let stand = stage();
    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne-a").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_door("training").unwrap();
    tour.search("menuizerie").unwrap();
    tour.kiosk.click("result-1", LIMIT).unwrap();
    tour.kiosk.wait("the lesson that was found", LIMIT, |event| shows(event, course::LESSONS[0])).unwrap();
    tour.see("Les outils de l'atelier").unwrap();
    tour.follow(course::NEXT).unwrap();
    tour.kiosk.wait("the next lesson", LIMIT, |event| shows(event, course::LESSONS[1])).unwrap();
    tour.see("Tracer et scier").unwrap();
    // Closed at once: the place is kept without the moment that a reader stays.
    tour.leave_site().unwrap();
    tour.sign_out().unwrap();
    drop(tour);

    let screen = Screen::start().unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &stand.enrol("borne-b").unwrap()).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_door("training").unwrap();
    tour.picture("continuer").unwrap();
    let begun = |event: &Event| event.rectangles.keys().find(|name| name.starts_with("continue-")).cloned();
    let event = tour.kiosk.wait("what was begun", LIMIT, |event| begun(event).is_some()).unwrap();
    tour.kiosk.click(&begun(&event).unwrap(), LIMIT).unwrap();
    tour.kiosk.wait("the lesson that was left", LIMIT, |event| shows(event, course::LESSONS[1])).unwrap();
    tour.see("Tracer et scier").unwrap();
    tour.sign_out().unwrap();

    let opened = stand.journal(&["--kind", "opened", "--person", CAMILLE.id]).unwrap();
    let of_catalogue = |terminal: &str| {
        opened.iter().any(|record| {
            record.terminal.as_deref() == Some(terminal)
                && record.service.as_deref() == Some("catalogue")
                && record.url.as_deref().is_some_and(|url| url.ends_with(course::LESSONS[1]))
        })
    };
    assert!(of_catalogue("borne-a") && of_catalogue("borne-b"), "{opened:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_changed_at_the_kiosk_is_the_one_that_opens_it() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let stand = Setup::new(authority, "version = 1\ntime_zone = \"Europe/Paris\"\n").start().unwrap();
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
