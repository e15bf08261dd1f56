//! The starter policy passes its own check and opens what it names.
#![allow(clippy::unwrap_used)]

use passerelle_policy::{Policy, STARTER};

#[test]
fn the_starter_policy_has_no_error() {
    match Policy::parse(STARTER) {
        Ok(checked) => {
            assert!(checked.policy.service("france-travail").is_some());
            assert!(
                checked.policy.services().iter().filter(|service| service.is_confidential()).count() >= 3
            );
        }
        Err(findings) => panic!("{}", findings.iter().map(|f| format!("{f}\n")).collect::<String>()),
    }
}
