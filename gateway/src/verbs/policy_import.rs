//! `policy import squid|hosts|ut1 PATH`: another proxy's lists as a draft policy, for staff to verify.
//!
//! Each form has its reader (`squid`, `lists`), all write into one [`Draft`]. Invariants: a draft that is printed passes `policy check`;
//! it never opens more than what it was made from; every entry that is not in it was named on standard error, with the reason.
//! Lists are read line by line: memory is bounded by the draft's own limit, however long they are.

mod draft;
mod lists;
mod squid;
mod squid_regex;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use passerelle_policy::{Finding, Policy};
use serde_json::json;

use super::Answer;
use draft::Draft;

/// What a list is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Squid's `acl` and `http_access`
    Squid,
    /// `0.0.0.0 host`, a line each
    Hosts,
    /// A category folder of the lists of the University of Toulouse
    Ut1,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("could not read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("could not say what was left out")]
    Notes(#[from] io::Error),
    #[error("{0} holds neither `domains` nor `urls`")]
    NoCategory(PathBuf),
    #[error("nothing in {0} could be taken")]
    Nothing(PathBuf),
    #[error("the draft has mistakes, so it was not printed: {}", .0.iter().map(Finding::to_string).collect::<Vec<_>>().join("; "))]
    Mistakes(Vec<Finding>),
}

/// The draft; what was left out goes to `notes` as it is found.
pub fn import(form: Form, path: &Path, notes: &mut dyn Write) -> Result<Answer, ImportError> {
    let mut draft = Draft::new(notes);
    match form {
        Form::Squid => squid::read(path, &mut draft)?,
        Form::Hosts => lists::read_hosts(path, &mut draft)?,
        Form::Ut1 => lists::read_ut1(path, &mut draft)?,
    }
    if draft.is_empty() {
        return Err(ImportError::Nothing(path.to_owned()));
    }
    let (text, figures) = draft.finish(path)?;
    let checked = Policy::parse(&text).map_err(ImportError::Mistakes)?;
    writeln!(notes, "{figures}; `policy check` warns {} time(s)", checked.warnings.len())?;
    let json = json!({
        "draft": text,
        "lines": figures.lines,
        "services": figures.services,
        "refused": figures.refused,
        "repeated": figures.repeated,
        "left_out": figures.left_out,
    });
    Ok(Answer::done(text.trim_end(), json))
}
