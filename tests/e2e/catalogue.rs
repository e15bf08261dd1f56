//! The catalogue from outside: taken in by the verbs, read through the one path, each item on an origin of its own, with the uplink
//! cut; progress goes along to another terminal.

#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use nix::unistd::Uid;
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::{Answer, Client, read_answer},
    lessons::{self, ARCHIVE_ITEM, CV_ITEM, PAY_ITEM, POLICY},
    packages::KIOSK_USER,
    process::{Process, eventually, run},
    sample::{CAMILLE, SACHA},
    skip::skipped,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::TcpListener,
};

fn stand_with(policy: &str) -> Stand {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    Setup::new(authority, policy).start().unwrap()
}

/// A Stand with both lessons.
fn stand() -> Stand {
    let stand = stand_with(POLICY);
    lessons::add(&stand).unwrap();
    stand
}

fn host(item: &str) -> String {
    format!("{item}-passerelle.internal")
}

/// One request with more header lines, through a tunnel of its own.
async fn ask(client: &Client, item: &str, line: &str, more: &str) -> Answer {
    let mut stream = client.inspected(&host(item)).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", host(item));
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.unwrap()
}

fn added(stand: &Stand, path: &Path) -> (i32, Value) {
    let output = stand.try_verb(&["catalogue", "add", "--json", &path.display().to_string()], "").unwrap();
    (output.code, output.json().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn items_come_and_go_by_the_verbs() {
    let mut stand = stand_with(POLICY);
    let archive = lessons::archive(stand.folder()).unwrap();
    let (code, answer) = added(&stand, &archive);
    assert_eq!((code, answer["added"][0]["id"].as_str()), (0, Some(ARCHIVE_ITEM)), "{answer}");
    assert_eq!(
        (answer["added"][0]["pages"].as_u64(), answer["added"][0]["language"].as_str()),
        (Some(4), Some("fr"))
    );

    // One byte less: refused with the reason, and nothing has changed.
    let broken = stand.folder().join("broken.zim");
    let bytes = fs::read(&archive).unwrap();
    fs::write(&broken, &bytes[..bytes.len() - 1]).unwrap();
    let (code, answer) = added(&stand, &broken);
    let error = answer["refused"][0]["error"].as_str().unwrap();
    assert!(code == 1 && error.contains("checksum should stand at"), "{answer}");
    assert_eq!(fs::read_dir(stand.data.join("catalogue")).unwrap().count(), 1);

    // Alone as well as through the running gateway, and found again by the next start.
    stand.stop();
    lessons::add(&stand).unwrap();
    let list = stand.verb(&["catalogue", "list", "--json"], "").unwrap().json().unwrap();
    let ids: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [PAY_ITEM, CV_ITEM, ARCHIVE_ITEM], "newest first");
    stand.restart().unwrap();
    stand.verb(&["catalogue", "remove", CV_ITEM], "").unwrap();
    assert_eq!(stand.try_verb(&["catalogue", "remove", CV_ITEM], "").unwrap().code, 1);
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let answer = client.api("GET", "/v1/catalogue/items", None).await.unwrap().json().unwrap();
    assert_eq!(answer["items"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(
        client.get(&host(CV_ITEM), "/index.html").await.unwrap().reason().as_deref(),
        Some("not-found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_through_the_one_path_and_are_on_record() {
    let stand = stand();
    let archive = lessons::archive(stand.folder()).unwrap();
    assert_eq!(added(&stand, &archive).0, 0);
    let nobody = stand.client("a").unwrap();
    let refused = nobody.connect(&format!("{}:443", host(CV_ITEM))).await.unwrap().err().unwrap();
    assert_eq!((refused.status, refused.reason().as_deref()), (407, Some("no-session")));
    let client = nobody.sign_in(&CAMILLE).await.unwrap();

    for (item, path) in [(CV_ITEM, "/index.html"), (ARCHIVE_ITEM, "/index.html"), (CV_ITEM, "/")] {
        let page = client.get(&host(item), path).await.unwrap();
        assert_eq!(page.status, 200, "{item}{path}: {page:?}");
        assert!(page.text().contains("Trouver ses compétences"), "{item}{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'self'"));
    }
    let style = client.get(&host(ARCHIVE_ITEM), "/style.css").await.unwrap();
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    let start = client.get(&host(ARCHIVE_ITEM), "/").await.unwrap();
    let expected = format!("https://{}/index.html", host(ARCHIVE_ITEM));
    assert_eq!((start.status, start.header("location")), (302, Some(expected.as_str())));

    let opened = stand.journal(&["--kind", "item-opened"]).unwrap();
    let items: Vec<_> = opened.iter().map(|record| record.detail.as_deref().unwrap()).collect();
    assert_eq!(items, [CV_ITEM, ARCHIVE_ITEM], "once a session and item");
    let url = format!("https://{}/index.html", host(CV_ITEM));
    let page = stand.journal(&["--kind", "opened", "--text", &url]).unwrap();
    assert_eq!(page.len(), 1, "{page:?}");
    assert_eq!(page[0].service.as_deref(), Some("catalogue"));
    assert_eq!(page[0].person.as_deref(), Some(CAMILLE.id));
    let closed = stand.closings(&["--text", &url], 1).unwrap();
    assert_eq!((closed[0].status, closed[0].reason.as_deref()), (Some(200), None), "{closed:?}");
    assert_eq!(closed[0].received_bytes, Some(lesson_bytes(&stand).len() as u64), "{closed:?}");
    stand.verify().unwrap();
}

fn lesson_bytes(stand: &Stand) -> Vec<u8> {
    fs::read(stand.folder().join("lessons/cv/index.html")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_told_apart() {
    let stand = stand();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let document = "Sec-Fetch-Dest: document\r\nAccept-Language: fr\r\n";
    let cases: [(&str, &str, &str, u16, Option<&str>); 10] = [
        (CV_ITEM, "GET /index.html", "", 200, None),
        (CV_ITEM, "GET /absent.html", document, 404, None),
        (CV_ITEM, "GET /absent.png", "", 404, None),
        ("absent", "GET /", "", 404, Some("not-found")),
        (CV_ITEM, "POST /index.html", "Content-Length: 0\r\n", 405, Some("method")),
        (CV_ITEM, "DELETE /index.html", "", 405, Some("method")),
        (CV_ITEM, "GET /../item.json", "", 400, Some("malformed")),
        (
            CV_ITEM,
            "GET /index.html",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe\r\n",
            403,
            Some("not-this-service"),
        ),
        (CV_ITEM, "GET /index.html", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 200, None),
        (CV_ITEM, "GET /index.html", "Range: bytes=999999-\r\n", 416, None),
    ];
    for (item, line, more, status, reason) in cases {
        let answer = ask(&client, item, line, more).await;
        assert_eq!((answer.status, answer.reason().as_deref()), (status, reason), "{item} {line} {more}");
        if more == document {
            assert!(answer.text().contains("Cette page n’existe pas"), "{}", answer.text());
        }
    }
    let whole = lesson_bytes(&stand);
    let part = ask(&client, CV_ITEM, "GET /index.html", "Range: bytes=2-9\r\n").await;
    let expected = format!("bytes 2-9/{}", whole.len());
    assert_eq!((part.status, part.header("content-range")), (206, Some(expected.as_str())));
    assert_eq!(part.body, whole[2..10]);
    // Other names of ours are nobody's.
    let own = client.connect("passerelle.internal:443").await.unwrap().err().unwrap();
    assert_eq!(own.reason().as_deref(), Some("our-own-name"));
    let port = client.connect(&format!("{}:8443", host(CV_ITEM))).await.unwrap().err().unwrap();
    assert_eq!(port.reason().as_deref(), Some("port"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_says_who_and_how_long() {
    let groups = format!("{POLICY}groups = [\"formation\"]\n");
    let stand = stand_with(&groups);
    lessons::add(&stand).unwrap();
    let camille = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let sacha = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
    let target = format!("{}:443", host(CV_ITEM));
    let refused = camille.connect(&target).await.unwrap().err().unwrap();
    assert_eq!(refused.reason().as_deref(), Some("group"));
    for path in ["/v1/catalogue/items".to_owned(), format!("/v1/catalogue/items/{CV_ITEM}")] {
        let refused = camille.api("GET", &path, None).await.unwrap();
        assert_eq!((refused.status, refused.reason().as_deref()), (403, Some("group")), "{path}");
        assert_eq!(sacha.api("GET", &path, None).await.unwrap().status, 200, "{path}");
    }
    assert_eq!(sacha.get(&host(CV_ITEM), "/index.html").await.unwrap().status, 200);

    stand.publish(&format!("{groups}minutes_per_day = 30\n")).unwrap();
    assert_eq!(sacha.get(&host(CV_ITEM), "/index.html").await.unwrap().status, 200);
    assert!((28..=29).contains(&sacha.minutes_left("catalogue").await.unwrap()), "a minute is used");
    stand.publish(&format!("{groups}expires = 2001-01-01\n")).unwrap();
    let refused = sacha.connect(&target).await.unwrap().err().unwrap();
    assert_eq!(refused.reason().as_deref(), Some("expired"));
    stand.publish("version = 1\ntime_zone = \"Europe/Paris\"\n").unwrap();
    let refused = sacha.connect(&target).await.unwrap().err().unwrap();
    assert_eq!(
        refused.reason().as_deref(),
        Some("our-own-name"),
        "without the service its names are ours alone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_goes_along_to_another_terminal() {
    let mut stand = stand();
    let here = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let path = format!("/v1/progress/{CV_ITEM}");
    let put = async |client: &Client, item: &str, position: &str| {
        let body = json!({ "item": item, "position": position });
        client.api("PUT", &path, Some(body)).await.unwrap()
    };
    let start = here.api("GET", &path, None).await.unwrap().json().unwrap();
    assert_eq!(
        start["position"],
        format!("https://{}/index.html", host(CV_ITEM)),
        "not begun: its first page"
    );
    let position = format!("https://{}/competences.html#preuve", host(CV_ITEM));
    assert_eq!(put(&here, CV_ITEM, &position).await.status, 200);
    for elsewhere in [
        "https://www.service-public.fr/",
        "/competences.html",
        &format!("https://{}/index.html", host(PAY_ITEM)),
    ] {
        assert_eq!(put(&here, CV_ITEM, elsewhere).await.reason().as_deref(), Some("invalid"), "{elsewhere}");
    }
    assert_eq!(put(&here, PAY_ITEM, &position).await.reason().as_deref(), Some("invalid"));
    stand.restart().unwrap();

    let there = stand.client("b").unwrap().sign_in(&CAMILLE).await.unwrap();
    let progress = there.api("GET", &path, None).await.unwrap().json().unwrap();
    assert_eq!(progress["position"], position);
    let items = there.api("GET", "/v1/catalogue/items", None).await.unwrap().json().unwrap();
    let begun = &items["begun"][0];
    assert_eq!(
        (begun["url"].as_str(), begun["title"].as_str()),
        (Some(position.as_str()), Some("Trouver ses compétences"))
    );
    let other = stand.client("c").unwrap().sign_in(&SACHA).await.unwrap();
    let items = other.api("GET", "/v1/catalogue/items", None).await.unwrap().json().unwrap();
    assert_eq!(items["begun"], json!([]), "everybody's own");
    stand.verb(&["catalogue", "remove", CV_ITEM], "").unwrap();
    assert_eq!(there.api("GET", &path, None).await.unwrap().reason().as_deref(), Some("not-found"));
}

/// Runs itself again in a network namespace that has nothing but its own loopback.
#[tokio::test(flavor = "multi_thread")]
async fn it_works_with_the_uplink_cut() {
    const NAME: &str = "it_works_with_the_uplink_cut";
    const INSIDE: &str = "PASSERELLE_UPLINK_IS_CUT";
    if std::env::var_os(INSIDE).is_none() {
        if !Uid::effective().is_root() {
            return skipped(NAME, "only root can make a network namespace");
        }
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "--",
            "sh",
            "-c",
            "ip link set lo up && exec \"$0\" --exact \"$1\" --nocapture",
        ]);
        let output = run(command.arg(own).arg(NAME).env(INSIDE, "1"), "").unwrap();
        assert!(output.code == 0 && output.stdout.contains("1 passed"), "{}{}", output.stdout, output.stderr);
        return;
    }
    let interfaces: Vec<_> =
        fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let routes = fs::read_to_string("/proc/net/route").unwrap();
    assert_eq!(routes.lines().count(), 1, "there is a route out: {routes} {interfaces:?}");
    let stand = stand();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let items = client.api("GET", "/v1/catalogue/items", None).await.unwrap();
    assert_eq!(items.status, 200);
    let page = stand
        .curl("a", client.token().unwrap(), &format!("https://{}/relire.html", host(CV_ITEM)), &[])
        .unwrap();
    assert!(page.contains("Vérifiez les dates"), "{page}");
    let position = format!("https://{}/relire.html", host(CV_ITEM));
    let body = json!({ "item": CV_ITEM, "position": position });
    assert_eq!(client.api("PUT", &format!("/v1/progress/{CV_ITEM}"), Some(body)).await.unwrap().status, 200);
    assert_eq!(stand.journal(&["--kind", "item-opened"]).unwrap().len(), 1);
}

/// Every page here tells what it found by asking for an address of its own, which stands in the journal.
const TELL: &str = r#"<!doctype html><meta charset=utf-8><title>TITLE</title><body><script>
const tell = found => {
  const bytes = new TextEncoder().encode(JSON.stringify(found));
  return fetch("/found/" + Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join(""));
};
const own = async () => ({
  cookie: document.cookie, storage: localStorage.getItem("secret"), databases: (await indexedDB.databases()).length,
});
"#;

/// Leaves what another could want, then goes to the thief.
const VICTIM: &str = r#"
(async () => {
  document.cookie = "secret=cookie; max-age=9999";
  localStorage.setItem("secret", "storage");
  await new Promise(done => { indexedDB.open("secret").onsuccess = done; });
  await tell(await own());
  location.href = "https://voleur-passerelle.internal/index.html";
})();
</script>"#;

/// Tries everything a page can to reach another item: its answers, cookies, storage, workers, windows, and the kiosk API.
const THIEF: &str = r#"
const other = "https://victime-passerelle.internal";
const found = {};
const attempt = async (name, work) => {
  const late = new Promise(done => setTimeout(done, 5000, "late"));
  try { found[name] = String(await Promise.race([work(), late])); } catch (error) { found[name] = "refused"; }
};
const element = (name, address, read) => new Promise((done, failed) => {
  const made = document.createElement(name);
  made.onload = () => { try { done(read(made)); } catch (error) { failed(error); } };
  made.onerror = failed;
  made.src = other + address;
  document.body.append(made);
});
(async () => {
  await attempt("own", () => fetch("/own.txt").then(answer => answer.text()));
  await attempt("fetch", () => fetch(other + "/secret.txt").then(answer => answer.text()));
  await attempt("opaque", () => fetch(other + "/secret.txt", { mode: "no-cors", credentials: "include" }));
  await attempt("frame", () => element("iframe", "/again.html", frame => frame.contentDocument.body.innerText));
  await attempt("script", () => element("script", "/secret.js", () => window.secret));
  await attempt("image", () => element("img", "/secret.svg", image => image.width));
  await attempt("worker", () => new Promise((done, failed) => {
    const worker = new Worker(other + "/secret.js");
    worker.onmessage = done;
    worker.onerror = failed;
  }));
  await attempt("referrer", () => document.referrer);
  await attempt("opener", () => window.opener);
  await attempt("cookie", () => {
    document.cookie = "secret=stolen; domain=victime-passerelle.internal";
    document.cookie = "secret=stolen; domain=internal";
    return document.cookie;
  });
  await attempt("storage", () => localStorage.getItem("secret"));
  await attempt("databases", async () => (await indexedDB.databases()).length);
  await attempt("progress", () => fetch("https://localhost:PORT/v1/progress/victime").then(answer => answer.text()));
  await attempt("progress-here", () => fetch("/v1/progress/victime").then(answer => answer.status));
  await tell(found);
  location.href = other + "/again.html";
})();
</script>"#;

const AGAIN: &str = "own().then(tell);</script>";

#[tokio::test(flavor = "multi_thread")]
async fn no_item_reaches_into_another() {
    if !Uid::effective().is_root() {
        return skipped(
            "no_item_reaches_into_another",
            "only root can start Chromium as another user, with its sandbox",
        );
    }
    let stand = stand_with(POLICY);
    let port = stand.address().port().to_string();
    let write = |item: &str, files: &[(&str, String)]| {
        let folder = stand.folder().join(item);
        fs::create_dir(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text.replace("TITLE", item).replace("PORT", &port)).unwrap();
        }
        assert_eq!(added(&stand, &folder).0, 0);
    };
    let page = |script: &str| [TELL, script].concat();
    let image = "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>";
    let files = [
        ("index.html", page(VICTIM)),
        ("again.html", page(AGAIN)),
        ("secret.txt", "secret".into()),
        ("secret.js", "window.secret = 'script'".into()),
        ("secret.svg", image.into()),
    ];
    write("victime", &files);
    write("voleur", &[("index.html", page(THIEF)), ("own.txt", "own".into())]);
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let position = format!("https://{}/index.html", host("victime"));
    let body = json!({ "item": "victime", "position": position });
    assert_eq!(client.api("PUT", "/v1/progress/victime", Some(body)).await.unwrap().status, 200);

    let browser = browser(relay(client).await, stand.folder(), &position);
    let told = tokio::task::spawn_blocking(move || told(&stand, &browser, 3)).await.unwrap();
    let own = json!({ "cookie": "secret=cookie", "storage": "storage", "databases": 1 });
    let nothing = json!({
        "own": "own", "fetch": "refused", "opaque": "refused", "frame": "refused", "script": "refused", "image": "refused",
        "worker": "refused", "referrer": "", "opener": "null", "cookie": "", "storage": "null", "databases": "0",
        "progress": "refused", "progress-here": "404",
    });
    assert_eq!(told, [own.clone(), nothing, own], "the victim before, the thief, the victim after");
}

/// What the pages told, once it is so much.
fn told(stand: &Stand, browser: &Process, count: usize) -> Vec<Value> {
    let mut told = Vec::new();
    eventually(Duration::from_secs(60), &format!("{count} pages that tell\n{}", browser.log_tail()), || {
        let records = stand.journal(&["--kind", "opened", "--text", "/found/"])?;
        told = records.into_iter().filter_map(|record| record.url).collect();
        Ok(told.len() == count)
    })
    .unwrap();
    let read = |url: &String| HEXLOWER.decode(url.split("/found/").nth(1).unwrap().as_bytes()).unwrap();
    told.iter().map(|url| serde_json::from_slice(&read(url)).unwrap()).collect()
}

/// A proxy for Chromium that sets identity as the kiosk's relay does; its port.
async fn relay(client: Client) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let client = client.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.unwrap_or(0) > 0 {}
                let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next())
                else {
                    return;
                };
                let Ok(Ok(mut tunnel)) = client.connect(target).await else {
                    let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
                    let _ = stream.read_u8().await;
                    return;
                };
                if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok() {
                    let _ = copy_bidirectional(&mut stream, &mut tunnel).await;
                }
            });
        }
    });
    port
}

/// Chromium, with its sandbox, through the relay. Its one policy is the kiosk's too: a ClientHello with ECH is refused.
/// Certificates are not what is tried here: it takes any.
fn browser(relay: u16, folder: &Path, url: &str) -> Process {
    const UNDER_POLICY: &str = "mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed && \
         echo '{\"EncryptedClientHelloEnabled\": false}' > /etc/chromium/policies/managed/test.json && exec \"$@\"";
    let profile = folder.join("profile");
    fs::create_dir(&profile).unwrap();
    let user = nix::unistd::User::from_name(KIOSK_USER).unwrap().unwrap();
    nix::unistd::chown(&profile, Some(user.uid), None).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--", "sh", "-c", UNDER_POLICY, "sh", "runuser", "-u", KIOSK_USER, "--"])
        .args(["/usr/lib/chromium/chromium", "--headless=new", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--ignore-certificate-errors", "--remote-debugging-port=0"])
        .args([format!("--proxy-server=http://127.0.0.1:{relay}"), "--proxy-bypass-list=<-loopback>".into()])
        .args([format!("--user-data-dir={}", profile.display()), url.to_owned()])
        .env("HOME", profile);
    Process::start("chromium", &mut command, &folder.join("chromium.log")).unwrap()
}
