use jiff::civil::{Date, date};
use passerelle_gateway::minutes::{MINUTES_OF_DAY, Minutes};

use crate::databases::{Place, person};

const DAY: Date = date(2026, 3, 2);

pub async fn a_minute_is_charged_once(place: Place) {
    let minutes = Minutes::new(place.store().await);
    let p1 = person("p1");
    for (minute, allowed, count) in
        [(540, true, 1), (540, true, 1), (541, true, 2), (542, false, 2), (541, true, 2)]
    {
        assert_eq!(minutes.try_charge(&p1, "caf", DAY, minute, 2).await.unwrap(), allowed, "minute {minute}");
        assert_eq!(minutes.used(&p1, "caf", DAY).count(), count);
    }
    assert!(!minutes.try_charge(&p1, "none", DAY, 540, 0).await.unwrap());
    assert!(
        !minutes.try_charge(&p1, "caf", DAY, MINUTES_OF_DAY, 9000).await.unwrap(),
        "no minute of any day"
    );
    assert!(minutes.try_charge(&p1, "ameli", DAY, 542, 2).await.unwrap(), "services count apart");
    assert!(minutes.try_charge(&person("p2"), "caf", DAY, 542, 2).await.unwrap(), "persons too");
    assert!(minutes.try_charge(&p1, "caf", DAY.tomorrow().unwrap(), 542, 2).await.unwrap(), "and days");
    let mut of_day: Vec<_> =
        minutes.of_day(&p1, DAY).iter().map(|(service, used)| (service.to_string(), used.count())).collect();
    of_day.sort();
    assert_eq!(of_day, [("ameli".to_owned(), 1), ("caf".to_owned(), 2)]);
}

pub async fn a_restart_keeps_minutes(place: Place) {
    let before = Minutes::new(place.store().await);
    before.try_charge(&person("p1"), "caf", DAY, 540, 1).await.unwrap();
    let after = Minutes::new(place.store().await);
    assert_eq!(after.used(&person("p1"), "caf", DAY).count(), 0, "not loaded yet");
    assert!(
        !after.try_charge(&person("p1"), "caf", DAY, 541, 1).await.unwrap(),
        "charging knows all the same"
    );
    let loaded = Minutes::new(place.store().await);
    loaded.load(&person("p1"), DAY).await.unwrap();
    loaded.load(&person("p1"), DAY.yesterday().unwrap()).await.unwrap();
    assert!(loaded.used(&person("p1"), "caf", DAY).contains(540));
}

/// How many of 200 parallel calls, each for its own minute, spread over these, were allowed.
async fn race(gateways: &[Minutes], limit: u32) -> usize {
    let calls = (0..200_u16).map(|i| {
        let minutes = gateways[usize::from(i) % gateways.len()].clone();
        tokio::spawn(async move { minutes.try_charge(&person("p1"), "caf", DAY, i, limit).await.unwrap() })
    });
    let mut allowed = 0;
    for done in calls.collect::<Vec<_>>() {
        allowed += usize::from(done.await.unwrap());
    }
    allowed
}

pub async fn the_last_minute_is_charged_to_one_only(place: Place) {
    let minutes = Minutes::new(place.store().await);
    assert_eq!(race(std::slice::from_ref(&minutes), 1).await, 1);
    assert_eq!(minutes.used(&person("p1"), "caf", DAY).count(), 1);

    let same = (0..200).map(|_| {
        let minutes = minutes.clone();
        tokio::spawn(async move { minutes.try_charge(&person("p1"), "caf", DAY, 1000, 2).await.unwrap() })
    });
    for done in same.collect::<Vec<_>>() {
        assert!(done.await.unwrap(), "a minute that is charged may be used by all");
    }
    assert_eq!(minutes.used(&person("p1"), "caf", DAY).count(), 2);
}

pub async fn two_gateways_share_one_limit(place: Place) {
    let gateways = [Minutes::new(place.store().await), Minutes::new(place.store().await)];
    assert_eq!(race(&gateways, 10).await, 10);
    let fresh = Minutes::new(place.store().await);
    fresh.load(&person("p1"), DAY).await.unwrap();
    assert_eq!(fresh.used(&person("p1"), "caf", DAY).count(), 10);
}

/// What somebody else wrote into the table: no minute of a day.
pub async fn a_damaged_day_allows_nothing_new(place: Place) {
    for (row, limit, expected) in [
        (
            "INSERT INTO minutes (person, day, service, slot, minute) VALUES ('p1', '2026-03-02', 'caf', 0, -1) RETURNING slot",
            5,
            None,
        ),
        (
            "INSERT INTO minutes (person, day, service, slot, minute) VALUES ('p1', '2026-03-03', 'caf', 0, 70000) RETURNING slot",
            5,
            None,
        ),
        (
            "INSERT INTO minutes (person, day, service, slot, minute) VALUES ('p1', '2026-03-04', 'caf', 0, 1500) RETURNING slot",
            5,
            Some(false),
        ),
    ] {
        let minutes = Minutes::new(place.store().await);
        place.behind(row).await;
        let day: Date = row.split('\'').nth(3).unwrap().parse().unwrap();
        let charged = minutes.try_charge(&person("p1"), "caf", day, 540, limit).await;
        assert_eq!(charged.as_ref().ok().copied(), expected, "{row}: {charged:?}");
    }
}

pub async fn the_largest_limit_is_every_minute(place: Place) {
    let minutes = Minutes::new(place.store().await);
    for (minute, allowed) in
        [(0, true), (MINUTES_OF_DAY - 1, true), (MINUTES_OF_DAY, false), (u16::MAX, false)]
    {
        let charged = minutes.try_charge(&person("p1"), "caf", DAY, minute, u32::MAX).await.unwrap();
        assert_eq!(charged, allowed, "minute {minute}");
    }
    assert_eq!(minutes.used(&person("p1"), "caf", DAY).count(), 2);
}
