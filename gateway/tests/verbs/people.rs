use serde_json::json;

use super::support::{Folder, PASSWORD, PIN};

#[test]
fn people_come_change_and_leave() {
    let folder = Folder::initialised();
    let add = "person add --id p1 --name Sample --group formation --group b --trio sam --pin-stdin --json";
    assert_eq!(folder.run_with(add, PIN).done().json(), json!({ "person": "p1" }));
    folder.run_with(add, PIN).refused("person p1 exists already");
    let listed = folder.run("person list --json").done().json()["people"][0].clone();
    let shown = ["id", "name", "groups", "trio", "state"].map(|field| listed[field].clone());
    assert_eq!(
        shown,
        [json!("p1"), json!("Sample"), json!(["formation", "b"]), json!(["sam"]), json!("active")]
    );

    folder.run_with("person pin p1 --pin-stdin", "12345").refused("a PIN has");
    folder.run_with("person pin p1 --pin-stdin", "161803").done();
    let state = || folder.run("person list --json").done().json()["people"][0]["state"].clone();
    for (verb, expected) in [("lock", "locked"), ("unlock", "active"), ("release", "released")] {
        folder.run(&format!("person {verb} p1")).done();
        assert_eq!(state(), expected);
    }
    folder.run("person unlock p1").refused("released");
    folder.run_with("person pin p1 --pin-stdin", PIN).refused("released");
    let records = folder.run("audit search --person p1 --json").done().lines();
    let details: Vec<_> =
        records.iter().map(|r| (r["kind"].as_str().unwrap(), r["detail"].as_str().unwrap())).collect();
    let changed =
        ["added", "PIN set", "locked", "unlocked", "released"].map(|detail| ("person-changed", detail));
    assert_eq!(details, changed);
}

#[test]
fn staff_are_listed_and_recorded() {
    let folder = Folder::with_staff();
    let list = folder.run("staff list --json").done().json();
    let logins: Vec<_> =
        list["staff"].as_array().unwrap().iter().map(|s| (&s["login"], &s["role"])).collect();
    assert!(logins.contains(&(&json!("sam"), &json!("security"))), "{list}");
    folder
        .run_with("staff add --login sam --role guard --password-stdin", PASSWORD)
        .refused("exists already");
    folder.run_with("staff add --login new --role guard --password-stdin", "short").refused("password");
    let records = folder.run("audit search --kind person-changed --text sam --json").done().lines();
    assert_eq!(records.len(), 1);
}

#[test]
fn access_is_stopped_and_resumed_by_those_who_may() {
    let folder = Folder::with_staff();
    folder.run_with("staff add --login gus --role guard --password-stdin", PASSWORD).done();
    let stop = |by: &str, password: &str| {
        folder.run_with(&format!("access stop --group formation --by {by} --password-stdin --json"), password)
    };
    stop("gus", PASSWORD).refused("only security and administrator");
    stop("sam", "wrong password").refused("wrong login or password");
    stop("nobody", PASSWORD).refused("wrong login or password");
    assert_eq!(stop("sam", PASSWORD).done().json(), json!({ "access": "stopped", "group": "formation" }));
    let resumed =
        folder.run_with("access resume --group formation --by ada --password-stdin --json", PASSWORD);
    assert_eq!(resumed.done().json(), json!({ "access": "resumed", "group": "formation" }));
    folder.run_with("access stop --by sam --password-stdin", PASSWORD).done();

    let kinds = folder.kinds();
    let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!([count("access-stopped"), count("access-resumed"), count("staff-sign-in-failed")], [2, 1, 2]);
}

#[test]
fn the_one_time_password_is_changed_by_its_verb() {
    let folder = Folder::new();
    let made = folder.run("init --json").done().json();
    let first = made["one_time_password"].as_str().unwrap();
    let stop = |password: &str| folder.run_with("access stop --by administrator --password-stdin", password);
    let warned = stop(first).done().error;
    assert!(warned.contains("staff password --login administrator"), "{warned}");

    let change = |old: &str, new: &str| {
        let verb = "staff password --login administrator --password-stdin";
        folder.run_with(verb, &format!("{old}\n{new}\n"))
    };
    change("wrong password", PASSWORD).refused("wrong login or password");
    change(first, "").refused("a password has");
    change(first, PASSWORD).done();
    stop(first).refused("wrong login or password");
    assert_eq!(stop(PASSWORD).done().error, "");
    let staff = folder.run("staff list --json").done().json();
    assert_eq!(staff["staff"][0]["one_time_password"], false);
    let told = folder.run("audit search --kind person-changed --text password --json").done().lines();
    assert_eq!(told.len(), 1);
    let kinds = folder.kinds();
    assert_eq!(kinds.iter().filter(|kind| *kind == "staff-sign-in-failed").count(), 2);
}
