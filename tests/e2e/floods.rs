//! One hostile terminal gets refusals and closed connections, not the gateway: somebody else at another terminal is served all the
//! while, and memory stays within what the README states. How long they wait is measured by `cargo xtask bench --floods`.

#![allow(clippy::unwrap_used)]

use passerelle_tests::{
    Stand,
    client::Client,
    floods::{Attack, FLOODS, Flood, raise_descriptor_limit},
    internet::{Internet, OPEN},
    process::resident_bytes,
    sample::{CAMILLE, SACHA},
};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant},
};

/// Short waits, so that slow peers are seen to be ended.
const LIMITS: &str = "[limits]\nhead_seconds = 2\nidle_body_seconds = 2";
/// What the README states for one terminal, and what the gateway needs by itself.
const MEMORY_BOUND_BYTES: u64 = (768 + 200) << 20;
/// For one flood to meet what is expected, on a machine that is busy with it.
const LIMIT: Duration = Duration::from_secs(90);
/// Pages that somebody else reads during each flood.
const PAGES: usize = 5;

/// What has to come of it.
enum Expected {
    /// So many connections are ended by the gateway.
    Ended(u64),
    /// This reason is told so often.
    Told(&'static str, u64),
    /// It is taken, so often, and hurts nobody.
    Taken(u64),
}
use Expected::*;

const EXPECTED: &[(&str, Expected)] = &[
    ("mute connections", Ended(1000)),
    ("handshakes", Taken(200)),
    ("slow heads", Told("timeout", 32)),
    ("slow bodies", Ended(60)),
    ("slow reads", Ended(60)),
    ("endless headers", Told("header-size", 16)),
    ("rapid reset", Ended(16)),
    ("rapid reset inside", Ended(16)),
    ("made you reset", Ended(16)),
    ("CONTINUATION", Ended(16)),
    ("empty CONTINUATION", Ended(16)),
    ("empty DATA", Ended(16)),
    ("empty DATA inside", Ended(8)),
    ("PING", Ended(16)),
    ("SETTINGS", Ended(16)),
    ("new leaves", Told("rate", 100)),
    ("idle tunnels", Told("rate", 1000)),
    ("sign-ins", Told("too-many-tries", 100)),
    ("requests", Taken(2000)),
    ("refusals", Taken(2000)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_terminal_floods_and_another_is_served() {
    raise_descriptor_limit().unwrap();
    let (_internet, mut stand) = Internet::stand_with(LIMITS).await.unwrap();
    // One session each: what a flood leaves may still hold the attacker's places when the next begins.
    let attacker = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let other = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
    let mut wrong = Vec::new();
    for flood in FLOODS {
        let (_, expected) = EXPECTED.iter().find(|(name, _)| *name == flood.name).unwrap();
        wrong.extend(see(&mut stand, (&attacker, &other), *flood, expected).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stand.verify().unwrap();
}

/// Says what went wrong during one flood.
async fn see(
    stand: &mut Stand,
    (attacker, other): (&Client, &Client),
    flood: Flood,
    expected: &Expected,
) -> Option<String> {
    let attack = Attack::new(attacker.clone());
    let mut running = JoinSet::new();
    running.spawn(flood.run(attack.clone()));
    let begun = Instant::now();
    let (mut pages, mut met) = (0, false);
    // Each round is one page of somebody else's, on connections of its own.
    while pages < PAGES || !met {
        match other.get(OPEN, "/").await {
            Ok(answer) if answer.status == 200 => pages += 1,
            answer => return Some(format!("{}: somebody else was told {answer:?}", flood.name)),
        }
        met = match expected {
            Ended(times) => attack.ended() >= *times,
            Told(reason, times) => attack.told().get(*reason).is_some_and(|told| told >= times),
            Taken(times) => attack.sent() >= *times,
        };
        if !met && begun.elapsed() > LIMIT {
            break;
        }
    }
    let bytes = resident_bytes(stand.gateway().unwrap().process().id()).unwrap();
    println!(
        "{}: {} sent, {} ended, {} held, told {:?}; {pages} pages of somebody else; {} MiB",
        flood.name,
        attack.sent(),
        attack.ended(),
        attack.held(),
        attack.told(),
        bytes >> 20
    );
    if !met {
        return Some(format!("{}: not what was expected", flood.name));
    }
    (bytes > MEMORY_BOUND_BYTES).then(|| format!("{}: {} MiB", flood.name, bytes >> 20))
}
