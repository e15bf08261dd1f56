//! The body of a request that may pass: its beginning is read before anything is opened, recorded or dialled, so that what is
//! wrong in a short one (a broken chunk, a length that lies, a question for a resolver) keeps its first byte from leaving.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use passerelle_policy::{Reason, is_dns_message};
use tokio::time::timeout;

use super::leg::reason;
use crate::strict_http1::Fault;

/// A form fits; a document's beginning need not wait for its end.
const BEGINNING_BYTES: usize = 16 * 1024;
/// Who sends more slowly is not waited for: what comes later passes as it comes, within the limit of its rule.
const BEGINNING_LIMIT: Duration = Duration::from_secs(1);

/// A body on its way upstream, and what was read of it already.
pub struct Upload {
    pub begun: Option<Bytes>,
    pub rest: Incoming,
}

impl Upload {
    /// No body, or one that was read whole and had no byte.
    pub fn is_end_stream(&self) -> bool {
        self.begun.is_none() && self.rest.is_end_stream()
    }
}

/// Reads the beginning of a body.
///
/// Errors: what the judges of framing say, `dns-over-https`, `client-gone`.
pub async fn begin(body: &mut Incoming) -> Result<Option<Bytes>, Reason> {
    if body.is_end_stream() {
        return Ok(None);
    }
    let mut read = BytesMut::new();
    let reading = async {
        while read.len() < BEGINNING_BYTES && !body.is_end_stream() {
            let Some(frame) = body.frame().await else { break };
            if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
                read.extend_from_slice(&data);
            }
        }
        Ok::<_, Reason>(())
    };
    timeout(BEGINNING_LIMIT, reading).await.unwrap_or(Ok(()))?;
    match is_dns_message(&read) {
        true => Err(Reason::DnsOverHttps),
        false => Ok((!read.is_empty()).then(|| read.freeze())),
    }
}

/// Of the body of a refused request, how much and how long is still read.
const DRAINED_BYTES: usize = 64 * 1024;
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// Reads, and drops, what a refused client still sends over HTTP/2, a little of it: h2 resets the stream of a body that nobody
/// reads (RFC 9113, section 8.1), and clients as old as curl 7.88 then drop the answer with it.
pub async fn drain(request: Request<Incoming>) {
    if request.version() != Version::HTTP_2 || request.method() == Method::CONNECT {
        return;
    }
    let mut body = request.into_body();
    let reading = async {
        let mut read = 0;
        while read < DRAINED_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = timeout(DRAIN_LIMIT, reading).await;
}

/// Why the body of a request broke off. h2 tells of DATA that is not of the length that was said as of a protocol error, and of
/// bad trailers `strict_http2` tells it the same.
pub fn broken(error: &hyper::Error) -> Reason {
    match Fault::find(error) {
        Some(fault) => reason(fault),
        None if is_protocol_error(error) => Reason::Malformed,
        None => Reason::ClientGone,
    }
}

/// h2 found, or was told, that the peer broke the protocol.
pub fn is_protocol_error(error: &hyper::Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.reason() == Some(h2::Reason::PROTOCOL_ERROR);
        }
        next = error.source();
    }
    false
}
