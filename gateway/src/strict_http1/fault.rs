//! Why bytes were not passed on.

use std::error::Error;
use std::io;

/// A judgement against the peer. The text says which rule was broken, for staff; [`Fault::code`] is the
/// contract's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not HTTP as RFC 9110, 9112 and 9113 write it.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Two readers could understand it differently.
    #[error("ambiguous: {0}")]
    Ambiguous(&'static str),
    /// The head or its number of fields is over the limit.
    #[error("the head is too large")]
    HeaderSize,
    /// The request target is over the limit.
    #[error("the target is too long")]
    TargetSize,
    /// The request is for an authority that this connection does not serve.
    #[error("misdirected authority")]
    Authority,
    /// Understood, and never offered here.
    #[error("unsupported: {0}")]
    Unsupported(&'static str),
    /// The peer was slower than a limit.
    #[error("too slow")]
    Timeout,
    /// An upstream's answer breaks the protocol.
    #[error("upstream protocol: {0}")]
    UpstreamProtocol(&'static str),
}

impl Fault {
    /// The reason code of the contract's table.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Ambiguous(_) => "ambiguous",
            Self::HeaderSize => "header-size",
            Self::TargetSize => "target-size",
            Self::Authority => "authority",
            Self::Unsupported(_) => "unsupported",
            Self::Timeout => "timeout",
            Self::UpstreamProtocol(_) => "upstream-protocol",
        }
    }

    /// The same fault in an upstream's answer, which is nothing the client could mend.
    pub(super) fn of_upstream(self) -> Self {
        match self {
            Self::Malformed(why) | Self::Ambiguous(why) | Self::Unsupported(why) => {
                Self::UpstreamProtocol(why)
            }
            Self::HeaderSize => Self::UpstreamProtocol("the head is too large"),
            other => other,
        }
    }

    /// The fault at the bottom of an error that hyper handed up, if one of ours caused it.
    ///
    /// `io::Error::source` skips the error it wraps, hence the look inside.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = error.downcast_ref::<Self>() {
                return Some(*fault);
            }
            let inside = error.downcast_ref::<io::Error>().and_then(|e| e.get_ref());
            if let Some(fault) = inside.and_then(|inside| inside.downcast_ref::<Self>()) {
                return Some(*fault);
            }
            next = error.source();
        }
        None
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        let kind = if fault == Fault::Timeout { io::ErrorKind::TimedOut } else { io::ErrorKind::InvalidData };
        Self::new(kind, fault)
    }
}
