//! Sets of HTTP methods, as rules name them and Allow headers list them.

use std::fmt;

/// A set of HTTP methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// Those a rule may name; CONNECT and TRACE are never forwarded.
    pub const KNOWN: [&'static str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    pub const NONE: Methods = Methods(0);
    /// GET and HEAD: the default of a rule.
    pub const READ: Methods = Methods(0b11);

    /// The set of one known method; case matters (RFC 9110, section 9.1).
    pub fn of(method: &str) -> Option<Methods> {
        Methods::KNOWN.iter().position(|known| *known == method).map(|bit| Methods(1 << bit))
    }

    pub fn contains(self, method: &str) -> bool {
        Methods::of(method).is_some_and(|one| self.0 & one.0 != 0)
    }

    pub const fn with(self, other: Methods) -> Methods {
        Methods(self.0 | other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// POST, PUT or PATCH is among them: these carry bodies.
    pub fn uploads(self) -> bool {
        ["POST", "PUT", "PATCH"].iter().any(|method| self.contains(method))
    }

    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        Methods::KNOWN.into_iter().filter(move |method| self.contains(method))
    }
}

/// As an Allow header lists them.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.iter().enumerate() {
            write!(f, "{}{method}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
