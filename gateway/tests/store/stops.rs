use passerelle_gateway::access_stop::AccessStop;

use crate::databases::{Place, group, login, now};

async fn open(place: &Place) -> AccessStop {
    AccessStop::open(place.store().await).await.unwrap()
}

pub async fn stop_and_resume(place: Place) {
    let stop = open(&place).await;
    let watch = stop.subscribe();
    let stopped = |groups: &[&str]| stop.is_stopped(groups);
    assert!(!stopped(&["a"]) && !stopped(&[]));

    stop.stop(Some(&group("a")), &login("secu"), now()).await.unwrap();
    assert!(watch.has_changed().unwrap());
    assert!(stopped(&["a"]) && stopped(&["b", "a"]) && !stopped(&["b"]) && !stopped(&[]));
    stop.stop(None, &login("secu"), now()).await.unwrap();
    stop.stop(None, &login("secu"), now()).await.unwrap();
    assert!(stopped(&["b"]) && stopped(&[]));
    stop.resume(None).await.unwrap();
    assert!(stopped(&["a"]) && !stopped(&["b"]), "the group's stop stays");
    stop.resume(Some(&group("a"))).await.unwrap();
    assert!(!stopped(&["a"]));
    stop.stop(Some(&group("everyone")), &login("secu"), now()).await.unwrap();
    assert!(stopped(&[]), "everybody is in everyone");
}

pub async fn outlive_a_restart(place: Place) {
    let (here, there) = (open(&place).await, open(&place).await);
    here.stop(Some(&group("a")), &login("secu"), now()).await.unwrap();
    assert!(open(&place).await.is_stopped(&["a"]));
    assert!(!there.is_stopped(&["a"]));
    there.refresh().await.unwrap();
    assert!(there.is_stopped(&["a"]), "another gateway's too");
}
