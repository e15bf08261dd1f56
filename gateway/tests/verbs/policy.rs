use super::support::{Folder, PASSWORD};

/// A sample policy: one service open always, one for a group on weekdays.
const SAMPLE: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[window]]
id = "day"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"

[[service]]
id = "steps"
category = "administrative"
name = { fr = "Démarches", en = "Steps" }
start = "https://steps.example.fr/"
  [[service.rule]]
  hosts = ["steps.example.fr"]
  paths = ["/", "/form/*"]
  methods = ["GET", "HEAD", "POST"]
  access = "page"
  [[service.rule]]
  hosts = ["static.example.fr"]
  access = "resource"

[[service]]
id = "training"
category = "training"
name = { fr = "Cours", en = "Courses" }
start = "https://courses.example.fr/"
groups = ["pupils"]
windows = ["day"]
  [[service.rule]]
  hosts = ["courses.example.fr"]
  access = "page"

[[refuse]]
hosts = ["chat.example.fr"]
reason = "A chat with strangers"
"#;

#[test]
fn check_places_every_mistake() {
    let folder = Folder::new();
    let good = folder.file("good.toml", SAMPLE);
    folder.run(&format!("policy check {good}")).done();
    let broken = SAMPLE
        .replace("08:00", "25:00")
        .replace("administrative", "administratif")
        .replace("https://courses", "ftp://courses");
    let file = folder.file("broken.toml", &broken);
    let ran = folder.run(&format!("policy check {file}"));
    assert_eq!(ran.exit, 1);
    let placed = |line: usize| {
        ran.out.lines().any(|found| found.starts_with(&format!("{file}:{line}:")) && found.contains(" — "))
    };
    assert!(placed(8) && placed(13) && placed(29), "{}", ran.out);
    let json = folder.run(&format!("policy check {file} --json")).json();
    assert_eq!(json["ok"], false);
    assert!(json["findings"].as_array().unwrap().len() >= 3, "{json}");
    let file = folder.file("latin-1.toml", "");
    std::fs::write(&file, b"version = 1\n# caf\xe9\n").unwrap();
    let ran = folder.run(&format!("policy check {file}"));
    assert_eq!(ran.exit, 1);
    assert_eq!(
        ran.out.trim_end(),
        format!("{file}:2:6: le fichier n'est pas en UTF-8 — l'enregistrer en « UTF-8 sans BOM »")
    );
    folder.run(&format!("policy propose {file} --by sam --password-stdin")).refused("");
    folder.run(&format!("policy check {}/absent.toml", folder.root.path().display())).refused("absent.toml");
}

#[test]
fn explain_says_what_and_why() {
    let folder = Folder::new();
    let file = folder.file("policy.toml", SAMPLE);
    // Exit code, decision, reason, rule of a question.
    let cases = [
        ("https://steps.example.fr/", "", "allow", "", "steps/1"),
        ("https://steps.example.fr/form/1", "--method POST", "allow", "", "steps/1"),
        ("https://STEPS.example.fr/form/1#here", "", "allow", "", "steps/1"),
        ("https://steps.example.fr/admin", "", "refuse", "path", "steps/1"),
        ("https://steps.example.fr/", "--method DELETE", "refuse", "method", "steps/1"),
        ("https://steps.example.fr:8443/", "", "refuse", "port", "steps/1"),
        ("http://steps.example.fr/", "", "refuse", "plain-http", "steps/1"),
        ("https://elsewhere.example.fr/", "", "refuse", "no-rule", ""),
        ("https://chat.example.fr/", "", "refuse", "refused-host", ""),
        ("https://127.0.0.1/", "", "refuse", "address-literal", ""),
        ("https://static.example.fr/a.js", "", "refuse", "not-a-page", "steps/2"),
        ("https://static.example.fr/a.js", "--destination script", "refuse", "not-this-service", "steps/2"),
        (
            "https://static.example.fr/a.js",
            "--destination script --from-page https://steps.example.fr/",
            "allow",
            "",
            "steps/2",
        ),
        (
            "https://steps.example.fr/",
            "--destination websocket --from-page https://steps.example.fr/",
            "refuse",
            "websocket",
            "steps/1",
        ),
        ("https://courses.example.fr/", "--at 2026-11-23T10:00:00+01:00", "refuse", "group", "training/1"),
        (
            "https://courses.example.fr/",
            "--group pupils --at 2026-11-23T10:00:00+01:00",
            "allow",
            "",
            "training/1",
        ),
        (
            "https://courses.example.fr/",
            "--group pupils --at 2026-11-23T18:00:00+01:00",
            "refuse",
            "window",
            "training/1",
        ),
        (
            "https://courses.example.fr/",
            "--group pupils --at 2026-11-22T10:00:00+01:00",
            "refuse",
            "window",
            "training/1",
        ),
        ("https://steps.example.fr/%zz", "", "refuse", "malformed", ""),
    ];
    for (url, flags, decision, reason, rule) in cases {
        let ran = folder.run(&format!("policy explain --policy {file} --url {url} {flags} --json"));
        let json = ran.json();
        let word = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (word("decision").as_str(), word("reason").as_str()),
            (decision, reason),
            "{url} {flags}: {json}"
        );
        if decision == "allow" || !rule.is_empty() {
            assert_eq!(word("rule"), rule, "{url} {flags}");
        }
        assert_eq!(ran.exit, i32::from(decision == "refuse"), "{url} {flags}");
        assert!(json["trace"].is_array(), "{json}");
    }
}

#[test]
fn findings_and_walks_speak_the_readers_language() {
    let folder = Folder::new();
    let file = folder.file("broken.toml", "version = 2\n");
    let said = |verb: &str, language: &str| {
        let mut command = folder.command(verb);
        command.env("LC_ALL", language);
        super::support::run(command, "").out
    };
    let check = format!("policy check {file}");
    assert_eq!(said(&check, "C"), said(&check, "fr_FR.UTF-8"), "French first");
    assert_ne!(said(&check, "en_GB.UTF-8"), said(&check, "fr_FR.UTF-8"));
    // Warnings and the last line speak the same language.
    let file = folder.file("starter.toml", include_str!("../../../policy/starter.toml"));
    let check = format!("policy check {file}");
    for (language, warning, good) in [
        ("fr_FR.UTF-8", ": attention : ", ": correct, services : "),
        ("en", ": warning: ", ": good, services: "),
    ] {
        let said = said(&check, language);
        assert!(said.contains(warning) && said.contains(good), "{language}: {said}");
    }
    let file = folder.file("policy.toml", SAMPLE);
    let explain = format!("policy explain --policy {file} --url https://steps.example.fr/x");
    assert!(said(&explain, "").contains("\nrefusé, path, steps/1\n"));
    assert!(said(&explain, "en").contains("\nrefused, path, steps/1\n"));
}

/// What can't be read at all is explained in the reader's language too, and in both for programs.
#[test]
fn an_unreadable_address_is_explained_in_french() {
    let folder = Folder::new();
    let file = folder.file("policy.toml", SAMPLE);
    let check = |url: &str, french: &str, english: &str| {
        let explain = format!("policy explain --policy {file} --url {url}");
        let ran = folder.run(&explain);
        assert!(ran.out.contains(french) && ran.out.contains("refusé"), "{}", ran.out);
        let json = folder.run(&format!("{explain} --json")).json();
        let text = &json["trace"][0]["text"];
        assert_eq!((text["fr"].as_str(), text["en"].as_str()), (Some(french), Some(english)));
    };
    check(
        "https://127.0.0.1/",
        "dans l'hôte : une adresse, pas un nom",
        "reading the host: an address, not a name",
    );
    check("https://a/", "dans l'hôte : un nom d'une seule partie", "reading the host: a name of one label");
    check("ftp://a.fr/", "un autre protocole que http et https", "a scheme other than http and https");
    check(
        "https://a.fr/../x",
        "dans le chemin : un segment fait de points",
        "reading the path: a dot segment",
    );
}

#[test]
fn explain_asks_the_published_policy_with_the_persons_groups() {
    let folder = Folder::with_staff();
    publish(&folder, SAMPLE);
    for (id, group) in [("p1", "--group pupils"), ("p2", "")] {
        folder.run_with(&format!("person add --id {id} --name x {group} --pin-stdin"), "271828").done();
    }
    let ask = |id: &str| {
        let at = "--at 2026-11-23T10:00:00+01:00";
        folder.run(&format!("policy explain --url https://courses.example.fr/ --person {id} {at} --json"))
    };
    for _ in 0..2 {
        assert_eq!(ask("p1").done().json()["rule"], "training/1");
        assert_eq!(ask("p2").refused("group").json()["reason"], "group");
        ask("p3").refused("there is no person p3");
        let _serving = folder.serve();
        assert_eq!(ask("p1").done().json()["rule"], "training/1");
    }
}

fn publish(folder: &Folder, text: &str) -> u64 {
    let file = folder.file("policy.toml", text);
    let propose = format!("policy propose {file} --by sam --password-stdin --json");
    let version = folder.run_with(&propose, PASSWORD).done().json()["version"].as_u64().unwrap();
    folder.run_with(&format!("policy sign {version} --by ada --password-stdin"), PASSWORD).done();
    version
}

#[test]
fn two_people_publish() {
    let folder = Folder::with_staff();
    let file = folder.file("policy.toml", SAMPLE);
    let propose = format!("policy propose {file} --by sam --password-stdin --comment first --json");
    let proposed = folder.run_with(&propose, PASSWORD).done().json();
    assert_eq!((&proposed["version"], &proposed["state"]), (&2.into(), &"proposed".into()));
    let sign =
        |by: &str| folder.run_with(&format!("policy sign 2 --by {by} --password-stdin --json"), PASSWORD);
    sign("sam").refused("has signed this version already");
    assert_eq!(sign("ada").done().json()["state"], "published");
    sign("ada").refused("version 2");
    assert_eq!(folder.run("policy show").done().out.trim(), SAMPLE.trim());
    let kinds = folder.kinds();
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!([count("policy-proposed"), count("policy-published")], [1, 2]);
    let history = folder.run("policy history --json").done().json();
    let states: Vec<_> = history["versions"].as_array().unwrap().iter().map(|v| v["state"].clone()).collect();
    assert_eq!(states, ["published", "superseded"]);
}

#[test]
fn with_one_signature_proposing_publishes() {
    let folder = Folder::with_staff();
    std::fs::write(folder.data.join("gateway.toml"), "[policy]\nsignatures = 1\n").unwrap();
    let file = folder.file("policy.toml", SAMPLE);
    let propose = format!("policy propose {file} --by sam --password-stdin --json");
    assert_eq!(folder.run_with(&propose, PASSWORD).done().json()["state"], "published");
}

#[test]
fn a_broken_policy_is_not_proposed() {
    let folder = Folder::with_staff();
    let file = folder.file("policy.toml", "version = 1\nserivce = 3\n");
    let ran = folder.run_with(&format!("policy propose {file} --by sam --password-stdin"), PASSWORD);
    ran.refused(&format!("{file}:2:1: "));
    assert_eq!(folder.run("policy history --json").done().json()["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn one_person_refuses_a_host_in_an_emergency() {
    let folder = Folder::with_staff();
    publish(&folder, SAMPLE);
    let explain = "policy explain --url https://steps.example.fr/ --json";
    folder.run(explain).done();
    folder.run_with("policy refuse steps.example.fr --by sam --password-stdin", PASSWORD).done();
    assert_eq!(folder.run(explain).refused("refused-host").json()["reason"], "refused-host");
    folder.run_with("policy refuse not//a//host --by sam --password-stdin", PASSWORD).refused("host");
}
