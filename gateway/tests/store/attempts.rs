use passerelle_gateway::person::{People, PinError};

use crate::databases::{PIN, Place, add, after, terminal};

/// What a try gets, in a word, or the seconds to wait.
async fn try_pin(people: &People, id: &str, pin: &str, at: &str, seconds: i64) -> String {
    match people.check_pin(id, pin, &terminal(at), after(seconds)).await {
        Ok(_) => "right".into(),
        Err(PinError::Failed) => "wrong".into(),
        Err(PinError::PersonLocked) => "locked".into(),
        Err(PinError::TooManyTries { retry_after_seconds }) => format!("wait {retry_after_seconds}"),
        Err(other) => panic!("{other}"),
    }
}

pub async fn waits_grow_after_three_wrong_pins(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    let steps = [
        (0, "000000", "wrong"),
        (1, "000000", "wrong"),
        (2, "000000", "wrong"),
        (2, PIN, "wait 5"),
        (6, PIN, "wait 1"),
        (7, "000000", "wrong"),
        (8, PIN, "wait 9"),
        (17, "000000", "wrong"),
        (17, PIN, "wait 20"),
        (37, PIN, "right"),
        (37, "000000", "wrong"),
        (37, PIN, "right"),
    ];
    for (seconds, pin, expected) in steps {
        assert_eq!(try_pin(&people, "p1", pin, "t1", seconds).await, expected, "{pin} after {seconds} s");
    }
}

pub async fn other_terminals_wait_less_than_half_a_minute(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    let mut seconds = 0;
    for _ in 0..20 {
        let got = try_pin(&people, "p1", "000000", "t1", seconds).await;
        assert!(got == "wrong" || got.starts_with("wait"), "{got}");
        seconds += 900;
    }
    assert_eq!(try_pin(&people, "p1", "000000", "t1", seconds).await, "wrong");
    assert_eq!(try_pin(&people, "p1", PIN, "t1", seconds).await, "wait 900");
    assert_eq!(try_pin(&people, "p1", PIN, "t2", seconds).await, "wait 20");
    assert_eq!(try_pin(&people, "p1", PIN, "t2", seconds + 20).await, "right");
    assert_eq!(
        try_pin(&people, "p1", PIN, "t1", seconds + 21).await,
        "wait 879",
        "t1 pays for what was tried there"
    );
}

pub async fn unknown_persons_wait_alike(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    for id in ["p1", "nobody", "no such form / ü", ""] {
        let mut got = Vec::new();
        for seconds in [0, 0, 0, 0, 5, 5, 15] {
            got.push(try_pin(&people, id, "000000", "t1", seconds).await);
        }
        assert_eq!(got, ["wrong", "wrong", "wrong", "wait 5", "wrong", "wait 10", "wrong"], "{id:?}");
    }
}

pub async fn a_restart_keeps_waits(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    for _ in 0..3 {
        try_pin(&people, "p1", "000000", "t1", 0).await;
    }
    let restarted = place.people().await;
    assert_eq!(try_pin(&restarted, "p1", PIN, "t1", 1).await, "wait 4");
}

pub async fn parallel_tries_gain_nothing(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    let tries = (0..40).map(|_| {
        let people = people.clone();
        tokio::spawn(async move { try_pin(&people, "p1", "000000", "t1", 0).await })
    });
    let mut judged = 0;
    for done in tries.collect::<Vec<_>>() {
        judged += usize::from(done.await.unwrap() == "wrong");
    }
    assert_eq!(judged, 3);
}

pub async fn a_day_forgets(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    for _ in 0..3 {
        try_pin(&people, "p1", "000000", "t1", 0).await;
    }
    let next_day = 24 * 3600 + 1;
    for expected in ["wrong", "wrong", "wrong", "wait 5"] {
        assert_eq!(try_pin(&people, "p1", "000000", "t1", next_day).await, expected);
    }
}

/// Whoever guesses names fills no disk, and does not shake off the waits of those who exist.
pub async fn unknown_persons_are_bounded(place: Place) {
    let people = place.people().await;
    add(&people, "p1", &[]).await;
    for _ in 0..3 {
        try_pin(&people, "p1", "000000", "t1", 0).await;
    }
    let flood = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
                 INSERT INTO attempts (subject, place, known, failures, last_at)
                 SELECT 'person:u' || i, 't1', 0, 1, (SELECT MAX(last_at) FROM attempts) + i FROM n";
    place.behind(flood).await;
    let restarted = place.people().await;
    assert_eq!(try_pin(&restarted, "p1", PIN, "t1", 1).await, "wait 4");
    let unknown = place.behind("SELECT COUNT(*) FROM attempts WHERE known = 0").await.unwrap();
    assert!((10_000..=10_001).contains(&unknown), "{unknown}");
}
