use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{ItemId, Source};
use passerelle_gateway::catalogue::Catalogue;
use passerelle_gateway::catalogue::progress::{Progress, ProgressError};

use crate::databases::{Place, after, now, person};

/// Progress on a catalogue of one item for each of these titles.
async fn progress(place: &Place, titles: &[&str]) -> (Catalogue, Progress) {
    let catalogue = Catalogue::open(place.data.path()).unwrap();
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("index.html"), "<title>Page</title><p>Texte.").unwrap();
    for title in titles {
        let said = Said { title: Some((*title).into()), ..Said::default() };
        catalogue.add(Source::Theirs(source.path().to_owned()), said, |_| Ok(())).await.unwrap();
    }
    let progress = Progress::new(place.store().await, catalogue.clone());
    (catalogue, progress)
}

fn id(text: &str) -> ItemId {
    ItemId::parse(text).unwrap()
}

fn place_in(item: &str, path: &str) -> String {
    format!("https://{item}-passerelle.internal{path}")
}

pub async fn is_kept_per_person_and_item(place: Place) {
    let (_catalogue, progress) = progress(&place, &["un", "deux"]).await;
    let (camille, sacha) = (person("camille"), person("sacha"));
    let start = progress.of(&camille, &id("un")).await.unwrap();
    assert_eq!((start.position.as_str(), start.updated_at), (place_in("un", "/index.html").as_str(), None));
    for (item, path, second) in [("un", "/index.html", 1), ("deux", "/a#b", 2), ("un", "/c?d=e", 3)] {
        progress.keep(&camille, &id(item), &place_in(item, path), after(second)).await.unwrap();
    }
    let begun = progress.begun(&camille).await.unwrap();
    let places: Vec<_> = begun.iter().map(|begun| (begun.item.id.as_str(), begun.url.as_str())).collect();
    assert_eq!(
        places,
        [("un", place_in("un", "/c?d=e").as_str()), ("deux", place_in("deux", "/a#b").as_str())]
    );
    assert!(progress.begun(&sacha).await.unwrap().is_empty());
    progress.keep(&sacha, &id("un"), &place_in("un", "/z"), now()).await.unwrap();
    assert_eq!(progress.of(&camille, &id("un")).await.unwrap().position, place_in("un", "/c?d=e"));
}

pub async fn late_places_change_nothing(place: Place) {
    let (_catalogue, progress) = progress(&place, &["un"]).await;
    let camille = person("camille");
    progress.keep(&camille, &id("un"), &place_in("un", "/new"), after(5)).await.unwrap();
    progress.keep(&camille, &id("un"), &place_in("un", "/old"), after(4)).await.unwrap();
    assert_eq!(progress.of(&camille, &id("un")).await.unwrap().position, place_in("un", "/new"));
}

pub async fn items_and_people_are_forgotten(place: Place) {
    let (catalogue, progress) = progress(&place, &["un", "deux"]).await;
    let (camille, sacha) = (person("camille"), person("sacha"));
    for person in [&camille, &sacha] {
        for item in ["un", "deux"] {
            progress.keep(person, &id(item), &place_in(item, "/x"), now()).await.unwrap();
        }
    }
    catalogue.remove(id("un")).await.unwrap();
    progress.forget_item(&id("un")).await.unwrap();
    assert!(matches!(progress.of(&camille, &id("un")).await, Err(ProgressError::NoItem)));
    assert_eq!(progress.begun(&camille).await.unwrap().len(), 1);
    progress.forget_person(&camille).await.unwrap();
    assert_eq!(
        (progress.begun(&camille).await.unwrap().len(), progress.begun(&sacha).await.unwrap().len()),
        (0, 1)
    );
}

pub async fn a_restart_keeps_places(place: Place) {
    let (catalogue, progress) = progress(&place, &["un"]).await;
    progress.keep(&person("camille"), &id("un"), &place_in("un", "/x"), now()).await.unwrap();
    drop((catalogue, progress));
    let (_catalogue, progress) = self::progress(&place, &[]).await;
    let kept = progress.of(&person("camille"), &id("un")).await.unwrap();
    assert_eq!((kept.position, kept.updated_at), (place_in("un", "/x"), Some(now())));
}
