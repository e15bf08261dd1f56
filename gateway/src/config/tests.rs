#![allow(clippy::unwrap_used)]
//! What a settings file may say, and what each mistake is answered.

use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("gateway.toml"), text)
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_template_says_every_default_and_every_key() {
    assert_eq!(parse(TEMPLATE).unwrap(), Config::default());
    let told: toml::Table = toml::from_str(TEMPLATE).unwrap();
    assert_eq!(told, toml::Table::try_from(Config::default()).unwrap());
}

#[test]
fn an_empty_file_is_all_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn mistakes_are_placed_and_mended() {
    let cases = [
        ("[limits]\nhead_second = 5\n", "gateway.toml:2:1: unknown key `head_second` — write `head_seconds`"),
        (
            "[limits]\nhead_seconds = 0\n",
            "gateway.toml:2:16: 0 is out of range — write a number from 1 to 600",
        ),
        (
            "[limits]\nhead_seconds = \"ten\"\n",
            "gateway.toml:2:16: not a whole number — write a number from 1 to 600",
        ),
        ("[store]\nurl = 3\n", "gateway.toml:2:7: invalid type: integer `3` — write a text in quotes"),
        (
            "[limits]\nhead_seconds = -3\n",
            "gateway.toml:2:16: -3 is out of range — write a number from 1 to 600",
        ),
        ("[policy]\nsignatures = 3\n", "gateway.toml:2:14: 3 is out of range — write a number from 1 to 2"),
        (
            "[limits]\n\n  target_bytes = 9000\n",
            "gateway.toml:3:18: 9000 is out of range — write a number from 256 to 8192",
        ),
        (
            "[listen]\nterminal = \"8443\"\n",
            "gateway.toml:2:12: invalid socket address syntax — write ADDRESS:PORT, \"127.0.0.1:8443\" for example",
        ),
        (
            "[upstream]\nresolvers = [\"9.9.9.9\"]\n",
            "gateway.toml:2:13: not a resolver — write \"system\" or ADDRESS:PORT",
        ),
        (
            "[upstream]\nresolve = { \"moodle.fr\" = \"10.0.0.1:443\" }\n",
            "gateway.toml:2:11: `moodle.fr` names no host and port — write \"host:port\" in lower case",
        ),
        ("[listne]\n", "gateway.toml:1:2: unknown key `listne` — write `listen`"),
    ];
    for (text, expected) in cases {
        assert_eq!(complaint(text), expected, "{text}");
    }
    for wrong in [
        "[limits]\nhead_seconds = \"ten\"",
        "[store]\nurl = 3",
        "[listen",
        "a\0b",
        "[journal]\ngateway = \"a b\"",
    ] {
        let complaint = complaint(wrong);
        assert!(
            complaint.starts_with("gateway.toml:") && complaint.contains(" — "),
            "{wrong:?}: {complaint}"
        );
    }
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), "[limits]\nhead_seconds = 3\nheaders = 50\n").unwrap();
    let variables = [
        ("PASSERELLE_LIMITS_HEADERS", "60"),
        ("PASSERELLE_LISTEN_STAFF", "127.0.0.1:1"),
        ("PASSERELLE_UPSTREAM_RESOLVE", "{ \"a.fr:443\" = \"10.0.0.1:8443\" }"),
        ("PASSERELLE_KIOSK_WINDOWED", "1"),
        ("PATH", "/bin"),
    ];
    let overrides = Overrides::from_variables(variables.map(|(k, v)| (k.to_owned(), v.to_owned())))
        .flag("--staff-listen", "listen", "staff", Some("127.0.0.1:2"))
        .flag("--terminal-listen", "listen", "terminal", None::<String>);
    let config = Config::load(folder.path(), &overrides).unwrap();
    assert_eq!((config.limits.head_seconds, config.limits.headers), (3, 60));
    assert_eq!(config.listen.staff, "127.0.0.1:2".parse().unwrap());
    assert_eq!(config.listen.terminal, Listen::default().terminal);
    assert_eq!(config.upstream.resolved("a.fr", 443), Some("10.0.0.1:8443".parse().unwrap()));
    assert_eq!(config.upstream.resolved("a.fr", 80), None);
    assert_eq!(config.path("state.db"), folder.path().join("state.db"));
}

#[test]
fn a_wrong_override_names_itself() {
    let cases = [
        (
            ("PASSERELLE_LIMITS_HEAD_SECONDS", "abc"),
            "PASSERELLE_LIMITS_HEAD_SECONDS: not a whole number — write a number from 1 to 600",
        ),
        (
            ("PASSERELLE_LIMITS_HEADERS", ""),
            "PASSERELLE_LIMITS_HEADERS: not a whole number — write a number from 10 to 1000",
        ),
        (
            ("PASSERELLE_LIMITS_HEADERS", "99999999999999999999"),
            "PASSERELLE_LIMITS_HEADERS: not a whole number — write a number from 10 to 1000",
        ),
        (
            ("PASSERELLE_UPSTREAM_RESOLVERS", "9.9.9.9:53\n[\""),
            "PASSERELLE_UPSTREAM_RESOLVERS: invalid type: string \"9.9.9.9:53\\n[\\\"\" — write a list, [\"…\"]",
        ),
        (
            ("PASSERELLE_UPSTREAM_RESOLVE", "a.fr"),
            "PASSERELLE_UPSTREAM_RESOLVE: invalid type: string \"a.fr\" — write a table, { \"…\" = \"…\" }",
        ),
        (
            ("PASSERELLE_LIMITS_HEADERS", "0"),
            "PASSERELLE_LIMITS_HEADERS: 0 is out of range — write a number from 10 to 1000",
        ),
        (("PASSERELLE_LIMITS_HEADR", "9"), "PASSERELLE_LIMITS_HEADR: unknown key `headr` — write `headers`"),
        (
            ("PASSERELLE_LISTEN_TERMINAL", "x"),
            "PASSERELLE_LISTEN_TERMINAL: invalid socket address syntax — write ADDRESS",
        ),
    ];
    for ((name, value), expected) in cases {
        let overrides = Overrides::from_variables([(name.to_owned(), value.to_owned())]);
        let complaint = Config::load(Path::new("/nonexistent"), &overrides).unwrap_err().to_string();
        assert!(complaint.starts_with(expected) && !complaint.contains('\n'), "{complaint}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]a-z_ =\"\n0-9{}.é]{0,200}") {
        let _ = parse(&text).map_err(|error| error.to_string());
    }
}

/// The README's table of limits is the template's, in its words.
#[test]
fn the_readme_states_the_limits_in_force() {
    let (_, limits) = TEMPLATE.split_once("[limits]\n").unwrap();
    let readme = include_str!("../../README.md");
    for line in limits.lines() {
        let (setting, why) = line.split_once("# ").unwrap();
        let (key, value) = setting.split_once('=').unwrap();
        let row = format!("| `{}` | {} | {why} |", key.trim(), value.trim().replace('_', ""));
        assert!(readme.contains(&row), "{row}");
    }
}
