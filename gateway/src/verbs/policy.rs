//! `policy check|propose|sign|refuse|show|history|explain`.

use std::path::Path;

use jiff::{Timestamp, ToSpan};
use passerelle_audit::{Kind, Sealed};
use passerelle_policy::{
    Access, Caller, Explanation, Finding, Grant, Host, Origin, Policy, Request, Target, TargetError, Text,
    Upload, Url, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Credentials, Outcome, VerbError, staff, table};
use crate::Gateway;
use crate::identifier::{Login, PersonId};
use crate::journal_keys::Subject;
use crate::policy_store::{Version, VersionState, aside};
use crate::staff::Staff;

/// Every finding of a policy file, `FILE:LINE:COL: what — mend`; exit 1 when one is an error. Needs no gateway.
pub fn check(file: &Path, bytes: &[u8]) -> Answer {
    let (findings, services) = match Policy::parse_bytes(bytes) {
        Ok(checked) => {
            let services = checked.policy.services().len();
            (checked.warnings, Some(services))
        }
        Err(findings) => (findings, None),
    };
    let lines = findings.iter().map(|finding| line(file, finding)).collect::<Vec<_>>().join("\n");
    let json = json!({ "ok": services.is_some(), "services": services, "findings": findings });
    match services {
        Some(services) => {
            let (bon, good) =
                (format!("correct, services : {services}"), format!("good, services: {services}"));
            let done = format!("{}: {}", file.display(), spoken(&Text { fr: bon, en: good }));
            Answer::done(if lines.is_empty() { done } else { format!("{lines}\n{done}") }, json)
        }
        None => Answer { exit: 1, text: lines, error: String::new(), json },
    }
}

fn line(file: &Path, finding: &Finding) -> String {
    let word = match (finding.is_error(), in_english()) {
        (true, _) => "",
        (false, true) => "warning: ",
        (false, false) => "attention : ",
    };
    let (file, what, mend) = (file.display(), spoken(&finding.what), spoken(&finding.mend));
    format!("{file}:{}:{}: {word}{what} — {mend}", finding.line, finding.column)
}

pub async fn propose(gateway: &Gateway, text: String, comment: &str, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let version = propose_by(gateway, text, comment, &staff).await?;
    Ok(standing(&version).by(&staff))
}

/// [`propose`] by whoever has just shown who they are; published at once where one signature does.
pub async fn propose_by(
    gateway: &Gateway,
    text: String,
    comment: &str,
    by: &Staff,
) -> Result<Version, VerbError> {
    let needed = u32::from(gateway.config.policy.signatures);
    let version = gateway.policies.propose(text, by, comment, needed, Timestamp::now()).await?;
    record(gateway, Kind::PolicyProposed, &by.login, &version).await?;
    published(gateway, by, version).await
}

pub async fn sign(gateway: &Gateway, version: u64, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let version = sign_by(gateway, version, &staff).await?;
    Ok(standing(&version).by(&staff))
}

/// [`sign`] by whoever has just shown who they are.
pub async fn sign_by(gateway: &Gateway, version: u64, by: &Staff) -> Result<Version, VerbError> {
    let version = gateway.policies.sign(version, by, Timestamp::now()).await?;
    published(gateway, by, version).await
}

/// The emergency: one host refused for everybody, at once and by one person, since it only ever narrows.
pub async fn refuse(gateway: &Gateway, host: &str, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let version = refuse_by(gateway, host, &staff).await?;
    Ok(standing(&version).by(&staff))
}

/// [`refuse`] by whoever has just shown who they are.
pub async fn refuse_by(gateway: &Gateway, host: &str, by: &Staff) -> Result<Version, VerbError> {
    let version = gateway.policies.refuse(host, by, Timestamp::now()).await?;
    published(gateway, by, version).await
}

/// Records the publication of whatever was made or signed, if it is published now.
async fn published(gateway: &Gateway, by: &Staff, version: Version) -> Result<Version, VerbError> {
    if version.state == VersionState::Published {
        record(gateway, Kind::PolicyPublished, &by.login, &version).await?;
    }
    Ok(version)
}

/// How a version stands, told to whoever just changed it.
fn standing(version: &Version) -> Answer {
    let text = match version.state {
        VersionState::Published => format!("Version {} is published.", version.version),
        _ => format!(
            "Version {} is proposed: {} of {} signatures. Another person signs it with\n  passerelle-gateway policy sign {} --by LOGIN --password-stdin",
            version.version,
            version.signatures.len(),
            version.signatures_needed,
            version.version
        ),
    };
    Answer::done(text, json!({ "version": version.version, "state": version.state.word() }))
}

async fn record(gateway: &Gateway, kind: Kind, by: &Login, version: &Version) -> Result<(), VerbError> {
    let detail = match version.comment.as_str() {
        "" => format!("by {by}"),
        comment => format!("by {by}: {comment}"),
    };
    let sealed = Sealed { policy: Some(version.version), detail: Some(detail), ..Sealed::default() };
    gateway.record(kind, &Subject::Staff(by.clone()), None, sealed).await?;
    Ok(())
}

pub async fn show(gateway: &Gateway, version: Option<u64>) -> Outcome {
    let version = gateway.policies.show(version).await?;
    let text = gateway.policies.text(version.version).await?;
    let mut json = described(&version);
    json["text"] = json!(text);
    Ok(Answer::done(text.trim_end(), json))
}

pub async fn history(gateway: &Gateway) -> Outcome {
    let versions = gateway.policies.history().await?;
    let row = |v: &Version| {
        let by = v.signatures.iter().map(|s| s.by.to_string()).collect::<Vec<_>>().join(",");
        let at = v.published_at.unwrap_or(v.proposed_at).to_string();
        vec![v.version.to_string(), v.state.word().to_owned(), at, by, v.comment.clone()]
    };
    let rows: Vec<_> = versions.iter().map(row).collect();
    Ok(Answer::done(table(&rows), json!({ "versions": versions.iter().map(described).collect::<Vec<_>>() })))
}

fn described(version: &Version) -> Value {
    json!({
        "version": version.version,
        "state": version.state.word(),
        "proposer": version.proposer.as_str(),
        "comment": version.comment,
        "proposed_at": version.proposed_at,
        "published_at": version.published_at,
        "signatures_needed": version.signatures_needed,
        "signatures": version.signatures.iter().map(|s| json!({ "by": s.by.as_str(), "at": s.at })).collect::<Vec<_>>(),
    })
}

/// What `policy explain` asks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explain {
    /// The text of a policy file; the published policy without.
    pub policy: Option<String>,
    pub url: String,
    pub method: String,
    pub person: Option<String>,
    pub groups: Vec<String>,
    pub at: Option<Timestamp>,
    /// Sec-Fetch-Dest, or `websocket`.
    pub destination: String,
    /// A page that this session opened before.
    pub from_page: Option<String>,
    /// The language of whoever asks; see [`in_english`].
    pub english: bool,
}

impl Explain {
    /// True when the question names nothing that only the gateway's state knows.
    pub fn stands_alone(&self) -> bool {
        self.policy.is_some() && self.person.is_none()
    }
}

/// Whose access is explained.
#[derive(Default)]
struct Standing {
    groups: Vec<String>,
    grants: Vec<Grant>,
    usage: Usage,
}

/// What [`Explain`] is answered with.
pub enum Explained {
    Judged(Box<Explanation>),
    /// What can't be read is refused on the wire too, with the same reason.
    Unread(TargetError),
}

pub async fn explain(gateway: &Gateway, question: Explain) -> Outcome {
    let (url, english) = (question.url.clone(), question.english);
    Ok(told(&explanation(gateway, question).await?, &url, english))
}

/// [`explain_with`] on the gateway's state: its published policy, the person's groups and minutes.
pub async fn explanation(gateway: &Gateway, mut question: Explain) -> Result<Explained, VerbError> {
    let policy = match question.policy.take() {
        Some(text) => std::sync::Arc::new(read_aside(text).await?),
        None => gateway.policies.current().policy.clone(),
    };
    let mut standing = Standing { groups: question.groups.clone(), ..Standing::default() };
    if let Some(person) = &question.person {
        let id = PersonId::parse(person)?;
        let person =
            gateway.people.get(&id).await?.ok_or_else(|| crate::person::PersonError::Unknown(id.clone()))?;
        standing.groups.extend(person.groups.iter().map(ToString::to_string));
        let now = question.at.unwrap_or_else(Timestamp::now);
        standing.usage = minutes(gateway, &policy, &id, now).await?;
        standing.grants = gateway.people.grants(&id, now).await?;
    }
    // What is near a host that no rule names is looked for among all of them.
    let own_names = gateway.own_names.clone();
    aside(move || explain_with(&policy, &question, standing, &own_names)).await?
}

/// [`Explain`] of a file and groups, without a gateway.
pub fn explain_alone(question: &Explain) -> Answer {
    let policy = read(question.policy.as_deref().unwrap_or_default());
    policy
        .and_then(|policy| {
            let standing = Standing { groups: question.groups.clone(), ..Standing::default() };
            explain_with(&policy, question, standing, &[])
        })
        .map_or_else(
            |error| Answer::failed(&error),
            |explained| told(&explained, &question.url, question.english),
        )
}

/// The minutes that a person used of each limited service on the local day of `now`.
async fn minutes(
    gateway: &Gateway,
    policy: &Policy,
    person: &PersonId,
    now: Timestamp,
) -> Result<Usage, VerbError> {
    use crate::clock::LocalMinute;
    let LocalMinute { day, minute } = LocalMinute::of(now, policy.time_zone());
    gateway.minutes.load(person, day).await?;
    let mut usage = Usage::default();
    for service in policy.services().iter().filter(|service| service.minutes_per_day().is_some()) {
        let used = gateway.minutes.used(person, service.id(), day);
        let used =
            passerelle_policy::MinutesUsed { count: used.count(), includes_now: used.contains(minute) };
        usage.set_minutes(service.id(), used);
    }
    Ok(usage)
}

fn read(text: &str) -> Result<Policy, VerbError> {
    Policy::parse_again(text).map_err(|findings| {
        let lines = findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        VerbError::PolicyText(lines.join("\n"))
    })
}

/// [`read`], off the async threads.
pub(super) async fn read_aside(text: String) -> Result<Policy, VerbError> {
    aside(move || read(&text)).await?
}

/// Asks the one walk that judges live traffic, with a request made up from the question.
fn explain_with(
    policy: &Policy,
    question: &Explain,
    Standing { groups, grants, mut usage }: Standing,
    own_names: &[Host],
) -> Result<Explained, VerbError> {
    let now = question.at.unwrap_or_else(Timestamp::now);
    let url = match Url::parse_written(&question.url) {
        Ok(url) => url,
        Err(error) => return Ok(Explained::Unread(error)),
    };
    let page = question
        .from_page
        .as_deref()
        .map(|page| Url::parse_written(page).map_err(|error| VerbError::Url(page.to_owned(), error)));
    let page = page.transpose()?;
    let judge = |url: Url, request: Request<'_>, usage: &Usage, now: Timestamp| {
        policy.explain_load(&Access {
            caller: Caller { terminal: "", person: question.person.as_deref().unwrap_or(""), session: "" },
            groups: &groups,
            grants: &grants,
            usage,
            own_names,
            now,
            target: &Target::Http(url),
            request,
        })
    };
    if let Some(page) = &page {
        // Opened a minute ago by this session, if it may be opened at all.
        let before = now.checked_sub(1.minute()).unwrap_or(now);
        let opening = Request { destination: Some("document"), ..Request::default() };
        let opened = judge(page.clone(), opening, &usage, now).decision;
        if let (true, Some(service)) = (opened.is_allowed(), &opened.service) {
            usage.page_opened(service, before);
        }
    }
    let websocket = question.destination == "websocket";
    let from = page.as_ref().map(|page| Origin::parse(&page.origin()));
    let request = Request {
        method: &question.method,
        upload: match question.method.as_str() {
            "POST" | "PUT" | "PATCH" => Upload::Declared(1),
            _ => Upload::None,
        },
        // A WebSocket handshake carries an Origin and no Sec-Fetch headers; a page carries a Referer.
        destination: (!websocket).then_some(question.destination.as_str()),
        origin: if websocket { from.clone() } else { None },
        referer: if websocket { None } else { from },
        websocket,
        ..Request::default()
    };
    Ok(Explained::Judged(Box::new(judge(url, request, &usage, now))))
}

fn told(explained: &Explained, url: &str, english: bool) -> Answer {
    match explained {
        Explained::Judged(explanation) => judged(explanation, english),
        Explained::Unread(error) => refused_unread(url, error, english),
    }
}

fn judged(explanation: &Explanation, english: bool) -> Answer {
    let text = if english { explanation.to_english() } else { explanation.to_string() };
    let json = serde_json::to_value(explanation).expect("an explanation is JSON");
    let exit = u8::from(!explanation.decision.is_allowed());
    Answer { exit, text: text.trim_end().to_owned(), error: String::new(), json }
}

fn refused_unread(url: &str, error: &TargetError, english: bool) -> Answer {
    let reason = error.reason().as_str();
    let why = Text { fr: error.french(), en: error.to_string() };
    let (effect, told) = if english { ("refused", &why.en) } else { ("refusé", &why.fr) };
    let text = format!("{url}\n{effect}, {reason}\n  {told}");
    let json = json!({
        "decision": "refuse", "reason": reason, "service": null, "rule": null,
        "trace": [{ "rule": null, "reason": reason, "passed": [], "text": why }], "nearest": [],
    });
    Answer { exit: 1, text, error: String::new(), json }
}

/// What policy texts say.
fn spoken(text: &Text) -> &str {
    if in_english() { &text.en } else { &text.fr }
}

/// Policies are written by the establishment's staff: French, unless the environment asks for English (`LC_ALL`, `LC_MESSAGES`,
/// `LANG`, in this order, as POSIX has it).
pub fn in_english() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let language = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default();
    language.starts_with("en")
}
