//! What the domain refused, in the words of whoever typed it.
//!
//! Called by the pages that change something: they show the words above the form, which keeps what was typed. What is nobody's
//! slip (the store, the journal) is a [`Failure`] with a page of its own.

use super::call::{Call, Failure};
use crate::learning::{HOSTS_LIMIT, LONGEST_MINUTES, LearningError, TEST_GROUP};
use crate::person::{LONGEST_PIN, PersonError, SHORTEST_PIN};
use crate::policy_store::PolicyStoreError;
use crate::staff::StaffError;
use crate::terminal::TerminalError;
use crate::verbs::VerbError;

/// Errors: what these words don't cover.
pub fn told(call: &Call, error: VerbError) -> Result<String, Failure> {
    let key = match &error {
        VerbError::Staff(StaffError::TooManyTries { retry_after_seconds }) => {
            return Ok(call.say_with("sign-in-wait", &[("seconds", (*retry_after_seconds).into())]));
        }
        VerbError::Person(PersonError::PinForm) => {
            let form = [("least", SHORTEST_PIN.into()), ("most", LONGEST_PIN.into())];
            return Ok(call.say_with("trouble-pin", &form));
        }
        VerbError::Learning(what) => return untaught(call, what).ok_or_else(|| error.into()),
        VerbError::Staff(StaffError::Failed) => "trouble-password",
        VerbError::Staff(StaffError::Exists(_)) => "trouble-login-taken",
        VerbError::Staff(StaffError::LastAdministrator(_)) => "trouble-last-administrator",
        VerbError::Person(PersonError::Unknown(_)) => "trouble-person-unknown",
        VerbError::Person(PersonError::Exists(_)) => "trouble-person-taken",
        VerbError::Person(PersonError::Name) => "trouble-name",
        VerbError::Person(PersonError::Released(_)) => "trouble-released",
        VerbError::Identifier(_) | VerbError::Person(PersonError::Identifier(_)) => "trouble-identifier",
        VerbError::Terminal(TerminalError::Unknown(_)) => "trouble-terminal",
        VerbError::Policy(PolicyStoreError::Mistakes(_)) => "trouble-mistakes",
        VerbError::Policy(PolicyStoreError::TooLong) => "trouble-policy-long",
        VerbError::Policy(PolicyStoreError::Comment) => "trouble-comment",
        VerbError::Policy(PolicyStoreError::SignedAlready(_)) => "trouble-signed-already",
        VerbError::Policy(PolicyStoreError::NotProposed { .. }) => "trouble-not-proposed",
        VerbError::Policy(PolicyStoreError::Host(_)) => "trouble-host",
        VerbError::Policy(PolicyStoreError::Busy) => "trouble-busy",
        VerbError::Url(..) => "trouble-url",
        VerbError::Role(_) => "trouble-role",
        _ => return Err(error.into()),
    };
    Ok(call.say(key))
}

/// Why a run was not begun, or taught nothing; `None` for what is nobody's slip.
fn untaught(call: &Call, error: &LearningError) -> Option<String> {
    Some(match error {
        LearningError::Minutes => {
            call.say_with("trouble-learning-minutes", &[("most", LONGEST_MINUTES.into())])
        }
        LearningError::Hosts => call.say_with("trouble-learning-hosts", &[("most", HOSTS_LIMIT.into())]),
        LearningError::Host(host) => {
            call.say_with("trouble-learning-host", &[("host", host.to_string().into())])
        }
        LearningError::NotATestPerson(_) => {
            call.say_with("trouble-learning-person", &[("group", TEST_GROUP.into())])
        }
        LearningError::ServiceExists(_) => call.say("trouble-learning-service"),
        LearningError::Running(_) => call.say("trouble-learning-running"),
        LearningError::NotRunning(_) => call.say("trouble-learning-not-running"),
        LearningError::NoPage => call.say("trouble-learning-no-page"),
        LearningError::Person(PersonError::Unknown(_)) => call.say("trouble-person-unknown"),
        LearningError::Person(PersonError::Released(_)) => call.say("trouble-released"),
        LearningError::Person(_) | LearningError::Store(_) | LearningError::Record(_) => return None,
    })
}
