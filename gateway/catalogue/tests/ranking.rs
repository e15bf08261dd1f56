//! What is found, in which order, and how it is shown: a small catalogue of our own, so that a change of ranking shows by name.
#![allow(clippy::unwrap_used)]

use passerelle_catalogue::{Found, Index, Item, ItemId, ItemKind, Passage, Query};
use proptest::prelude::*;
use tempfile::TempDir;

fn item(id: &str, language: &str) -> Item {
    Item {
        id: ItemId::parse(id).unwrap(),
        kind: if id == "guide" { ItemKind::Pdf } else { ItemKind::Html },
        title: id.into(),
        description: String::new(),
        language: language.into(),
        trade: (id == "metiers").then(|| "D1102".into()),
        level: (id == "metiers").then(|| "CAP".into()),
        start: "/".into(),
        pages: 1,
        bytes: 0,
        added_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn passage((path, title, heading, text): &(&str, &str, &str, &str)) -> Passage {
    Passage { path: (*path).into(), title: (*title).into(), heading: (*heading).into(), text: (*text).into() }
}

const DROITS: &[(&str, &str, &str, &str)] = &[
    (
        "/permis",
        "Le permis de conduire",
        "",
        "Pour conduire une voiture, il faut passer le code puis la conduite.",
    ),
    (
        "/permis#cout",
        "Le permis de conduire",
        "Coût",
        "Le permis coûte cher. Une aide existe pour les demandeurs d'emploi.",
    ),
    (
        "/vote",
        "Voter",
        "Élection",
        "Les électeurs sont inscrits sur la liste électorale de leur commune. On peut voter par procuration.",
    ),
    (
        "/emploi",
        "Chercher un emploi",
        "",
        "L'entretien d’embauche se prépare. Un employeur lit le curriculum vitae.",
    ),
];
const METIERS: &[(&str, &str, &str, &str)] = &[
    (
        "/boulanger",
        "Boulanger",
        "",
        "Le boulanger pétrit la pâte et cuit le pain. La boulangerie ouvre tôt. Il conduit parfois.",
    ),
    (
        "/macon",
        "Maçon",
        "",
        "Le maçon monte les murs. Un permis de construire est affiché sur le chantier de l'école.",
    ),
    ("/notes", "Marché", "", "Le marché ouvre le matin."),
];
const GUIDE: &[(&str, &str, &str, &str)] =
    &[("/1", "The bakery", "", "A baker makes bread. The schools open early.")];

fn catalogue() -> (TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    for (id, language, passages) in
        [("droits", "fr", DROITS), ("metiers", "fr-FR", METIERS), ("guide", "en", GUIDE)]
    {
        index.add(&item(id, language), passages.iter().map(passage)).unwrap();
    }
    (folder, index)
}

fn ask(index: &Index, text: &str) -> Found {
    index.search(&Query { text: text.into(), ..Query::default() }).unwrap()
}

fn paths(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.path.as_str()).collect()
}

#[test]
fn the_right_page_comes_first() {
    let (_folder, index) = catalogue();
    let check = |text: &str, expected: &str| {
        let found = ask(&index, text);
        assert_eq!(paths(&found).first(), Some(&expected), "{text}: {found:?}");
    };
    check("permis de conduire", "/permis");
    check("PERMIS DE CONDUIRE", "/permis");
    check("combien coûte le permis ?", "/permis#cout");
    check("combien coute le permis", "/permis#cout");
    check("l'élection", "/vote");
    check("qu’est-ce qu’un électeur", "/vote");
    check("maçons", "/macon");
    check("boulangeries", "/boulanger");
    check("la conduite d'une voiture", "/permis");
    check("schools", "/1");
    check("vitae", "/emploi");
}

#[test]
fn misspelt_words_find_what_was_meant() {
    let (_folder, index) = catalogue();
    let check = |text: &str, expected: &str, spelt: &str| {
        let found = ask(&index, text);
        assert_eq!(paths(&found).first(), Some(&expected), "{text}: {found:?}");
        assert_eq!(found.spelt.as_deref(), Some(spelt), "{text}");
    };
    check("permi de condiure", "/permis", "permis de conduire");
    check("boulnager pain", "/boulanger", "boulanger pain");
    check("Un entretient d'enbauche ", "/emploi", "Un entretien d'embauche ");
    check("procuartion voter", "/vote", "procuration voter");
    check("electoralle ?", "/vote", "électorale ?");
    assert_eq!(ask(&index, "permis de conduire").spelt, None);
    assert_eq!(ask(&index, "boulang").spelt, None, "an unfinished word is not a fault");
    assert_eq!(paths(&ask(&index, "boulang")), ["/boulanger"]);
}

#[test]
fn an_authors_fault_hides_nothing() {
    let (_folder, index) = catalogue();
    let of_many = (0..150)
        .map(|page| (format!("/{page}"), if page == 77 { "Le pernis moto." } else { "Le permis moto." }));
    let passages = of_many.map(|(path, text)| passage(&(path.as_str(), "", "", text)));
    index.add(&item("motos", "fr"), passages).unwrap();
    let found = ask(&index, "pernis moto");
    assert_eq!((paths(&found)[0], found.spelt.as_deref()), ("/77", None));
    assert!(
        found.hits[1].snippet.iter().any(|part| part.found && part.text == "permis"),
        "{:?}",
        found.hits[1]
    );
}

#[test]
fn the_form_that_was_typed_and_the_title_win() {
    let (_folder, index) = catalogue();
    assert_eq!(paths(&ask(&index, "marché"))[0], "/notes");
    assert_eq!(paths(&ask(&index, "emploi"))[..2], ["/emploi", "/permis#cout"]);
}

#[test]
fn a_page_is_one_result() {
    let (_folder, index) = catalogue();
    let found = ask(&index, "permis");
    assert_eq!(paths(&found).iter().filter(|path| path.starts_with("/permis")).count(), 1);
    assert_eq!(found.total, 2);
}

#[test]
fn filters_and_pages() {
    let (_folder, index) = catalogue();
    let found = |query: Query| index.search(&Query { text: "permis pain bread".into(), ..query }).unwrap();
    let items = |query: Query| {
        let mut items: Vec<_> = found(query).hits.into_iter().map(|hit| hit.item.to_string()).collect();
        items.sort();
        items.dedup();
        items
    };
    assert_eq!(items(Query::default()), ["droits", "guide", "metiers"]);
    assert_eq!(items(Query { language: Some("fr".into()), ..Query::default() }), ["droits", "metiers"]);
    assert_eq!(items(Query { language: Some("en-GB".into()), ..Query::default() }), ["guide"]);
    assert_eq!(items(Query { kind: Some(ItemKind::Pdf), ..Query::default() }), ["guide"]);
    assert_eq!(
        items(Query { trade: Some("d1102".into()), level: Some("CAP".into()), ..Query::default() }),
        ["metiers"]
    );
    assert!(
        items(Query { trade: Some("D1102".into()), language: Some("en".into()), ..Query::default() })
            .is_empty()
    );
    assert!(items(Query { level: Some("none".into()), ..Query::default() }).is_empty());
    assert_eq!(found(Query { page: 0, ..Query::default() }), found(Query { page: 1, ..Query::default() }));
    let beyond = found(Query { page: u32::MAX, ..Query::default() });
    assert!(beyond.hits.is_empty() && beyond.total == 4);
}

#[test]
fn snippets_mark_what_was_found() {
    let (_folder, index) = catalogue();
    let found = ask(&index, "electeur procuration");
    let marked: Vec<_> =
        found.hits[0].snippet.iter().filter(|part| part.found).map(|part| part.text.as_str()).collect();
    assert_eq!(marked, ["électeurs", "procuration"]);
}

#[test]
fn suggestions_end_what_is_typed() {
    let (_folder, index) = catalogue();
    let check = |typed: &str, expected: &[&str]| {
        let suggested = index.suggest(typed).unwrap();
        assert_eq!(suggested[..expected.len().min(suggested.len())], *expected, "{typed}");
    };
    check("le perm", &["Le permis de conduire"]);
    check("condui", &["Le permis de conduire", "conduire"]);
    check("MACO", &["Maçon"]);
    check("elec", &["Élection"]);
    check("chantier con", &["chantier construire"]);
    check("voiture con", &["voiture conduire", "voiture conduite"]);
    check("bouleng", &["boulanger"]);
    check("xyz", &[]);
    check("", &[]);
    check(" '’", &[]);
}

#[test]
fn an_item_taken_out_leaves_nothing() {
    let (folder, index) = catalogue();
    index.remove(&ItemId::parse("metiers").unwrap()).unwrap();
    assert!(ask(&index, "boulanger").hits.iter().all(|hit| hit.item.as_str() != "metiers"));
    assert!(index.suggest("boulan").unwrap().is_empty());
    drop(index);
    let index = Index::open(folder.path()).unwrap();
    let items: Vec<_> =
        index.items().unwrap().into_iter().map(|(id, passages)| format!("{id} {passages}")).collect();
    assert_eq!(items, ["droits 4", "guide 1"]);
    index.remove(&ItemId::parse("never-there").unwrap()).unwrap();
    for id in ["droits", "guide"] {
        index.remove(&ItemId::parse(id).unwrap()).unwrap();
    }
    assert!(ask(&index, "permis").hits.is_empty() && index.items().unwrap().is_empty());
}

#[test]
fn an_item_is_found_whole_or_as_it_was() {
    let (_folder, index) = catalogue();
    let metiers = item("metiers", "fr");
    let mut staging = index.stage(&metiers).unwrap();
    staging.push(&passage(&("/n", "Plombier", "", "Le plombier soude."))).unwrap();
    assert!(ask(&index, "plombier").hits.is_empty());
    drop(staging);
    assert_eq!(paths(&ask(&index, "boulanger")), ["/boulanger"]);
    assert_eq!(index.add(&metiers, [passage(&("/n", "Plombier", "", "Le plombier soude."))]).unwrap(), 1);
    assert_eq!(paths(&ask(&index, "plombier")), ["/n"]);
    assert!(ask(&index, "boulanger").hits.iter().all(|hit| hit.path != "/boulanger"));
}

#[test]
fn a_broken_index_is_made_anew() {
    let (folder, index) = catalogue();
    drop(index);
    std::fs::write(folder.path().join("meta.json"), "{").unwrap();
    let index = Index::open(folder.path()).unwrap();
    assert!(index.items().unwrap().is_empty());
    index.add(&item("droits", "fr"), DROITS.iter().map(passage)).unwrap();
    assert_eq!(paths(&ask(&index, "procuration")), ["/vote"]);
}

#[test]
fn whatever_is_typed_is_words() {
    let (_folder, index) = catalogue();
    for text in [
        "permis AND",
        "title:permis",
        "\"permis",
        "permis*",
        "+permis -voter",
        "(permis",
        "permis^9",
        "permis~",
    ] {
        assert!(!ask(&index, text).hits.is_empty(), "{text}");
    }
    proptest!(ProptestConfig::with_cases(128), |(text in any::<String>(), words in "[a-zé' ]{0,60}", page in any::<u32>())| {
        for text in [text, words] {
            index.suggest(&text).unwrap();
            index.search(&Query { text, page, ..Query::default() }).unwrap();
        }
    });
}
