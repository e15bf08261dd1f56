//! The console as staff use it: in the real Chromium, by clicks and keys, at a desk's size and a phone's.
//!
//! Every page is looked at by axe-core, in both sizes, and must not be wider than its window. `PASSERELLE_ALBUM` names a folder
//! for pictures of them all.

#![allow(clippy::unwrap_used)]

use std::{os::unix::fs::PermissionsExt, time::Duration};

use jiff::Timestamp;
use passerelle_tests::{
    Stand,
    browser::{Browser, DESK, PHONE, album},
    internet::{Internet, OPEN},
    lessons::{self, ARCHIVE_ITEM},
    process::eventually,
    sample::{ADMINISTRATOR, CAMILLE, COUNSELLOR, ESSAI, GUARD, SACHA, STAFF, Staff},
    totp,
};
use serde_json::json;

/// Known to the resolver, allowed by nobody.
const ELSEWHERE: &str = "ailleurs.example";
const LIMIT: Duration = Duration::from_secs(30);

/// A member of staff at a browser of their own.
struct Desk {
    browser: Browser,
    login: &'static str,
    pictures: usize,
}

impl Desk {
    /// Signs in for the first time: password, second factor enrolled by its key, recovery codes.
    fn new(stand: &mut Stand, staff: Staff) -> Desk {
        let origin = format!("https://localhost:{}", stand.gateway().unwrap().staff.port());
        let browser = Browser::start(&origin).unwrap();
        let mut desk = Desk { browser, login: staff.login, pictures: 0 };
        desk.open("/", "/sign-in");
        desk.look("connexion");
        desk.browser.write("login", staff.login).unwrap();
        desk.browser.write("password", staff.password).unwrap();
        desk.click("main", "Continuer", "/sign-in/enrol");
        desk.look("second-facteur");
        let key = desk.browser.text_of(".secret").unwrap();
        desk.browser.write("code", &totp::code(&key, Timestamp::now()).unwrap()).unwrap();
        desk.click("main", "Continuer", "/sign-in/enrol");
        desk.look("codes-de-secours");
        desk.click("main", "Je les ai notés", "/");
        desk
    }

    /// Opens a path that leads to `expected`.
    fn open(&self, path: &str, expected: &str) {
        self.browser.open(path).unwrap();
        assert_eq!(self.browser.path().unwrap(), expected, "{} opening {path}", self.login);
    }

    /// Clicks what leads to a path that begins with `expected`.
    fn click(&self, within: &str, words: &str, expected: &str) {
        self.browser.click(within, words).unwrap();
        let path = self.browser.path().unwrap();
        assert!(path.starts_with(expected), "{}: `{words}` led to {path}\n{}", self.login, self.text());
    }

    fn text(&self) -> String {
        self.browser.text().unwrap()
    }

    fn says(&self, words: &str) {
        let text = self.text();
        assert!(text.contains(words), "{}: `{words}` is not in\n{text}", self.login);
    }

    /// Waits for words that the page gets by itself; while it changes there may be nothing to ask.
    fn comes_to_say(&self, words: &str) {
        eventually(LIMIT, words, || Ok(self.browser.text().is_ok_and(|text| text.contains(words)))).unwrap();
    }

    /// Both sizes: nothing serious for axe-core, nothing wider than the window; a picture of each.
    fn look(&mut self, name: &str) {
        self.pictures += 1;
        for (size, shape) in [(DESK, "bureau"), (PHONE, "telephone")] {
            self.browser.resize(size).unwrap();
            if let Some(album) = album() {
                let file = format!("console-{}-{:02}-{name}-{shape}.png", self.login, self.pictures);
                self.browser.save(&album.join(file)).unwrap();
            }
            let faults = self.browser.accessibility_faults().unwrap();
            assert!(faults.is_empty(), "{} on {name}, {shape}: {faults:#?}", self.login);
            assert!(self.browser.overflow().unwrap() <= 0, "{} on {name}, {shape}: too wide", self.login);
        }
        self.browser.resize(DESK).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_follow_end_grant_stop_and_verify() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let client = stand.client("poste-1").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    assert_eq!(client.get(ELSEWHERE, "/cours/1").await.unwrap().status, 403);
    let url = format!("https://{ELSEWHERE}/cours/1");
    let asked = json!({ "url": url, "reason": "Pour apprendre <b>à coder</b>" });
    assert_eq!(client.api("POST", "/v1/requests", Some(asked)).await.unwrap().status, 201);

    // The counsellor answers the request; the page opens in the running session.
    let mut desk = Desk::new(&mut stand, COUNSELLOR);
    desk.look("accueil");
    assert_eq!(
        desk.browser.text_of("nav").unwrap(),
        "AccueilDemandesPersonnesCatalogue",
        "no records for a counsellor"
    );
    desk.click("nav", "Demandes", "/requests");
    desk.says("Camille Exemple");
    desk.look("demandes");
    desk.click("main", "Voir", "/requests/");
    desk.says("Pour apprendre <b>à coder</b>");
    desk.look("demande");
    desk.browser.write("path", "/cours/*").unwrap();
    desk.browser.choose("span", "hour").unwrap();
    desk.browser.write("grant-words", "D’accord, pour une heure.").unwrap();
    desk.click("section[aria-labelledby=grant]", "Accorder l’accès", "/requests?done=");
    desk.says("L’accès est accordé");
    assert_eq!(client.get(ELSEWHERE, "/cours/1").await.unwrap().status, 200);
    assert_eq!(client.get(ELSEWHERE, "/autre").await.unwrap().status, 403);
    let told = client.api("GET", "/v1/requests", None).await.unwrap().json().unwrap();
    assert_eq!(told["requests"][0]["state"], "granted");
    assert_eq!(told["requests"][0]["answer"], "D’accord, pour une heure.");
    drop(desk);

    // A guard sees security facts of their people: the refusal's host, no page.
    let mut desk = Desk::new(&mut stand, GUARD);
    desk.click("nav", "Sessions", "/sessions");
    desk.says("Camille Exemple");
    desk.click("main", "Récit", "/sessions/");
    desk.says(ELSEWHERE);
    assert!(!desk.text().contains("/cours/1") && !desk.text().contains(OPEN), "{}", desk.text());
    desk.look("recit-gardien");
    desk.browser.open("/records").unwrap();
    desk.says("Cette page n’est pas pour votre rôle");
    desk.look("interdit");
    drop(desk);

    // Security follows the session, reads the records, stops and resumes, verifies, and ends the session.
    let mut desk = Desk::new(&mut stand, STAFF[0]);
    desk.click("nav", "Sessions", "/sessions");
    desk.look("sessions");
    desk.click("main", "Récit", "/sessions/");
    desk.says(&format!("https://{OPEN}/"));
    desk.says(&format!("https://{ELSEWHERE}/cours/1"));
    desk.look("recit");
    desk.click("nav", "Enregistrements", "/records");
    desk.browser.write("host", ELSEWHERE).unwrap();
    desk.browser.choose("kind", "refused").unwrap();
    desk.click("main", "Chercher", "/records?");
    desk.says("Ce site n’est pas autorisé.");
    assert!(!desk.text().contains(OPEN));
    desk.look("enregistrements");
    desk.click("main", "Arrêter l’accès", "/access");
    desk.look("acces");
    desk.click("main", "Arrêter l’accès de tout le monde", "/access?done=");
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 403);
    desk.open("/journal", "/journal");
    desk.says("L’accès à Internet est arrêté pour tout le monde.");
    desk.look("journal-arrete");
    desk.click("main", "Rétablir l’accès", "/access");
    desk.click("section[aria-labelledby=all]", "Rétablir l’accès", "/access?done=");
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    desk.click("nav", "Journal", "/journal");
    desk.click("main", "Vérifier maintenant", "/journal/verify");
    desk.says("Le journal est intact");
    desk.look("journal-verifie");
    desk.open("/checkpoint", "/checkpoint");
    desk.says("\n— "); // the signature of the note
    desk.open("/journal", "/journal");
    desk.click("nav", "Sessions", "/sessions");
    desk.click("main", "Terminer", "/sessions?done=");
    desk.says("La session est terminée.");
    eventually(LIMIT, "the end of the session", || Ok(stand.journal(&["--kind", "signed-out"])?.len() == 1))
        .unwrap();
    assert_eq!(client.api("GET", "/v1/sessions/current", None).await.unwrap().status, 401);
    desk.click("header", "English", "/sessions");
    desk.says("Nobody is signed in at the moment.");
    desk.look("sessions-anglais");
    desk.click("header", "Sign out", "/sign-in");
    desk.open("/records", "/sign-in");

    // What staff did is on record, with their logins.
    for (kind, login) in [
        ("request-answered", COUNSELLOR.login),
        ("access-stopped", STAFF[0].login),
        ("access-resumed", STAFF[0].login),
        ("signed-out", STAFF[0].login),
        ("staff-looked", GUARD.login),
        ("staff-signed-in", COUNSELLOR.login),
    ] {
        let found = stand.journal(&["--kind", kind, "--text", login]).unwrap();
        assert!(!found.is_empty(), "{kind} by {login}");
    }
    assert_eq!(stand.journal(&["--person", SACHA.id, "--kind", "staff-looked"]).unwrap().len(), 0);
    drop(internet);
    stand.verify().unwrap();
}

/// The policy, by two people who are not the same: a mistake is told with its place, a proposal is signed, an emergency refused.
#[tokio::test(flavor = "multi_thread")]
async fn two_people_change_the_policy() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let client = stand.client("poste-1").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(ELSEWHERE, "/").await.unwrap().status, 403);

    let mut desk = Desk::new(&mut stand, STAFF[0]);
    desk.click("nav", "Règles", "/policy");
    desk.look("regles");
    desk.click("main", "Expliquer une décision", "/policy/explain");
    desk.browser.write("url", &format!("https://{ELSEWHERE}/")).unwrap();
    desk.click("main", "Expliquer", "/policy/explain?");
    desk.says("no-rule");
    desk.look("explication");
    desk.click("nav", "Règles", "/policy");
    desk.click("main", "Préparer une proposition", "/policy/draft");
    let published = desk.browser.text_of("#text").unwrap();
    let service = |category: &str| {
        let name = "name = { fr = \"Ailleurs\", en = \"Elsewhere\" }";
        let rule = format!("[[service.rule]]\nhosts = [\"{ELSEWHERE}\"]\nqueries = []\n");
        let head = format!("[[service]]\nid = \"ailleurs\"\ncategory = \"{category}\"\n{name}");
        format!("{published}\n{head}\nstart = \"https://{ELSEWHERE}/\"\n{rule}")
    };
    let write =
        |text: &str| desk.browser.run("document.getElementById('text').value = arguments[0]", &[json!(text)]);
    write(&service("ailleurs")).unwrap();
    desk.click("main", "Vérifier", "/policy/draft");
    desk.says("Une faute");
    desk.says("Pour corriger");
    desk.look("faute");
    let write =
        |text: &str| desk.browser.run("document.getElementById('text').value = arguments[0]", &[json!(text)]);
    write(&service("training")).unwrap();
    desk.click("main", "Rejouer", "/policy/draft");
    desk.says("Seraient autorisées : 1");
    desk.says(ELSEWHERE);
    desk.look("rejeu");
    desk.browser.write("comment", "Un cours <b>ailleurs</b>").unwrap();
    desk.browser.write("password", STAFF[0].password).unwrap();
    desk.click("main", "Proposer ce texte", "/policy/versions/");
    desk.says("une autre personne doit signer aussi");
    desk.look("proposition");
    assert_eq!(client.get(ELSEWHERE, "/").await.unwrap().status, 403);
    drop(desk);

    let mut desk = Desk::new(&mut stand, STAFF[1]);
    desk.click("nav", "Règles", "/policy");
    desk.says("Un cours <b>ailleurs</b>");
    desk.look("a-signer");
    let version = desk.browser.text_of("table a").unwrap();
    desk.click("table", &version, "/policy/versions/");
    desk.says("+ id = \"ailleurs\"");
    desk.look("signature");
    desk.browser.write("password", STAFF[1].password).unwrap();
    desk.click("main", "Signer cette version", "/policy?done=");
    assert_eq!(client.get(ELSEWHERE, "/").await.unwrap().status, 200);
    desk.click("main", "Refuser un hôte en urgence", "/policy/refuse");
    desk.look("urgence");
    desk.browser.write("host", ELSEWHERE).unwrap();
    desk.browser.write("password", STAFF[1].password).unwrap();
    desk.click("main", "Refuser maintenant", "/policy?done=");
    assert_eq!(client.get(ELSEWHERE, "/").await.unwrap().status, 403);
    desk.click("main", "Historique", "/policy/history");
    desk.look("historique");
    drop(internet);
    stand.verify().unwrap();
}

/// People, terminals and staff, by the administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_looks_after_people_terminals_and_staff() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let mut desk = Desk::new(&mut stand, ADMINISTRATOR);
    desk.click("nav", "Personnes", "/people");
    desk.look("personnes");
    desk.click("main", "Ajouter une personne", "/add-person");
    desk.browser.write("id", "exemple-9").unwrap();
    desk.browser.write("name", "Alix Exemple").unwrap();
    desk.look("personne-nouvelle");
    desk.click("main", "Ajouter une personne", "/add-person");
    assert_eq!(desk.browser.text_of(".secret").unwrap().len(), 6);
    desk.look("code-pin");
    desk.click("main", "C’est noté", "/people/exemple-9");
    desk.look("personne");
    desk.click("main", "Bloquer", "/people/exemple-9?done=");
    desk.says("bloquée");
    desk.click("main", "Libérer…", "/people/exemple-9/release");
    desk.look("liberation");
    desk.click("main", "Libérer définitivement", "/people/exemple-9?done=");
    desk.says("partie");

    desk.click("nav", "Terminaux", "/terminals");
    desk.browser.write("name", "poste-9").unwrap();
    desk.look("terminaux");
    desk.click("main", "Inviter un terminal", "/terminals/invite");
    desk.says("passerelle-kiosk enrol");
    desk.look("invitation");

    desk.click("nav", "Personnel", "/staff");
    desk.look("personnel");
    desk.browser.write("login", "exemple-nouveau").unwrap();
    desk.browser.choose("role", "auditor").unwrap();
    desk.browser.write("password", ADMINISTRATOR.password).unwrap();
    desk.click("main", "Ajouter un membre du personnel", "/staff");
    desk.look("mot-de-passe-provisoire");
    desk.click("main", "C’est noté", "/staff");
    desk.click("main", "exemple-nouveau", "/staff/exemple-nouveau");
    desk.look("membre");
    drop(internet);
    stand.verify().unwrap();
}

/// Files are sent with the catalogue's form, followed to their end and found; what is refused says why, what is wrong keeps the form.
#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_adds_to_the_catalogue() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Chromium's user reads them.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let archive = lessons::archive(folder.path()).unwrap();
    let note = folder.path().join("note.txt");
    std::fs::write(&note, "Ni l’un ni l’autre").unwrap();
    let mut desk = Desk::new(&mut stand, ADMINISTRATOR);
    desk.click("nav", "Catalogue", "/catalogue");
    desk.says("Le catalogue est vide.");
    desk.look("catalogue-vide");
    desk.click("main", "Ajouter au catalogue…", "/add-item");
    desk.look("ajout");

    // What the browser does not stop the gateway says, and the form is still there with its files.
    desk.browser.write("title", "Un titre").unwrap();
    desk.browser.choose_files("files", &[&archive, &note]).unwrap();
    desk.browser.press("main", "Envoyer et ajouter").unwrap();
    desk.comes_to_say("Un titre ne va qu’avec un seul fichier");
    desk.look("ajout-faux");
    assert!(!stand.verb(&["catalogue", "list"], "").unwrap().stdout.contains(ARCHIVE_ITEM));
    desk.browser.write("title", "").unwrap();
    desk.click("main", "Envoyer et ajouter", "/add-item/");
    desk.comes_to_say("terminé, avec un refus");
    desk.says("Écrire un CV (archive d’exemple)");
    desk.says("Ce n’est ni une archive ZIM ni un PDF.");
    desk.look("ajout-fini");
    desk.click("main", "Voir le catalogue", "/catalogue");
    desk.says("Derniers ajouts");
    desk.browser.write("q", "compétences").unwrap();
    desk.click("main", "Chercher", "/catalogue?q=");
    desk.says("pages trouvées");
    desk.look("catalogue");
    assert!(stand.verb(&["catalogue", "list"], "").unwrap().stdout.contains(ARCHIVE_ITEM));
    desk.click("main", "Retirer…", "/catalogue/");
    desk.look("retrait");
    desk.click("main", "Retirer ce contenu", "/catalogue?done=");
    desk.says("Le catalogue est vide.");
    drop(internet);
    stand.verify().unwrap();
}

/// Pages without records, requests or items, and the words of English, which are of other lengths.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_in_english_and_when_empty() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let mut desk = Desk::new(&mut stand, ADMINISTRATOR);
    desk.click("header", "English", "/");
    for (path, name) in [
        ("/", "home"),
        ("/sessions", "sessions"),
        ("/requests", "requests"),
        ("/people", "people"),
        ("/people?q=nobody", "people-none"),
        ("/people/camille", "person"),
        ("/people/camille/release", "release"),
        ("/add-person", "add-person"),
        ("/policy", "policy"),
        ("/policy/history", "policy-history"),
        ("/policy/explain", "policy-explain"),
        ("/policy/draft", "policy-draft"),
        ("/policy/refuse", "policy-refuse"),
        ("/learning", "learning"),
        ("/catalogue", "catalogue"),
        ("/catalogue?q=nothing", "catalogue-nothing"),
        ("/add-item", "add-item"),
        ("/records", "records"),
        ("/journal", "journal"),
        ("/terminals", "terminals"),
        ("/staff", "staff"),
        ("/access", "access"),
        ("/nothing", "nothing"),
    ] {
        desk.open(path, path);
        desk.look(&format!("en-{name}"));
    }
    drop(internet);
    stand.verify().unwrap();
}

/// The test person does a step once; what it took becomes a proposal, and what was refused is named.
#[tokio::test(flavor = "multi_thread")]
async fn security_learns_a_step() {
    let (internet, mut stand) = Internet::stand().await.unwrap();
    let client = stand.client("poste-1").unwrap().sign_in(&ESSAI).await.unwrap();
    let mut desk = Desk::new(&mut stand, STAFF[0]);
    desk.click("nav", "Apprendre", "/learning");
    desk.look("apprendre");
    let run = [
        ("person", ESSAI.id),
        ("hosts", ELSEWHERE),
        ("service", "cours-ailleurs"),
        ("name", "Cours <b>ailleurs</b>"),
        ("password", STAFF[0].password),
    ];
    for (id, text) in run {
        desk.browser.write(id, text).unwrap();
    }
    desk.browser.choose("category", "training").unwrap();
    desk.click("main", "Commencer un essai", "/learning?done=");
    assert_eq!(client.get(ELSEWHERE, "/cours/1").await.unwrap().status, 200);
    assert_eq!(client.connect("refuse.example:443").await.unwrap().unwrap_err().status, 403);
    desk.click("nav", "Apprendre", "/learning");
    desk.says("Cours <b>ailleurs</b>");
    desk.look("essai");
    desk.click("main", "Arrêter et écrire le projet", "/learning/essai/stop");
    desk.says("start = \"https://ailleurs.example/cours/1\"");
    desk.says("refuse.example");
    desk.look("projet-appris");
    assert_eq!(client.get(ELSEWHERE, "/cours/1").await.unwrap().status, 403);
    desk.browser.write("comment", "Appris en un essai").unwrap();
    desk.browser.write("password", STAFF[0].password).unwrap();
    desk.click("main", "Proposer ce texte", "/policy/versions/");
    desk.says("+ id = \"cours-ailleurs\"");
    desk.says("une autre personne doit signer aussi");
    drop(internet);
    stand.verify().unwrap();
}
