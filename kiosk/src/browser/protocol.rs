//! The DevTools protocol over a pipe, as bytes and values; pure, used by [`super::process`] and [`super::owner`].
//!
//! Each way is NUL-terminated JSON with flat sessions: a call carries an id and, for a page, its session; what comes back
//! is an answer with the same id or an event. Nothing is repaired: bytes that are not such a message are an error.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes one message may have: the largest is a frame, a base64 JPEG of a few MiB at 4K; more means a broken peer.
pub const MESSAGE_LIMIT_BYTES: usize = 32 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    #[error("a message of Chromium is longer than {MESSAGE_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("reading a message of Chromium")]
    NotJson(#[source] serde_json::Error),
    #[error("a message of Chromium is neither an answer nor an event")]
    NeitherAnswerNorEvent,
}

/// A call to Chromium: a method and its parameters, without id or session (the owner adds them).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub method: &'static str,
    pub params: Value,
}

impl Call {
    pub fn new(method: &'static str, params: Value) -> Call {
        Call { method, params }
    }

    /// The call as it goes through the pipe, its final NUL included.
    pub fn encode(&self, id: u64, session: Option<&str>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wire<'a> {
            id: u64,
            method: &'a str,
            params: &'a Value,
            #[serde(rename = "sessionId", skip_serializing_if = "Option::is_none")]
            session: Option<&'a str>,
        }
        let wire = Wire { id, method: self.method, params: &self.params, session };
        let mut bytes = serde_json::to_vec(&wire).expect("a call is made of strings, numbers and values");
        bytes.push(0);
        bytes
    }
}

/// A message from Chromium.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// The answer to the call of that id; an error keeps Chromium's words, for the log.
    Answer {
        id: u64,
        result: Result<Value, String>,
    },
    Event {
        session: Option<String>,
        method: String,
        params: Value,
    },
}

pub fn decode(message: &[u8]) -> Result<Incoming, ProtocolError> {
    #[derive(Deserialize)]
    struct Wire {
        id: Option<u64>,
        method: Option<String>,
        #[serde(rename = "sessionId")]
        session: Option<String>,
        #[serde(default)]
        params: Value,
        #[serde(default)]
        result: Value,
        error: Option<Failure>,
    }
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    let wire: Wire = serde_json::from_slice(message).map_err(ProtocolError::NotJson)?;
    match (wire.id, wire.method, wire.error) {
        (Some(id), None, None) => Ok(Incoming::Answer { id, result: Ok(wire.result) }),
        (Some(id), None, Some(failure)) => Ok(Incoming::Answer { id, result: Err(failure.message) }),
        (None, Some(method), None) => {
            Ok(Incoming::Event { session: wire.session, method, params: wire.params })
        }
        _ => Err(ProtocolError::NeitherAnswerNorEvent),
    }
}

/// Cuts the byte stream at its NULs; keeps what is not complete yet.
#[derive(Default)]
pub struct Splitter {
    pending: Vec<u8>,
    /// Bytes of `pending` already known to hold no NUL, so that a long frame is searched once.
    searched: usize,
}

impl Splitter {
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        if self.pending.len() + bytes.len() > MESSAGE_LIMIT_BYTES {
            return Err(ProtocolError::TooLong);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// The next complete message, without its NUL.
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.pending[self.searched..].iter().position(|byte| *byte == 0) else {
            self.searched = self.pending.len();
            return None;
        };
        let rest = self.pending.split_off(self.searched + end + 1);
        let mut message = std::mem::replace(&mut self.pending, rest);
        message.pop();
        self.searched = 0;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_nul_terminated_json_with_flat_sessions() {
        let call = Call::new("Page.navigate", json!({"url": "https://exemple.test/é"}));
        let check = |session, expected: &str| {
            assert_eq!(String::from_utf8(call.encode(7, session)).unwrap(), expected)
        };
        check(
            None,
            "{\"id\":7,\"method\":\"Page.navigate\",\"params\":{\"url\":\"https://exemple.test/é\"}}\0",
        );
        check(
            Some("S"),
            "{\"id\":7,\"method\":\"Page.navigate\",\"params\":{\"url\":\"https://exemple.test/é\"},\"sessionId\":\"S\"}\0",
        );
    }

    #[test]
    fn messages_are_answers_or_events() {
        let check =
            |message: &str, expected: Option<Incoming>| assert_eq!(decode(message.as_bytes()).ok(), expected);
        check(r#"{"id":1,"result":{"a":2}}"#, Some(Incoming::Answer { id: 1, result: Ok(json!({"a": 2})) }));
        check(
            r#"{"id":1,"error":{"code":-32000,"message":"No target"}}"#,
            Some(Incoming::Answer { id: 1, result: Err("No target".into()) }),
        );
        check(
            r#"{"method":"Page.loadEventFired","params":{},"sessionId":"S"}"#,
            Some(Incoming::Event {
                session: Some("S".into()),
                method: "Page.loadEventFired".into(),
                params: json!({}),
            }),
        );
        check(r#"{"id":1,"method":"both"}"#, None);
        check(r#"{}"#, None);
        check(r#"[1]"#, None);
        check("", None);
    }

    #[test]
    fn a_message_without_end_is_an_error() {
        let mut splitter = Splitter::default();
        splitter.push(&vec![b'a'; MESSAGE_LIMIT_BYTES]).unwrap();
        assert!(matches!(splitter.push(b"a"), Err(ProtocolError::TooLong)));
    }

    proptest! {
        #[test]
        fn however_the_stream_is_cut_the_messages_are_the_same(
            messages in prop::collection::vec("[a-z]{0,20}", 0..8),
            cuts in prop::collection::vec(1usize..9, 1..40),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|m| m.bytes().chain([0])).collect();
            let (mut splitter, mut seen, mut rest) = (Splitter::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                splitter.push(head).unwrap();
                while let Some(message) = splitter.next_message() {
                    seen.push(String::from_utf8(message).unwrap());
                }
                rest = tail;
            }
            prop_assert_eq!(seen, messages);
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
