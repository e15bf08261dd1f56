//! What we accept, other readers read the same way: properties against the `url` crate, and the WHATWG test data.
#![allow(clippy::unwrap_used)]

#[path = "../../tests/src/skip.rs"]
mod skip;

use passerelle_policy::{Authority, Host, Origin, PathGlob, Scheme, Url};
use proptest::prelude::*;

/// Cases a property: enough for a second or two in all.
const CASES: u32 = 256;

/// Text of the characters that readers disagree about, with enough letters between to make hosts of them.
fn hostile(alphabet: &'static str, length: usize) -> impl Strategy<Value = String> {
    let characters: Vec<char> = alphabet.chars().collect();
    prop::collection::vec(prop::sample::select(characters), 0..length).prop_map(String::from_iter)
}

const HOST_CHARACTERS: &str = "aaabbcexXzn019--...._%[]:@/\\ éа。ａ\u{ad}";

/// Pieces of paths and queries: ordinary ones more often, so that much is accepted, and those that readers disagree about.
fn path_and_query() -> impl Strategy<Value = String> {
    const ORDINARY: &[&str] =
        &["a", "B", "0", "/", "/", "-", ".", "%41", "%c3%a9", ";x", "?", "&", "=", "q", "~", "+", "!"];
    const HOSTILE: &[&str] = &[
        "..", "./", "%2e", "%2E", "%7E", "%2f", "%5C", "%00", "%25", "%E9", "%zz", "%", "//", "|", "[", "]",
        "^", "{", "}", "`", "'", "\"", "<", ">", "@", ":", "#", "\\", " ", "\t", "\n", "\u{7f}", "é", "*",
        "$", ",",
    ];
    let piece = prop_oneof![4 => prop::sample::select(ORDINARY), 1 => prop::sample::select(HOSTILE)];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// The `url` crate's reading of the same host and port.
fn read_by_url_crate(text: &str) -> Option<(String, u16)> {
    let url = url::Url::parse(text).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_accepted_host_is_the_same_host_to_others(text in hostile(HOST_CHARACTERS, 24)) {
        if let Ok(host) = Host::parse(&text) {
            let (other, _) = read_by_url_crate(&format!("https://{text}/")).expect("the url crate refuses what we accept");
            prop_assert_eq!(host.as_str(), other);
            prop_assert_eq!(Host::parse(host.as_str()), Ok(host.clone()), "our own writing must read back");
        }
    }

    #[test]
    fn labels_make_the_same_host_to_others(labels in prop::collection::vec("[a-z0-9_-]{1,8}|xn--[a-z0-9-]{1,9}", 1..5)) {
        let text = labels.join(".");
        if let Ok(host) = Host::parse(&text) {
            let (other, _) = read_by_url_crate(&format!("https://{text}/")).expect("the url crate refuses what we accept");
            prop_assert_eq!(host.as_str(), other);
        }
    }

    #[test]
    fn a_written_international_host_is_the_same_host_to_others(text in "[a-zéèàçßœı]{1,8}\\.[a-zé]{2,4}") {
        if let Ok(host) = Host::parse_written(&text) {
            let (other, _) = read_by_url_crate(&format!("https://{text}/")).expect("the url crate refuses what we accept");
            prop_assert_eq!(host.as_str(), other);
        }
    }

    #[test]
    fn an_accepted_authority_is_the_same_to_others(host in hostile(HOST_CHARACTERS, 12), port in "[0-9+ -]{0,6}") {
        let text = format!("a{host}.example:{port}");
        if let Ok(authority) = Authority::parse(&text) {
            let (other, other_port) = read_by_url_crate(&format!("https://{text}/")).unwrap();
            prop_assert_eq!((authority.host().as_str(), authority.port()), (other.as_str(), other_port));
        }
    }

    #[test]
    fn an_accepted_url_is_the_same_to_others(rest in path_and_query()) {
        agrees_with_url_crate(&format!("https://a.example/{rest}"))?;
        agrees_with_url_crate(&format!("http://a.example{rest}"))?;
    }

    /// Origin and Referer: the host we take it for is the one that others do.
    #[test]
    fn an_accepted_origin_is_the_same_to_others(host in hostile(HOST_CHARACTERS, 12), rest in "[:/?#@\\\\a0 ]{0,6}") {
        let text = format!("https://a{host}.example{rest}");
        if let Some(ours) = Origin::parse(&text).host() {
            let (other, _) = read_by_url_crate(&text).expect("the url crate refuses what we accept");
            prop_assert_eq!(ours.as_str(), other);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,80}") {
        let _ = (Host::parse(&text), Host::parse_written(&text), Authority::parse(&text), PathGlob::parse(&text));
        let _ = (Url::parse(&text), Url::parse_written(&text));
        let authority = Authority::parse("a.example:443").unwrap();
        let _ = Url::of_origin(Scheme::Https, authority, &format!("/{text}"));
    }

    #[test]
    fn a_path_matches_itself_as_a_glob(path in "/[a-z0-9/;~é]{0,20}") {
        prop_assume!(!path.contains('*'));
        let url = Url::parse_written(&format!("https://a.example{path}")).unwrap();
        let matches = |glob: String| PathGlob::parse(&glob).unwrap().matches(url.path_form());
        let (itself, longer, other) = (matches(path.clone()), matches(format!("{path}*")), matches(format!("{path}x")));
        prop_assert_eq!((itself, longer, other), (true, true, false));
    }

    /// Against the plainest definition: split the glob at its stars, by brute force.
    #[test]
    fn globs_match_as_their_definition_says(glob in "/[ab*]{0,6}", path in "/[ab]{0,8}") {
        let expected = by_definition(glob.as_bytes(), path.as_bytes());
        prop_assert_eq!(PathGlob::parse(&glob).unwrap().matches(&path), expected);
    }
}

fn by_definition(glob: &[u8], path: &[u8]) -> bool {
    match glob.split_first() {
        None => path.is_empty(),
        Some((b'*', rest)) => (0..=path.len()).any(|eaten| by_definition(rest, &path[eaten..])),
        Some((byte, rest)) => path.first() == Some(byte) && by_definition(rest, &path[1..]),
    }
}

fn agrees_with_url_crate(text: &str) -> Result<(), TestCaseError> {
    let Ok(ours) = Url::parse(text) else { return Ok(()) };
    let other = url::Url::parse(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
    prop_assert_eq!(ours.scheme().as_str(), other.scheme());
    prop_assert_eq!(Some(ours.host().as_str()), other.host_str());
    prop_assert_eq!(Some(ours.port()), other.port_or_known_default());
    prop_assert_eq!(ours.path(), other.path(), "{}", text);
    prop_assert_eq!(other.username(), "");
    prop_assert_eq!(other.fragment(), None);
    let names: Vec<_> = other.query_pairs().map(|(name, _)| name.into_owned()).collect();
    prop_assert!(
        names.iter().all(|name| name.contains(';') || ours.parameters().iter().any(|ours| **ours == **name))
    );
    Ok(())
}

/// Every input of the WHATWG's `urltestdata.json` is refused or read as the standard says. The data are not in this
/// repository: `PASSERELLE_TEST_DATA` names the folder that holds the file.
#[test]
fn the_whatwg_test_data_are_refused_or_agreed_with() {
    const NAME: &str = "the_whatwg_test_data_are_refused_or_agreed_with";
    let Some(folder) = std::env::var_os("PASSERELLE_TEST_DATA") else {
        return skip::skipped(NAME, "PASSERELLE_TEST_DATA is not set, so urltestdata.json was not read");
    };
    // Whoever names the folder wants the data read: without the file the test fails.
    let path = std::path::Path::new(&folder).join("urltestdata.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let data: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let cases: Vec<_> = data.iter().filter(|case| case.is_object()).collect();
    let mut differ = Vec::new();
    // As a request target, and as staff write an address in a policy.
    for (how, read) in [("on the wire", Url::parse as fn(&str) -> _), ("in a policy", Url::parse_written)] {
        let (mut agreed, mut refused) = (0, 0);
        for case in &cases {
            let input = case["input"].as_str().unwrap();
            match read(input) {
                Err(_) => refused += 1,
                Ok(ours) if is_as_the_standard_says(&ours, case, how == "in a policy") => agreed += 1,
                Ok(ours) => differ.push(format!("{how}: {input:?} is {ours} to us, {} there", case["href"])),
            }
        }
        println!("WHATWG test data {how}: {agreed} agreed with, {refused} refused of {}", cases.len());
        assert!(agreed > 10, "{how}: only {agreed} were read at all");
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// `written`: a fragment was left out, as nothing of it is ever sent.
fn is_as_the_standard_says(ours: &Url, case: &serde_json::Value, written: bool) -> bool {
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let port = text("port").parse().unwrap_or(ours.scheme().default_port());
    text("protocol") == format!("{}:", ours.scheme().as_str())
        && text("hostname") == ours.host().as_str()
        && port == ours.port()
        && text("pathname") == ours.path()
        && text("search").trim_start_matches('?') == ours.query().unwrap_or_default()
        && text("username").is_empty()
        && (written || text("hash").is_empty())
}
