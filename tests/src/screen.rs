//! A virtual display, used the way a person uses a real one: keys and clicks by XTEST, text read from pixels.
//!
//! The keyboard is a French one (`setxkbmap fr`), so accents come from the keys a person would press, dead keys and AltGr
//! included. Dropping a [`Screen`] ends the display and every program on it.

use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use tempfile::TempDir;

use crate::process::{Process, eventually, run};

/// The size of a terminal's panel; the kiosk fills it.
pub const WIDTH: u32 = 1280;
pub const HEIGHT: u32 = 800;
const START_LIMIT: Duration = Duration::from_secs(20);
/// A page that still moves after this is animated.
const REST_LIMIT: Duration = Duration::from_secs(3);
/// Text is read at this scale: tesseract wants letters some 30 pixels high.
const OCR_SCALE: &str = "200%";
/// Between two keys, as a quick typist; a browser under load drops nothing at this pace.
const KEY_DELAY_MS: &str = "25";

/// Keys of a French keyboard for what `xdotool type` cannot find there by itself: X keycodes, `+` held before.
const FRENCH_KEYS: &[(char, &[&str])] = &[
    ('é', &["11"]),
    ('è', &["16"]),
    ('ç', &["18"]),
    ('à', &["19"]),
    ('@', &["ISO_Level3_Shift+19"]),
    ('€', &["ISO_Level3_Shift+26"]),
    ('ê', &["34", "26"]),
    ('ï', &["shift+34", "31"]),
];

pub struct Screen {
    display: String,
    client_authority: PathBuf,
    folder: TempDir,
    _server: Process,
}

impl Screen {
    /// Starts Xvfb on a display number of its own choice, closed to who has no cookie.
    pub fn start() -> Result<Screen> {
        let folder = TempDir::with_prefix("passerelle-screen-")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let mut cookie = [0; 16];
        fs::File::open("/dev/urandom")?.read_exact(&mut cookie)?;
        let cookie = HEXLOWER.encode(&cookie);
        let server_authority = folder.path().join("server.auth");
        add_cookie(&server_authority, ":0", &cookie)?;
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{WIDTH}x{HEIGHT}x24"))
            .arg("-fbdir")
            .arg(folder.path())
            .arg("-auth")
            .arg(&server_authority);
        let mut server = Process::start_with_lines("Xvfb", &mut command, &folder.path().join("xvfb.log"))?;
        let display = format!(":{}", server.wait_for_line(START_LIMIT, |_| true)?.trim());
        let client_authority = folder.path().join("client.auth");
        add_cookie(&client_authority, &display, &cookie)?;
        // The kiosk's user reads it too; the display is this test's alone.
        fs::set_permissions(&client_authority, fs::Permissions::from_mode(0o644))?;
        let screen = Screen { display, client_authority, folder, _server: server };
        screen.tool("setxkbmap", &["fr"])?;
        Ok(screen)
    }

    /// `DISPLAY` and `XAUTHORITY` for a program on this display.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("DISPLAY", self.display.clone()), ("XAUTHORITY", self.client_authority.display().to_string())]
    }

    /// The file that the display's pixels live in, as `-fbdir` of Xvfb(1) describes it.
    pub fn framebuffer(&self) -> PathBuf {
        self.folder.path().join("Xvfb_screen0")
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.envs(self.environment()).args(arguments);
        Ok(run(&mut command, "")?.success().with_context(|| format!("{program} {arguments:?}"))?.stdout)
    }

    /// Presses a key or chord by its X name (`Tab`, `Return`, `ctrl+a`) or keycode.
    pub fn press(&self, chord: &str) -> Result<()> {
        self.tool("xdotool", &["key", "--delay", KEY_DELAY_MS, chord]).map(drop)
    }

    /// Types `text` with the keys of a French keyboard.
    pub fn write(&self, text: &str) -> Result<()> {
        let mut plain = String::new();
        for letter in text.chars() {
            match FRENCH_KEYS.iter().find(|(known, _)| *known == letter) {
                None => plain.push(letter),
                Some((_, keys)) => {
                    self.write_plain(&std::mem::take(&mut plain))?;
                    for key in *keys {
                        self.press(key)?;
                    }
                }
            }
        }
        self.write_plain(&plain)
    }

    fn write_plain(&self, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.tool("xdotool", &["type", "--delay", KEY_DELAY_MS, text]).map(drop)
    }

    /// Moves the pointer to a point of the screen.
    pub fn point(&self, (x, y): (i32, i32)) -> Result<()> {
        self.tool("xdotool", &["mousemove", "--sync", &x.to_string(), &y.to_string()]).map(drop)
    }

    /// Clicks at a point of the screen.
    pub fn click(&self, (x, y): (i32, i32)) -> Result<()> {
        self.tool("xdotool", &["mousemove", "--sync", &x.to_string(), &y.to_string(), "click", "1"]).map(drop)
    }

    /// Turns the wheel: down for positive `clicks`.
    pub fn scroll(&self, clicks: i32) -> Result<()> {
        let button = if clicks > 0 { "5" } else { "4" };
        let repeat = clicks.unsigned_abs().to_string();
        self.tool("xdotool", &["click", "--repeat", &repeat, "--delay", KEY_DELAY_MS, button]).map(drop)
    }

    /// Saves what is on the screen as PNG.
    pub fn save(&self, file: &Path) -> Result<()> {
        self.tool("import", &["-window", "root", &file.display().to_string()]).map(drop)
    }

    /// Saves the screen once two looks at it are the same, or as it is when it never rests.
    pub fn save_still(&self, file: &Path) -> Result<()> {
        let mut last = Vec::new();
        let rested = eventually(REST_LIMIT, "a still picture", || {
            self.save(file)?;
            let now = fs::read(file)?;
            let same = now == last;
            last = now;
            Ok(same)
        });
        // A blinking caret never rests; the last look is as good.
        rested.or_else(|_| self.save(file))
    }

    /// The words on the screen with their places, read by tesseract.
    pub fn words(&self) -> Result<Vec<Word>> {
        let picture = self.folder.path().join("screen.png").display().to_string();
        self.tool("import", &["-window", "root", "-resize", OCR_SCALE, "-colorspace", "Gray", &picture])?;
        let table = self.tool("tesseract", &[&picture, "-", "-l", "fra", "--psm", "3", "tsv"])?;
        Ok(table.lines().skip(1).filter_map(Word::parse).collect())
    }

    /// Everything legible, words separated by spaces.
    pub fn text(&self) -> Result<String> {
        Ok(self.words()?.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
    }

    /// Waits until the screen reads `phrase`, and gives its middle.
    pub fn wait_for_text(&self, limit: Duration, phrase: &str) -> Result<(i32, i32)> {
        let mut place = None;
        let mut last = Vec::new();
        let found = eventually(limit, &format!("the text {phrase:?} on the screen"), || {
            last = self.words()?;
            place = find(&last, phrase);
            Ok(place.is_some())
        });
        found.with_context(|| {
            let text = last.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            format!("the screen reads: {text}")
        })?;
        place.context("found just now")
    }

    /// Clicks on `phrase` once the screen shows it.
    pub fn click_text(&self, limit: Duration, phrase: &str) -> Result<()> {
        self.click(self.wait_for_text(limit, phrase)?)
    }
}

fn add_cookie(file: &Path, display: &str, cookie: &str) -> Result<()> {
    let file = file.display().to_string();
    let output = run(Command::new("xauth").args(["-f", &file, "add", display, ".", cookie]), "")?;
    if output.code != 0 {
        bail!("xauth: {}", output.stderr);
    }
    Ok(())
}

/// A word read from the screen: text and rectangle in pixels of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Word {
    /// One line of tesseract's TSV; `None` for what is no word.
    fn parse(line: &str) -> Option<Word> {
        let cells: Vec<&str> = line.split('\t').collect();
        let text = cells.get(11)?.trim();
        // Pixels of the enlarged picture.
        let number = |at: usize| Some(cells.get(at)?.parse::<i32>().ok()? / 2);
        let word =
            Word { text: text.into(), x: number(6)?, y: number(7)?, width: number(8)?, height: number(9)? };
        (!text.is_empty()).then_some(word)
    }
}

/// The middle of the first run of words that reads `phrase`, letters compared without case, accents and punctuation
/// (what tesseract confuses most).
fn find(words: &[Word], phrase: &str) -> Option<(i32, i32)> {
    let wanted = fold(phrase);
    for from in 0..words.len() {
        let mut read = String::new();
        if fold(&words[from].text).is_empty() {
            continue;
        }
        for to in from..words.len() {
            read.push_str(&fold(&words[to].text));
            if read == wanted {
                let (first, last) = (&words[from], &words[to]);
                return Some(((first.x + last.x + last.width) / 2, first.y + first.height / 2));
            }
            if !wanted.starts_with(&read) {
                break;
            }
        }
    }
    None
}

fn fold(text: &str) -> String {
    let plain = |letter: char| match letter {
        'à' | 'â' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'ù' | 'û' => 'u',
        other => other,
    };
    text.to_lowercase().chars().map(plain).filter(|letter| letter.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let word = |(index, text): (usize, &str)| Word {
            text: text.into(),
            x: 100 * index as i32,
            y: 40,
            width: 80,
            height: 20,
        };
        text.split(' ').enumerate().map(word).collect()
    }

    #[test]
    fn finds_phrases_by_their_letters() {
        let screen = words("Bienvenue « Mes démarches » Se déconnecter");
        for (phrase, expected) in [
            ("Bienvenue", Some((40, 50))),
            ("mes demarches", Some((290, 50))),
            ("Se déconnecter", Some((590, 50))),
            ("démarches Se", Some((440, 50))),
            ("Mes", Some((240, 50))),
            ("absent", None),
        ] {
            assert_eq!(find(&screen, phrase), expected, "{phrase}");
        }
    }

    #[test]
    fn reads_tesseract_lines() {
        let line = "5\t1\t1\t1\t1\t1\t200\t100\t60\t40\t96.1\tBonjour";
        let expected = Word { text: "Bonjour".into(), x: 100, y: 50, width: 30, height: 20 };
        assert_eq!(Word::parse(line), Some(expected));
        assert_eq!(Word::parse("4\t1\t1\t1\t1\t0\t200\t100\t60\t40\t-1\t"), None);
    }

    /// The display and its reading, without a kiosk.
    #[test]
    fn reads_what_is_shown() {
        let screen = Screen::start().unwrap();
        let picture = screen.folder.path().join("label.png").display().to_string();
        let label = ["-font", "DejaVu-Sans", "-pointsize", "24", "label:Démarche acceptée à Évry"];
        run(Command::new("convert").args(label).arg(&picture), "").unwrap().success().unwrap();
        let log = screen.folder.path().join("display.log");
        let mut command = Command::new("display");
        let _window =
            Process::start("display", command.envs(screen.environment()).arg(&picture), &log).unwrap();
        screen.wait_for_text(Duration::from_secs(20), "Démarche acceptée").unwrap();
    }

    /// The keys of [`FRENCH_KEYS`] give their characters; dead keys are composed by the program that reads them.
    #[test]
    fn types_with_a_french_keyboard() {
        let screen = Screen::start().unwrap();
        let log = screen.folder.path().join("xev.log");
        let mut command = Command::new("xev");
        command.envs(screen.environment()).args(["-event", "keyboard", "-geometry", "400x400+0+0"]);
        let mut keys = Process::start_with_lines("xev", &mut command, &log).unwrap();
        let limit = Duration::from_secs(20);
        screen.tool("xdotool", &["search", "--sync", "--name", "Event Tester"]).unwrap();
        screen.click((200, 200)).unwrap();
        screen.write("aZ9éèçà@€ïê").unwrap();
        for name in
            ["a", "Z", "9", "eacute", "egrave", "ccedilla", "agrave", "at", "EuroSign", "dead_diaeresis", "i"]
        {
            keys.wait_for_line(limit, |line| line.contains(&format!(", {name})"))).unwrap();
        }
    }
}
