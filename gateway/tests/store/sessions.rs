use passerelle_gateway::access_stop::AccessStop;
use passerelle_gateway::minutes::Minutes;
use passerelle_gateway::person::PinError;
use passerelle_gateway::session::{EndReason, LiveSession, Sessions};

use crate::databases::{PIN, Place, add, after, group, login, now, person, terminal};

fn ids(sessions: &[std::sync::Arc<LiveSession>]) -> Vec<&str> {
    let mut ids: Vec<_> = sessions.iter().map(|session| session.person.as_str()).collect();
    ids.sort_unstable();
    ids
}

async fn sign_in(
    sessions: &Sessions,
    id: &str,
    at: &str,
    seconds: i64,
) -> passerelle_gateway::session::NewSession {
    sessions.sign_in(id, PIN, &terminal(at), after(seconds)).await.unwrap()
}

pub async fn begin_and_are_found(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &["aile-b"]).await;
    let new = sign_in(&sessions, "p1", "t1", 0).await;
    assert!(new.token.len() >= 43 && new.last_sign_in.is_none() && new.replaced.is_none());
    let found = sessions.find(&new.token, after(1)).unwrap();
    assert_eq!(
        (found.person.as_str(), found.terminal.as_str(), found.groups.join(" ")),
        ("p1", "t1", "aile-b".into())
    );
    assert_eq!((found.started, found.expires_at, found.ended()), (now(), after(600), None));
    for wrong in ["", "x", &new.token[1..], &format!("{}=", new.token)] {
        assert!(sessions.find(wrong, after(1)).is_none(), "{wrong:?}");
    }
    let refused = sessions.sign_in("p1", "000000", &terminal("t1"), after(2)).await;
    assert!(matches!(refused, Err(PinError::Failed)));
    assert!(sessions.find(&new.token, after(2)).is_some(), "a wrong PIN ends nothing");

    let ended = sessions.sign_out(&new.token, after(3)).await.unwrap();
    assert_eq!(
        (ended.ended(), sessions.find(&new.token, after(3)).is_none()),
        (Some(EndReason::SignedOut), true)
    );
    assert!(sessions.sign_out(&new.token, after(4)).await.is_none(), "it ends once");
}

pub async fn a_second_sign_in_ends_the_first(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let first = sign_in(&sessions, "p1", "t1", 0).await;
    let mut end = first.session.watch_end();
    let second = sign_in(&sessions, "p1", "t2", 10).await;
    assert_eq!(*end.wait_for(Option::is_some).await.unwrap(), Some(EndReason::SignedOut));
    assert!(
        sessions.find(&first.token, after(10)).is_none() && sessions.find(&second.token, after(10)).is_some()
    );
    assert_eq!(second.replaced.unwrap().id, first.session.id);
    let last = second.last_sign_in.unwrap();
    assert_eq!((last.at, last.terminal), (now(), terminal("t1")));
}

pub async fn two_at_once_leave_one(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let (t1, t2) = (terminal("t1"), terminal("t2"));
    let (one, two) =
        tokio::join!(sessions.sign_in("p1", PIN, &t1, now()), sessions.sign_in("p1", PIN, &t2, now()));
    let (one, two) = (one.unwrap(), two.unwrap());
    let found = [&one, &two].map(|new| sessions.find(&new.token, now()).is_some());
    assert_eq!(found.iter().filter(|found| **found).count(), 1);
    assert_eq!(sessions.live().len(), 1);
    assert_eq!([&one, &two].iter().filter(|new| new.replaced.is_some()).count(), 1);
}

pub async fn expire_on_time(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let new = sign_in(&sessions, "p1", "t1", 0).await;
    assert!(sessions.expire(after(599)).is_empty());
    assert!(sessions.find(&new.token, after(599)).is_some());
    assert!(sessions.find(&new.token, after(600)).is_none(), "even before anybody calls expire");
    assert_eq!(ids(&sessions.expire(after(600))), ["p1"]);
    assert_eq!(new.session.ended(), Some(EndReason::SessionExpired));
    assert!(sessions.expire(after(601)).is_empty());
}

pub async fn end_by_person_terminal_group_and_all(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    for (id, groups) in [("p1", &["a"][..]), ("p2", &["a", "b"]), ("p3", &["b"]), ("p4", &[]), ("p5", &[])] {
        add(&people, id, groups).await;
        sign_in(&sessions, id, &format!("t-{id}"), 0).await;
    }
    let p1 = sessions.live().into_iter().find(|session| session.person == person("p1")).unwrap();
    people.lock(&person("p1")).await.unwrap();
    assert_eq!(ids(&sessions.end_for_person(&person("p1"), EndReason::PersonLocked, after(1)).await), ["p1"]);
    assert_eq!(p1.ended().map(EndReason::code), Some("person-locked"));
    assert!(matches!(
        sessions.sign_in("p1", PIN, &terminal("t1"), after(2)).await,
        Err(PinError::PersonLocked)
    ));
    let by_group = sessions.end_for_group(&group("b"), EndReason::AccessStopped, after(2)).await;
    assert_eq!(ids(&by_group), ["p2", "p3"]);
    let by_terminal =
        sessions.end_for_terminal(&terminal("t-p4"), EndReason::TerminalRevoked, after(3)).await;
    assert_eq!(ids(&by_terminal), ["p4"]);
    assert_eq!(ids(&sessions.end_all(EndReason::Stopping, after(4)).await), ["p5"]);
    assert!(sessions.live().is_empty());
}

pub async fn a_restart_ends_them(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let old = sign_in(&sessions, "p1", "t1", 0).await;
    let (_, restarted) = place.sessions("g1").await;
    assert!(restarted.find(&old.token, after(1)).is_none());
    let new = sign_in(&restarted, "p1", "t2", 60).await;
    assert_eq!(new.last_sign_in.unwrap().at, now(), "the history is kept");
}

pub async fn another_gateway_ends_them(place: Place) {
    let (people, here) = place.sessions("g1").await;
    let (_, there) = place.sessions("g2").await;
    add(&people, "p1", &[]).await;
    add(&people, "p2", &[]).await;
    let one = sign_in(&here, "p1", "t1", 0).await;
    let two = sign_in(&here, "p2", "t2", 0).await;
    assert!(here.refresh(after(1)).await.unwrap().is_empty());
    sign_in(&there, "p1", "t3", 10).await;
    there.end_for_person(&person("p2"), EndReason::PersonLocked, after(10)).await;
    assert_eq!(ids(&here.refresh(after(11)).await.unwrap()), ["p1", "p2"]);
    assert_eq!(one.session.ended(), Some(EndReason::SignedOut));
    assert_eq!(two.session.ended(), Some(EndReason::PersonLocked));
    assert!(here.refresh(after(12)).await.unwrap().is_empty());
}

pub async fn remember_pages(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let session = sign_in(&sessions, "p1", "t1", 0).await.session;
    for (service, seconds) in [("caf", 1), ("ameli", 2), ("caf", 3)] {
        session.opened_page(service, after(seconds));
    }
    let pages = session.pages();
    let pages: Vec<_> = pages.iter().map(|(service, at)| (&**service, *at)).collect();
    assert_eq!(pages, [("ameli", after(2)), ("caf", after(3))]);
}

/// A store that fails refuses, and does not keep anything from ending.
pub async fn a_broken_store_refuses(place: Place) {
    let store = place.store().await;
    let people = crate::databases::people(store.clone());
    let limits = passerelle_gateway::session::SessionLimits::default();
    let sessions = Sessions::open(store.clone(), people.clone(), "g1", limits, now()).await.unwrap();
    let stop = AccessStop::open(store.clone()).await.unwrap();
    let minutes = Minutes::new(store.clone());
    let id = add(&people, "p1", &[]).await;
    let session = sign_in(&sessions, "p1", "t1", 0).await.session;
    store.close().await;

    let refused = sessions.sign_in("p1", PIN, &terminal("t1"), after(1)).await;
    assert!(matches!(refused, Err(PinError::Unavailable(_))));
    assert!(minutes.try_charge(&id, "caf", jiff::civil::date(2026, 3, 2), 540, 9).await.is_err());
    assert!(stop.stop(None, &login("secu"), after(1)).await.is_err());
    assert!(stop.is_stopped::<&str>(&[]), "in force, though it is not kept");
    assert_eq!(ids(&sessions.end_all(EndReason::AccessStopped, after(1)).await), ["p1"]);
    assert_eq!(session.ended(), Some(EndReason::AccessStopped));
}

pub async fn old_history_is_forgotten(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    add(&people, "p1", &[]).await;
    let first = sign_in(&sessions, "p1", "t1", 0).await;
    sessions.sign_out(&first.token, after(60)).await.unwrap();
    let year = 367 * 24 * 3600;
    let later = async |seconds| {
        let limits = passerelle_gateway::session::SessionLimits::default();
        Sessions::open(place.store().await, people.clone(), "g1", limits, after(seconds)).await.unwrap()
    };
    let same = later(3600).await;
    let second = sign_in(&same, "p1", "t1", 3600).await;
    assert_eq!(second.last_sign_in.unwrap().at, now());
    same.sign_out(&second.token, after(3601)).await.unwrap();
    assert!(sign_in(&later(year).await, "p1", "t1", year).await.last_sign_in.is_none());
}

pub async fn are_told_afterwards(place: Place) {
    let (people, sessions) = place.sessions("g1").await;
    for id in ["p1", "p2"] {
        add(&people, id, &[]).await;
    }
    let first = sign_in(&sessions, "p1", "t1", 0).await;
    sign_in(&sessions, "p2", "t2", 10).await;
    let third = sign_in(&sessions, "p1", "t2", 20).await;
    let ended = sessions.end_one(third.session.id.as_str(), EndReason::SignedOut, after(30)).await;
    assert_eq!(ended.map(|session| session.id.clone()), Some(third.session.id.clone()));
    assert!(sessions.end_one("nothing", EndReason::SignedOut, after(30)).await.is_none());

    let told = |person: Option<&'static str>, before: i64, limit: i64| {
        let sessions = sessions.clone();
        async move {
            let person = person.map(self::person);
            let found = sessions.history(person.as_ref(), after(before), limit).await.unwrap();
            found.iter().map(|past| format!("{} {}", past.person, past.terminal)).collect::<Vec<_>>()
        }
    };
    assert_eq!(told(None, 60, 9).await, ["p1 t2", "p2 t2", "p1 t1"]);
    assert_eq!(told(None, 20, 9).await, ["p2 t2", "p1 t1"]);
    assert_eq!(told(None, 60, 1).await, ["p1 t2"]);
    assert_eq!(told(Some("p1"), 60, 9).await, ["p1 t2", "p1 t1"]);
    let past = sessions.get(first.session.id.as_str()).await.unwrap().unwrap();
    assert_eq!((past.started, past.ended), (now(), Some((after(20), EndReason::SignedOut))));
    assert!(sessions.get("nothing").await.unwrap().is_none());
}
