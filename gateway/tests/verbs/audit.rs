use super::support::{Folder, PIN};

fn with_people() -> Folder {
    let folder = Folder::initialised();
    for id in ["p1", "p2"] {
        folder.run_with(&format!("person add --id {id} --name x --pin-stdin"), PIN).done();
    }
    folder
}

#[test]
fn verify_counts_the_records_of_a_live_gateway_too() {
    let folder = with_people();
    let _serving = folder.serve();
    let text = folder.run("audit verify").done().out;
    let records = folder.run("audit search --json").done().lines().len();
    assert!(text.starts_with(&format!("verified {records} records, root ")), "{text}");
}

#[test]
fn verify_says_where_a_record_was_changed() {
    let folder = with_people();
    let pending = folder.data.join("audit/tile/entries");
    let mut files = Vec::new();
    let mut folders = vec![pending];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        let changed = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains("person-changed");
        let mut bytes = std::fs::read(&file).unwrap();
        if changed {
            let at = bytes.windows(14).position(|window| window == b"person-changed").unwrap();
            bytes[at] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
    }
    let ran = folder.run("audit verify").refused("first bad index ");
    assert!(ran.out.starts_with("first bad index "), "{ran:?}");
    let json = folder.run("audit verify --json").json();
    assert!(json["first_bad_index"].is_u64() && json["why"].is_string(), "{json}");
}

#[test]
fn verify_holds_a_log_to_an_older_checkpoint() {
    let folder = with_people();
    let seen = folder.root.path().join("seen");
    std::fs::copy(folder.data.join("audit/checkpoint"), &seen).unwrap();
    folder.run_with("person add --id p3 --name x --pin-stdin", PIN).done();
    folder.run(&format!("audit verify --checkpoint {}", seen.display())).done();
    let other = with_people();
    std::fs::copy(other.data.join("audit/checkpoint"), &seen).unwrap();
    folder.run(&format!("audit verify --checkpoint {}", seen.display())).refused("first bad index");
}

#[test]
fn search_filters_by_what_is_sealed() {
    let folder = with_people();
    let count = |filter: &str| folder.run(&format!("audit search {filter} --json")).done().lines().len();
    assert_eq!(count("--person p1"), 1);
    assert_eq!(count("--person p3"), 0);
    assert_eq!(count("--kind person-changed"), 3);
    assert_eq!(count("--kind person-changed --limit 2"), 2);
    assert_eq!(count("--text ADDED --person p2"), 1);
    assert_eq!(count("--from 2100-01-01T00:00:00Z"), 0);
    assert_eq!(count("--to 2000-01-01T00:00:00Z"), 0);
    let _serving = folder.serve();
    assert_eq!(count("--person p1"), 1, "through the running gateway");
}

#[test]
fn records_are_objects_in_the_contracts_order() {
    let folder = with_people();
    let line = folder.run("audit search --person p1 --json").done().out;
    let order = ["\"index\"", "\"gateway\"", "\"time\"", "\"kind\"", "\"person\""];
    let places: Vec<_> = order.iter().map(|field| line.find(field).unwrap()).collect();
    assert!(places.is_sorted(), "{line}");
    assert_eq!(line.lines().count(), 1);
    let text = folder.run("audit search --person p1").done().out;
    assert!(text.contains("person-changed person=p1 detail=added"), "{text}");
}
