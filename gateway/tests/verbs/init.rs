use std::os::unix::fs::PermissionsExt;

use super::support::{Folder, run};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(path: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(path)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn init_makes_all_a_gateway_needs() {
    let folder = Folder::new();
    let made = folder.run("init --name gw.example --name 10.1.1.1 --json").done().json();
    assert_eq!(made["login"], "administrator");
    assert!(made["one_time_password"].as_str().unwrap().len() >= 16);
    assert_eq!(made["names"], serde_json::json!(["gw.example", "10.1.1.1", "localhost", "127.0.0.1", "::1"]));
    assert_eq!(
        names(&folder.data),
        ["audit", "catalogue", "catalogue-index", "gateway.toml", "keys", "lock", "state.db"]
    );
    assert_eq!((mode(&folder.data), mode(&folder.data.join("keys"))), (0o700, 0o700));
    assert_eq!(mode(&folder.data.join("state.db")), 0o600);
    for key in names(&folder.data.join("keys")) {
        assert_eq!(mode(&folder.data.join("keys").join(&key)), 0o600, "{key}");
    }
    let history = folder.run("policy history --json").done().json();
    assert_eq!(
        (&history["versions"][0]["version"], &history["versions"][0]["state"]),
        (&1.into(), &"published".into())
    );
    assert_eq!(folder.kinds()[..2], ["person-changed", "policy-published"]);
    folder.run("audit verify").done();
}

#[test]
fn init_prints_the_first_administrator() {
    let text = Folder::new().run("init").done().out;
    assert!(text.contains("First administrator: administrator\nOne-time password:   "), "{text}");
}

#[test]
fn a_folder_with_anything_in_it_is_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.data).unwrap();
    std::fs::write(folder.data.join("notes.txt"), "mine").unwrap();
    folder.run("init").refused("is not empty (it holds notes.txt): nothing was changed");
    assert_eq!(names(&folder.data), ["notes.txt"]);

    let folder = Folder::initialised();
    let before = std::fs::read(folder.data.join("keys/server.pem")).unwrap();
    folder.run("init").refused("is not empty");
    assert_eq!(std::fs::read(folder.data.join("keys/server.pem")).unwrap(), before);
}

#[test]
fn settings_that_are_there_are_kept() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.data).unwrap();
    let text = "[policy]\nsignatures = 1\n[journal]\ngateway = \"prison.example/1\"\n";
    std::fs::write(folder.data.join("gateway.toml"), text).unwrap();
    folder.run("init").done();
    assert_eq!(std::fs::read_to_string(folder.data.join("gateway.toml")).unwrap(), text);
    let key = std::fs::read_to_string(folder.data.join("audit/log.vkey")).unwrap();
    assert!(key.starts_with("prison.example/1+"), "{key}");
}

#[test]
fn a_mistake_changes_nothing_and_is_explained() {
    let folder = Folder::new();
    folder.run("init --name not_a_host").refused("`not_a_host` is neither a host name nor an address");
    assert!(!folder.data.exists());

    std::fs::create_dir(&folder.data).unwrap();
    std::fs::write(folder.data.join("gateway.toml"), "[limits]\nhead_second = 5\n").unwrap();
    let found =
        folder.run("init").refused("gateway.toml:2:1: unknown key `head_second` — write `head_seconds`");
    assert!(found.out.is_empty());
    assert_eq!(names(&folder.data), ["gateway.toml"]);

    std::fs::write(folder.data.join("gateway.toml"), "[store]\nurl = \"mysql://nowhere\"\n").unwrap();
    folder.run("init").refused("sqlite:// or postgres://");
    assert_eq!(names(&folder.data), ["gateway.toml"], "a failed init removes what it made");
}

#[test]
fn garbage_settings_stop_every_verb_that_needs_them() {
    let folder = Folder::initialised();
    for garbage in
        ["[listen", "listen = 3", "\u{0}\u{1}", "[limits]\nheaders = \"many\"", "[listen]\nterminal = \"x\""]
    {
        std::fs::write(folder.data.join("gateway.toml"), garbage).unwrap();
        for verb in ["serve", "person list"] {
            folder.run(verb).refused("gateway.toml:");
        }
    }
}

#[test]
fn the_environment_is_heard_and_named() {
    let folder = Folder::initialised();
    let mut command = folder.command("person list");
    command.env("PASSERELLE_LIMITS_HEAD_SECONDS", "0");
    run(command, "")
        .refused("PASSERELLE_LIMITS_HEAD_SECONDS: 0 is out of range — write a number from 1 to 600");
}

#[test]
fn usage_is_exit_2() {
    let folder = Folder::initialised();
    let wrong = [
        "",
        "fly",
        "person",
        "person add --id a --name b",
        "person add --id a/b --name b --pin-stdin",
        "person lock",
        "staff add --login a --role king --password-stdin",
        "policy sign first --by a --password-stdin",
        "policy refuse a.fr --password-stdin",
        "policy explain",
        "policy explain --url https://a.fr/ --at noon",
        "access stop --by a",
        "audit search --kind nothing",
        "serve --terminal-listen 8443",
        "terminal enrol t",
    ];
    for verb in wrong {
        assert_eq!(folder.run(verb).exit, 2, "{verb}");
    }
    let mut without = std::process::Command::new(env!("CARGO_BIN_EXE_passerelle-gateway"));
    without.env_clear().args(["person", "list"]);
    assert_eq!(without.output().unwrap().status.code(), Some(2), "no data folder");
}

#[test]
fn a_folder_without_gateway_says_so() {
    let folder = Folder::new();
    for verb in ["person list", "serve", "audit search", "access stop --by a --password-stdin"] {
        folder.run(verb).refused("init");
        assert!(!folder.data.exists(), "{verb}");
    }
    assert_eq!(folder.run("audit verify").exit, 1);
}
