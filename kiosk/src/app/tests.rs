//! The application's promises to who sits before it, tried with keys and pointer on the real screens.

#![allow(clippy::unwrap_used)]

use iced::keyboard::key::Named;
use iced::{Point, Rectangle};

use super::studio::Studio;
use super::*;
use crate::gateway::GatewayError;
use crate::screen::unreachable;
use crate::speech::Voice;
use crate::text::Language;

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
    let Size { width, height } = studio.room();
    for control in &studio.kiosk.seen.controls {
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
    studio.click_at(Point::new(3.0, 400.0));
    assert!(studio.focused().is_empty(), "one press takes the keyboard from every control");
}

#[test]
fn a_press_that_another_control_took_takes_the_keyboard_too() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    studio.tell(Message::Touched);
    let task = focus_on("requests");
    studio.obey(task);
    assert_eq!(studio.focused(), ["requests"]);
    studio.click_at(studio.seen("sign-out").bounds.position() + iced::Vector::new(-2.0, 0.0));
    assert!(studio.focused().is_empty());
    let task = focus_on("requests");
    studio.obey(task);
    studio.click("aloud");
    assert!(studio.focused().is_empty(), "a button was pressed, and took no keyboard");
    studio.click("aloud");
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
    studio.click("display");
    studio.click("language-en");
    studio.click("display-close");
    assert!(studio.says("Enrol this terminal"));
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
    studio.kiosk.signed_in.as_mut().unwrap().services = Some(api::ServiceList::default());
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
    let task = studio.kiosk.forget_after(look::FORGET);
    studio.obey(task);
    studio.tell(Message::Touched);
    assert_eq!(studio.focused(), ["person"]);
    assert!(!studio.says("camille"));
}

/// Makes a screen of this width and height.
type Make = fn(f32, f32) -> Studio;

/// Every screen that can be reached without a gateway, by its name in pictures.
fn screens() -> Vec<(&'static str, Make)> {
    fn locked_screen(width: f32, height: f32) -> Studio {
        let mut studio = Studio::enrolled(width, height);
        let mut locked = locked::State::new("camille".into(), "Camille Exemple".into());
        locked.failed(&refused("sign-in-failed"));
        studio.show(Screen::Locked(locked));
        studio
    }
    fn pin(width: f32, height: f32) -> Studio {
        let mut studio = Studio::enrolled(width, height);
        studio.write("camille");
        studio.press(Named::Enter);
        studio
    }
    fn listed(width: f32, height: f32) -> Studio {
        let mut studio = Studio::signed_in(width, height);
        let mut catalogue = service("catalogue", true);
        (catalogue.category, catalogue.start) = ("training".into(), None);
        let services =
            vec![service("caf", true), service("ameli", true), service("impots", false), catalogue];
        studio.kiosk.signed_in.as_mut().unwrap().services = Some(api::ServiceList { services });
        studio
    }
    fn on(width: f32, height: f32, screen: Screen) -> Studio {
        let mut studio = listed(width, height);
        studio.show(screen);
        studio
    }
    fn catalogue(width: f32, height: f32) -> Studio {
        let mut studio = on(width, height, Screen::Catalogue);
        let item = |id: &str, kind: &str, language: &str, title: &str| api::CatalogueItem {
            id: id.into(),
            kind: kind.into(),
            title: title.into(),
            description: "Un cours d’exemple, avec une description qui tient sur deux lignes au plus.".into(),
            language: language.into(),
            trade: None,
            level: None,
            start: format!("https://{id}-passerelle.internal/"),
            pages: 12,
        };
        let items = vec![
            item("cuisine", "html", "fr", "Cuisine : les bases"),
            item("lecture", "zim", "ar", "القراءة"),
        ];
        let begun = vec![api::Begun {
            item: items[0].clone(),
            url: "https://cuisine-passerelle.internal/3".into(),
            title: "Les sauces".into(),
            updated_at: studio.kiosk.now,
        }];
        let signed_in = studio.kiosk.signed_in.as_mut().unwrap();
        signed_in.catalogue.waits_for_items(7);
        signed_in.catalogue.items_answered(7, &Ok(api::ItemList { items, begun }));
        studio.tell(Message::Touched);
        studio
    }
    fn requests(width: f32, height: f32) -> Studio {
        let mut studio = on(width, height, Screen::Requests);
        let asked_at = studio.kiosk.now;
        let request = |state: &str, answer: Option<&str>, hours: Option<i64>| api::AccessRequest {
            id: state.into(),
            url: "https://www.exemple.fr/une/page".into(),
            reason: "Pour mon dossier".into(),
            asked_at,
            state: state.into(),
            answer: answer.map(String::from),
            answered_at: answer.map(|_| asked_at),
            granted_until: hours.map(|hours| asked_at + jiff::SignedDuration::from_hours(hours)),
        };
        let requests = vec![
            request("granted", Some("Accordé pour une semaine."), Some(7 * 24)),
            request("granted", Some("Accordé pour une heure."), Some(-1)),
            request("open", None, None),
        ];
        let signed_in = studio.kiosk.signed_in.as_mut().unwrap();
        signed_in.requests.waits_for(7);
        signed_in.requests.answered(7, Some(api::RequestList { requests }));
        studio.tell(Message::Touched);
        studio
    }
    fn unreachable(width: f32, height: f32, terminal_refused: bool) -> Studio {
        let state = unreachable::State::new(terminal_refused);
        let behind = Box::new(Screen::Home);
        on(width, height, Screen::Unreachable { state, knock: 0, behind })
    }
    fn browse(width: f32, height: f32, told: browser::Event) -> Studio {
        let mut studio = listed(width, height);
        let mut state = browse::State::new(Some("caf".into()), "https://www.caf.fr/".into());
        let title = Some("Demander une aide au logement, étape deux sur cinq".into());
        let _ = state.told(browser::Event::Page { url: "https://www.caf.fr/".into(), title }, Instant::now());
        let _ = state.told(told, Instant::now());
        studio.kiosk.signed_in.as_mut().unwrap().browse = Some(state);
        studio.show(Screen::Browse);
        studio
    }
    fn refusal(width: f32, height: f32) -> Studio {
        let GatewayError::Refused(problem) = refused("no-rule") else { unreachable!() };
        browse(width, height, browser::Event::Refused { url: "https://www.exemple.fr/x".into(), problem })
    }
    vec![
        ("enrol", |width, height| Studio::open(width, height)),
        ("sign-in", |width, height| Studio::enrolled(width, height)),
        ("pin", pin),
        ("locked", locked_screen),
        ("home", listed),
        ("services", |width, height| on(width, height, Screen::Services)),
        ("catalogue", catalogue),
        ("requests", requests),
        ("new-pin", |width, height| on(width, height, Screen::NewPin(Default::default()))),
        ("unreachable", |width, height| unreachable(width, height, false)),
        ("withdrawn", |width, height| unreachable(width, height, true)),
        ("page", |width, height| browse(width, height, browser::Event::Loading(true))),
        ("refusal", refusal),
        ("display", |width, height| on(width, height, Screen::Display { behind: Box::new(Screen::Home) })),
    ]
}

#[test]
fn every_screen_holds_in_every_language_at_every_size() {
    for (name, open) in screens() {
        for language in Language::ALL {
            for (width, height) in [(1024.0, 768.0), (1280.0, 720.0), (1920.0, 1080.0)] {
                for size in crate::comfort::Size::ALL {
                    let mut studio = open(width, height);
                    studio.language(language);
                    studio.comfort(Comfort { size, ..Comfort::default() });
                    let what = format!("{name}-{}-{width}-{}", language.code(), size.percent());
                    if std::env::var_os("PASSERELLE_ALBUM").is_some() {
                        studio.picture(&what);
                    }
                    holds(&mut studio, &what);
                }
            }
        }
    }
}

/// Nothing sticks out to the side or lies over something else, and no control is so small that it can't be pressed; lists may scroll.
fn holds(studio: &mut Studio, what: &str) {
    let room = studio.room();
    let words = studio.words();
    for (place, one) in words.iter().enumerate() {
        let Rectangle { x, width, .. } = one.bounds;
        assert!(x >= -0.5 && x + width <= room.width + 0.5, "{what}: {one:?} in {room:?}");
        for other in &words[place + 1..] {
            let both = one.bounds.intersection(&other.bounds).map_or(Size::ZERO, |both| both.size());
            assert!(both.width < 1.0 || both.height < 1.0, "{what}: {one:?} and {other:?}");
        }
    }
    for control in &studio.kiosk.seen.controls {
        let bounds = control.bounds;
        let inside = bounds.x >= -0.5 && bounds.x + bounds.width <= room.width + 0.5;
        assert!(inside, "{what}: {} at {bounds:?} in {room:?}", control.name);
        if control.hidden == 0.0 {
            let pixels = bounds.height.min(bounds.width) * studio.kiosk.comfort.size.scale();
            assert!(pixels >= 28.0, "{what}: {} at {bounds:?}", control.name);
        }
    }
}

#[test]
fn contrast_is_a_matter_of_every_screen() {
    for (name, open) in screens() {
        let mut seen = Vec::new();
        for theme in [theme::Theme::Normal, theme::Theme::High, theme::Theme::Dark] {
            let mut studio = open(1024.0, 768.0);
            studio.comfort(Comfort { theme, ..Comfort::default() });
            let pixels = studio.picture(&format!("{name}-{theme:?}"));
            let (dark, all) = (theme::Theme::Dark, pixels.chunks_exact(4));
            let count = all.len();
            let light =
                all.filter(|pixel| pixel[..3].iter().map(|part| u32::from(*part)).sum::<u32>() > 382).count();
            assert_eq!(light * 2 > count, theme != dark, "{name} in {theme:?}: {light} of {count} are light");
            seen.push(pixels);
        }
        assert!(seen[0] != seen[1], "{name}: high contrast differs");
    }
}

#[test]
fn arabic_runs_from_the_right() {
    let mut studio = Studio::signed_in(1280.0, 720.0);
    let first =
        |studio: &Studio| studio.seen("door-administrative").bounds.x < studio.seen("door-training").bounds.x;
    assert!(first(&studio));
    studio.language(Language::Arabic);
    assert!(!first(&studio));
    let names = |studio: &Studio| -> Vec<String> {
        studio.kiosk.seen.controls.iter().map(|control| control.name.clone()).collect()
    };
    let arabic = names(&studio);
    studio.language(Language::French);
    assert_eq!(names(&studio), arabic, "the order of Tab and of reading is the same");
    drop(studio);
    let mut studio = Studio::enrolled(1280.0, 720.0);
    studio.language(Language::Arabic);
    assert!(studio.seen("key-1").bounds.x < studio.seen("key-2").bounds.x, "digits run from the left");
    studio.write("camille");
    studio.press(Named::Enter);
    studio.click("key-7");
    assert_eq!(studio.focused(), ["pin"]);
}

#[test]
fn what_was_chosen_lasts_as_long_as_the_person_is_there() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    studio.click("display");
    for name in ["language-ar", "size-200", "contrast-dark"] {
        let task = focus_on(name);
        studio.obey(task);
        studio.press(Named::Enter);
    }
    let chosen = Comfort { size: crate::comfort::Size::Double, theme: theme::Theme::Dark };
    assert_eq!((studio.kiosk.comfort, studio.kiosk.text.language()), (chosen, Language::Arabic));
    studio.press(Named::Escape);
    assert!(matches!(studio.kiosk.screen, Screen::Home), "the screen before waited");
    let task = studio.kiosk.lock();
    studio.obey(task);
    assert_eq!(studio.kiosk.comfort, chosen, "it is still their screen");
    studio.tell(Message::Locked(locked::Message::Left));
    assert_eq!(studio.kiosk.comfort, Comfort::default());
    assert_eq!(studio.kiosk.text.language(), Language::French);
    studio.click("display");
    studio.click("language-en");
    studio.click("size-125");
    studio.press(Named::Escape);
    studio.write("cam");
    let task = studio.kiosk.forget_after(look::FORGET);
    studio.obey(task);
    assert_eq!(studio.kiosk.comfort, Comfort::default(), "nobody is there any more");
    assert_eq!(studio.kiosk.text.language(), Language::French);
}

#[test]
fn a_screen_is_heard_then_what_the_keyboard_goes_to() {
    let mut studio = Studio::enrolled(1280.0, 720.0);
    let file = studio.folder().join("heard");
    let heard = |studio: &mut Studio| {
        studio.wait(|kiosk| !kiosk.aloud.is_speaking());
        let said = std::fs::read_to_string(&file).unwrap_or_default();
        let _ = std::fs::remove_file(&file);
        said
    };
    studio.kiosk.aloud.voice = Voice::of(&["sh", "-c", &format!("cat > {}", file.display())]);
    studio.press(Named::F2);
    let said = heard(&mut studio);
    let places =
        ["Bienvenue", "Votre identifiant", "champ à remplir", "Continuer, bouton, pas disponible", "Arrêter"];
    let places = places.map(|words| said.find(words).unwrap_or_else(|| panic!("{words} in {said}")));
    assert!(places.is_sorted(), "{said}");
    assert!(!said.contains("azerty") && !said.contains("\na.\n"), "keys are not read: {said}");
    studio.write("camille");
    studio.press(Named::Tab);
    assert_eq!(heard(&mut studio), "Continuer, bouton.\n");
    studio.press(Named::Enter);
    let said = heard(&mut studio);
    assert!(said.contains("Votre code secret"), "the next step is another screen: {said}");
    studio.write("123456");
    assert_eq!(heard(&mut studio), "", "what is typed is never said");
    if let Screen::SignIn(state) = &mut studio.kiosk.screen {
        state.failed(&refused("sign-in-failed"));
    }
    studio.tell(Message::Touched);
    assert_eq!(heard(&mut studio), "Identifiant ou code incorrect. Vérifiez et essayez encore.\n");
    studio.press(Named::F2);
    studio.press(Named::Tab);
    assert_eq!(heard(&mut studio), "", "silence was asked for");
}

#[test]
fn a_terminal_without_sound_says_so_and_works_on() {
    let mut studio = Studio::enrolled(1024.0, 768.0);
    studio.kiosk.aloud.voice = Voice::of(&["/nonexistent/voice"]);
    studio.click("aloud");
    studio.wait(|kiosk| !kiosk.aloud.is_speaking());
    assert!(studio.says("il n’a pas de son"));
    studio.picture("no-sound");
    fits(&studio, "without sound");
    studio.write("camille");
    studio.press(Named::Enter);
    assert_eq!(studio.focused(), ["pin"]);
}
