//! Reading aloud: what a screen says, in reading order, and the control that has the keyboard, spoken by `espeak-ng`.
//!
//! Used by [`crate::app`], which decides when. What is said is made here from a survey of the view, so that every screen can
//! be heard without a word about it in its code. Invariants: what is typed is never said, nor a key of the keypad (a PIN would
//! be heard by others); one voice at a time; dropping the future that speaks ends its child.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::text::{Language, Text};
use crate::widget::focus::{Kind, Sight, Words};

/// Characters of one reading: some minutes; nobody listens to more at once.
const LIMIT: usize = 4000;
/// Of a reading of that many characters, at the slowest; a voice that hangs is ended.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// Words a minute: slower than espeak-ng's own 175, for people who listen in another language.
const SPEED: &str = "150";

/// Errors are words for staff; people are told that there is no sound.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpeechError {
    #[error("starting {0}: {1}")]
    Start(String, String),
    #[error("no sound device: {0}")]
    NoSound(String),
    #[error("the voice ended with {0}")]
    Ended(String),
    #[error("the voice did not end within {TIME_LIMIT:?}")]
    Hangs,
}

/// The program that speaks; words come to it by its standard input.
#[derive(Clone, Debug)]
pub struct Voice {
    command: Vec<OsString>,
}

impl Default for Voice {
    fn default() -> Voice {
        Voice { command: vec!["espeak-ng".into()] }
    }
}

impl Voice {
    /// Another program with its first arguments, which gets those of espeak-ng after them.
    #[cfg(test)]
    pub fn of(command: &[&str]) -> Voice {
        Voice { command: command.iter().map(OsString::from).collect() }
    }

    /// Speaks until the end, or until the future is dropped.
    pub async fn say(self, language: Language, words: String) -> Result<(), SpeechError> {
        let name = self.command[0].to_string_lossy().into_owned();
        let failed = |error: std::io::Error| SpeechError::Start(name.clone(), error.to_string());
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(["-v", language.code(), "-s", SPEED, "--stdin"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let mut input = child.stdin.take().expect("standard input is piped");
        let spoken = async {
            // A voice that ends early does not read to the end: how it ended says why.
            let _ = input.write_all(words.as_bytes()).await;
            drop(input);
            child.wait_with_output().await
        };
        let ended = tokio::time::timeout(TIME_LIMIT, spoken).await.map_err(|_| SpeechError::Hangs)?;
        let output = ended.map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stderr);
        // Without a device espeak-ng says so and ends well.
        if let Some(error) = said.lines().find(|line| line.starts_with("error:")) {
            return Err(SpeechError::NoSound(error.to_owned()));
        }
        if output.status.success() { Ok(()) } else { Err(SpeechError::Ended(output.status.to_string())) }
    }
}

/// All that a screen says; its bar comes last, since it is the same everywhere.
pub fn whole(sight: &Sight, text: &Text) -> String {
    let (bar, content): (Vec<_>, Vec<_>) = sight.words.iter().partition(|words| words.in_bar);
    sentences(&content.into_iter().chain(bar).collect::<Vec<_>>(), sight, text)
}

/// What has the keyboard; nothing for a key of the keypad.
pub fn focused(sight: &Sight, text: &Text) -> String {
    let Some(place) = sight.controls.iter().position(|control| control.focused) else { return String::new() };
    let label = sight.words.iter().position(|words| words.on == Some(place));
    // The label of a field stands before it.
    let from = match label {
        Some(at) if sight.controls[place].kind == Kind::Field => at.saturating_sub(1),
        Some(at) => at,
        None => return String::new(),
    };
    let on_it = |words: &&Words| words.on == Some(place) || (words.on.is_none() && !words.announced);
    let words: Vec<_> = sight.words[from..].iter().take_while(on_it).collect();
    let last = words.iter().rposition(|words| words.on == Some(place)).map_or(0, |last| last + 1);
    sentences(&words[..last], sight, text)
}

/// What appeared and matters now, apart from what was `heard` already.
pub fn announced(sight: &Sight, heard: &[String], text: &Text) -> (String, Vec<String>) {
    let now: Vec<&Words> = sight.words.iter().filter(|words| words.announced).collect();
    let new: Vec<&Words> = now.iter().copied().filter(|words| !heard.contains(&words.words)).collect();
    (sentences(&new, sight, text), now.into_iter().map(|words| words.words.clone()).collect())
}

fn sentences(words: &[&Words], sight: &Sight, text: &Text) -> String {
    let mut said = String::new();
    let mut rest = words.iter().peekable();
    while let Some(words) = rest.next() {
        let control = words.on.and_then(|place| sight.controls.get(place));
        if control.is_some_and(|control| control.kind == Kind::Key) {
            continue;
        }
        let part = speakable(&words.words);
        let more = rest.peek().is_some_and(|next| words.on.is_some() && next.on == words.on);
        said.push_str(&part);
        if let Some(control) = control.filter(|_| !more) {
            let kind = match control.kind {
                Kind::Field => Some("aloud-field"),
                Kind::Button => Some("aloud-button"),
                Kind::Key | Kind::Page => None,
            };
            let kind = kind.into_iter().chain((!control.enabled).then_some("aloud-off"));
            for key in kind {
                said.push_str(if said.is_empty() || said.ends_with('\n') { "" } else { ", " });
                said.push_str(&text.get(key));
            }
        }
        let ended = said.is_empty() || said.ends_with(['\n', '.', '?', '!', ':', '…']);
        said.push_str(match (more, ended) {
            _ if said.ends_with('\n') || said.is_empty() => "",
            (true, _) => ", ",
            (false, true) => "\n",
            (false, false) => ".\n",
        });
    }
    said.chars().take(LIMIT).collect()
}

/// Without the marks that only eyes read.
fn speakable(words: &str) -> String {
    let seen = |letter: char| matches!(letter, '‹' | '›' | '✓' | '·' | '⌫');
    words.split(seen).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::widget::focus::Seen;

    fn sight(focus: &str) -> Sight {
        let control = |name: &str, kind, enabled| Seen {
            name: name.into(),
            kind,
            bounds: Default::default(),
            enabled,
            focused: name == focus,
            hidden: 0.0,
        };
        let words = |words: &str, on, announced, in_bar| Words { words: words.into(), on, announced, in_bar };
        Sight {
            controls: vec![
                control("sign-out", Kind::Button, true),
                control("pin", Kind::Field, true),
                control("enter", Kind::Button, false),
                control("key-7", Kind::Key, true),
                control("card", Kind::Button, true),
            ],
            words: vec![
                words("Se déconnecter", Some(0), false, true),
                words("Bienvenue", None, false, false),
                words("Code incorrect.", None, true, false),
                words("Votre code secret", None, false, false),
                words("", Some(1), false, false),
                words("Entrer", Some(2), false, false),
                words("7", Some(3), false, false),
                words("CAF", Some(4), false, false),
                words("Encore dix minutes", Some(4), false, false),
                words("Ouvrir  ›", Some(4), false, false),
            ],
        }
    }

    #[test]
    fn a_screen_is_read_in_order_without_its_keys_and_its_bar_last() {
        let said = whole(&sight(""), &Text::new(Language::French));
        let expected = "Bienvenue.\nCode incorrect.\nVotre code secret.\nchamp à remplir.\n\
            Entrer, bouton, pas disponible.\nCAF, Encore dix minutes, Ouvrir, bouton.\nSe déconnecter, bouton.\n";
        assert_eq!(said, expected);
    }

    #[test]
    fn what_has_the_keyboard_is_named_and_a_digit_never() {
        let check = |focus, expected: &str| {
            assert_eq!(focused(&sight(focus), &Text::new(Language::French)), expected, "{focus}")
        };
        check("sign-out", "Se déconnecter, bouton.\n");
        check("pin", "Votre code secret.\nchamp à remplir.\n");
        check("card", "CAF, Encore dix minutes, Ouvrir, bouton.\n");
        check("key-7", "");
        check("", "");
    }

    #[test]
    fn what_appears_is_said_once() {
        let text = Text::new(Language::French);
        let (said, heard) = announced(&sight(""), &[], &text);
        assert_eq!(said, "Code incorrect.\n");
        assert_eq!(announced(&sight(""), &heard, &text).0, "");
    }

    /// The real voice in each language, into a file instead of a loudspeaker: a second of speech at least.
    #[tokio::test]
    async fn every_language_has_a_voice() {
        let folder = tempfile::tempdir().unwrap();
        for language in Language::ALL {
            let file = folder.path().join(language.code());
            let voice = Voice::of(&["espeak-ng", "-w", file.to_str().unwrap()]);
            let words = Text::new(language).get("signed-out-ended");
            voice.say(language, words).await.unwrap();
            let sound = std::fs::read(&file).unwrap();
            assert_eq!(&sound[..4], b"RIFF");
            // 22,050 samples a second, two bytes each.
            assert!(sound.len() > 44_100, "{language:?}: {} bytes", sound.len());
            assert!(sound[44..].iter().any(|byte| *byte != 0), "{language:?} is silent");
        }
    }

    #[tokio::test]
    async fn no_voice_and_no_sound_are_told_apart_from_speech() {
        let say =
            |command: &'static [&'static str]| Voice::of(command).say(Language::French, "Bonjour".into());
        assert!(matches!(say(&["/nonexistent/voice"]).await, Err(SpeechError::Start(..))));
        let silent = say(&["sh", "-c", "echo 'error: No such file or directory' >&2"]).await;
        assert!(matches!(silent, Err(SpeechError::NoSound(_))));
        assert!(matches!(say(&["false"]).await, Err(SpeechError::Ended(_))));
        assert!(say(&["sh", "-c", "cat > /dev/null"]).await.is_ok());
    }
}
