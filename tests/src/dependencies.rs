//! What our dependencies may be: licences and known vulnerabilities, against `deny.toml`.
//!
//! Called by `cargo xtask`. Licences come from `cargo metadata`; advisories from the RustSec database, where it can be
//! reached. SPDX expressions are read as their specification says, `AND` before `OR`; the old slash means `OR`.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};
use serde::Deserialize;
use tempfile::TempDir;

use crate::process::run;

const DATABASE: &str = "https://github.com/rustsec/advisory-db";
/// A database that doesn't answer within this is not reached.
const DATABASE_LIMIT_SECONDS: &str = "60";

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    advisories: Advisories,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Advisories {
    ignore: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: Version,
    license: Option<String>,
    source: Option<String>,
}

/// Fails with every dependency whose licence `deny.toml` does not allow; the number of those it does.
pub fn check_licences(workspace: &Path) -> Result<usize> {
    let allowed = rules(workspace)?.licenses.allow;
    let packages = foreign_packages(workspace)?;
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(|text| is_allowed(text, &allowed)))
        .map(|package| {
            format!("{} {}: {}", package.name, package.version, package.license.as_deref().unwrap_or("none"))
        })
        .collect();
    if !wrong.is_empty() {
        bail!("licences that deny.toml does not allow:\n{}", wrong.join("\n"));
    }
    Ok(packages.len())
}

/// The line to print; fails with every known vulnerability of a dependency.
pub fn check_advisories(workspace: &Path) -> Result<String> {
    let folder = TempDir::new()?;
    let mut clone = Command::new("timeout");
    clone
        .args([DATABASE_LIMIT_SECONDS, "git", "clone", "--quiet", "--depth", "1", DATABASE])
        .arg(folder.path());
    let cloned = run(clone.env("GIT_TERMINAL_PROMPT", "0"), "")?;
    if cloned.code != 0 {
        let reason = cloned.stderr.trim().lines().last().unwrap_or("no answer in time").to_string();
        return Ok(format!("advisories: not checked ({reason})"));
    }
    let ignored = rules(workspace)?.advisories.ignore;
    let packages = foreign_packages(workspace)?;
    let mut found = Vec::new();
    for package in &packages {
        found.extend(advisories_of(folder.path(), package)?.into_iter().filter(|id| !ignored.contains(id)));
    }
    if !found.is_empty() {
        bail!("known vulnerabilities: {}", found.join(", "));
    }
    Ok(format!("advisories: {} dependencies, none vulnerable", packages.len()))
}

fn rules(workspace: &Path) -> Result<Rules> {
    toml::from_str(&fs::read_to_string(workspace.join("deny.toml"))?).context("reading deny.toml")
}

/// Everything of the lock file that is built for our one platform and is not ours.
fn foreign_packages(workspace: &Path) -> Result<Vec<Package>> {
    let mut command = Command::new("cargo");
    command.current_dir(workspace).args(["metadata", "--format-version", "1", "--locked"]);
    let output = run(command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]), "")?.success()?;
    let metadata: Metadata = serde_json::from_str(&output.stdout).context("reading cargo metadata")?;
    let used: BTreeSet<String> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
    let foreign = |package: &Package| package.source.is_some() && used.contains(&package.id);
    Ok(metadata.packages.into_iter().filter(foreign).collect())
}

/// Whether `expression` can be satisfied by allowed licences alone. Anything unreadable is not allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    any_of(&mut rest, allowed).is_some_and(|satisfied| satisfied && rest.is_empty())
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut satisfied = all_of(words, allowed)?;
    while let Some(("OR", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        satisfied |= all_of(words, allowed)?;
    }
    Some(satisfied)
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut satisfied = one(words, allowed)?;
    while let Some(("AND", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        satisfied &= one(words, allowed)?;
    }
    Some(satisfied)
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    match (*first, rest) {
        ("(", _) => {
            let satisfied = any_of(words, allowed)?;
            let (end, rest) = words.split_first()?;
            *words = rest;
            (*end == ")").then_some(satisfied)
        }
        ("AND" | "OR" | "WITH" | ")", _) => None,
        (licence, ["WITH", exception, rest @ ..]) => {
            *words = rest;
            Some(allowed.contains(&format!("{licence} WITH {exception}")))
        }
        (licence, _) => Some(allowed.contains(licence)),
    }
}

#[derive(Deserialize)]
struct AdvisoryFile {
    advisory: Advisory,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    withdrawn: Option<toml::Value>,
    /// `unmaintained`, `notice`, …: no vulnerability.
    informational: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

/// Identifiers of the vulnerabilities of exactly this version.
fn advisories_of(database: &Path, package: &Package) -> Result<Vec<String>> {
    let folder = database.join("crates").join(&package.name);
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        // Markdown that begins with one fenced TOML block.
        let block = text.split("```").nth(1).and_then(|block| block.strip_prefix("toml"));
        let file: AdvisoryFile =
            toml::from_str(block.with_context(|| format!("no TOML in {}", path.display()))?)
                .with_context(|| format!("reading {}", path.display()))?;
        let safe = file.versions.patched.iter().chain(&file.versions.unaffected);
        let counts = file.advisory.withdrawn.is_none() && file.advisory.informational.is_none();
        if counts && !safe.into_iter().any(|versions| versions.matches(&package.version)) {
            found.push(file.advisory.id);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn licence_expressions_are_satisfied_by_allowed_ones_only() {
        let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from));
        for (expression, expected) in [
            ("MIT", true),
            ("MIT OR GPL-2.0-only", true),
            ("GPL-2.0-only/MIT", true),
            ("MIT AND GPL-2.0-only", false),
            ("MIT AND (GPL-2.0-only OR ISC)", true),
            ("GPL-2.0-only OR ISC AND MIT", true),
            ("(GPL-2.0-only OR ISC) AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT WITH LLVM-exception", false),
            ("", false),
            ("MIT ISC", false),
            ("(MIT", false),
            ("OR MIT", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
        }
    }

    #[test]
    fn advisories_count_for_the_versions_they_name() {
        let database = TempDir::new().unwrap();
        let folder = database.path().join("crates/exemple");
        fs::create_dir_all(&folder).unwrap();
        let advisory = |id: &str, more: &str| {
            let text = format!(
                "```toml\n[advisory]\nid = \"{id}\"\npackage = \"exemple\"\n{more}\n\
                 [versions]\npatched = [\">= 1.2.0\"]\nunaffected = [\"< 0.9.0\"]\n```\n# Exemple\n"
            );
            fs::write(folder.join(format!("{id}.md")), text).unwrap();
        };
        advisory("RUSTSEC-0000-0001", "");
        advisory("RUSTSEC-0000-0002", "withdrawn = \"2026-01-01\"");
        advisory("RUSTSEC-0000-0003", "informational = \"unmaintained\"");
        for (version, expected) in
            [("1.1.9", vec!["RUSTSEC-0000-0001"]), ("1.2.0", vec![]), ("0.8.0", vec![])]
        {
            let package = Package {
                id: String::new(),
                name: "exemple".into(),
                version: version.parse().unwrap(),
                license: None,
                source: None,
            };
            assert_eq!(advisories_of(database.path(), &package).unwrap(), expected, "{version}");
        }
    }
}
