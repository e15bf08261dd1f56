use std::os::unix::fs::PermissionsExt;

use super::support::{Folder, PIN, run};

fn people(folder: &Folder) -> usize {
    folder.run("person list --json").done().json()["people"].as_array().unwrap().len()
}

fn add(folder: &Folder, id: &str) {
    folder.run_with(&format!("person add --id {id} --name {id} --pin-stdin"), PIN).done();
}

#[test]
fn a_running_gateway_carries_out_the_verbs() {
    let folder = Folder::initialised();
    add(&folder, "alone");
    let serving = folder.serve();
    let socket = folder.data.join("control.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    add(&folder, "through-the-socket");
    assert_eq!(people(&folder), 2);
    folder.run("serve").refused("a gateway is running on");
    assert_eq!(serving.stop(), 0);
    assert!(!socket.exists());
    assert_eq!(people(&folder), 2);
    let kinds = folder.kinds();
    let started = kinds.iter().position(|kind| kind == "gateway-started").unwrap();
    assert!(kinds[started..].contains(&"gateway-stopped".to_owned()), "{kinds:?}");
}

#[test]
fn a_dead_gateways_socket_is_nobodys() {
    let folder = Folder::initialised();
    let mut serving = folder.serve();
    serving.process.kill().unwrap();
    serving.process.wait().unwrap();
    assert!(folder.data.join("control.sock").exists());
    add(&folder, "after-the-crash");
    let again = folder.serve();
    add(&folder, "after-the-restart");
    assert_eq!(again.stop(), 0);
    assert_eq!(people(&folder), 2);
    folder.run("audit verify").done();
}

#[test]
fn verbs_at_the_same_time_take_turns() {
    let folder = Folder::initialised();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let folder = &folder;
            scope.spawn(move || add(folder, &format!("person-{n}")));
        }
    });
    assert_eq!(people(&folder), 6);
    folder.run("audit verify").done();
}

#[test]
fn a_long_path_is_no_obstacle_to_the_socket() {
    let mut folder = Folder::new();
    folder.data = folder.root.path().join("a".repeat(90)).join("b".repeat(90));
    folder.run("init").done();
    let serving = folder.serve();
    add(&folder, "somebody");
    assert_eq!(serving.stop(), 0);
}

#[test]
fn nonsense_on_the_socket_harms_nobody() {
    use std::io::{Read, Write};
    let folder = Folder::initialised();
    let _serving = folder.serve();
    let long = "x".repeat(5 << 20);
    for nonsense in ["\n", "{}\n", "{\"verb\":\"fly\"}\n", "no end", long.as_str()] {
        let mut stream = std::os::unix::net::UnixStream::connect(folder.data.join("control.sock")).unwrap();
        let _ = stream.write_all(nonsense.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.contains("\"exit\":1"), "{answer}");
    }
    assert_eq!(people(&folder), 0);
}

#[test]
fn silent_connections_keep_no_verb_waiting() {
    let folder = Folder::initialised();
    let _serving = folder.serve();
    let socket = folder.data.join("control.sock");
    let connect = || std::os::unix::net::UnixStream::connect(&socket).unwrap();
    // Those that were there first have their turn first: the verb ahead of them waited ten seconds.
    let _silent: Vec<_> = (0..20).map(|_| connect()).collect();
    let asked = std::time::Instant::now();
    assert_eq!(people(&folder), 0);
    assert!(asked.elapsed().as_secs() < 8, "{:?}", asked.elapsed());
}

#[test]
fn json_is_one_object_refusals_included() {
    let folder = Folder::initialised();
    let verbs = [
        ("person list", 0),
        ("staff list", 0),
        ("terminal list", 0),
        ("terminal invite t", 0),
        ("policy show", 0),
        ("policy show 7", 1),
        ("policy history", 0),
        ("audit verify", 0),
        ("person lock nobody", 1),
        ("terminal revoke nothing", 1),
    ];
    for (verb, exit) in verbs {
        let ran = folder.run(&format!("{verb} --json"));
        assert_eq!((ran.exit, ran.out.lines().count()), (exit, 1), "{verb}: {ran:?}");
        assert!(ran.json().is_object(), "{verb}");
        assert_eq!(ran.json().get("error").is_some(), exit == 1, "{verb}");
    }
}

#[test]
fn secrets_come_by_standard_input_only() {
    let folder = Folder::initialised();
    for (input, exit) in
        [("271828", 0), ("271829\n", 0), ("271830\r\nignored", 0), ("", 1), ("12345", 1), ("abcdef", 1)]
    {
        let verb = format!("person add --id p{} --name x --pin-stdin", input.len());
        assert_eq!(run(folder.command(&verb), input).exit, exit, "{input:?}");
    }
}
