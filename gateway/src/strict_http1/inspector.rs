//! The sequence of heads and bodies in one direction of one connection; bytes in, verdicts out.

use http::Method;

use super::framing::Body;
use super::head::{Scan, glimpse, judge_request, judge_response};
use super::{Fault, Limits, Refused};

/// Interim answers (1xx) to one request; real servers send one or two.
const INTERIM_ANSWERS: u8 = 8;

/// What may happen to the bytes shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first so many (never 0) may be passed on.
    Pass(usize),
    /// None may pass yet: show them again with more behind them.
    More,
    /// None may pass until the tunnel is decided.
    Hold,
}

/// Where in the sequence the next byte stands; says which time limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the first byte of a head.
    Idle,
    /// Before the first byte of an expected answer.
    Awaiting,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
    /// After a CONNECT or WebSocket head that is not answered yet.
    Undecided,
    /// In a tunnel.
    Transparent,
    /// After a fault.
    Failed,
}

/// Judges one direction. Show it all bytes that were not passed on yet, and pass on what it says.
#[derive(Debug)]
pub struct Inspector {
    side: Side,
    state: State,
    limits: Limits,
}

#[derive(Debug)]
enum Side {
    Requests,
    /// The method that awaits its answer and whether it asked for an upgrade; interim answers so far.
    Answers {
        expected: Option<(Method, bool)>,
        interim: u8,
    },
}

#[derive(Debug)]
enum State {
    Head(Scan),
    Body(Body),
    Undecided,
    Transparent,
    Failed(Fault),
}

impl Inspector {
    /// Judges what a client sends.
    pub fn requests(limits: Limits) -> Self {
        Self { side: Side::Requests, state: State::Head(Scan::default()), limits }
    }

    /// Judges what an upstream answers; [`Self::expect`] each answer.
    pub fn answers(limits: Limits) -> Self {
        let side = Side::Answers { expected: None, interim: 0 };
        Self { side, state: State::Head(Scan::default()), limits }
    }

    /// Announces the answer to a request (RFC 9112, section 6.3).
    pub fn expect(&mut self, method: Method, upgrade: bool) {
        if let Side::Answers { expected, interim } = &mut self.side {
            (*expected, *interim) = (Some((method, upgrade)), 0);
        }
    }

    /// Answers the tunnel question, if there is one: `true` lets all further bytes pass, `false` awaits
    /// another head.
    pub fn decide(&mut self, transparent: bool) {
        if matches!(self.state, State::Undecided) {
            self.state = if transparent { State::Transparent } else { State::Head(Scan::default()) };
        }
    }

    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head(scan) if scan.is_fresh() => match self.side {
                Side::Answers { expected: Some(_), .. } => Phase::Awaiting,
                _ => Phase::Idle,
            },
            State::Head(_) => Phase::Head,
            State::Body(_) => Phase::Body,
            State::Undecided => Phase::Undecided,
            State::Transparent => Phase::Transparent,
            State::Failed(_) => Phase::Failed,
        }
    }

    /// What can be put on record of a head that was refused.
    pub fn describe(&self, fault: Fault, head: &[u8]) -> Refused {
        let (method, target) = glimpse(head, &self.limits);
        Refused { fault, method, target }
    }

    /// Ends the connection for a reason of the caller's, a time limit for one.
    pub fn fail(&mut self, fault: Fault) {
        self.state = State::Failed(fault);
    }

    /// Judges bytes. A fault stays.
    pub fn inspect(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        let step = self.step(bytes).map_err(|fault| match self.side {
            Side::Requests => fault,
            Side::Answers { .. } => fault.of_upstream(),
        });
        if let Err(fault) = step {
            self.fail(fault);
        }
        step
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        match &mut self.state {
            State::Failed(fault) => Err(*fault),
            State::Undecided => Ok(Step::Hold),
            _ if bytes.is_empty() => Ok(Step::More),
            State::Transparent => Ok(Step::Pass(bytes.len())),
            State::Body(body) => {
                let taken = body.take(bytes)?;
                if body.is_over() {
                    self.state = State::Head(Scan::default());
                }
                Ok(Step::Pass(taken))
            }
            State::Head(scan) => {
                if matches!(self.side, Side::Answers { expected: None, .. }) {
                    return Err(Fault::UpstreamProtocol("bytes that no request asked for"));
                }
                let request = matches!(self.side, Side::Requests);
                let Some(end) = scan.find_end(bytes, request, &self.limits)? else {
                    return Ok(Step::More);
                };
                self.state = self.judge(&bytes[..end])?;
                Ok(Step::Pass(end))
            }
        }
    }

    /// Judges a whole head; answers what follows it.
    fn judge(&mut self, head: &[u8]) -> Result<State, Fault> {
        let body = match &mut self.side {
            Side::Requests => {
                let head = judge_request(head)?;
                if head.switches {
                    return Ok(State::Undecided);
                }
                head.body
            }
            Side::Answers { expected, interim } => {
                let (method, upgrade) = expected.take().unwrap_or_default();
                let head = judge_response(head, &method)?;
                match head.status {
                    101 if upgrade => return Ok(State::Transparent),
                    101 => return Err(Fault::UpstreamProtocol("a switch that nobody asked for")),
                    200..=299 if method == Method::CONNECT => return Ok(State::Transparent),
                    100..=199 if *interim == INTERIM_ANSWERS => {
                        return Err(Fault::UpstreamProtocol("too many interim answers"));
                    }
                    100..=199 => (*expected, *interim) = (Some((method, upgrade)), *interim + 1),
                    _ => {}
                }
                head.body
            }
        };
        Ok(if body.is_over() { State::Head(Scan::default()) } else { State::Body(body) })
    }
}
