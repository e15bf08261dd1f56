//! From the file or files that somebody hands us to one archive of our own: split ones are joined, one inside another file is
//! cut out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::{IngestError, Source, Step, Tell};
use super::ZimError;
use super::header::{self, BYTES, Header};
use crate::content::Parts;

/// `aa` to `zz`.
pub const MOST_PARTS: usize = 26 * 26;
/// An archive inside another file begins within so many bytes of it.
const SEARCHED_BYTES: usize = 64 << 10;
/// Copied at once.
const COPY_BYTES: usize = 1 << 20;
/// Between two words of progress.
const STEP_BYTES: u64 = 64 << 20;

/// Whether some archive begins here; whether it is a whole one is told by [`bring`].
pub fn is_zim(path: &Path) -> io::Result<bool> {
    if part_number(path).is_some() {
        return Ok(true);
    }
    let named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zim"));
    Ok(named || !beginnings(&Parts::new(vec![File::open(path)?])?)?.is_empty())
}

/// Brings the archive of `source` to the new file `target`: a whole file of ours is moved, all else is copied.
pub fn bring(source: &Source, target: &Path, tell: Tell<'_>) -> Result<(), IngestError> {
    let archive = find(source.path())?;
    let failed = |attempted, path: &Path| {
        let path = path.to_owned();
        move |source| IngestError::File { attempted, path, source }
    };
    if let Source::Ours(path) = source
        && part_number(path).is_none()
        && path.metadata().map_err(failed("read", path))?.len() == archive.length()
    {
        return fs::rename(path, target).map_err(failed("move", path));
    }
    copy(&archive, source.path(), target, tell)
}

fn copy(archive: &Parts, source: &Path, target: &Path, tell: Tell<'_>) -> Result<(), IngestError> {
    let failed = |attempted, path: &Path| {
        let path = path.to_owned();
        move |source| IngestError::File { attempted, path, source }
    };
    super::super::room(target.parent().unwrap_or(target), archive.length())?;
    let mut file = File::create_new(target).map_err(failed("write", target))?;
    let of = archive.length();
    let mut buffer = vec![0; COPY_BYTES];
    let (mut done, mut told) = (0, 0);
    while done < of {
        let take = COPY_BYTES.min(usize::try_from(of - done).unwrap_or(COPY_BYTES));
        archive.read_exact_at(&mut buffer[..take], done).map_err(failed("read", source))?;
        file.write_all(&buffer[..take]).map_err(failed("write", target))?;
        done += take as u64;
        if done - told >= STEP_BYTES || done == of {
            tell(Step { what: "copied", done, of })?;
            told = done;
        }
    }
    Ok(())
}

/// The bytes of the archive and nothing around them; its header is sound.
fn find(source: &Path) -> Result<Parts, ZimError> {
    let files: Vec<_> = parts(source)?.iter().map(File::open).collect::<io::Result<_>>()?;
    let whole = Parts::new(files)?;
    let length = whole.length();
    let Some(first) = header_at(&whole, 0)? else { return Err(ZimError::Short) };
    if first[..4] == header::MAGIC {
        Header::read(&first, length)?;
        return Ok(whole);
    }
    for from in beginnings(&whole)? {
        let Some(found) = header_at(&whole, from)? else { break };
        let claimed = header::claimed_length(&found).filter(|claimed| *claimed <= length - from);
        if let Some(claimed) = claimed.filter(|claimed| Header::read(&found, *claimed).is_ok()) {
            return Ok(whole.within(from, claimed));
        }
    }
    Err(ZimError::Magic)
}

/// `NAME.zimaa` stands for all its parts.
fn parts(source: &Path) -> Result<Vec<PathBuf>, ZimError> {
    match part_number(source) {
        None => return Ok(vec![source.to_owned()]),
        Some(0) => {}
        Some(_) => return Err(ZimError::NotTheFirstPart),
    }
    let letters = || b'a'..=b'z';
    let endings =
        letters().flat_map(|a| letters().map(move |b| format!("zim{}{}", char::from(a), char::from(b))));
    let parts: Vec<_> =
        endings.map(|ending| source.with_extension(ending)).take_while(|part| part.exists()).collect();
    Ok(parts)
}

/// 0 for `….zimaa`.
fn part_number(path: &Path) -> Option<usize> {
    let ending = path.extension()?.to_str()?.strip_prefix("zim")?.as_bytes();
    let [a, b] = ending else { return None };
    let letter = |byte: &u8| byte.is_ascii_lowercase().then(|| usize::from(byte - b'a'));
    Some(letter(a)? * 26 + letter(b)?)
}

/// Where the magic stands.
fn beginnings(whole: &Parts) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; SEARCHED_BYTES.min(usize::try_from(whole.length()).unwrap_or(SEARCHED_BYTES))];
    whole.read_exact_at(&mut bytes, 0)?;
    let places = bytes.windows(header::MAGIC.len()).enumerate();
    Ok(places.filter(|(_, window)| *window == header::MAGIC).map(|(at, _)| at as u64).collect())
}

fn header_at(whole: &Parts, at: u64) -> io::Result<Option<[u8; BYTES]>> {
    if whole.length().saturating_sub(at) < BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = [0; BYTES];
    whole.read_exact_at(&mut bytes, at)?;
    Ok(Some(bytes))
}
