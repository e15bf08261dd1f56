//! The names that persons, terminals, groups and staff go by: parsed once at the door, then passed as types.
//!
//! One form for all: 1 to 64 ASCII letters, digits, `.`, `_`, `-`, beginning with a letter or digit. It fits a certificate
//! subject, a file name, a log line and a command line without quoting. Case matters.

use std::fmt;
use std::sync::Arc;

/// The longest identifier, in bytes: a common name holds 64 (RFC 5280, ub-common-name).
pub const LONGEST: usize = 64;

/// What was given is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} `{given}` must be 1 to {LONGEST} ASCII letters, digits, `.`, `_`, `-`, and begin with a letter or digit"
)]
pub struct BadIdentifier {
    what: &'static str,
    given: String,
}

fn well_formed(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Refuses whatever is not of the form that this module states.
            pub fn parse(text: &str) -> Result<$name, BadIdentifier> {
                if well_formed(text) {
                    return Ok($name(text.into()));
                }
                let given = text.chars().take(LONGEST).collect();
                Err(BadIdentifier { what: $what, given })
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadIdentifier;

            fn from_str(text: &str) -> Result<$name, BadIdentifier> {
                $name::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

identifier!(
    /// A detained person, as the establishment numbers them.
    PersonId, "person");
identifier!(
    /// A terminal's name, also the common name of its certificate.
    TerminalId, "terminal");
identifier!(
    /// A staff member's login.
    Login, "login");
identifier!(
    /// A group of persons, as policies name it.
    GroupId, "group");
identifier!(
    /// A service of the policy.
    ServiceId, "service");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is taken needs no quoting anywhere, and reads back as itself.
        #[test]
        fn whatever_is_taken_is_plain(text in any::<String>(), plain in "[A-Za-z0-9][A-Za-z0-9._-]{0,63}") {
            if let Ok(id) = PersonId::parse(&text) {
                prop_assert_eq!(id.as_str(), &text);
                prop_assert!(!text.contains(|c: char| !c.is_ascii_graphic() || "/:\"'$`\\".contains(c)));
            }
            prop_assert_eq!(TerminalId::parse(&plain).map(|id| id.to_string()), Ok(plain));
        }
    }

    #[test]
    fn identifiers_have_one_form() {
        for good in ["a", "A-1", "12345", "ecrou.0042_b", &"x".repeat(LONGEST)] {
            assert!(PersonId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "a:b", "é", "a\n", "a\0", &"x".repeat(LONGEST + 1)] {
            assert!(PersonId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
