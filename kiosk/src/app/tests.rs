//! The application's promises to who sits before it, tried with keys and pointer on the real screens.

#![allow(clippy::unwrap_used)]

use iced::Point;
use iced::keyboard::key::Named;

use super::studio::Studio;
use super::*;
use crate::gateway::GatewayError;
use crate::screen::unreachable;

/// The smallest screens there are.
const SMALL: [(f32, f32); 2] = [(1024.0, 768.0), (1280.0, 720.0)];

fn service(id: &str, open: bool) -> api::Service {
    api::Service {
        id: id.into(),
        category: "administrative".into(),
        name: [("fr".to_owned(), format!("Le service {id}"))].into(),
        start: Some(format!("https://{id}.example/")),
        minutes_left: Some(42),
        confidential: false,
        unavailable: (!open).then(|| api::Unavailable { code: "window".into(), opens_at: None }),
    }
}

fn refused(code: &str) -> GatewayError {
    let (title, detail, url) = (String::new(), None, None);
    GatewayError::Refused(api::Problem {
        status: 401,
        title,
        code: code.into(),
        detail,
        url,
        retry_after: None,
    })
}

/// Everything of the screen is on it, whole.
fn fits(studio: &Studio, what: &str) {
    let Size { width, height } = studio.kiosk.window;
    for control in &studio.kiosk.seen {
        let bounds = control.bounds;
        assert_eq!(control.hidden, 0.0, "{what}: {} is scrolled away", control.name);
        let inside = bounds.x >= 0.0 && bounds.y >= 0.0;
        let inside = inside && bounds.x + bounds.width <= width && bounds.y + bounds.height <= height;
        assert!(inside, "{what}: {} at {bounds:?}", control.name);
        if control.name.starts_with("key-") {
            assert!((bounds.width - bounds.height).abs() < 0.1, "{what}: {} is squeezed", control.name);
        }
    }
}

#[test]
fn the_ring_follows_the_keyboard_and_never_the_pointer() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    studio.press(Named::Tab);
    studio.press(Named::Tab);
    assert_eq!(studio.focused().len(), 1);
    let ringed = studio.picture("ring");
    // Nothing is drawn around a control: its ring goes when it alone is painted again.
    let control = studio.seen(studio.focused()[0]).bounds;
    focus::used_keyboard(false);
    let plain = studio.picture("no-ring");
    let changed: Vec<usize> =
        (0..ringed.len()).filter(|at| ringed[*at] != plain[*at]).map(|at| at / 4).collect();
    assert!(!changed.is_empty(), "a ring was drawn");
    for pixel in changed {
        let at = Point::new((pixel % 1024) as f32 + 0.5, (pixel / 1024) as f32 + 0.5);
        assert!(control.expand(1.0).contains(at), "{at:?} is outside {control:?}");
    }
    studio.press(Named::Tab);
    let there = studio.seen("sign-out").bounds.center() + iced::Vector::new(-400.0, 0.0);
    studio.click_at(there);
    assert!(studio.focused().is_empty(), "one press takes the keyboard from every control");
}

#[test]
fn a_press_that_another_control_took_takes_the_keyboard_too() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    studio.tell(Message::Touched);
    let task = focus_on("requests");
    studio.obey(task);
    assert_eq!(studio.focused(), ["requests"]);
    studio.click("language");
    assert!(!studio.focused().contains(&"requests"));
}

#[test]
fn digits_pressed_on_the_keypad_leave_no_trace_on_it() {
    let mut studio = Studio::enrolled(1024.0, 768.0);
    studio.write("camille");
    studio.press(Named::Enter);
    assert_eq!(studio.focused(), ["pin"]);
    let before = studio.picture("before");
    let key = studio.seen("key-7").bounds;
    studio.click("key-7");
    assert_eq!(studio.focused(), ["pin"], "the field keeps the keyboard");
    let after = studio.picture("after");
    let row = |y: f32| (y as usize) * 1024 * 4;
    for y in [key.y + 4.0, key.center_y(), key.y + key.height - 4.0] {
        let span = row(y) + key.x as usize * 4..row(y) + (key.x + key.width) as usize * 4;
        assert_eq!(before[span.clone()], after[span], "the key looks as before");
    }
}

#[test]
fn every_form_fits_the_smallest_screens_with_its_notice() {
    for (width, height) in SMALL {
        let mut studio = Studio::enrolled(width, height);
        studio.show(Screen::SignIn(sign_in::State::saying("sign-in-person-locked")));
        studio.picture(&format!("sign-in-{width}"));
        fits(&studio, "sign-in");
        studio.write("camille");
        studio.press(Named::Enter);
        if let Screen::SignIn(state) = &mut studio.kiosk.screen {
            state.failed(&refused("person-locked"));
        }
        studio.tell(Message::Touched);
        studio.picture(&format!("pin-{width}"));
        fits(&studio, "pin");
        let mut locked = locked::State::new("camille".into(), "Camille Exemple".into());
        locked.failed(&refused("sign-in-failed"));
        studio.show(Screen::Locked(locked));
        studio.picture(&format!("locked-{width}"));
        fits(&studio, "locked");
        assert!(studio.says("Camille Exemple"), "whose screen it is is still said");
        assert!(studio.says("Identifiant ou code incorrect"));
    }
}

#[test]
fn typing_goes_on_after_the_language_changed_or_a_click_beside() {
    let mut studio = Studio::open(1280.0, 720.0);
    assert_eq!(studio.focused(), ["address"]);
    studio.click("language");
    assert_eq!(studio.focused(), ["address"]);
    studio.write("g:1");
    studio.click_at(Point::new(5.0, 500.0));
    assert_eq!(studio.focused().len(), 1, "a click beside leaves somebody with the keyboard");
}

#[test]
fn the_first_service_that_opens_has_the_keyboard() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let services = vec![service("ferme", false), service("caf", true)];
    studio.kiosk.signed_in.as_mut().unwrap().services = Some(api::ServiceList { services });
    studio.show(Screen::Services);
    assert_eq!(studio.focused(), ["service-caf"]);
    studio.kiosk.signed_in.as_mut().unwrap().services =
        Some(api::ServiceList { services: vec![service("ferme", false)] });
    studio.show(Screen::Services);
    assert_eq!(studio.focused(), ["back"], "nothing to choose but the way back");
}

#[test]
fn what_is_promised_while_the_gateway_is_away_is_true() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let error = GatewayError::Unreachable("no route".into());
    let call = studio.kiosk.next_id();
    studio.tell(Message::ServicesAnswered(call, Err(error)));
    studio.picture("unreachable");
    assert!(matches!(studio.kiosk.screen, Screen::Unreachable { .. }));
    assert!(studio.says("Votre session reprendra si elle est encore ouverte"));
    let Screen::Unreachable { knock, .. } = studio.kiosk.screen else { unreachable!() };
    studio.tell(Message::Knocked(knock, Err(refused("no-session"))));
    assert!(matches!(studio.kiosk.screen, Screen::SignIn(_)), "a restarted gateway knows no session");
    assert!(studio.kiosk.signed_in.is_none());
    assert!(studio.says("Votre session a été fermée"));
}

#[test]
fn a_busy_gateway_is_a_gateway_that_answers() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let call = studio.kiosk.next_id();
    studio.tell(Message::ServicesAnswered(call, Err(GatewayError::Unreachable("no route".into()))));
    let Screen::Unreachable { knock, .. } = studio.kiosk.screen else { panic!("no answer, no screen") };
    studio.tell(Message::Knocked(knock, Err(refused("busy"))));
    assert!(matches!(studio.kiosk.screen, Screen::Home));
}

#[test]
fn a_withdrawn_terminal_says_so_and_can_be_enrolled_again() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let call = studio.kiosk.next_id();
    studio.tell(Message::ServicesAnswered(call, Err(GatewayError::TerminalRefused("revoked".into()))));
    studio.picture("withdrawn");
    assert!(studio.says("Ce poste a été retiré"));
    assert!(!studio.says("Il reste"), "no minutes are left to nobody");
    assert!(studio.kiosk.signed_in.is_none(), "its session ended with it");
    assert_eq!(studio.focused(), ["enrol-again"]);
    studio.press(Named::Enter);
    assert!(matches!(studio.kiosk.screen, Screen::Enrol(_)));
    assert_eq!(studio.focused(), ["code"], "the address is known");
    studio.picture("enrol-again");
    fits(&studio, "enrolment");
    studio.click("cancel");
    let Screen::Unreachable { state, .. } = &studio.kiosk.screen else { panic!("back to what was said") };
    assert!(state.terminal_refused);
    assert_eq!(unreachable::State::new(true).first_focus(), "enrol-again");
}

#[test]
fn a_half_typed_sign_in_is_forgotten_once_nobody_is_there() {
    let mut studio = Studio::enrolled(1024.0, 768.0);
    studio.write("camille");
    studio.press(Named::Enter);
    studio.write("2718");
    studio.tell(Message::Ticked(Timestamp::now()));
    assert_eq!(studio.focused(), ["pin"], "somebody is there");
    let task = studio.kiosk.forget_after(FORGET);
    studio.obey(task);
    studio.tell(Message::Touched);
    assert_eq!(studio.focused(), ["person"]);
    assert!(!studio.says("camille"));
}
