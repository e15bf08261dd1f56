//! What happened since the start, as numbers: counted where it happens, read by a monitor on the loopback.
//!
//! Owned here: every counter, made at the start, so that counting is one atomic addition and never an allocation. `page` puts
//! them, and what other modules know of themselves, into Prometheus' text format. Invariant: labels have values from lists
//! that stand in this program (reasons, ports, causes), never a name, host or person.

mod exposition;
mod page;
mod process;

use std::sync::atomic::{AtomicU64, Ordering};

use passerelle_policy::Reason;

pub(crate) use exposition::CONTENT_TYPE;
pub(crate) use page::page;

/// Counters of one gateway.
pub struct Metrics {
    /// The opening records.
    allowed: Count,
    /// Refusals by the reason that was told.
    refused: ByReason,
    /// Closing records: without a reason, and by reason.
    ended_well: Count,
    ended: ByReason,
    handshakes: [[Count; Handshake::ALL.len()]; Port::ALL.len()],
    /// Connections accepted, and those over by now.
    accepted: [Count; Port::ALL.len()],
    over: [Count; Port::ALL.len()],
    /// Connections for which there was no place.
    crowded: Count,
    unrecorded: [Count; Unrecorded::ALL.len()],
}

/// One counter.
#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One counter a reason of the contract.
struct ByReason([Count; Reason::ALL.len()]);

impl ByReason {
    fn one(&self, reason: Reason) {
        self.0[reason as usize].one();
    }

    fn read(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().map(|reason| (*reason, self.0[*reason as usize].read()))
    }
}

/// A closed list whose values are labels.
macro_rules! label {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $what:literal])* $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $what])* $variant,)+ }

        impl $name {
            const ALL: &[$name] = &[$($name::$variant),+];

            const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

label! {
    /// Where a connection came in; `Inspected` is the TLS inside an inspected tunnel.
    Port {
        Terminal = "terminal",
        Staff = "staff",
        Metrics = "metrics",
        Inspected = "inspected",
    }
}

label! {
    /// How a TLS handshake with somebody who came to us ended.
    Handshake {
        Done = "ok",
        /// Not within `[limits] head_seconds`.
        Timeout = "timeout",
        /// The terminal is not enrolled with this certificate, or was revoked.
        Revoked = "revoked",
        /// A client certificate that does not hold.
        Certificate = "certificate",
        /// The other side refused our certificate, or anything else of ours.
        Alert = "alert",
        /// Not TLS, or not a version and suite of ours.
        Protocol = "protocol",
        /// It had to make room for a newer one.
        Displaced = "displaced",
        /// The connection broke off.
        Gone = "gone",
    }
}

label! {
    /// Why a refusal has no record of its own.
    Unrecorded {
        /// One of many: counted in one record of reason `rate`.
        Rate = "rate",
        /// The journal takes nothing, so nothing was answered but that.
        Journal = "journal-unavailable",
        /// Too many waited for a journal that could not write.
        Lost = "lost",
    }
}

impl Handshake {
    pub(crate) fn of<S>(tried: &Result<std::io::Result<S>, tokio::time::error::Elapsed>) -> Handshake {
        match tried {
            Ok(Ok(_)) => Handshake::Done,
            Ok(Err(error)) => Handshake::failed(error),
            Err(_) => Handshake::Timeout,
        }
    }

    fn failed(error: &std::io::Error) -> Handshake {
        use rustls::{CertificateError, Error};
        let error = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match error {
            None => Handshake::Gone,
            Some(Error::InvalidCertificate(CertificateError::Revoked)) => Handshake::Revoked,
            Some(Error::InvalidCertificate(_)) => Handshake::Certificate,
            Some(Error::AlertReceived(_)) => Handshake::Alert,
            Some(_) => Handshake::Protocol,
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        let by_reason = || ByReason(std::array::from_fn(|_| Count::default()));
        Metrics {
            allowed: Count::default(),
            refused: by_reason(),
            ended_well: Count::default(),
            ended: by_reason(),
            handshakes: Default::default(),
            accepted: Default::default(),
            over: Default::default(),
            crowded: Count::default(),
            unrecorded: Default::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn allowed(&self) {
        self.allowed.one();
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.refused.one(reason);
    }

    /// A closing record was handed to the journal.
    pub(crate) fn ended(&self, reason: Option<Reason>) {
        match reason {
            Some(reason) => self.ended.one(reason),
            None => self.ended_well.one(),
        }
    }

    pub(crate) fn handshake(&self, port: Port, outcome: Handshake) {
        self.handshakes[port as usize][outcome as usize].one();
    }

    /// Counts a connection as open until the answer is dropped.
    pub(crate) fn connection(&self, port: Port) -> OpenConnection<'_> {
        self.accepted[port as usize].one();
        OpenConnection(&self.over[port as usize])
    }

    pub(crate) fn crowded(&self) {
        self.crowded.one();
    }

    pub(crate) fn unrecorded(&self, why: Unrecorded) {
        self.unrecorded[why as usize].one();
    }
}

pub(crate) struct OpenConnection<'a>(&'a Count);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter() {
        let metrics = Metrics::default();
        for reason in Reason::ALL {
            metrics.refused(*reason);
        }
        assert!(metrics.refused.read().all(|(_, count)| count == 1));
    }

    #[test]
    fn failed_handshakes_have_their_cause() {
        use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
        let tls = |error: Error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        for (error, expected) in [
            (tls(CertificateError::Revoked.into()), Handshake::Revoked),
            (tls(CertificateError::UnknownIssuer.into()), Handshake::Certificate),
            (tls(Error::AlertReceived(AlertDescription::UnknownCA)), Handshake::Alert),
            (tls(InvalidMessage::InvalidContentType.into()), Handshake::Protocol),
            (std::io::ErrorKind::UnexpectedEof.into(), Handshake::Gone),
        ] {
            assert_eq!(Handshake::failed(&error), expected, "{error}");
        }
    }
}
