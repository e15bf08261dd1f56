//! A clock that is set: back and forward, while people are signed in and while nothing runs. Sessions end no later than they
//! should, records go on in the order of the log, and no jump erases anything.
//!
//! Only the gateway's clock is set, by Debian's libfaketime, and only its wall clock: timers run on.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use passerelle_tests::{
    Stand,
    authority::Authority,
    client::{Client, within},
    clock::Clock,
    internet::{Internet, OPEN, TUNNEL, limited_to},
    journal::orphans,
    process::eventually,
    sample::{CAMILLE, PEOPLE},
};
use tokio::io::AsyncReadExt;

/// Beyond the ten seconds of the session below.
const END_LIMIT: Duration = Duration::from_secs(30);

/// A gateway whose clock the test sets.
struct Scene {
    stand: Stand,
    clock: Clock,
    _internet: Internet,
}

impl Scene {
    async fn start(settings: &str) -> Scene {
        // The terminals of this test were enrolled days ago: their certificates are not valid before.
        let clock = Clock::at(Timestamp::now() - SignedDuration::from_hours(72)).unwrap();
        let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
        let internet = Internet::start(&authority).await.unwrap();
        let setup = internet.setup(authority).settings(settings).clock(&clock).unwrap();
        let stand = setup.start().unwrap();
        stand.publish(&limited_to(600)).unwrap();
        stand.client("a").unwrap();
        let scene = Scene { stand, clock, _internet: internet };
        scene.set(0);
        scene
    }

    /// From now on the gateway's clock differs by so many hours from the machine's.
    fn set(&self, hours: i64) {
        self.clock.set(Timestamp::now() + SignedDuration::from_hours(hours)).unwrap();
    }

    async fn sign_in(&self) -> Client {
        self.stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap()
    }

    /// Records in the order of the log, whatever their times say; none lost, none open.
    fn check_journal(&self) {
        let records = self.stand.journal(&[]).unwrap();
        assert!(records.iter().enumerate().all(|(n, record)| record.index == n as u64));
        assert_eq!(orphans(&records), [0; 0]);
        self.stand.verify().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_loses_nothing() {
    let mut scene = Scene::start("").await;
    let client = scene.sign_in().await;
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    let mut tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();

    // Back a day: another day's minutes, the same session, the next index.
    scene.set(-24);
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
    assert_eq!(client.minutes_left("essai").await.unwrap(), 599, "a minute of that day");
    assert_eq!(scene.sign_in().await.get(OPEN, "/").await.unwrap().status, 200, "sign-in works");

    // Forward beyond the session's end: it ends, and what it had open too.
    let client = scene.sign_in().await;
    let mut late = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
    scene.set(3);
    let refused = client.connect(&format!("{OPEN}:443")).await.unwrap().err().unwrap();
    assert_eq!((refused.status, refused.reason().as_deref()), (407, Some("no-session")));
    for tunnel in [&mut tunnel, &mut late] {
        let _ = within(tunnel.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let ended = scene.stand.closings(&[], 2).unwrap();
    assert!(ended.iter().any(|record| record.reason.as_deref() == Some("session-expired")), "{ended:?}");
    scene.sign_in().await;

    // Started with a clock that is two years ahead: nothing is old yet, whatever the clock says.
    scene.set(730 * 24);
    scene.stand.restart().unwrap();
    scene.stand.client_at("a", &scene.clock).unwrap().sign_in(&CAMILLE).await.unwrap();
    // And when it is right again, the server's certificate of then is replaced.
    scene.set(0);
    scene.stand.restart().unwrap();
    scene.sign_in().await;
    let signed_in = scene.stand.journal(&["--kind", "signed-in"]).unwrap();
    assert!(signed_in.iter().all(|record| record.person.as_deref() == Some(CAMILLE.id)), "{signed_in:?}");
    assert!(scene.stand.journal(&["--kind", "key-destroyed"]).unwrap().is_empty());
    assert_eq!(
        PEOPLE.len(),
        scene.stand.verb(&["person", "list", "--json"], "").unwrap().json().unwrap()["people"]
            .as_array()
            .unwrap()
            .len()
    );
    scene.sign_in().await;
    scene.check_journal();
}

/// Set back right after the sign-in, the wall clock would let this session last a day and ten seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_makes_no_session_last_longer() {
    let scene = Scene::start("[session]\nlimit_seconds = 10\n").await;
    let client = scene.sign_in().await;
    scene.set(-24);
    let terminal = scene.stand.client("a").unwrap().with_token(client.token().unwrap());
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        eventually(END_LIMIT, "the session's end", || {
            let answer = runtime.block_on(terminal.api("GET", "/v1/sessions/current", None))?;
            Ok(answer.status == 401)
        })
    })
    .await
    .unwrap()
    .unwrap();
    scene.sign_in().await;
    scene.check_journal();
}
