use std::collections::HashSet;

use passerelle_gateway::journal_keys::{JournalKeys, Subject};

use crate::databases::{Place, after, login, now, person};

async fn keys(place: &Place) -> JournalKeys {
    JournalKeys::open(place.store().await).await.unwrap()
}

pub async fn a_key_is_of_one_subject_and_month(place: Place) {
    let keys = keys(&place).await;
    let april = after(31 * 24 * 3600);
    let subjects = [Subject::Person(person("x")), Subject::Staff(login("x")), Subject::Gateway];
    let mut ids = HashSet::new();
    for subject in &subjects {
        for time in [now(), april] {
            let key = keys.key_for(subject, time).await.unwrap();
            assert_eq!(key, keys.key_for(subject, time + jiff::SignedDuration::from_secs(60)).await.unwrap());
            assert!(ids.insert(key.id()));
        }
    }
    let restarted = self::keys(&place).await;
    assert_eq!(restarted.all().len(), 6);
    for key in keys.all() {
        assert_eq!(restarted.lookup(&key.id()), Some(key));
    }
}

pub async fn destroyed_keys_stay_destroyed(place: Place) {
    let keys = keys(&place).await;
    let subject = Subject::Person(person("p1"));
    let old = keys.key_for(&subject, now()).await.unwrap();
    let other = keys.key_for(&Subject::Gateway, now()).await.unwrap();
    assert!(!keys.destroy(&subject, "2026-02").await.unwrap());
    assert!(keys.destroy(&subject, "2026-03").await.unwrap());
    assert!(!keys.destroy(&subject, "2026-03").await.unwrap());
    assert_eq!((keys.lookup(&old.id()), keys.lookup(&other.id())), (None, Some(other)));
    assert_ne!(keys.key_for(&subject, now()).await.unwrap().id(), old.id());
    let secret = data_encoding::HEXLOWER.encode(old.secret()).into_bytes();
    for file in std::fs::read_dir(place.data.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "still in {}", file.display());
    }
}

pub async fn months_are_destroyed_whole(place: Place) {
    let keys = keys(&place).await;
    let april = after(31 * 24 * 3600);
    for (subject, time) in
        [(Subject::Person(person("x")), now()), (Subject::Gateway, now()), (Subject::Gateway, april)]
    {
        keys.key_for(&subject, time).await.unwrap();
    }
    let months =
        async |before: &str| keys.months_before(before).await.unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(months("2026-03").await, []);
    assert_eq!(months("2026-04").await, [("2026-03".into(), 2)]);
    keys.destroy_month("2026-03").await.unwrap();
    assert_eq!((months("2026-05").await, keys.all().len()), (vec![("2026-04".into(), 1)], 1));
}

pub async fn parallel_first_uses_share_a_key(place: Place) {
    let gateways = [keys(&place).await, keys(&place).await];
    let uses = (0..40).map(|i| {
        let keys = gateways[i % 2].clone();
        tokio::spawn(async move { keys.key_for(&Subject::Gateway, now()).await.unwrap().id() })
    });
    let mut ids = HashSet::new();
    for done in uses.collect::<Vec<_>>() {
        ids.insert(done.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}
