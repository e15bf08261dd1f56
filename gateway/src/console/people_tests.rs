//! People, terminals, staff and the catalogue at the desk.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;

use super::desk::Browser;
use super::records::escaped;
use super::tests::{ATTACK, Desk};
use crate::identifier::{Login, PersonId, TerminalId};
use crate::staff::Role;

#[tokio::test]
async fn a_person_comes_changes_and_leaves() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    let security = Browser::of(&desk, Role::Security);
    let id = PersonId::parse("p1").unwrap();
    admin.get("/people").await.done().shows("Nobody matches");
    admin.get("/add-person").await.done().shows("trio-guard").lacks("trio-auditor");

    // What was typed stays, whatever is wrong.
    let typed = [("id", "p 1"), ("name", ATTACK), ("groups", "a, b"), ("trio", "guard"), ("pin", "")];
    let page = admin.post("/add-person", &typed).await;
    page.wrong("An identifier has").shows("value=\"p 1\"").shows("&lt;script&gt;").shows("value=\"a, b\"");
    page.shows("value=\"guard\" checked");
    let typed = [("id", "p1"), ("name", ATTACK), ("groups", "a, b"), ("trio", "guard"), ("pin", "12")];
    admin.post("/add-person", &typed).await.wrong("A PIN has 6 to 64 digits").lacks("value=\"12\"");
    let typed = [("id", "p1"), ("name", ATTACK), ("groups", "a, b"), ("trio", "guard"), ("pin", "")];
    let page = admin.post("/add-person", &typed).await;
    let pin = page.done().after("<code class=\"secret\">").to_owned();
    assert_eq!((pin.len(), pin.parse::<u32>().is_ok()), (6, true));
    admin.post("/add-person", &typed).await.wrong("has this number already");
    let terminal = TerminalId::parse("t1").unwrap();
    let sign_in =
        async |pin: &str| desk.gateway.sessions.sign_in("p1", pin, &terminal, Timestamp::now()).await;
    let session = sign_in(&pin).await.unwrap().session;

    admin.get("/people?q=B").await.shows("/people/p1").lacks(&pin);
    admin.get("/people?q=elsewhere").await.lacks("/people/p1");
    let page = admin.get("/people/p1").await;
    page.done().shows("signed in").shows(session.id.as_str()).shows("No request").lacks(&pin);
    assert_eq!(desk.records("staff-looked").await, ["person, by administrator"]);

    // Other groups hold at once.
    admin
        .post("/people/p1/assign", &[("groups", "a, b"), ("trio", "guard"), ("trio", "referent")])
        .await
        .goes_to("/people/p1?done=done-person-assigned");
    assert!(session.ended().is_none());
    admin.post("/people/p1/assign", &[("groups", "a"), ("trio", "x y")]).await.wrong("An identifier has");
    admin
        .post("/people/p1/assign", &[("groups", "c"), ("trio", "stranger")])
        .await
        .goes_to("/people/p1?done=done-person-assigned");
    assert!(session.ended().is_some());
    let person = desk.gateway.people.get(&id).await.unwrap().unwrap();
    assert_eq!((person.groups[0].as_str(), person.trio[0].as_str()), ("c", "stranger"));
    admin.get("/people/p1").await.shows("value=\"stranger\" checked");

    admin.post("/people/p1/pin", &[("pin", "271828")]).await.goes_to("/people/p1?done=done-person-pin");
    assert!(sign_in(&pin).await.is_err());
    let session = sign_in("271828").await.unwrap().session;
    security.post("/people/p1/lock", &[]).await.goes_to("/people/p1?done=done-person-locked");
    assert!(session.ended().is_some());
    security.get("/people/p1").await.shows("locked").shows("/people/p1/unlock").lacks("/people/p1/release");
    security.post("/people/p1/unlock", &[]).await.goes_to("/people/p1?done=done-person-unlocked");

    admin.get("/people/p1/release").await.done().shows("be undone");
    assert!(desk.gateway.people.get(&id).await.unwrap().unwrap().released_at.is_none());
    admin.post("/people/p1/release", &[]).await.goes_to("/people/p1?done=done-person-released");
    admin.post("/people/p1/lock", &[]).await.wrong("This person has left");
    admin.get("/people/p1").await.done().lacks("/people/p1/pin").shows("left");
    let told = desk.records("person-changed").await;
    let told: Vec<_> = told.iter().map(String::as_str).skip(1).collect();
    assert_eq!(
        told,
        [
            "added, by administrator",
            "groups a,b; trio guard,referent, by administrator",
            "groups c; trio stranger, by administrator",
            "PIN set, by administrator",
            "locked, by security",
            "unlocked, by security",
            "released, by administrator",
        ]
    );
}

#[tokio::test]
async fn the_trio_opens_the_pages_of_its_people_only() {
    let desk = Desk::new().await;
    let live = desk.person("p1", "Camille Exemple", &[Role::Guard, Role::Counsellor]).await;
    desk.person("p2", "Sacha Exemple", &[]).await;
    desk.ask("p1", "https://a.exemple/", "").await;
    for role in [Role::Guard, Role::Counsellor] {
        let browser = Browser::of(&desk, role);
        browser.get("/people").await.done().shows("Camille").lacks("Sacha").lacks("/add-person");
        let page = browser.get("/people/p1").await;
        page.done().lacks("/people/p1/lock").lacks("/people/p1/pin");
        let (sees_requests, sees_sessions) = (role == Role::Counsellor, role == Role::Guard);
        assert_eq!(page.0.body.contains("a.exemple"), sees_requests, "{role:?}");
        assert_eq!(page.0.body.contains(live.session.id.as_str()), sees_sessions, "{role:?}");
        assert_eq!(browser.get("/people/p2").await.0.status, 404, "{role:?}");
    }
}

#[tokio::test]
async fn terminals_are_invited_and_revoked() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    admin.get("/terminals").await.done().shows("No terminal is enrolled");
    admin
        .post("/terminals/invite", &[("name", ATTACK)])
        .await
        .wrong("An identifier has")
        .shows("&lt;script&gt;");
    let page = admin.post("/terminals/invite", &[("name", "t1")]).await;
    let code = page.done().after("<code class=\"secret\">").to_owned();
    page.shows(&format!("--code {code}")).shows("passerelle-kiosk enrol");
    let (secret, _) = code.split_once('.').unwrap();
    let name = desk.gateway.terminals.redeem(secret, Timestamp::now()).await.unwrap();
    desk.gateway.terminals.enrolled(&name, [7; 32], Timestamp::now()).await.unwrap();
    admin.get("/terminals").await.shows("silent").shows("/terminals/t1/revoke").lacks(&code);
    desk.gateway.terminals.seen(&name, Timestamp::now()).await.unwrap();
    Browser::of(&desk, Role::Security).get("/terminals").await.shows("active").lacks("/terminals/t1/revoke");

    let live = desk.gateway.clone();
    live.people.add(&"p1".parse().unwrap(), "A", &[], &[], "314159", Timestamp::now()).await.unwrap();
    let session = live.sessions.sign_in("p1", "314159", &name, Timestamp::now()).await.unwrap().session;
    admin.get("/terminals/t1/revoke").await.done().shows("refused at once");
    assert!(desk.gateway.terminals.is_active(&name));
    admin.post("/terminals/t1/revoke", &[]).await.goes_to("/terminals?done=done-terminal-revoked");
    assert!(!desk.gateway.terminals.is_active(&name) && session.ended().is_some());
    assert_eq!(desk.records("terminal-revoked").await, ["by administrator"]);
    assert_eq!(admin.get("/terminals/none/revoke").await.0.status, 404);
}

#[tokio::test]
async fn staff_come_with_a_one_time_password_and_one_administrator_stays() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    Browser::of(&desk, Role::Auditor)
        .get("/staff")
        .await
        .done()
        .lacks("name=\"login\"")
        .lacks("/staff/guard");
    admin
        .post("/staff", &[("login", "new"), ("role", "guard"), ("password", "x")])
        .await
        .wrong("password is wrong");
    admin
        .confirm("/staff", &[("login", ATTACK), ("role", "guard")])
        .await
        .wrong("An identifier")
        .shows("&lt;script");
    admin
        .confirm("/staff", &[("login", "new"), ("role", "king")])
        .await
        .wrong("no such role")
        .shows("value=\"new\"");
    admin.confirm("/staff", &[("login", "guard"), ("role", "guard")]).await.wrong("exists already");
    let page = admin.confirm("/staff", &[("login", "new"), ("role", "guard")]).await;
    let password = page.done().after("<code class=\"secret\">").to_owned();
    let new = desk.gateway.staff.verify("new", &password, Timestamp::now()).await.unwrap();
    assert!(new.one_time_password && new.role == Role::Guard);
    admin.get("/staff").await.done().shows("/staff/new").lacks(&password);

    let guard = desk.badge(Role::Guard);
    admin
        .confirm("/staff/guard/role", &[("role", "auditor")])
        .await
        .goes_to("/staff/guard?done=done-staff-role");
    assert_eq!(desk.get("/people", &guard).await.location(), "/sign-in", "the old role is signed out");
    admin.confirm("/staff/administrator/role", &[("role", "guard")]).await.wrong("the last administrator");
    admin.get("/staff/administrator").await.done().shows("not enrolled yet");
    let page = admin.confirm("/staff/new/reset", &[("factor", "yes")]).await;
    let other = page.done().after("<code class=\"secret\">");
    assert!(
        other != password && desk.gateway.staff.verify("new", &password, Timestamp::now()).await.is_err()
    );
    assert_eq!(admin.get("/staff/nobody").await.0.status, 404);
    let told = desk.records("person-changed").await;
    assert_eq!(
        told[1..],
        [
            "staff new added as guard, by administrator",
            "staff guard is auditor, by administrator",
            "staff new: password and second factor reset, by administrator",
        ]
    );
    let auditor = Login::parse("guard").unwrap();
    assert_eq!(desk.gateway.staff.get(&auditor).await.unwrap().unwrap().role, Role::Auditor);
}

#[tokio::test]
async fn the_catalogue_is_searched_and_an_item_removed_after_a_question() {
    let desk = Desk::new().await;
    let admin = Browser::of(&desk, Role::Administrator);
    admin.get("/catalogue").await.done().shows("The catalogue is empty");
    let lesson = tempfile::tempdir().unwrap();
    let page = "<html><head><title>Les pommes</title></head><body><h1>Les pommes</h1><p>Une pomme par jour.</body></html>";
    std::fs::write(lesson.path().join("index.html"), page).unwrap();
    let said = passerelle_catalogue::shelf::Said { title: Some(ATTACK.into()), ..Default::default() };
    let source = passerelle_catalogue::Source::Theirs(lesson.path().to_owned());
    let item = desk.gateway.catalogue.add(source, said, |_| Ok(())).await.unwrap();
    let (remove, attack) = (format!("/catalogue/{}/remove", item.id), escaped(ATTACK));
    admin
        .get("/catalogue?q=pomme")
        .await
        .done()
        .shows("One page found")
        .shows("&lt;script&gt;")
        .shows(&remove);
    admin.get(&format!("/catalogue?q={attack}")).await.done().shows("&lt;script&gt;");
    Browser::of(&desk, Role::Referent).get("/catalogue").await.done().lacks(&remove);
    admin.get(&remove).await.done().shows("leaves the catalogue");
    assert_eq!(desk.gateway.catalogue.list().len(), 1);
    admin.post(&remove, &[]).await.goes_to("/catalogue?done=done-catalogue-removed");
    assert!(desk.gateway.catalogue.list().is_empty());
    assert_eq!(admin.get(&remove).await.0.status, 404);
}
