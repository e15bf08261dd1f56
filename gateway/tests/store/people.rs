use passerelle_gateway::person::{GrantScope, NewGrant, PersonError, PinError};
use passerelle_policy::{Access, Caller, Grant, Host, PathGlob, Policy, Request, Target, Url, Usage};

use crate::databases::{PIN, Place, add, after, group, login, now, person, terminal};

pub async fn are_added_and_listed(place: Place) {
    let people = place.people().await;
    let (groups, trio) = ([group("formation"), group("aile-b")], [login("garde1"), login("cpip1")]);
    people.add(&person("p2"), " Amélie Exemple ", &groups, &trio, PIN, now()).await.unwrap();
    add(&people, "p1", &[]).await;
    let again = people.add(&person("p2"), "Autre", &[], &[], PIN, now()).await;
    assert!(matches!(again, Err(PersonError::Exists(_))));

    let listed = place.people().await.list().await.unwrap();
    assert_eq!(listed.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["p1", "p2"]);
    let amelie = people.get(&person("p2")).await.unwrap().unwrap();
    assert_eq!(
        (amelie.name.as_str(), &amelie.groups[..], &amelie.trio[..]),
        ("Amélie Exemple", &groups[..], &trio[..])
    );
    assert_eq!((amelie.added_at, amelie.released_at, amelie.locked), (now(), None, false));
    assert_eq!(people.get(&person("p3")).await.unwrap(), None);
}

pub async fn forms_are_checked(place: Place) {
    let people = place.people().await;
    for pin in ["12345", "", "12345a", "１２３４５６", " 123456", &"1".repeat(65)] {
        let refused = people.add(&person("p1"), "Exemple", &[], &[], pin, now()).await;
        assert!(matches!(refused, Err(PersonError::PinForm)), "{pin:?}");
    }
    for name in ["", "  ", "a\nb", &"é".repeat(201)] {
        let refused = people.add(&person("p1"), name, &[], &[], PIN, now()).await;
        assert!(matches!(refused, Err(PersonError::Name)), "{name:?}");
    }
}

pub async fn locked_and_released(place: Place) {
    let people = place.people().await;
    let id = add(&people, "p1", &[]).await;
    let t1 = terminal("t1");
    people.lock(&id).await.unwrap();
    let right = people.check_pin("p1", PIN, &t1, now()).await;
    let wrong = people.check_pin("p1", "000000", &t1, now()).await;
    assert!(matches!((right, wrong), (Err(PinError::PersonLocked), Err(PinError::Failed))));
    people.unlock(&id).await.unwrap();
    assert!(people.check_pin("p1", PIN, &t1, now()).await.is_ok());

    people.release(&id, after(60)).await.unwrap();
    assert!(matches!(people.check_pin("p1", PIN, &t1, after(61)).await, Err(PinError::Failed)));
    assert_eq!(people.get(&id).await.unwrap().unwrap().released_at, Some(after(60)));
    assert!(matches!(people.release(&id, after(62)).await, Err(PersonError::Released(_))));
    assert!(matches!(people.unlock(&id).await, Err(PersonError::Released(_))));
    assert!(matches!(people.lock(&person("p9")).await, Err(PersonError::Unknown(_))));
}

pub async fn pins_are_changed(place: Place) {
    let people = place.people().await;
    let (id, t1) = (add(&people, "p1", &[]).await, terminal("t1"));
    let short = people.change_pin(&id, PIN, "12345", &t1, now()).await;
    let wrong = people.change_pin(&id, "000000", "271828", &t1, now()).await;
    assert!(matches!((short, wrong), (Err(PinError::PinForm), Err(PinError::Failed))));
    people.change_pin(&id, PIN, "271828", &t1, now()).await.unwrap();
    assert!(matches!(people.check_pin("p1", PIN, &t1, now()).await, Err(PinError::Failed)));
    assert!(people.check_pin("p1", "271828", &t1, now()).await.is_ok());
}

pub async fn staff_set_pins_groups_and_trio(place: Place) {
    let people = place.people().await;
    let (id, t1) = (add(&people, "p1", &[]).await, terminal("t1"));
    for _ in 0..4 {
        let _ = people.check_pin("p1", "000000", &t1, now()).await;
    }
    let waits = people.check_pin("p1", PIN, &t1, now()).await;
    assert!(matches!(waits, Err(PinError::TooManyTries { .. })));
    assert!(matches!(people.set_pin(&id, "12345").await, Err(PersonError::PinForm)));
    assert!(matches!(people.set_pin(&person("p9"), "271828").await, Err(PersonError::Unknown(_))));
    people.set_pin(&id, "271828").await.unwrap();
    assert!(people.check_pin("p1", "271828", &t1, now()).await.is_ok(), "wrong tries are forgotten");
    assert!(matches!(people.check_pin("p1", PIN, &t1, now()).await, Err(PinError::Failed)));

    people.assign(&id, &[group("b"), group("a")], &[login("cpip1")]).await.unwrap();
    let found = people.get(&id).await.unwrap().unwrap();
    assert_eq!((found.groups, found.trio), (vec![group("b"), group("a")], vec![login("cpip1")]));
    people.release(&id, now()).await.unwrap();
    let gone = (people.assign(&id, &[], &[]).await, people.set_pin(&id, "271828").await);
    assert!(matches!(gone, (Err(PersonError::Released(_)), Err(PersonError::Released(_)))));
}

/// Whether these grants open an address that no service allows.
fn opens(grants: &[Grant], url: &str) -> bool {
    let policy = Policy::parse(include_str!("starter.toml")).unwrap().policy;
    let target = Target::Http(Url::parse(url).unwrap());
    let access = Access {
        caller: Caller { terminal: "t1", person: "p1", session: "s1" },
        groups: &[],
        grants,
        usage: &Usage::default(),
        own_names: &[],
        now: now(),
        target: &target,
        request: Request { destination: Some("document"), ..Request::default() },
    };
    policy.decide(&access).is_allowed()
}

pub async fn grants_lapse(place: Place) {
    let people = place.people().await;
    let id = add(&people, "p1", &[]).await;
    let grant = NewGrant {
        host: Host::parse("dossier.exemple.fr").unwrap(),
        port: 443,
        scope: GrantScope::Pages(PathGlob::parse("/dossier/*").unwrap()),
        until: after(3600),
        granter: login("cpip1"),
        reason: "Un rendez-vous".into(),
    };
    people.grant(&id, &grant, now()).await.unwrap();
    let held = people.grants(&id, after(3599)).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].person.as_str(), held[0].granter.as_str(), held[0].until),
        ("p1", "cpip1", after(3600))
    );
    for (url, allowed) in [
        ("https://dossier.exemple.fr/dossier/1", true),
        ("https://dossier.exemple.fr/autre", false),
        ("https://dossier.exemple.fr:8443/dossier/1", false),
        ("https://autre.exemple.fr/dossier/1", false),
    ] {
        assert_eq!(opens(&held, url), allowed, "{url}");
    }
    assert!(people.grants(&id, after(3600)).await.unwrap().is_empty());

    people.release(&id, after(60)).await.unwrap();
    assert!(people.grants(&id, after(60)).await.unwrap().is_empty(), "grants lapse with the release");
    assert!(matches!(people.grant(&id, &grant, after(61)).await, Err(PersonError::Released(_))));
}
