//! One broken policy file per mistake. Each begins with `# expect: LINE:COLUMN words`, a line for every error that must be
//! found; the words stand in the English text and, after an arrow, in its mend.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use passerelle_policy::{Finding, Policy};

#[test]
fn every_mistake_is_found_where_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/broken");
    let (mut count, mut differences) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        count += 1;
        if let Some(difference) = difference(&text) {
            differences.push(format!("{}:\n{difference}", path.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(differences.is_empty(), "{} of {count} differ\n{}", differences.len(), differences.join("\n"));
    assert!(count > 80, "only {count} files were found");
}

fn difference(text: &str) -> Option<String> {
    let expected: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# expect: ")).collect();
    let Err(findings) = Policy::parse(text) else { return Some("no mistake was found".to_owned()) };
    let errors: Vec<String> = findings.iter().filter(|finding| finding.is_error()).map(english).collect();
    let same = expected.len() == errors.len()
        && expected.iter().zip(&errors).all(|(words, error)| agrees(words, error));
    (!same).then(|| format!("  expected {expected:#?}\n  found {errors:#?}"))
}

/// `LINE:COLUMN what → mend`, as the file expects it, in parts.
fn agrees(expected: &str, error: &str) -> bool {
    let (place, words) = expected.split_once(' ').unwrap();
    error.starts_with(&format!("{place} ")) && words.split(" → ").all(|part| error.contains(part))
}

fn english(finding: &Finding) -> String {
    format!("{}:{} {} → {}", finding.line, finding.column, finding.what.en, finding.mend.en)
}

const GOOD: &str = "version = 1\n[[service]]\nid = \"step\"\ncategory = \"training\"\nstart = \"https://a.example/\"\n\
                    [[service.rule]]\nhosts = [\"a.example\"]\nqueries = []\n";

#[test]
fn line_endings_and_byte_order_marks_are_no_mistakes() {
    assert!(Policy::parse(&GOOD.replace('\n', "\r\n")).unwrap().warnings.is_empty());
    let warnings = Policy::parse(&format!("\u{feff}{GOOD}")).unwrap().warnings;
    assert_eq!(
        warnings.iter().map(english).collect::<Vec<_>>(),
        ["1:1 the file begins with a byte order mark → save it as \"UTF-8 without BOM\""]
    );
}

#[test]
fn columns_count_characters_whatever_the_line_endings() {
    let text = GOOD.replace("queries = []", "  paths = [\"/é\", \"/\", \"é\"]").replace('\n', "\r\n");
    let findings = Policy::parse(&format!("\u{feff}{text}")).unwrap_err();
    let error = findings.iter().find(|finding| finding.is_error()).unwrap();
    assert_eq!((error.line, error.column), (8, 23));
}

#[test]
fn a_file_that_is_not_utf_8_is_told_where() {
    let check = |bytes: &[u8], place: (usize, usize)| {
        let findings = Policy::parse_bytes(bytes).unwrap_err();
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.line, finding.column, finding.is_error()), (place.0, place.1, true));
        assert!(finding.what.fr.contains("UTF-8") && finding.what.en.contains("UTF-8"));
        assert!(finding.mend.fr.contains("UTF-8") && finding.mend.en.contains("UTF-8"));
    };
    check(b"version = 1\n# caf\xe9\nnonsense", (2, 6));
    check(
        "version = 1\r\n# é à ".as_bytes().iter().copied().chain([0xff]).collect::<Vec<_>>().as_slice(),
        (2, 7),
    );
    check(b"\xff\xfev\0e\0r\0", (1, 1));
    assert!(Policy::parse_bytes(GOOD.as_bytes()).is_ok());
}

#[test]
fn an_empty_file_is_told_what_it_lacks() {
    let findings = Policy::parse("").unwrap_err();
    assert_eq!(
        findings.iter().map(english).collect::<Vec<_>>(),
        ["1:1 the version is missing → write version = 1"]
    );
}

/// French says as much as English does, and says it in French.
#[test]
fn details_are_told_in_french_too() {
    let check = |line: &str, expected: &str| {
        let text = GOOD.replace("start = \"https://a.example/\"", "").replace("queries = []", line);
        let findings = Policy::parse(&text).unwrap_err();
        let error = findings.iter().find(|finding| finding.is_error()).unwrap();
        assert_eq!(error.what.fr, expected);
    };
    check("[[refuse]]\nhosts = [\"a_*\"]", "« a_* » : * ne se met qu'au début, devant un point");
    check(
        "[[refuse]]\nhosts = [\"-a.fr\"]",
        "« -a.fr » n'est pas un nom d'hôte (une partie qui commence ou finit par un tiret)",
    );
    check(
        "[[refuse]]\nhosts = [\"a b.fr\"]",
        "« a b.fr » n'est pas un nom d'hôte (un caractère qu'aucun nom d'hôte n'a)",
    );
    let start = |start: &str, expected: &str| {
        let findings = Policy::parse(&GOOD.replace("https://a.example/", start)).unwrap_err();
        let found = findings.iter().any(|finding| finding.what.fr == expected);
        assert!(found, "{start}: {findings:?}");
    };
    start("a.example", "start n'est pas une adresse (ni http:// ni https:// devant)");
    start("https://a/", "start n'est pas une adresse (dans l'hôte : un nom d'une seule partie)");
    start(
        "https://a.example/../x",
        "start n'est pas une adresse (dans le chemin : un segment fait de points)",
    );
}

/// What is legal but opens more than it seems is told, in both languages.
#[test]
fn warnings_are_told() {
    let check = |rule: &str, words: &str| {
        let text = GOOD.replace("queries = []", &format!("queries = []\n[[service.rule]]\n{rule}"));
        let warnings = Policy::parse(&text).unwrap_or_else(|errors| panic!("{rule}: {errors:?}")).warnings;
        let found =
            warnings.iter().any(|warning| warning.what.en.contains(words) && !warning.what.fr.is_empty());
        assert!(found, "{rule}: {warnings:?}");
    };
    check("hosts = [\"b.example\"]", "any parameter passes");
    check("hosts = [\"b.example\"]\nqueries = [\"redirect_uri\"]", "often holds another site's address");
    check("hosts = [\"b.example\"]\naccess = \"resource\"", "a compromised terminal");
    check("hosts = [\"b-example.translate.goog\"]", "far more than one step");
    check("hosts = [\"web.archive.org\"]", "far more than one step");
    check("hosts = [\"*.s3.eu-west-3.amazonaws.com\"]", "far more than one step");
    check("hosts = [\"cdn.jsdelivr.net\"]", "far more than one step");
    check("hosts = [\"*.gouv.fr\"]", "far more than one step");
    check("hosts = [\"аllowed.example\"]", "letters may imitate others");
    check("hosts = [\"b.example\", \"b.example\"]", "is written twice");
    check("hosts = [\"x.b.example\"]\n[[refuse]]\nhosts = [\"*.b.example\"]", "this rule will never open it");
}
