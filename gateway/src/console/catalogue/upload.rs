//! The files of a form, read piece by piece to disk as they come.
//!
//! Called by [`super::add`] with what the guard let through: the session's token was the form's first field. Fields of text stand
//! before the files, so that what is wrong with them is known before the first file is kept.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};

use super::super::call::{Failure, Fields};
use crate::catalogue::intake::{Arrival, ArrivalError};

/// In bytes: what is said of the files, and the seams between them.
pub const SEAMS_LIMIT: u64 = 1 << 20;
/// Of one field of text, in bytes.
const FIELD_LIMIT: usize = 4096;
/// Fields of text of one form.
const FIELDS_LIMIT: usize = 20;
/// In bytes: so much is read and thrown away after a refusal, so that the browser comes to read why.
const DRAIN_LIMIT: u64 = 64 << 20;
/// The field of the files.
const FILES: &str = "files";

/// A form with files, its token read and judged.
pub struct Upload {
    form: Multipart,
    /// As the browser announced.
    pub length: u64,
    idle: Duration,
}

/// Why there is nothing to take in.
pub enum Trouble {
    /// The browser is gone, or sends nothing readable: nobody waits for an answer.
    CutOff,
    /// What was said of the files, by the key of its words.
    Said(&'static str),
    Arrival(ArrivalError),
}

impl From<ArrivalError> for Trouble {
    fn from(error: ArrivalError) -> Trouble {
        Trouble::Arrival(error)
    }
}

impl Upload {
    /// Reads the token, which comes first, and leaves the rest; `limit` in bytes, of the files together.
    pub async fn open(
        parts: &Parts,
        body: axum::body::Body,
        limit: u64,
        idle: Duration,
    ) -> Result<(Upload, Fields), Failure> {
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        // Browsers know how much they send.
        let length: u64 = length.ok_or(Failure::Malformed)?;
        if length > limit.saturating_add(SEAMS_LIMIT) {
            return Err(Failure::TooLong);
        }
        let mut request = Request::new(axum::body::Body::new(Paced { body, rests: false }));
        *request.method_mut() = parts.method.clone();
        *request.headers_mut() = parts.headers.clone();
        DefaultBodyLimit::disable().apply(&mut request); // its length is what it announced, and that is bounded
        let form = Multipart::from_request(request, &()).await.map_err(|_| Failure::Malformed)?;
        let mut upload = Upload { form, length, idle };
        let mut token = Fields::default();
        if let Ok(Some(field)) = upload.next().await
            && field.name() == Some("csrf")
            && let Ok(text) = text(field, idle).await
        {
            token.0.push(("csrf".into(), text));
        }
        Ok((upload, token))
    }

    /// Reads the rest: texts into `texts`, files into what `begin` makes of the texts before the first of them.
    pub async fn receive(
        &mut self,
        texts: &mut Fields,
        begin: impl FnOnce(&Fields) -> Result<Arrival, Trouble>,
    ) -> Result<Option<Arrival>, Trouble> {
        let (mut begin, mut arrival, mut trouble) = (Some(begin), None, None);
        let (idle, mut drained) = (self.idle, 0);
        while let Some(mut field) = self.next().await? {
            if field.name() != Some(FILES) {
                let name = field.name().unwrap_or_default().to_owned();
                if texts.0.len() >= FIELDS_LIMIT {
                    return Err(Trouble::CutOff);
                }
                texts.0.push((name, text(field, idle).await?));
                continue;
            }
            let called = field.file_name().unwrap_or_default().to_owned();
            // Nothing chosen is a file without a name.
            if called.is_empty() {
                continue;
            }
            if let Some(begin) = begin.take() {
                match begin(texts) {
                    Ok(begun) => arrival = Some(begun),
                    Err(error) => trouble = Some(error),
                }
            }
            if let Some(arriving) = &mut arrival
                && let Err(error) = keep(arriving, &called, &mut field, idle).await
            {
                (trouble, arrival) = (Some(error), None);
            }
            if trouble.is_some() {
                while let Some(piece) = piece(&mut field, idle).await? {
                    drained += piece.len() as u64;
                    if drained > DRAIN_LIMIT {
                        break;
                    }
                }
            }
            match trouble {
                Some(Trouble::CutOff) => break,
                Some(_) if drained > DRAIN_LIMIT => break,
                _ => {}
            }
        }
        trouble.map_or(Ok(arrival), Err)
    }

    async fn next(&mut self) -> Result<Option<Field<'_>>, Trouble> {
        let next = tokio::time::timeout(self.idle, self.form.next_field()).await;
        next.map_err(|_| Trouble::CutOff)?.map_err(|_| Trouble::CutOff)
    }
}

async fn keep(
    arrival: &mut Arrival,
    called: &str,
    field: &mut Field<'_>,
    idle: Duration,
) -> Result<(), Trouble> {
    arrival.begin_file(called).await?;
    while let Some(piece) = piece(field, idle).await? {
        arrival.push(&piece).await?;
    }
    Ok(arrival.end_file().await?)
}

/// Some bytes of a field, `None` at its end.
async fn piece(field: &mut Field<'_>, idle: Duration) -> Result<Option<Bytes>, Trouble> {
    let piece = tokio::time::timeout(idle, field.chunk()).await;
    piece.map_err(|_| Trouble::CutOff)?.map_err(|_| Trouble::CutOff)
}

async fn text(mut field: Field<'_>, idle: Duration) -> Result<String, Trouble> {
    let mut text = Vec::new();
    while let Some(piece) = piece(&mut field, idle).await? {
        text.extend_from_slice(&piece);
        if text.len() > FIELD_LIMIT {
            return Err(Trouble::CutOff);
        }
    }
    String::from_utf8(text).map_err(|_| Trouble::CutOff)
}

/// A body that pauses after each piece: the reader of the form takes in whatever is ready before it yields any of it, and a fast
/// sender would fill the memory.
struct Paced {
    body: axum::body::Body,
    rests: bool,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.rests = polled.is_ready();
        polled
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
