//! Key to pixel: from a key pressed by XTEST to the first changed pixel of the virtual display, as a typist feels it.
//!
//! Called by `bench keys`. Keys go through one `xdotool` that stays up, and pixels are read from the display's own memory, so
//! that neither costs a process. A caret that blinks is no answer: what the screen shows at rest is learnt first.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::FileExt,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::screen::{HEIGHT, Screen, WIDTH};

/// Longer than a caret's period (one second, both in iced and in Chromium): both its pictures are seen.
const REST: Duration = Duration::from_millis(1300);
/// Between two looks while the screen rests.
const REST_LOOK: Duration = Duration::from_millis(50);
/// Between two looks for the change: the resolution of the figure, rare enough to leave the processor to the kiosk.
const LOOK: Duration = Duration::from_micros(200);
/// A key that shows nothing for so long was lost.
const LIMIT: Duration = Duration::from_secs(5);
const PIXEL_BYTES: u32 = 4;
/// Appears in every field, and is gone with the next.
const KEY: &str = "a";
const UNDO: &str = "BackSpace";

type Picture = Vec<u8>;

/// The waits of `count` presses, shortest first; a text field has the keyboard.
pub fn measure(screen: &Screen, count: usize) -> Result<Vec<Duration>> {
    let mut typist = Typist::new(screen)?;
    let pixels = Pixels::open(screen)?;
    let area = area_of_key(&mut typist, &pixels)?;
    let mut waits = Vec::with_capacity(count);
    for _ in 0..count {
        // Anew each time: a field that was typed in need not look as before it was.
        let resting = pixels.at_rest(area)?;
        let pressed = Instant::now();
        typist.press(KEY)?;
        while resting.contains(&pixels.read(area)?) {
            ensure!(pressed.elapsed() < LIMIT, "no pixel changed within {LIMIT:?}");
            thread::sleep(LOOK);
        }
        waits.push(pressed.elapsed());
        // Whatever else the key changes is drawn before the next begins.
        pixels.at_rest(area)?;
        typist.press(UNDO)?;
        pixels.at_rest(area)?;
    }
    waits.sort_unstable();
    Ok(waits)
}

/// The smallest rectangle that holds what one key changes.
fn area_of_key(typist: &mut Typist, pixels: &Pixels) -> Result<Area> {
    let before = pixels.at_rest(Area::WHOLE)?;
    typist.press(KEY)?;
    let after = pixels.at_rest(Area::WHOLE)?;
    typist.press(UNDO)?;
    pixels.at_rest(Area::WHOLE)?;
    Area::changed(&before[0], after.last().context("one picture at least")?)
        .context("the key changed nothing")
}

/// A rectangle of the screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Area {
    const WHOLE: Area = Area { x: 0, y: 0, width: WIDTH, height: HEIGHT };

    /// Around all pixels that differ between two pictures of the whole screen.
    fn changed(before: &[u8], after: &[u8]) -> Option<Area> {
        let pixel = PIXEL_BYTES as usize;
        let pairs = before.chunks_exact(pixel).zip(after.chunks_exact(pixel)).zip(0..);
        let differing = pairs.filter(|((before, after), _)| before != after);
        let places = differing.map(|(_, at): (_, u32)| (at % WIDTH, at / WIDTH));
        let around = places.fold(None, |around: Option<(u32, u32, u32, u32)>, (x, y)| {
            let (left, top, right, bottom) = around.unwrap_or((x, y, x, y));
            Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
        });
        let (x, y, right, bottom) = around?;
        Some(Area { x, y, width: right - x + 1, height: bottom - y + 1 })
    }
}

/// The display's memory.
struct Pixels {
    file: File,
    /// Where the first pixel stands: behind the header of the XWD format and its colours.
    begin: u64,
}

impl Pixels {
    fn open(screen: &Screen) -> Result<Pixels> {
        let path = screen.framebuffer();
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let bytes = file.metadata()?.len();
        let begin = bytes.checked_sub(u64::from(WIDTH * HEIGHT * PIXEL_BYTES));
        Ok(Pixels { file, begin: begin.context("the display is smaller than its screen")? })
    }

    fn read(&self, area: Area) -> Result<Picture> {
        let mut picture = vec![0; (area.width * area.height * PIXEL_BYTES) as usize];
        for (row, y) in picture.chunks_exact_mut((area.width * PIXEL_BYTES) as usize).zip(area.y..) {
            let at = u64::from((y * WIDTH + area.x) * PIXEL_BYTES);
            self.file.read_exact_at(row, self.begin + at).context("reading the screen")?;
        }
        Ok(picture)
    }

    /// Every picture that the area shows while nobody does anything.
    fn at_rest(&self, area: Area) -> Result<Vec<Picture>> {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while begun.elapsed() < REST {
            let picture = self.read(area)?;
            if !seen.contains(&picture) {
                seen.push(picture);
            }
            thread::sleep(REST_LOOK);
        }
        Ok(seen)
    }
}

/// `xdotool` reading commands; it ends when this is dropped.
struct Typist {
    child: Child,
    commands: Option<ChildStdin>,
}

impl Typist {
    fn new(screen: &Screen) -> Result<Typist> {
        let mut command = Command::new("xdotool");
        let mut child = command
            .arg("-")
            .envs(screen.environment())
            .stdin(Stdio::piped())
            .spawn()
            .context("starting xdotool")?;
        let commands = child.stdin.take();
        Ok(Typist { child, commands })
    }

    fn press(&mut self, key: &str) -> Result<()> {
        let commands = self.commands.as_mut().context("xdotool reads commands")?;
        writeln!(commands, "key --delay 0 {key}").context("pressing a key")
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        // The end of its commands is its end.
        self.commands = None;
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_changed() {
        let before = vec![0; (WIDTH * HEIGHT * PIXEL_BYTES) as usize];
        let mut after = before.clone();
        for (x, y) in [(10, 20), (14, 25)] {
            after[((y * WIDTH + x) * PIXEL_BYTES) as usize] = 1;
        }
        let expected = Area { x: 10, y: 20, width: 5, height: 6 };
        assert_eq!(Area::changed(&before, &after), Some(expected));
        assert_eq!(Area::changed(&before, &before), None);
    }
}
