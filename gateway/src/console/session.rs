//! Staff sessions: who is at the console, from where, and how far their sign-in got.
//!
//! In memory, found by the digest of the cookie's token; a restart ends them all. Invariants: a session is used from the address it
//! began at and from no other; each step of the sign-in gets a new token, so that a token known before is worth nothing after;
//! it ends after 15 minutes without a request, and after 10 hours whatever happens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::{SignedDuration, Timestamp};

use crate::identifier::Login;
use crate::second_factor::{LastStaffSignIn, TotpSecret};
use crate::secret::{Digest, digest, new_token};

/// A desk left for longer than a call.
const IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(15);
/// A long shift.
const LENGTH_LIMIT: SignedDuration = SignedDuration::from_hours(10);
/// From the password to the end of the sign-in: time to set up an authenticator.
const SIGN_IN_LIMIT: SignedDuration = SignedDuration::from_mins(10);
/// Back by so much the clock was set, not corrected.
const CLOCK_STEP: SignedDuration = SignedDuration::from_mins(1);
/// Many times the staff of an establishment; beyond it nobody else signs in until some ended.
const SESSIONS_LIMIT: usize = 500;

/// How far the sign-in got.
#[derive(Clone)]
pub enum Stage {
    /// The password was right; a code of the second factor is next.
    Code,
    /// The password was right; there is no second factor yet.
    Enrol(TotpSecret),
    /// The second factor was right; the password was one-time.
    NewPassword,
    /// Signed in; the sign-in before this one.
    SignedIn(Option<LastStaffSignIn>),
}

impl Stage {
    /// The page of this stage.
    pub fn path(&self) -> &'static str {
        match self {
            Stage::Code => "/sign-in/code",
            Stage::Enrol(_) => "/sign-in/enrol",
            Stage::NewPassword => "/sign-in/password",
            Stage::SignedIn(_) => "/",
        }
    }
}

pub struct StaffSession {
    pub login: Login,
    pub address: IpAddr,
    pub stage: Stage,
    pub started: Timestamp,
    /// Goes into every form, and must come back with it.
    csrf: String,
    last_used: AtomicI64,
    digest: Digest,
}

impl StaffSession {
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    pub fn is_csrf(&self, given: &str) -> bool {
        verify_slices_are_equal(self.csrf.as_bytes(), given.as_bytes()).is_ok()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let length = match self.stage {
            Stage::SignedIn(_) => LENGTH_LIMIT,
            _ => SIGN_IN_LIMIT,
        };
        let idle = SignedDuration::from_millis(now.as_millisecond() - self.last_used.load(Ordering::Relaxed));
        // A clock that was set back must not make a session last longer: whoever has it signs in again.
        now.duration_since(self.started) >= length || idle >= IDLE_LIMIT || idle <= -CLOCK_STEP
    }
}

/// What a token stands for.
pub enum Found {
    Session(Arc<StaffSession>),
    /// Never was, or is over.
    Nothing,
    /// It was used from another address: it is ended now.
    Elsewhere(Arc<StaffSession>),
}

/// All sessions of staff; clones share them. Digests as keys: what an attacker can choose does not steer them.
#[derive(Clone, Default)]
pub struct StaffSessions(Arc<Mutex<HashMap<Digest, Arc<StaffSession>>>>);

impl StaffSessions {
    /// The token of a new session, or of the next stage of `earlier`, which ends; `None` when there are too many.
    pub fn begin(
        &self,
        login: &Login,
        address: IpAddr,
        stage: Stage,
        earlier: Option<&StaffSession>,
        now: Timestamp,
    ) -> Option<(String, Arc<StaffSession>)> {
        let mut live = self.lock();
        if let Some(earlier) = earlier {
            live.remove(&earlier.digest);
        }
        live.retain(|_, session| !session.is_over(now));
        if live.len() >= SESSIONS_LIMIT {
            return None;
        }
        let token = new_token();
        let session = Arc::new(StaffSession {
            login: login.clone(),
            address,
            stage,
            started: now,
            csrf: new_token(),
            last_used: AtomicI64::new(now.as_millisecond()),
            digest: digest(&token),
        });
        live.insert(session.digest, session.clone());
        Some((token, session))
    }

    /// The session of a token, used now.
    pub fn find(&self, token: &str, address: IpAddr, now: Timestamp) -> Found {
        let found = self.look_at(token, address, now);
        if let Found::Session(session) = &found {
            session.last_used.store(now.as_millisecond(), Ordering::Relaxed);
        }
        found
    }

    /// The same for what a page asks by itself: nobody need be at the desk for that.
    pub fn look_at(&self, token: &str, address: IpAddr, now: Timestamp) -> Found {
        let mut live = self.lock();
        let asked = digest(token);
        let Some(session) = live.get(&asked).cloned() else { return Found::Nothing };
        if session.is_over(now) {
            live.remove(&asked);
            return Found::Nothing;
        }
        if session.address != address {
            live.remove(&asked);
            return Found::Elsewhere(session);
        }
        Found::Session(session)
    }

    pub fn end(&self, session: &StaffSession) {
        self.lock().remove(&session.digest);
    }

    /// After a change of role or password: whoever is signed in as `login` does so again.
    pub fn end_of(&self, login: &Login) {
        self.lock().retain(|_, session| session.login != *login);
    }

    /// Who is signed in, longest first.
    pub fn signed_in(&self, now: Timestamp) -> Vec<Arc<StaffSession>> {
        let live = self.lock();
        let is_in = |session: &&Arc<StaffSession>| {
            matches!(session.stage, Stage::SignedIn(_)) && !session.is_over(now)
        };
        let mut found: Vec<_> = live.values().filter(is_in).cloned().collect();
        found.sort_by_key(|session| session.started);
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<StaffSession>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_session_ends_by_idleness_length_or_another_address() {
        let is_live = |stage: Stage, uses: &[i64], from: IpAddr, last: i64| {
            let sessions = StaffSessions::default();
            let login = Login::parse("claire").unwrap();
            let (token, _) = sessions.begin(&login, HERE, stage, None, at(0)).unwrap();
            for minute in uses {
                assert!(matches!(sessions.find(&token, HERE, at(*minute)), Found::Session(_)), "{minute}");
            }
            let first = matches!(sessions.find(&token, from, at(last)), Found::Session(_));
            let again = matches!(sessions.find(&token, HERE, at(last)), Found::Session(_));
            assert_eq!(first, again, "what ended stays ended");
            first
        };
        let signed_in = || Stage::SignedIn(None);
        let each_ten: Vec<i64> = (1..60).map(|n| n * 10).collect();
        for (stage, uses, from, last, live) in [
            (signed_in(), &[][..], HERE, 14, true),
            (signed_in(), &[], HERE, 15, false),
            (signed_in(), &[14], HERE, 28, true),
            (signed_in(), &each_ten, HERE, 599, true),
            (signed_in(), &each_ten, HERE, 600, false),
            (signed_in(), &[], THERE, 1, false),
            // The clock was set back.
            (signed_in(), &[10], HERE, 8, false),
            (Stage::Code, &[], HERE, 9, true),
            (Stage::Code, &[5], HERE, 10, false),
        ] {
            assert_eq!(is_live(stage, uses, from, last), live, "{uses:?} {from} {last}");
        }
    }

    #[test]
    fn what_a_page_asks_by_itself_keeps_nobody_signed_in() {
        let sessions = StaffSessions::default();
        let login = Login::parse("claire").unwrap();
        let (token, _) = sessions.begin(&login, HERE, Stage::SignedIn(None), None, at(0)).unwrap();
        assert!(matches!(sessions.look_at(&token, HERE, at(14)), Found::Session(_)));
        assert!(matches!(sessions.look_at(&token, HERE, at(15)), Found::Nothing));
    }

    #[test]
    fn each_stage_has_a_token_of_its_own() {
        let sessions = StaffSessions::default();
        let login = Login::parse("claire").unwrap();
        let (first, session) = sessions.begin(&login, HERE, Stage::Code, None, at(0)).unwrap();
        let (second, next) =
            sessions.begin(&login, HERE, Stage::SignedIn(None), Some(&session), at(1)).unwrap();
        assert_ne!(first, second);
        assert_ne!(session.csrf(), next.csrf());
        assert!(matches!(sessions.find(&first, HERE, at(1)), Found::Nothing));
        assert!(matches!(sessions.find(&second, HERE, at(1)), Found::Session(_)));
        sessions.end_of(&login);
        assert!(matches!(sessions.find(&second, HERE, at(1)), Found::Nothing));
    }
}
