//! Minutes per day are a set of minutes, exact whatever races: no request more than the day's minutes allow, none fewer.
//!
//! The wall clock is the test's own; what was charged is counted in the store, behind the program's back.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned, tz::TimeZone};
use passerelle_tests::{
    Stand,
    authority::Authority,
    client::{Client, within},
    clock::Clock,
    internet::{Internet, OPEN, limited_to},
    process::run,
    sample::{CAMILLE, SACHA},
};

/// At once, on two connections: as many as a page could ever ask for.
const REQUESTS: usize = 200;
/// Longer than any of these days; a session ends otherwise when the clock jumps.
const SETTINGS: &str = "[session]\nlimit_seconds = 86400\n[limits]\nidle_body_seconds = 300";

struct Scene {
    _internet: Internet,
    stand: Stand,
    clock: Clock,
}

impl Scene {
    /// A gateway that allows so many minutes, at a moment of its own.
    async fn start(minutes: u32, now: Timestamp) -> Scene {
        let authority = std::sync::Arc::new(Authority::new("Internet d'exemple").unwrap());
        let internet = Internet::start(&authority).await.unwrap();
        let clock = Clock::at(now).unwrap();
        let setup = internet.setup(authority).settings(SETTINGS).clock(&clock).unwrap();
        let stand = setup.start().unwrap();
        stand.publish(&limited_to(minutes)).unwrap();
        Scene { _internet: internet, stand, clock }
    }

    async fn camille(&self, terminal: &str) -> Client {
        self.stand.client_at(terminal, &self.clock).unwrap().sign_in(&CAMILLE).await.unwrap()
    }

    /// Status of one page request on a connection of its own, and the reason of a refusal.
    async fn page(&self, client: &Client) -> (u16, Option<String>) {
        let answer = client.get(OPEN, "/").await.unwrap();
        (answer.status, answer.reason())
    }

    fn step(&self, by: SignedDuration) {
        self.clock.set(self.clock.now().unwrap() + by).unwrap();
    }

    /// Minutes in the store, of everybody and every day.
    fn charged(&self) -> usize {
        let count = "import sqlite3, sys; \
                     print(sqlite3.connect(sys.argv[1]).execute('SELECT COUNT(*) FROM minutes').fetchone()[0])";
        let mut python = Command::new("python3");
        python.args(["-c", count]).arg(self.stand.data.join("state.db"));
        run(&mut python, "").unwrap().success().unwrap().stdout.trim().parse().unwrap()
    }
}

/// Half past ten and `second`, tomorrow in Paris: far from midnight and from every change of clocks but two a year.
fn morning(second: i64) -> Timestamp {
    let tomorrow = (paris() + 1.day()).date();
    tomorrow.at(10, 30, 0, 0).to_zoned(TimeZone::get("Europe/Paris").unwrap()).unwrap().timestamp()
        + SignedDuration::from_secs(second)
}

fn paris() -> Zoned {
    Zoned::now().with_time_zone(TimeZone::get("Europe/Paris").unwrap())
}

async fn http2(client: &Client) -> SendRequest<Empty<Bytes>> {
    let tunnel = client.connect(&format!("{OPEN}:443")).await.unwrap().unwrap();
    let stream = client.inner(tunnel, OPEN, &["h2"]).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = within(handshake).await.unwrap().unwrap();
    tokio::spawn(connection);
    sender
}

/// Statuses of so many page requests that are sent at once.
async fn burst(senders: &[SendRequest<Empty<Bytes>>], count: usize) -> Vec<u16> {
    join_all((0..count).map(|number| {
        let mut sender = senders[number % senders.len()].clone();
        async move {
            sender.ready().await.unwrap();
            let request = http::Request::get(format!("https://{OPEN}/")).body(Empty::new()).unwrap();
            let answer = within(sender.send_request(request)).await.unwrap().unwrap();
            let status = answer.status().as_u16();
            within(answer.into_body().collect()).await.unwrap().unwrap();
            status
        }
    }))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_minute_is_one_minute_for_all_who_ask_in_it() {
    let scene = Scene::start(2, morning(30)).await;
    let client = scene.camille("a").await;
    assert_eq!(scene.page(&client).await, (200, None));
    let senders = [http2(&client).await, http2(&client).await];
    scene.step(SignedDuration::from_mins(1));
    let last = burst(&senders, REQUESTS).await;
    assert!(last.iter().all(|status| *status == 200), "{last:?}");
    assert_eq!(client.minutes_left("essai").await.unwrap(), 0);
    scene.step(SignedDuration::from_mins(1));
    // Her connections were opened in minutes that are over: new ones are not to be had either.
    assert_eq!(scene.page(&client).await, (403, Some("minutes-used".into())));
    assert_eq!(scene.charged(), 2);
    scene.stand.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minutes_that_turn_amid_a_burst_charge_no_more_than_there_are() {
    let scene = Scene::start(3, morning(50)).await;
    let mut allowed = 0;
    // Two terminals at once: each sign-in ends the session at the other, amid what it asks for.
    for terminal in ["a", "b", "a", "b"] {
        let client = scene.camille(terminal).await;
        let turning = async {
            for _ in 0..4 {
                scene.step(SignedDuration::from_secs(15));
                tokio::task::yield_now().await;
            }
        };
        let asked = join_all((0..REQUESTS / 8).map(|_| client.get(OPEN, "/")));
        let (answers, ()) = tokio::join!(asked, turning);
        allowed += answers.iter().filter(|answer| answer.as_ref().is_ok_and(|a| a.status == 200)).count();
    }
    assert!(allowed > 0);
    assert_eq!(scene.charged(), 3, "each of three minutes once, whoever came first");
    scene.step(SignedDuration::from_mins(1));
    let client = scene.camille("a").await;
    assert_eq!(scene.page(&client).await, (403, Some("minutes-used".into())));
    scene.stand.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_gives_no_minute_twice() {
    let scene = Scene::start(1, morning(30)).await;
    let client = scene.camille("a").await;
    let used = || (403, Some("minutes-used".to_string()));
    for (step_seconds, expected, why) in [
        (0, (200, None), "the one minute"),
        (60, used(), "the next one"),
        (-45, (200, None), "back within the minute that was used"),
        (-60, used(), "a minute before it is another minute"),
        (3600, used(), "an hour on"),
        (24 * 3600 - 3600 + 90, (200, None), "the next day"),
        (60, used(), "but one"),
    ] {
        scene.step(SignedDuration::from_secs(step_seconds));
        // A jump of a day ends a session; hers is signed in again where it did.
        let client = match client.minutes_left("essai").await {
            Ok(_) => client.clone(),
            Err(_) => scene.camille("a").await,
        };
        assert_eq!(scene.page(&client).await, expected, "{why}");
    }
    assert_eq!(scene.charged(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn midnight_begins_a_day_of_new_minutes() {
    let midnight = (paris() + 2.days()).start_of_day().unwrap().timestamp();
    let scene = Scene::start(1, midnight - SignedDuration::from_secs(90)).await;
    let client = scene.camille("a").await;
    for (seconds_before_midnight, expected) in [(90, 200), (30, 403), (0, 200), (-60, 403)] {
        scene.clock.set(midnight - SignedDuration::from_secs(seconds_before_midnight)).unwrap();
        assert_eq!(scene.page(&client).await.0, expected, "{seconds_before_midnight} s before midnight");
    }
    assert_eq!(scene.charged(), 2);
}

/// Both nights of the year on which clocks change, whenever this runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nights_on_which_clocks_change_have_each_minute_once() {
    let zone = TimeZone::get("Europe/Paris").unwrap();
    for change in zone.following(Timestamp::now()).take(2) {
        let change = change.timestamp();
        let at = |seconds: i64| change + SignedDuration::from_secs(seconds);
        let scene = Scene::start(2, at(-30)).await;
        let client = scene.camille("a").await;
        // The hour that comes twice in autumn, and the one that never comes in spring.
        for (seconds, expected) in
            [(-30, 200), (-3600, 200), (0, 403), (3600 - 30, 403), (-10, 200), (-3590, 200)]
        {
            scene.clock.set(at(seconds)).unwrap();
            let answer = scene.page(&client).await;
            assert_eq!(answer.0, expected, "{seconds} s after the change of {change}: {answer:?}");
        }
        assert_eq!(scene.charged(), 2);
    }
}

/// Somebody else's minutes are their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persons_count_apart() {
    let scene = Scene::start(1, morning(30)).await;
    for (person, terminal) in [(&CAMILLE, "a"), (&SACHA, "b")] {
        let client = scene.stand.client_at(terminal, &scene.clock).unwrap().sign_in(person).await.unwrap();
        assert_eq!(scene.page(&client).await, (200, None), "{}", person.id);
    }
    assert_eq!(scene.charged(), 2);
}
