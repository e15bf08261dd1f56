//! `staff add|password|list`, and who stands for a verb.

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use serde_json::json;

use super::{Answer, Credentials, Outcome, Secret, VerbError, done_by, table};
use crate::Gateway;
use crate::identifier::Login;
use crate::journal_keys::Subject;
use crate::staff::{Role, Staff, StaffError};

/// Whoever may run verbs on this machine may add staff: no password of another is asked for.
pub async fn add(gateway: &Gateway, login: &str, role: &str, password: &Secret) -> Outcome {
    let login = Login::parse(login)?;
    let role = Role::parse(role).ok_or_else(|| VerbError::Role(role.to_owned()))?;
    gateway.staff.add(&login, role, password.expose(), Timestamp::now()).await?;
    record_added(gateway, &login, role, None).await?;
    let text = format!("{login} is added as {}.", role.word());
    Ok(Answer::done(text, json!({ "login": login.as_str(), "role": role.word() })))
}

/// Staff are persons of the establishment too: the contract's kind for both is `person-changed`.
pub async fn record_added(
    gateway: &Gateway,
    login: &Login,
    role: Role,
    by: Option<&Login>,
) -> Result<(), VerbError> {
    let what = format!("staff {login} added as {}", role.word());
    record_changed(gateway, login, done_by(&what, by)).await
}

/// At the console: with a one-time password, which is the answer.
pub async fn add_by(gateway: &Gateway, login: &Login, role: Role, by: &Login) -> Result<String, VerbError> {
    let password = gateway.staff.add_one_time(login, role, Timestamp::now()).await?;
    record_added(gateway, login, role, Some(by)).await?;
    Ok(password)
}

/// Another role; whoever is signed in with the old one is signed out.
pub async fn set_role_by(gateway: &Gateway, login: &Login, role: Role, by: &Login) -> Result<(), VerbError> {
    gateway.staff.set_role(login, role).await?;
    gateway.staff_sessions.end_of(login);
    record_changed(gateway, login, format!("staff {login} is {}, by {by}", role.word())).await
}

/// A one-time password, which is the answer; with `second_factor` that begins anew too. Whoever is signed in is signed out.
pub async fn reset_by(
    gateway: &Gateway,
    login: &Login,
    second_factor: bool,
    by: &Login,
) -> Result<String, VerbError> {
    let password = gateway.staff.reset_password(login).await?;
    if second_factor {
        gateway.second_factors.reset(login).await?;
    }
    gateway.staff_sessions.end_of(login);
    let and = if second_factor { " and second factor" } else { "" };
    record_changed(gateway, login, format!("staff {login}: password{and} reset, by {by}")).await?;
    Ok(password)
}

pub async fn record_changed(gateway: &Gateway, login: &Login, detail: String) -> Result<(), VerbError> {
    let sealed = Sealed { detail: Some(detail), ..Sealed::default() };
    gateway.record(Kind::PersonChanged, &Subject::Staff(login.clone()), None, sealed).await?;
    Ok(())
}

/// One's own password, by who knows the old one: how the one-time password of `init` is replaced.
pub async fn password(gateway: &Gateway, login: &str, old: &Secret, new: &Secret) -> Outcome {
    let changed = gateway.staff.change_password(login, old.expose(), new.expose(), Timestamp::now()).await;
    let staff = known(gateway, login, changed).await?;
    // Whoever is at the console with the old one signs in again.
    gateway.staff_sessions.end_of(&staff.login);
    record_changed(gateway, &staff.login, format!("staff {} changed the password", staff.login)).await?;
    let text = format!("The password of {} is changed.", staff.login);
    Ok(Answer::done(text, json!({ "login": staff.login.as_str() })))
}

pub async fn list(gateway: &Gateway) -> Outcome {
    let staff = gateway.staff.list().await?;
    let rows: Vec<_> = staff.iter().map(|s| vec![s.login.to_string(), s.role.word().to_owned()]).collect();
    let json = json!({ "staff": staff.iter().map(|s| json!({
        "login": s.login.as_str(),
        "role": s.role.word(),
        "one_time_password": s.one_time_password,
        "added_at": s.added_at,
    })).collect::<Vec<_>>() });
    Ok(Answer::done(table(&rows), json))
}

/// The member of staff whose password was given, if they may change what people can reach. A wrong password is recorded.
pub async fn publisher(gateway: &Gateway, by: &Credentials) -> Result<Staff, VerbError> {
    let verified = gateway.staff.verify(&by.login, by.password.expose(), Timestamp::now()).await;
    let staff = known(gateway, &by.login, verified).await?;
    match staff.role.may_publish() {
        true => Ok(staff),
        false => Err(VerbError::NotAllowed { login: staff.login.to_string(), role: staff.role.word() }),
    }
}

/// What a check of `login`'s password came to; a wrong one is recorded first.
async fn known(
    gateway: &Gateway,
    login: &str,
    checked: Result<Staff, StaffError>,
) -> Result<Staff, VerbError> {
    if let Err(StaffError::Failed | StaffError::TooManyTries { .. }) = checked {
        let detail: String = login.chars().take(crate::identifier::LONGEST).collect();
        let sealed = Sealed { detail: Some(detail), ..Sealed::default() };
        gateway.record(Kind::StaffSignInFailed, &Subject::Gateway, None, sealed).await?;
    }
    Ok(checked?)
}

impl Answer {
    /// A verb that was done with a password of `init` says so: it stands in a terminal's history.
    pub(super) fn by(mut self, staff: &Staff) -> Answer {
        if staff.one_time_password {
            let login = &staff.login;
            self.error = format!(
                "warning: {login} still has a one-time password; change it with `staff password --login {login} --password-stdin`"
            );
        }
        self
    }
}
