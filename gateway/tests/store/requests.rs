use passerelle_gateway::request::{Answer, LONGEST_REASON, OPEN_LIMIT, RequestError, Requests};

use crate::databases::{Place, add, after, login, people};

const URL: &str = "https://www.exemple.fr/formation";

pub async fn are_asked_and_answered(place: Place) {
    let store = place.store().await;
    let (people, requests) = (people(store.clone()), Requests::new(store));
    let (p1, p2) = (add(&people, "p1", &[]).await, add(&people, "p2", &[]).await);
    let first = requests.ask(&p1, URL, "", after(0)).await.unwrap();
    let second = requests.ask(&p1, URL, "Pour une formation d'été", after(1)).await.unwrap();
    assert!(requests.of(&p2).await.unwrap().is_empty(), "one's own only");

    let granted = Answer::Granted { until: after(60) };
    let answered = requests.answer(&first.id, granted, "D'accord", &login("claire"), after(2)).await.unwrap();
    assert_eq!((answered.state.as_str(), answered.answered_at), ("granted", Some(after(2))));
    assert_eq!(answered.granted_until, Some(after(60)));
    let again = requests.answer(&first.id, Answer::Declined, "", &login("claire"), after(3)).await;
    assert!(matches!(again, Err(RequestError::Unknown)));

    let (waiting, answered) = (requests.all(true).await.unwrap(), requests.all(false).await.unwrap());
    assert_eq!((waiting.len(), waiting[0].request.id.as_str()), (1, &*second.id));
    assert_eq!((answered.len(), &answered[0].person), (1, &p1));
    assert_eq!(answered[0].answered_by, Some(login("claire")));
    assert_eq!(requests.get(&first.id).await.unwrap().unwrap().person, p1);
    assert!(requests.get("nothing").await.unwrap().is_none());

    let shown = requests.of(&p1).await.unwrap();
    let shown: Vec<_> =
        shown.iter().map(|r| (r.id.as_str(), r.state.as_str(), r.answer.as_deref())).collect();
    assert_eq!(shown, [(&*second.id, "open", None), (&*first.id, "granted", Some("D'accord"))]);
    let until: Vec<_> = requests.of(&p1).await.unwrap().iter().map(|r| r.granted_until).collect();
    assert_eq!(until, [None, Some(after(60))]);
    assert_eq!(requests.of(&p1).await.unwrap()[0].reason, "Pour une formation d'été");
}

pub async fn limits_hold(place: Place) {
    let store = place.store().await;
    let (people, requests) = (people(store.clone()), Requests::new(store));
    let p1 = add(&people, "p1", &[]).await;
    let reason = requests.ask(&p1, URL, &"é".repeat(LONGEST_REASON + 1), after(0)).await;
    assert!(matches!(reason, Err(RequestError::Reason)));
    let long = format!("https://www.exemple.fr/{}", "x".repeat(2000));
    for url in [
        "",
        "x",
        "https://a.example/\n",
        "ftp://a.example/",
        "mailto:a@a.example",
        "https://a.example/../b",
        &long,
    ] {
        assert!(matches!(requests.ask(&p1, url, "", after(0)).await, Err(RequestError::Url)), "{url:?}");
    }
    let asked = (0..OPEN_LIMIT + 10).map(|_| {
        let (requests, p1) = (requests.clone(), p1.clone());
        tokio::spawn(async move { requests.ask(&p1, URL, &"é".repeat(LONGEST_REASON), after(0)).await })
    });
    let mut taken = Vec::new();
    for done in asked.collect::<Vec<_>>() {
        match done.await.unwrap() {
            Ok(request) => taken.push(request.id),
            Err(error) => assert!(matches!(error, RequestError::TooMany)),
        }
    }
    assert_eq!(taken.len() as i64, OPEN_LIMIT);
    requests.answer(&taken[0], Answer::Declined, "", &login("claire"), after(1)).await.unwrap();
    assert!(requests.ask(&p1, URL, "", after(2)).await.is_ok(), "an answer makes room");
}
