//! What `policy check` says: where, what is wrong, and the mend.

use std::fmt;

use serde::Serialize;

/// A sentence in the languages of the people who read it; French first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    pub fr: String,
    pub en: String,
}

/// [`Text`] that never changes, of which errors are made. Shown as such it is English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    pub fr: &'static str,
    pub en: &'static str,
}

impl Words {
    pub const fn new(fr: &'static str, en: &'static str) -> Words {
        Words { fr, en }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en)
    }
}

/// `text!("en français", "in English")`, both with inline arguments.
macro_rules! text {
    ($fr:literal, $en:literal $(,)?) => {
        $crate::finding::Text { fr: format!($fr), en: format!($en) }
    };
}
pub(crate) use text;

/// Does it keep the policy from being published?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake or warning. Line and column count from 1; columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub line: usize,
    pub column: usize,
    pub severity: Severity,
    pub what: Text,
    pub mend: Text,
}

impl Finding {
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// In French; [`Finding`] has the English too.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error() { "erreur" } else { "attention" };
        write!(
            f,
            "ligne {}, colonne {} : {word} : {} → {}",
            self.line, self.column, self.what.fr, self.mend.fr
        )
    }
}
