//! Adding to the catalogue as staff would, and as somebody who means ill.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;

use super::super::desk::{Browser, Page};
use super::super::tests::{ATTACK, Desk};
use crate::catalogue::intake::{Fate, Intake, Stage};
use crate::staff::Role;

/// A PDF of one page that says `Faire du pain`; its cross-reference table is poppler's to rebuild.
const PDF: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
    3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n\
    4 0 obj<</Length 43>>stream\nBT /F 24 Tf 20 100 Td (Faire du pain) Tj ET\nendstream endobj\n\
    5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// The intake that a page leads to, once it is over.
async fn over(desk: &Desk, page: &Page) -> Arc<Intake> {
    assert_eq!(page.0.status, StatusCode::SEE_OTHER, "{}", page.0.body);
    let id = page.0.location().strip_prefix("/add-item/").unwrap();
    let intake = desk.gateway.intakes.find(id).unwrap();
    intake.ended().await;
    intake
}

/// What lies in the folder of items, whole or on its way.
fn shelf(desk: &Desk) -> Vec<PathBuf> {
    std::fs::read_dir(desk.gateway.catalogue.folder()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn files_are_taken_in_and_found() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    admin.get("/catalogue").await.done().shows("/add-item").lacks("Latest additions");
    admin.get("/add-item").await.done().shows("ROME");
    let said = [("title", ATTACK), ("language", "fr"), ("trade", "d1102"), ("level", "CAP")];
    let sent = admin.upload(&said, &[("../<b>pain</b>.pdf", PDF.as_bytes())]).await;
    let intake = over(&desk, &sent).await;
    let state = intake.state();
    assert_eq!(state.stage, Stage::Over);
    let [file] = &state.files[..] else { panic!("{}", state.files.len()) };
    assert_eq!(file.bytes, PDF.len() as u64);
    let Fate::Added(item) = &file.fate else { panic!("not added") };
    assert_eq!(
        (item.trade.as_deref(), item.level.as_deref(), item.language.as_str()),
        (Some("D1102"), Some("CAP"), "fr")
    );
    let page = admin.get(sent.0.location()).await;
    page.done().shows("added").shows("&lt;script&gt;").lacks("data-follow").lacks("<b>pain");
    admin.get("/catalogue?q=pain").await.done().shows("One page found").shows("Latest additions");
    assert_eq!(shelf(&desk).len(), 1, "the upload itself is gone");
    // Who may not add sees no trace of who did.
    Browser::of(&desk, Role::Security).get("/catalogue").await.done().lacks("/add-item");
}

#[tokio::test]
async fn what_is_refused_is_told_and_keeps_nobody_from_the_next() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    let files: [(&str, &[u8]); 3] =
        [("note.txt", b"bonjour"), ("cours.zim", b"ZIM\x04 and nothing else"), ("pain.pdf", PDF.as_bytes())];
    let sent = admin.upload(&[], &files).await;
    let intake = over(&desk, &sent).await;
    assert_eq!(intake.state().stage, Stage::Over);
    admin
        .get(sent.0.location())
        .await
        .done()
        .shows("neither a ZIM archive nor a PDF")
        .shows("damaged or incomplete")
        .shows("over, with a refusal")
        .shows("pain");
    assert_eq!((desk.gateway.catalogue.list().len(), shelf(&desk).len()), (1, 1));
}

#[tokio::test]
async fn a_wrong_form_keeps_its_words_and_leaves_nothing() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    let pdf: &[(&str, &[u8])] = &[("pain.pdf", PDF.as_bytes())];
    let two: &[(&str, &[u8])] = &[("a.pdf", PDF.as_bytes()), ("b.pdf", PDF.as_bytes())];
    let alike: &[(&str, &[u8])] = &[("a.pdf", PDF.as_bytes()), ("a.pdf", PDF.as_bytes())];
    for (said, files, words) in [
        (&[("level", "CAP"), ("trade", "pain")][..], pdf, "ROME code is"),
        (&[("level", "CAP"), ("language", "xx")], pdf, "language of the list"),
        (&[("level", "CAP"), ("title", "Le pain")], two, "one file only"),
        (&[("level", "CAP")], alike, "same name: a.pdf"),
        (&[("level", "CAP")], &[], "at least one file"),
        (&[("level", "CAP")], &[("", b"")], "at least one file"),
    ] {
        admin.upload(said, files).await.wrong(words).shows("value=\"CAP\"");
        assert!(shelf(&desk).is_empty(), "{words}");
    }
    assert!(desk.gateway.intakes.list().iter().all(|intake| !intake.is_live()));
    let most = (desk.gateway.config.limits.upload_bytes + (2 << 20)).to_string();
    let badge = desk.badge(Role::Administrator);
    assert_eq!(desk.raw_upload("/add-item", &badge, &most, Vec::new()).await.status, 413);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_nothing_but_a_word() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    let badge = desk.badge(Role::Administrator);
    let whole = desk.form_with_files(&badge, &[], &[("pain.pdf", PDF.as_bytes())]);
    let half = whole[..whole.len() - 100].to_vec();
    let reply = desk.raw_upload("/add-item", &badge, &whole.len().to_string(), half).await;
    assert_eq!(reply.status, 400);
    assert!(shelf(&desk).is_empty());
    admin.get("/catalogue").await.done().shows("cut off");
}

#[tokio::test]
async fn files_of_another_site_are_not_kept() {
    let desk = Desk::new().await;
    let files: &[(&str, &[u8])] = &[("pain.pdf", PDF.as_bytes())];
    let (admin, auditor) = (desk.badge(Role::Administrator), desk.badge(Role::Auditor));
    let another = desk.badge(Role::Administrator);
    let ours = desk.form_with_files(&admin, &[], files);
    // Its first piece goes behind the last.
    let (token, rest) = ours.split_at(ours.windows(3).skip(1).position(|piece| piece == b"--x").unwrap() + 1);
    let late = [rest.strip_suffix(b"--x--\r\n").unwrap(), token, b"--x--\r\n"].concat();
    for (what, badge, form) in [
        ("another session's token", &admin, desk.form_with_files(&another, &[], files)),
        ("a token behind the files", &admin, late),
        ("an auditor", &auditor, desk.form_with_files(&auditor, &[], files)),
    ] {
        let reply = desk.raw_upload("/add-item", badge, &form.len().to_string(), form).await;
        assert_eq!(reply.status, 403, "{what}");
        assert!(desk.gateway.intakes.list().is_empty() && shelf(&desk).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_cancelled_intake_adds_no_more() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    // The second waits for the first: one is cancelled in its work or before it.
    let first = admin.upload(&[], &[("a.pdf", PDF.as_bytes())]).await;
    let second = admin.upload(&[], &[("b.pdf", PDF.as_bytes()), ("c.pdf", PDF.as_bytes())]).await;
    let cancel = format!("{}/cancel", second.0.location());
    admin.post(&cancel, &[]).await.goes_to(second.0.location());
    assert_eq!(over(&desk, &second).await.state().stage, Stage::Cancelled);
    assert_eq!(over(&desk, &first).await.state().stage, Stage::Over);
    admin.get(second.0.location()).await.done().shows("stopped before").lacks("data-follow");
    assert_eq!((desk.gateway.catalogue.list().len(), shelf(&desk).len()), (1, 1));
    assert_eq!(admin.post("/add-item/nothing/cancel", &[]).await.0.status, 404);
}
