//! The shelf: items are whole or absent, ids unique, folders copied without what leads out; PDFs become pages.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jiff::Timestamp;
use passerelle_catalogue::content::Found;
use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{Cancelled, Item, ItemKind, Shelf, ShelfError, Source, Step};

fn add(shelf: &Shelf, path: &Path) -> Result<Item, ShelfError> {
    shelf.add(path, Said::default(), Timestamp::UNIX_EPOCH, &mut |_| Ok(()))
}

fn lesson(folder: &Path) {
    fs::create_dir_all(folder.join("leçon")).unwrap();
    let page = "<html lang=fr><title>Le pain</title><meta name=description content='Faire du pain'><h1>Pétrir</h1><p>La pâte.";
    fs::write(folder.join("index.html"), page).unwrap();
    fs::write(folder.join("leçon/index.html"), "<title>Cuire</title><p>Le four.").unwrap();
    fs::write(folder.join("pain.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    fs::write(folder.join(".secret"), "x").unwrap();
}

fn read(shelf: &Shelf, item: &Item, path: &str) -> String {
    match shelf.read(&item.id, path) {
        Ok(Found::Content(content)) => {
            format!("{} {}", content.mime, String::from_utf8_lossy(&content.whole(1 << 20).unwrap()))
        }
        Ok(Found::Redirect(to)) => format!("-> {to}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_folder_is_copied_and_read() {
    let (source, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lesson(source.path());
    symlink("pain.svg", source.path().join("lien.svg")).unwrap();
    let shelf = Shelf::open(home.path()).unwrap();
    let item = add(&shelf, source.path()).unwrap();
    assert_eq!((item.id.as_str(), item.kind, item.pages), ("le-pain", ItemKind::Html, 2));
    assert_eq!(
        (item.title.as_str(), item.language.as_str(), item.description.as_str()),
        ("Le pain", "fr", "Faire du pain")
    );
    drop(source);
    for (path, expected) in [
        (item.start.as_str(), "text/html <html lang=fr>"),
        ("/", "text/html <html lang=fr>"),
        ("/le%C3%A7on", "-> /le%C3%A7on/"),
        ("/le%C3%A7on/", "text/html <title>Cuire"),
        ("/pain.svg", "image/svg+xml <svg"),
        ("/lien.svg", "image/svg+xml <svg"),
        ("/.secret", "there is no such page"),
        ("/../item.json", "there is no such page"),
        ("/%2e%2e/item.json", "there is no such page"),
        ("/absent", "there is no such page"),
        ("/pain.svg/", "there is no such page"),
    ] {
        let found = read(&shelf, &item, path);
        assert!(found.starts_with(expected), "{path}: {found}");
    }
    let passages: Vec<_> = shelf.passages(&item.id).unwrap().map(Result::unwrap).collect();
    let texts: Vec<_> =
        passages.iter().map(|p| (p.path.as_str(), p.title.as_str(), p.text.as_str())).collect();
    assert_eq!(
        texts,
        [("/index.html", "Le pain", "La pâte."), ("/le%C3%A7on/index.html", "Cuire", "Le four.")]
    );
}

#[test]
fn what_leads_out_is_refused_and_leaves_nothing() {
    type Break = fn(&Path);
    let cases: [(&str, Break); 6] = [
        ("a link that leads out", |folder| symlink("/etc/passwd", folder.join("a.html")).unwrap()),
        ("a link that leads out", |folder| symlink("absent", folder.join("a.html")).unwrap()),
        ("or to a folder", |folder| symlink("leçon", folder.join("b")).unwrap()),
        ("neither a file nor a folder", |folder| {
            drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
        }),
        ("a name that no address can have", |folder| fs::write(folder.join("a\\b.html"), "").unwrap()),
        ("no HTML page", |folder| {
            fs::remove_dir_all(folder.join("leçon")).unwrap();
            fs::remove_file(folder.join("index.html")).unwrap();
        }),
    ];
    for (expected, break_it) in cases {
        let (source, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        lesson(source.path());
        break_it(source.path());
        let shelf = Shelf::open(home.path()).unwrap();
        let error = add(&shelf, source.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{expected}: something is left");
    }
}

#[test]
fn items_of_one_title_have_ids_of_their_own() {
    let (source, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lesson(source.path());
    let shelf = Shelf::open(home.path()).unwrap();
    let ids: Vec<_> = (0..3).map(|_| add(&shelf, source.path()).unwrap().id.to_string()).collect();
    assert_eq!(ids, ["le-pain", "le-pain-2", "le-pain-3"]);
    shelf.remove(&"le-pain-2".to_owned().try_into().unwrap()).unwrap();
    assert_eq!(add(&shelf, source.path()).unwrap().id.as_str(), "le-pain-2");
    assert!(matches!(shelf.remove(&"absent".to_owned().try_into().unwrap()), Err(ShelfError::NoItem(_))));
}

#[test]
fn a_crash_leaves_nothing_half_done() {
    let (source, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lesson(source.path());
    let item = add(&Shelf::open(home.path()).unwrap(), source.path()).unwrap();
    // As a crash leaves them: one on its way in, one on its way out, one whose description is broken.
    fs::create_dir_all(home.path().join(".coming-item/content")).unwrap();
    fs::create_dir_all(home.path().join(".going-old")).unwrap();
    fs::create_dir_all(home.path().join("broken")).unwrap();
    fs::write(home.path().join("broken/item.json"), "{").unwrap();
    let shelf = Shelf::open(home.path()).unwrap();
    assert_eq!(shelf.list(), [item]);
    let mut left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["broken", "le-pain"]);
    // Its name stays taken: adding never replaces.
    assert_eq!(add(&shelf, source.path()).unwrap().id.as_str(), "le-pain-2");
}

#[test]
fn neither_archive_nor_folder_nor_pdf() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(&home.path().join("shelf")).unwrap();
    let file = home.path().join("note.txt");
    fs::write(&file, "bonjour").unwrap();
    assert!(add(&shelf, &file).unwrap_err().to_string().contains("is none of"));
    assert!(add(&shelf, &home.path().join("absent")).is_err());
}

/// A PDF of one page, written by hand; its cross-reference table is poppler's to rebuild.
const PDF: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>endobj\n\
    3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 7 0 R>>>>>>endobj\n\
    4 0 obj<</Length 52>>stream\nBT /F 24 Tf 20 100 Td (Lire une fiche de paie) Tj ET\nendstream endobj\n\
    5 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 6 0 R/Resources<</Font<</F 7 0 R>>>>>>endobj\n\
    6 0 obj<</Length 41>>stream\nBT /F 24 Tf 20 100 Td (Le net a payer) Tj ET\nendstream endobj\n\
    7 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n8 0 obj<</Title(Fiche de paie)>>endobj\n\
    trailer<</Root 1 0 R/Info 8 0 R>>\n%%EOF\n";

#[test]
fn a_pdf_becomes_pages() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(&home.path().join("shelf")).unwrap();
    let file = home.path().join("fiche.pdf");
    fs::write(&file, PDF).unwrap();
    let mut steps = Vec::new();
    let item = shelf
        .add(
            &file,
            Said { language: Some("fr".into()), ..Said::default() },
            Timestamp::UNIX_EPOCH,
            &mut |step| {
                steps.push((step.what, step.done, step.of));
                Ok(())
            },
        )
        .unwrap();
    assert_eq!((item.id.as_str(), item.kind, item.pages), ("fiche-de-paie", ItemKind::Pdf, 2));
    assert_eq!(steps, [("rendered", 1, 2), ("rendered", 2, 2)]);
    let passages: Vec<_> = shelf.passages(&item.id).unwrap().map(Result::unwrap).collect();
    let texts: Vec<_> =
        passages.iter().map(|p| (p.path.as_str(), p.heading.as_str(), p.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            ("/page-1.html#texte", "Page 1", "Lire une fiche de paie"),
            ("/page-2.html#texte", "Page 2", "Le net a payer"),
        ]
    );
    let Ok(Found::Content(image)) = shelf.read(&item.id, "/page-1.jpg") else { panic!("no image") };
    assert_eq!((image.mime.as_str(), &image.read(0, 3).unwrap()[..]), ("image/jpeg", &b"\xFF\xD8\xFF"[..]));
}

#[test]
fn what_is_cancelled_or_still_arriving_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("shelf");
    let shelf = Shelf::open(&folder).unwrap();
    let arriving = shelf.incoming().unwrap();
    let file = arriving.path().join("fiche.pdf");
    fs::write(&file, PDF).unwrap();
    let cancelled = &mut |step: Step| if step.done == 1 { Err(Cancelled) } else { Ok(()) };
    let refused =
        shelf.prepare(&Source::Ours(file), Said::default(), Timestamp::UNIX_EPOCH, cancelled).map(drop);
    assert_eq!(refused.unwrap_err().to_string(), "it was cancelled");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the files that arrived, until their end");
    std::mem::forget(arriving); // a crash
    Shelf::open(&folder).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_broken_pdf_is_refused_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(&home.path().join("shelf")).unwrap();
    let file = home.path().join("casse.pdf");
    fs::write(&file, "%PDF-1.4\nrien").unwrap();
    let error = add(&shelf, &file).unwrap_err().to_string();
    assert!(error.contains("pdfinfo failed"), "{error}");
    assert_eq!(fs::read_dir(home.path().join("shelf")).unwrap().count(), 0);
}
