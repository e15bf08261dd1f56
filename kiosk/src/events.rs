//! One JSON line a screen change, for tests that drive the real kiosk from outside (`--events FD`, feature `test-events`).
//!
//! Used by [`crate::app`] only. A line is written when it differs from the one before, after the view was laid out: whoever
//! reads it can click the rectangles at once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;

use serde::Serialize;

/// What is on the screen.
#[derive(Debug, Default, Serialize)]
pub struct Line {
    pub screen: &'static str,
    /// The control that has the keyboard.
    pub focus: Option<String>,
    /// `[x, y, width, height]` in pixels of the window, by the control's name; what is scrolled out of sight is not there.
    pub rectangles: BTreeMap<String, [i32; 4]>,
    /// Reason code of the refusal or failure that is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// The query whose results are on the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched: Option<String>,
    /// What is drawn over the page: `alert`, `confirm`, `prompt`, `leave`, `credentials`, `not-yet-upload` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialog: Option<String>,
    /// `starting`, `ready`, `crashed`, `restarted`, `cannot-start`, `ending`; absent once the last one is wiped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct Page {
    pub url: String,
    pub title: String,
    pub loading: bool,
}

/// The open stream.
pub struct Events {
    file: File,
    last: String,
}

impl Events {
    /// Opens an inherited descriptor of a pipe or a file.
    pub fn open(fd: u32) -> std::io::Result<Events> {
        let file = std::fs::OpenOptions::new().append(true).open(format!("/proc/self/fd/{fd}"))?;
        Ok(Events { file, last: String::new() })
    }

    pub fn write(&mut self, line: &Line) {
        let text = serde_json::to_string(line).expect("names and numbers are JSON");
        if text == self.last {
            return;
        }
        // A test that went away is no reason to stop the kiosk.
        if let Err(error) = writeln!(self.file, "{text}") {
            tracing::warn!(%error, "the reader of events is gone");
        }
        self.last = text;
    }
}
