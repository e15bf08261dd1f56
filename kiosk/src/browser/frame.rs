//! Frames: decodes the newest JPEG on a thread of its own and hands the newest picture on. Older ones are dropped on both
//! sides, so that a slow screen shows less, never later.

use std::sync::{Arc, Condvar, Mutex};

use iced::advanced::image::Handle;
use tokio::sync::watch;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

/// A decoded frame.
#[derive(Clone, Debug)]
pub struct Picture {
    pub handle: Handle,
    pub width: u32,
    pub height: u32,
}

/// The place of the next frame to decode.
#[derive(Clone, Default)]
pub struct Decoder(Arc<(Mutex<Slot>, Condvar)>);

#[derive(Default)]
struct Slot {
    /// JPEG in base64, as the protocol brings it.
    next: Option<String>,
    closed: bool,
}

impl Decoder {
    /// Starts the thread; it ends with [`Decoder::close`].
    pub fn start(pictures: watch::Sender<Option<Picture>>) -> std::io::Result<Decoder> {
        let decoder = Decoder::default();
        let slot = decoder.clone();
        std::thread::Builder::new().name("frames".into()).spawn(move || {
            while let Some(frame) = slot.wait() {
                match decode(&frame) {
                    Some(picture) => drop(pictures.send(Some(picture))),
                    None => tracing::warn!("a frame of Chromium is no JPEG"),
                }
            }
        })?;
        Ok(decoder)
    }

    /// The newest frame wins.
    pub fn put(&self, frame: String) {
        self.0.0.lock().expect("the decoder does not panic with it").next = Some(frame);
        self.0.1.notify_one();
    }

    pub fn close(&self) {
        self.0.0.lock().expect("the decoder does not panic with it").closed = true;
        self.0.1.notify_one();
    }

    fn wait(&self) -> Option<String> {
        let mut slot = self.0.0.lock().expect("nothing panics while it is held");
        loop {
            if slot.closed {
                return None;
            }
            if let Some(frame) = slot.next.take() {
                return Some(frame);
            }
            slot = self.0.1.wait(slot).expect("nothing panics while it is held");
        }
    }
}

fn decode(frame: &str) -> Option<Picture> {
    let jpeg = data_encoding::BASE64.decode(frame.as_bytes()).ok()?;
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGBA);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    Some(Picture { handle: Handle::from_rgba(width, height, pixels), width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_jpeg_is_no_picture() {
        for frame in ["", "****", "aGVsbG8="] {
            assert!(decode(frame).is_none(), "{frame}");
        }
    }
}
