//! `kill -9` under load, ten times (`cargo xtask nightly`: two hundred): every answer that a client received has its opening
//! record, orphans are closed at the next start, the log verifies, and people sign in again.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use passerelle_tests::{
    crowd::Crowd,
    internet::{Internet, OPEN},
    journal::orphans,
    sample::{CAMILLE, SACHA},
    seed::{Chance, rounds},
};

const KILLS: u64 = 10;
/// The kill comes after as many answers, chosen by the seed: from "nobody has one" to well into the load.
const ANSWERS_BEFORE_KILL: u64 = 80;
/// And up to so much later, so that it is not always right behind an answer.
const MICROSECONDS_BEFORE_KILL: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_on_record_after_a_kill() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let mut chance = Chance::from_environment();
    let mut crashes = 0;
    for round in 0..rounds(KILLS) {
        let first = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
        let second = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
        let crowd = Crowd::start([&first, &second], &round.to_string());
        crowd.wait_for(chance.below(ANSWERS_BEFORE_KILL)).await;
        // No wait for something to happen: the moment is what the seed chooses.
        tokio::time::sleep(Duration::from_micros(chance.below(MICROSECONDS_BEFORE_KILL))).await;
        stand.kill().unwrap();
        let answered = crowd.finish().await;
        stand.restart().unwrap();

        let records = stand.journal(&[]).unwrap();
        answered.assert_recorded(&records, &format!("round {round}"));
        assert_eq!(orphans(&records), [0; 0], "round {round}: openings without an end");
        let crashed = records.iter().filter(|record| record.reason.as_deref() == Some("crash")).count();
        assert!(crashed >= crashes, "round {round}: closings of an earlier crash are gone");
        crashes = crashed;
        let verified = stand.verify().unwrap();
        assert!(verified.starts_with("verified "), "{verified}");
    }
    assert!(crashes > 0, "no kill came in the middle of anything: no proof");
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
}
