//! A store that can't be trusted is an error that says so, never a fresh start.

use std::fs;

use passerelle_gateway::store::{Store, StoreError};

use crate::databases::{Place, add, people};

/// The message of a store that does not open.
async fn refused(place: &Place) -> String {
    Store::open(&place.url, place.data.path()).await.map(drop).unwrap_err().to_string()
}

async fn written() -> Place {
    let place = Place::sqlite();
    let store = place.store().await;
    let people = people(store.clone());
    for i in 0..50 {
        add(&people, &format!("p{i}"), &["a"]).await;
    }
    store.close().await;
    place
}

#[tokio::test]
async fn garbage_and_truncation_are_refused() {
    let file = |place: &Place| place.data.path().join("state.db");
    let whole = fs::read(file(&written().await)).unwrap();
    let half = whole[..whole.len() / 2].to_vec();
    let mut scratched = whole.clone();
    let page = scratched.len() / 4096 / 2 * 4096;
    scratched[page..page + 4096].fill(0x5a);
    let cases = [
        ("garbage", vec![0x5a; 9000], "not a database"),
        ("half", half, "malformed"),
        ("scratched", scratched, "damaged"),
        ("empty", Vec::new(), "empty"),
    ];
    for (name, bytes, expected) in cases {
        let place = Place::sqlite();
        fs::write(file(&place), bytes).unwrap();
        let message = refused(&place).await;
        assert!(message.contains(expected) || message.contains("damaged"), "{name}: {message}");
        assert!(message.contains("sqlite://state.db"), "{name}: {message}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = written().await;
    place.behind("INSERT INTO schema_steps (step) VALUES (9999)").await;
    let error = Store::open(&place.url, place.data.path()).await.map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_schema_that_is_not_ours_is_refused() {
    let place = Place::sqlite();
    place.behind("CREATE TABLE people (x TEXT)").await;
    assert!(refused(&place).await.contains("schema 1"));
}

#[tokio::test]
async fn addresses_are_checked() {
    for url in ["", "state.db", "mysql://x/y", "postgres://nobody:secret@127.0.0.1:1/x"] {
        let place = Place { url: url.into(), ..Place::sqlite() };
        let message = refused(&place).await;
        assert!(message.starts_with("opening the store") && !message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = written().await;
    let mode = fs::metadata(place.data.path().join("state.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
