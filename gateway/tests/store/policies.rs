use passerelle_gateway::policy_store::{
    LONGEST_POLICY, PolicyStore, PolicyStoreError, Version, VersionState,
};
use passerelle_gateway::staff::{Role, Staff};

use crate::databases::{Place, login, now};

const STARTER: &str = include_str!("starter.toml");

fn staff(name: &str, role: Role) -> Staff {
    Staff { login: login(name), role, one_time_password: false, added_at: now() }
}

fn security() -> Staff {
    staff("secu", Role::Security)
}

fn administrator() -> Staff {
    staff("admin", Role::Administrator)
}

async fn installed(place: &Place) -> PolicyStore {
    let store = place.store().await;
    PolicyStore::install(&store, STARTER, &login("init"), "", now()).await.unwrap();
    PolicyStore::open(store).await.unwrap()
}

fn refusing(host: &str) -> String {
    format!("{STARTER}\n[[refuse]]\nhosts = [\"{host}\"]\nreason = \"Exemple\"\n")
}

async fn in_force(store: &PolicyStore) -> String {
    store.text(store.current().version).await.unwrap()
}

async fn states(store: &PolicyStore) -> Vec<(u64, &'static str)> {
    store.history().await.unwrap().iter().map(|v| (v.version, v.state.word())).collect()
}

pub async fn two_sign_or_one(place: Place) {
    let store = installed(&place).await;
    let watch = store.subscribe();
    let proposed = store.propose(&refusing("a.fr"), &security(), "Essai", 2, now()).await.unwrap();
    assert_eq!(
        (proposed.version, proposed.state, proposed.comment.as_str()),
        (2, VersionState::Proposed, "Essai")
    );
    assert_eq!((store.current().version, *watch.borrow()), (1, 1));
    let signed = store.sign(2, &administrator(), now()).await.unwrap();
    assert_eq!((signed.state, signed.published_at), (VersionState::Published, Some(now())));
    let mut hands: Vec<_> = signed.signatures.iter().map(|s| s.by.to_string()).collect();
    hands.sort_unstable();
    assert_eq!(hands, ["admin", "secu"]);
    assert_eq!((store.current().version, *watch.borrow()), (2, 2));
    assert_eq!(in_force(&store).await, refusing("a.fr"));
    let third = store.propose(STARTER, &security(), "", 1, now()).await.unwrap();
    assert_eq!((third.version, third.state, *watch.borrow()), (3, VersionState::Published, 3));
    assert_eq!(states(&store).await, [(3, "published"), (2, "superseded"), (1, "superseded")]);
    assert_eq!(store.text(2).await.unwrap(), refusing("a.fr"));
    assert!(matches!(store.text(9).await, Err(PolicyStoreError::Unknown(9))));
    assert_eq!(PolicyStore::open(place.store().await).await.unwrap().current().version, 3);
}

pub async fn roles_and_hands(place: Place) {
    let store = installed(&place).await;
    for role in Role::ALL.into_iter().filter(|role| !role.may_publish()) {
        let refused = store.propose(STARTER, &staff("x", role), "", 1, now()).await;
        assert!(matches!(refused, Err(PolicyStoreError::Role(_))), "{role:?}");
        assert!(matches!(
            store.refuse("a.fr", &staff("x", role), now()).await,
            Err(PolicyStoreError::Role(_))
        ));
    }
    store.propose(STARTER, &security(), "", 2, now()).await.unwrap();
    let guard = store.sign(2, &staff("x", Role::Guard), now()).await;
    assert!(matches!(guard, Err(PolicyStoreError::Role(_))));
    let own = store.sign(2, &security(), now()).await;
    assert!(matches!(own, Err(PolicyStoreError::SignedAlready(_))), "the proposal is the first signature");
    assert!(matches!(store.sign(9, &security(), now()).await, Err(PolicyStoreError::Unknown(9))));
    assert!(matches!(store.sign(1, &security(), now()).await, Err(PolicyStoreError::NotProposed { .. })));
    let broken = store.propose("version = 1\nnonsense", &security(), "", 1, now()).await;
    assert!(matches!(broken, Err(PolicyStoreError::Mistakes(findings)) if !findings.is_empty()));
    assert_eq!(store.current().version, 1);
}

pub async fn stale_proposals_are_superseded(place: Place) {
    let store = installed(&place).await;
    store.propose(STARTER, &security(), "", 2, now()).await.unwrap();
    store.propose(STARTER, &security(), "", 2, now()).await.unwrap();
    store.refuse("a.fr", &security(), now()).await.unwrap();
    assert_eq!(
        states(&store).await,
        [(4, "published"), (3, "superseded"), (2, "superseded"), (1, "superseded")]
    );
    let late = store.sign(3, &administrator(), now()).await;
    assert!(matches!(late, Err(PolicyStoreError::NotProposed { .. })), "it would undo the refusal");
}

pub async fn refusing_narrows(place: Place) {
    let store = installed(&place).await;
    for bad in ["", "a", "1.2.3.4", "a.fr\"]", "*.*.fr", "https://a.fr/", "a.fr:443"] {
        assert!(
            matches!(store.refuse(bad, &security(), now()).await, Err(PolicyStoreError::Host(_))),
            "{bad:?}"
        );
    }
    let one = store.refuse("WWW.a.fr", &security(), now()).await.unwrap();
    assert_eq!((one.version, one.state, one.signatures_needed), (2, VersionState::Published, 1));
    store.refuse("*.b.fr", &administrator(), now()).await.unwrap();
    let text = in_force(&store).await;
    assert!(text.starts_with(STARTER), "what was there stays as it was");
    assert_eq!(text.matches("[[refuse]]").count(), STARTER.matches("[[refuse]]").count() + 2);
    assert!(text.contains("\"www.a.fr\"") && text.contains("\"*.b.fr\""));
}

/// The emergency works on whatever was published: a list written in line, no last line end, a text of full length.
pub async fn refusing_takes_any_published_policy(place: Place) {
    let store = installed(&place).await;
    let long = format!("{STARTER}\n#{}", "é".repeat((LONGEST_POLICY - STARTER.len()) / 2 - 1));
    let listed = STARTER.split("[[refuse]]").next().unwrap();
    let listed = format!("refuse = [ {{hosts=[\"bad.test\"], reason=\"x\"}} ]\n{listed}# end");
    for text in [listed, long] {
        store.propose(text, &security(), "", 1, now()).await.unwrap();
        for host in ["a.fr", "*.b.fr"] {
            store.refuse(host, &security(), now()).await.unwrap();
        }
        let policy = store.current().policy.clone();
        for host in ["a.fr", "x.b.fr"] {
            assert!(policy.refusal_of(&passerelle_policy::Host::parse(host).unwrap()).is_some(), "{host}");
        }
    }
}

pub async fn the_last_signature_publishes_once(place: Place) {
    let store = installed(&place).await;
    store.propose(STARTER, &security(), "", 2, now()).await.unwrap();
    let (second, third) = (administrator(), staff("other", Role::Administrator));
    let (one, two) = tokio::join!(store.sign(2, &second, now()), store.sign(2, &third, now()));
    assert_eq!([&one, &two].iter().filter(|signed| signed.is_ok()).count(), 1);
    let refusals = (0..10).map(|i| {
        let store = store.clone();
        tokio::spawn(async move { store.refuse(&format!("h{i}.fr"), &security(), now()).await.unwrap() })
    });
    let mut versions: Vec<Version> = Vec::new();
    for done in refusals.collect::<Vec<_>>() {
        versions.push(done.await.unwrap());
    }
    let text = in_force(&store).await;
    for i in 0..10 {
        assert!(text.contains(&format!("\"h{i}.fr\"")), "none is lost");
    }
}

pub async fn nothing_published_is_an_error(place: Place) {
    let store = place.store().await;
    assert!(matches!(PolicyStore::open(store.clone()).await, Err(PolicyStoreError::Nothing)));
    let broken = PolicyStore::install(&store, "nonsense", &login("init"), "", now()).await;
    assert!(matches!(broken, Err(PolicyStoreError::Mistakes(_))));
    PolicyStore::install(&store, STARTER, &login("init"), "", now()).await.unwrap();
    let twice = PolicyStore::install(&store, STARTER, &login("init"), "", now()).await;
    assert!(matches!(twice, Err(PolicyStoreError::Something)));
    place.behind("UPDATE policy_texts SET text = 'nonsense'").await;
    let opened = PolicyStore::open(place.store().await).await;
    assert!(matches!(opened, Err(PolicyStoreError::Broken { version: 1, .. })));
}

pub async fn another_gateway_publishes(place: Place) {
    let here = installed(&place).await;
    let there = PolicyStore::open(place.store().await).await.unwrap();
    there.refuse("a.fr", &security(), now()).await.unwrap();
    assert_eq!(here.current().version, 1);
    let next = here.refuse("b.fr", &security(), now()).await.unwrap();
    let text = here.text(next.version).await.unwrap();
    assert!(text.contains("\"a.fr\"") && text.contains("\"b.fr\""), "made from the other's");
    there.refresh().await.unwrap();
    assert_eq!(there.current().version, 3);
}
