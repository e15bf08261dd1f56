//! Learning, requests and the PIN on the real screens, with the gateway's answers as they come over the wire.

#![allow(clippy::unwrap_used)]

use iced::keyboard::key::Named;

use super::studio::Studio;
use super::*;

fn services() -> api::ServiceList {
    serde_json::from_str(
        r#"{"services": [
            {"id": "catalogue", "category": "training", "name": {"fr": "Catalogue"}},
            {"id": "moodle", "category": "training", "name": {"fr": "Moodle"}, "start": "https://moodle.example/"}
        ]}"#,
    )
    .unwrap()
}

fn items() -> api::ItemList {
    serde_json::from_str(
        r#"{"items": [
            {"id": "guide", "kind": "html", "title": "Guide d'exemple", "language": "fr", "start": "https://guide-passerelle.internal/", "pages": 12},
            {"id": "wiki", "kind": "zim", "title": "Encyclopédie d'exemple", "description": "Pour lire sans Internet.", "language": "fr", "start": "https://wiki-passerelle.internal/", "pages": 1}
        ], "begun": [
            {"item": {"id": "guide", "kind": "html", "title": "Guide d'exemple", "language": "fr", "start": "https://guide-passerelle.internal/", "pages": 12},
             "url": "https://guide-passerelle.internal/7.html", "title": "Le dossier", "updated_at": "2026-11-19T10:00:00Z"}
        ]}"#,
    )
    .unwrap()
}

/// A page of results, numbered from the first of that page.
fn results(page: u32, total: u64) -> api::SearchResults {
    let result = |place: u32| {
        format!(
            r#"{{"item": "guide", "item_title": "Guide d'exemple", "kind": "html", "language": "fr", "title": "Page {place}",
                "heading": "", "url": "https://guide-passerelle.internal/{place}.html",
                "snippet": [{{"text": "Le "}}, {{"text": "bois", "found": true}}, {{"text": " se scie."}}]}}"#
        )
    };
    let listed: Vec<String> = (page * 3 - 2..=page * 3).map(result).collect();
    let listed = listed.join(",");
    let text = format!(
        r#"{{"query": "bois", "page": {page}, "total": {total}, "results": [{listed}], "spelt": "bois"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// Behind the training door, with everything answered.
fn learning(width: f32, height: f32) -> Studio {
    let mut studio = Studio::signed_in(width, height);
    studio.kiosk.signed_in.as_mut().unwrap().services = Some(services());
    studio.tell(Message::Touched);
    studio.click("door-training");
    let call = studio.kiosk.last_id;
    studio.tell(Message::ItemsAnswered(call, None, Ok(items())));
    studio
}

/// Types a query, and the gateway answers its first page.
fn search(studio: &mut Studio, query: &str) -> Question {
    studio.write(query);
    studio.press(Named::Enter);
    let call = studio.kiosk.last_id - 1; // the last one asks for suggestions
    let question = Question { query: query.into(), page: 1, ..Question::default() };
    studio.tell(Message::SearchAnswered(call, question.clone(), Ok(results(1, 6))));
    let suggestions = api::Suggestions { suggestions: vec![format!("{query} sec")] };
    studio.tell(Message::SuggestionsAnswered(call + 1, Ok(suggestions)));
    question
}

#[test]
fn learning_goes_on_where_it_was_left() {
    let mut studio = learning(1024.0, 768.0);
    assert_eq!(studio.focused(), ["search"]);
    studio.picture("learning");
    for words in ["Continuer où vous en étiez", "Guide d'exemple", "Le dossier", "Moodle"] {
        assert!(studio.says(words), "{words}");
    }
    studio.click("continue-guide");
    assert!(matches!(studio.kiosk.screen, Screen::Browse));
    let browse = studio.kiosk.browse().unwrap();
    assert_eq!(browse.wanted, "https://guide-passerelle.internal/7.html");
}

#[test]
fn results_come_as_one_types_and_more_of_them_on_demand() {
    let mut studio = learning(1024.0, 768.0);
    let first = search(&mut studio, "bois");
    studio.picture("results");
    assert_eq!(studio.focused(), ["search"], "typing goes on");
    assert!(studio.says("Page 1") && studio.says("bois sec"));
    studio.press(Named::ArrowDown);
    assert_eq!(studio.focused(), ["result-1"], "what was found is one key away");
    studio.show(Screen::Catalogue);
    studio.press(Named::Tab);
    let mut passed = Vec::new();
    while studio.focused() != ["more"] {
        passed.extend(studio.focused().first().map(|name| name.to_string()));
        studio.press(Named::Tab);
        assert!(passed.len() < 30, "Tab never comes to the end: {passed:?}");
    }
    for name in ["clear", "suggestion-1", "kind-all", "kind-zim", "result-1", "result-3"] {
        assert!(passed.contains(&name.to_string()), "{name} among {passed:?}");
    }
    studio.press(Named::Enter);
    let question = Question { page: 2, ..first };
    studio.tell(Message::SearchAnswered(studio.kiosk.last_id - 1, question, Ok(results(2, 6))));
    assert_eq!(studio.focused(), ["result-4"], "the first new one");
    assert!(studio.says("C’est tout."));
    studio.press(Named::Escape);
    assert_eq!(studio.focused(), ["search"]);
    assert!(studio.seen("continue-guide").bounds.height > 0.0, "the list begins at its beginning");
    search(&mut studio, "bois");
    studio.press(Named::Escape);
    assert_eq!(studio.focused(), ["search"], "the field that took Escape has the keyboard again");
    assert!(studio.says("Continuer où vous en étiez"), "an emptied search shows what there is");
}

#[test]
fn a_gateway_that_is_busy_leaves_something_to_do() {
    let mut studio = learning(1024.0, 768.0);
    studio.write("bois");
    studio.press(Named::Enter);
    let (title, detail, url) = (String::new(), None, None);
    let problem = api::Problem { status: 503, title, code: "busy".into(), detail, url, retry_after: None };
    let question = Question { query: "bois".into(), page: 1, ..Question::default() };
    let answer = Err(GatewayError::Refused(problem));
    studio.tell(Message::SearchAnswered(studio.kiosk.last_id - 1, question, answer));
    assert!(matches!(studio.kiosk.screen, Screen::Catalogue));
    studio.click("retry");
    assert!(studio.says("Recherche…"));
}

#[test]
fn an_answer_is_announced_and_what_was_granted_opens() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let list: api::RequestList = serde_json::from_str(
        r#"{"requests": [
            {"id": "2", "url": "https://reseau.example/", "reason": "Pour parler", "asked_at": "2026-11-19T08:00:00Z", "state": "open"},
            {"id": "1", "url": "https://cpf.example/compte", "reason": "", "asked_at": "2026-11-18T08:00:00Z", "state": "granted",
             "answer": "Pour une semaine.", "answered_at": "2026-11-19T14:00:00Z"}
        ]}"#,
    )
    .unwrap();
    let asked = studio.kiosk.go_home();
    studio.obey(asked);
    let call = studio.kiosk.last_id;
    studio.tell(Message::RequestsAnswered(call, Ok(list)));
    assert!(studio.says("Vous avez une réponse"));
    studio.click("answers");
    assert!(studio.says("Pour une semaine."));
    studio.picture("requests");
    studio.click("open-2");
    assert!(matches!(studio.kiosk.screen, Screen::Browse));
    assert_eq!(studio.kiosk.browse().unwrap().wanted, "https://cpf.example/compte");
    studio.click("leave");
    assert!(matches!(studio.kiosk.screen, Screen::Requests), "back to where it was opened");
    studio.press(Named::Escape);
    assert!(!studio.says("Vous avez une réponse"), "it was seen");
}

#[test]
fn a_grant_says_until_when_and_that_it_is_over() {
    let mut studio = Studio::signed_in(1024.0, 768.0);
    let asked = studio.kiosk.go_home();
    studio.obey(asked);
    let now = studio.kiosk.now;
    let request = |id: &str, hours: i64| api::AccessRequest {
        id: id.into(),
        url: format!("https://{id}.example/"),
        reason: String::new(),
        asked_at: now,
        state: "granted".into(),
        answer: None,
        answered_at: Some(now),
        granted_until: Some(now + jiff::SignedDuration::from_hours(hours)),
    };
    let requests = vec![request("ouvert", 24 * 20), request("fini", -1)];
    let call = studio.kiosk.last_id;
    studio.tell(Message::RequestsAnswered(call, Ok(api::RequestList { requests })));
    studio.click("answers");
    studio.picture("requests-until");
    for words in ["Ouvert jusqu’au", "Terminée", "L’accès s’est terminé le", "Demander de nouveau"] {
        assert!(studio.says(words), "{words}");
    }
    // Its page is refused, and from there one asks.
    studio.click("open-2");
    assert_eq!(studio.kiosk.browse().unwrap().wanted, "https://fini.example/");
}

#[test]
fn an_idle_kiosk_hears_from_its_line_that_the_gateway_is_gone() {
    let lost = || GatewayError::Unreachable("connection refused".into());
    let mut studio = Studio::signed_in(1024.0, 768.0);
    studio.tell(Message::Ticked(studio.kiosk.now));
    let line = studio.kiosk.line.unwrap();
    studio.tell(Message::LineLost(line + 1, lost()));
    assert!(!matches!(studio.kiosk.screen, Screen::Unreachable { .. }), "another terminal's, once");
    studio.tell(Message::LineLost(line, lost()));
    assert!(matches!(studio.kiosk.screen, Screen::Unreachable { .. }));
    studio.tell(Message::Ticked(studio.kiosk.now));
    assert_eq!(studio.kiosk.line, None, "while it is away one knocks");
}

#[test]
fn a_pin_is_changed_by_keys_and_by_the_keypad() {
    for (width, height) in [(1024.0, 768.0), (1280.0, 720.0)] {
        let mut studio = Studio::signed_in(width, height);
        studio.click("new-pin");
        for digit in "271828".chars() {
            studio.click(&format!("key-{digit}"));
        }
        assert_eq!(studio.focused(), ["pin"], "the field keeps the keyboard");
        studio.picture(&format!("new-pin-{width}"));
        for pin in ["161803", "161803"] {
            studio.press(Named::Enter);
            studio.write(pin);
        }
        assert!(studio.says("Étape 3 sur 3"));
        studio.press(Named::Enter);
        studio.tell(Message::PinAnswered(studio.kiosk.last_id, Ok(())));
        assert!(studio.says("Votre code est changé"));
        studio.press(Named::Enter);
        assert!(matches!(studio.kiosk.screen, Screen::Home));
    }
}
