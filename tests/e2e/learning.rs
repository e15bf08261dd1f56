//! Learning a step at the real kiosk: a test person uses an application that no service names, under grants for named hosts;
//! the service drafted from that run, once signed, lets the same steps pass, and names what it left out.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    dokuwiki::{self, DokuWiki},
    journal::Record,
    kiosk::Kiosk,
    process::Output,
    sample::{CAMILLE, ESSAI, Person, signers},
    screen::Screen,
    tour::Tour,
};

/// No rule names the wiki.
const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[service]]
id = "autre"
category = "administrative"
name = { fr = "Autre", en = "Other" }
start = "https://autre.example/"
  [[service.rule]]
  hosts = ["autre.example"]

[[refuse]]
hosts = ["*.pistage.example"]
reason = "Mesure d'audience"
"#;

fn setup() -> (Stand, DokuWiki) {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let wiki = DokuWiki::start(&authority).unwrap();
    let setup = Setup::new(authority, POLICY).resolve(&format!("{}:443", dokuwiki::HOST), wiki.address);
    (setup.start().unwrap(), wiki)
}

fn learn(stand: &Stand, person: &Person, host: &str, minutes: &str) -> Output {
    let [staff, _] = signers();
    let what = ["--person", person.id, "--host", host, "--minutes", minutes];
    let service = ["--service", "wiki-appris", "--name", "Wiki appris", "--category", "training"];
    let by = ["--by", staff.login, "--password-stdin"];
    let arguments = [["policy", "learn"].as_slice(), &what, &service, &by].concat();
    stand.try_verb(&arguments, staff.password).unwrap()
}

fn learnt(stand: &Stand) -> serde_json::Value {
    let [staff, _] = signers();
    let by = ["--by", staff.login, "--password-stdin", "--json"];
    let arguments = [["policy", "learnt", "--person", ESSAI.id].as_slice(), &by].concat();
    stand.verb(&arguments, staff.password).unwrap().json().unwrap()
}

/// The step: sign in at the wiki, change a page, and ask for something elsewhere that stays refused.
fn step(stand: &Stand, screen: &Screen, terminal: &str, text: &str) {
    let mut tour = Tour::new(Kiosk::start(screen, &stand.enrol(terminal).unwrap()).unwrap());
    tour.sign_in(&ESSAI).unwrap();
    tour.open_service("training", "wiki-appris", &format!("https://{}/", dokuwiki::HOST)).unwrap();
    tour.edit_wiki(text).unwrap();
    tour.sign_out().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_done_once_is_a_service_that_lets_it_pass() {
    let (stand, wiki) = setup();
    assert_eq!(learn(&stand, &ESSAI, dokuwiki::HOST, "30").code, 0);
    let screen = Screen::start().unwrap();
    step(&stand, &screen, "borne-1", "Appris une fois");
    let client = stand.client("borne-2").unwrap().sign_in(&ESSAI).await.unwrap();
    let refused = client.connect("mesure.pistage.example:443").await.unwrap();
    assert_eq!(refused.unwrap_err().status, 403);

    let learnt = learnt(&stand);
    assert_eq!(learnt["still_refused"], 0, "{learnt:#}");
    let left_out = learnt["left_out"].as_array().unwrap();
    assert!(left_out.iter().any(|left| left["host"] == "mesure.pistage.example"), "{left_out:#?}");
    let after = client.connect(&format!("{}:443", dokuwiki::HOST)).await.unwrap();
    assert_eq!(after.unwrap_err().status, 403, "the grants end with the recording");

    stand.publish(learnt["policy"].as_str().unwrap()).unwrap();
    let before = stand.journal(&[]).unwrap().len();
    step(&stand, &screen, "borne-3", "Et une seconde fois");
    assert!(wiki.saved_page("start").unwrap().contains("Et une seconde fois"));
    let records = stand.journal(&[]).unwrap();
    let refused: Vec<&Record> = records[before..].iter().filter(|record| record.kind == "refused").collect();
    assert!(refused.is_empty(), "{refused:#?}\n{}", learnt["service"].as_str().unwrap());
    let of_step =
        |record: &&Record| record.service.as_deref() == Some("wiki-appris") && record.kind == "opened";
    assert!(records[before..].iter().filter(of_step).count() > 5);
    stand.verify().unwrap();
}

#[test]
fn only_a_test_person_for_an_hour_at_most_and_never_what_is_refused() {
    let (stand, _wiki) = setup();
    let refused = |person: &Person, host: &str, minutes: &str, why: &str| {
        let output = learn(&stand, person, host, minutes);
        assert_eq!(output.code, 1, "{host} {minutes}");
        assert!(output.stderr.contains(why), "{}", output.stderr);
    };
    refused(&CAMILLE, dokuwiki::HOST, "30", "staff-test");
    refused(&ESSAI, dokuwiki::HOST, "61", "1 to 60");
    refused(&ESSAI, dokuwiki::HOST, "0", "1 to 60");
    refused(&ESSAI, "mesure.pistage.example", "30", "refused to everybody");
    refused(&ESSAI, "localhost", "30", "localhost");
    assert_eq!(learn(&stand, &ESSAI, dokuwiki::HOST, "60").code, 0);
    refused(&ESSAI, dokuwiki::HOST, "60", "already");
}
