//! `policy import`: each sample in `import/` with the draft and the notes that must come of it. To write them anew after a change
//! that is meant: `WRITE_EXPECTED=1`, then read the difference.

use std::path::{Path, PathBuf};

use super::support::{Folder, Ran, run};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verbs/import")
}

fn import(folder: &Folder, form: &str, path: &str) -> Ran {
    let mut command = folder.command(&format!("policy import {form} {path}"));
    command.current_dir(samples());
    run(command, "")
}

#[test]
fn every_sample_becomes_a_draft_that_passes_the_check() {
    let folder = Folder::new();
    for (form, path) in [
        ("squid", "squid/squid.conf"),
        ("squid", "squid/held.conf"),
        ("hosts", "hosts/sample"),
        ("ut1", "ut1/sample"),
    ] {
        let ran = import(&folder, form, path).done();
        let draft = folder.file("draft.toml", &ran.out);
        folder.run(&format!("policy check {draft}")).done();
        let name = path.replace(['/', '.'], "-");
        check(&name, "toml", &ran.out);
        check(&name, "notes", &ran.error);
    }
}

fn check(name: &str, kind: &str, found: &str) {
    let path = samples().join("expected").join(format!("{name}.{kind}"));
    if std::env::var_os("WRITE_EXPECTED").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn figures_are_told_as_json() {
    let folder = Folder::new();
    let json = import(&folder, "ut1", "ut1/sample --json").done().json();
    let figures = ["lines", "services", "refused", "repeated", "left_out"].map(|name| json[name].as_u64());
    assert_eq!(figures, [7, 0, 6, 1, 3].map(Some), "{json}");
    assert!(json["draft"].as_str().unwrap().contains("\"*.example.com\","));
}

#[test]
fn what_holds_nothing_is_an_error() {
    let folder = Folder::new();
    import(&folder, "hosts", "absent").refused("absent");
    import(&folder, "ut1", "hosts").refused("holds neither `domains` nor `urls`");
    let empty = folder.file("empty", "# nothing\n");
    import(&folder, "squid", &empty).refused("could be taken");
    assert_eq!(import(&folder, "csv", "hosts/sample").exit, 2);
}

#[test]
fn long_lists_are_cut_where_a_policy_ends() {
    let folder = Folder::new();
    let host = |number: usize| {
        format!("0.0.0.0 h{number:07}.{}example.com\n", "a-long-name-of-a-made-up-advertiser.".repeat(4))
    };
    let list = folder.file("list", &(0..300_000).map(host).collect::<String>());
    let ran = import(&folder, "hosts", &format!("{list} --json")).done();
    let json = ran.json();
    let (refused, left_out) = (json["refused"].as_u64().unwrap(), json["left_out"].as_u64().unwrap());
    assert!(refused > 200_000 && refused + left_out == 300_000, "{refused} {left_out}");
    assert_eq!(ran.error.matches("the draft is full").count(), 1, "{}", ran.error);
    assert!(ran.error.contains("100000 lines read"), "{}", ran.error);
}
