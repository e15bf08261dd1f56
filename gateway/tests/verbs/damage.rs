//! A data folder that is damaged: whatever file and whatever damage, `serve` says what and where, ends with 1, and serves nothing.
//! The table is `damage.toml`; each line of it is one damage to one file of a gateway that worked a moment before.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;

use super::support::Folder;

#[derive(Deserialize)]
struct Table {
    damage: Vec<Damage>,
}

#[derive(Deserialize)]
struct Damage {
    /// In the data folder; `*` stands for a number.
    file: String,
    how: Vec<How>,
    /// The message has all of these.
    says: Vec<String>,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    Missing,
    Empty,
    /// Cut to its first byte, to a quarter, to a half, by its last byte.
    FirstByte,
    Quarter,
    Half,
    LastByte,
    /// Bytes that mean nothing, as many as there were.
    Garbage,
    /// One bit turned: in every sixteenth of the file.
    Bits,
    /// Readable by others.
    Open,
    /// A folder in its place.
    Folder,
}

impl How {
    /// Each a file after this damage; `None` is done to the file itself.
    fn variants(self, whole: &[u8]) -> Vec<Vec<u8>> {
        let cut = |length: usize| vec![whole[..length].to_vec()];
        match self {
            How::Empty => cut(0),
            How::FirstByte => cut(1),
            How::Quarter => cut(whole.len() / 4),
            How::Half => cut(whole.len() / 2),
            How::LastByte => cut(whole.len() - 1),
            How::Garbage => vec![(0..whole.len()).map(|at| (at * 37 + 11) as u8).collect()],
            How::Bits => {
                (0..16).map(|part| flipped(whole, whole.len() * part / 16 + whole.len() / 32)).collect()
            }
            How::Missing | How::Open | How::Folder => Vec::new(),
        }
    }

    fn do_to(self, file: &Path) {
        match self {
            How::Open => fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap(),
            How::Folder => {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }
            _ => fs::remove_file(file).unwrap(),
        }
    }
}

/// The next byte from `at` on that is no line end, whose change a PEM reader may not see, with its lowest bit turned.
fn flipped(whole: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let at = (at..bytes.len()).find(|at| bytes[*at] != b'\n').unwrap_or(0);
    bytes[at] ^= 1;
    bytes
}

/// A gateway that worked: initialised, served, stopped.
static GATEWAY: LazyLock<Folder> = LazyLock::new(|| {
    let folder = Folder::with_staff();
    assert_eq!(folder.serve().stop(), 0);
    folder
});

/// Of several names where `*` stands the one that the newest checkpoint needs: the widest tile.
fn find(data: &Path, file: &str) -> PathBuf {
    let Some((folder, end)) = file.split_once('*') else { return data.join(file) };
    let names = fs::read_dir(data.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(end));
    let widest = names.max_by_key(|name| name.trim_end_matches(end).parse::<u64>().unwrap()).unwrap();
    data.join(folder).join(widest)
}

#[test]
fn damage_is_named_and_nothing_is_served() {
    let table: Table = toml::from_str(include_str!("damage.toml")).unwrap();
    let mut wrong = Vec::new();
    for Damage { file, how, says } in table.damage {
        for how in how {
            let whole = fs::read(find(&GATEWAY.data, &file)).unwrap();
            let variants = how.variants(&whole);
            let count = variants.len().max(1);
            for number in 0..count {
                let folder = GATEWAY.copied();
                let path = find(&folder.data, &file);
                match variants.get(number) {
                    Some(bytes) => fs::write(&path, bytes).unwrap(),
                    None => how.do_to(&path),
                }
                let what = format!("{file}, {how:?} {number}");
                match folder.try_serve() {
                    None => wrong.push(format!("{what}: it serves")),
                    Some(ran) if ran.exit != 1 || !says.iter().all(|word| ran.error.contains(word)) => {
                        wrong.push(format!("{what}: exit {}: {}", ran.exit, ran.error));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the store holds, damaged behind the program's back.
#[tokio::test]
async fn a_policy_that_is_half_there_is_not_enforced() {
    for (sql, says) in [
        (
            "UPDATE policy_texts SET text = substr(text, 1, length(text) / 2)",
            "version 1, can't be read any more",
        ),
        ("UPDATE policy_texts SET text = ''", "version 1, can't be read any more"),
        ("UPDATE policy_texts SET text = replace(text, 'hosts', 'hots')", "can't be read any more"),
        ("DELETE FROM policy_texts; DELETE FROM signatures; DELETE FROM policies", "no published policy"),
    ] {
        let folder = GATEWAY.copied();
        behind(&folder, sql).await;
        let ran = folder.try_serve().unwrap_or_else(|| panic!("{sql}: it serves"));
        ran.refused(says);
    }
}

async fn behind(folder: &Folder, sql: &'static str) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", folder.data.join("state.db").display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

/// Files that the settings name.
#[test]
fn files_that_settings_name_are_read_or_nothing_starts() {
    let names = |key: &str| match key {
        "staff_certificate" => format!("[listen]\n{key} = \"named.pem\"\n"),
        _ => format!("[upstream]\n{key} = [\"named.pem\"]\n"),
    };
    let half = "-----BEGIN CERTIFICATE-----\nMIIBsTCCAVegAwIBAgIU";
    for key in ["staff_certificate", "extra_roots", "intermediates"] {
        for content in [None, Some(""), Some(half), Some("rien")] {
            let folder = GATEWAY.copied();
            fs::write(folder.data.join("gateway.toml"), names(key)).unwrap();
            if let Some(content) = content {
                fs::write(folder.data.join("named.pem"), content).unwrap();
            }
            let ran = folder.try_serve().unwrap_or_else(|| panic!("{key}, {content:?}: it serves"));
            ran.refused("named.pem");
        }
    }
}

/// An address that somebody else has is said by port and address.
#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = GATEWAY.copied();
    for (flag, port) in [("terminal", "terminals"), ("staff", "staff"), ("metrics", "metrics")] {
        let others = ["terminal", "staff", "metrics"].map(|name| format!("--{name}-listen 127.0.0.1:0"));
        let verb = format!(
            "serve {} --{flag}-listen {address}",
            others.iter().filter(|other| !other.contains(flag)).cloned().collect::<Vec<_>>().join(" ")
        );
        folder.run(&verb).refused(&format!("could not listen on {address} for {port}"));
    }
}
