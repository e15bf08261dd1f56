//! `policy preview`: the journal of past days, put to the published policy and to a proposed one.
//!
//! Reads the journal as `audit search` does, in whichever process holds the gateway; the comparison is
//! [`passerelle_policy::Preview`]. Invariant: what the records don't keep is never made up silently; it is counted or said.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use passerelle_audit::{HintKey, KeyId, Kind, Query, Record, Sealed, SearchError, search};
use passerelle_policy::{
    Authority, Caller, Change, Grant, Host, Outcome, Past, Policy, Preview, Skipped, Target, Url,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, VerbError, policy};
use crate::Gateway;
use crate::journal_keys::JournalKeys;
use crate::policy_store::Published;

/// Past policies that are read again, the latest: a week has a few.
const VERSIONS_LIMIT: usize = 50;
/// Their texts together: two with a million hosts and some small ones.
const VERSIONS_LIMIT_BYTES: usize = 64 << 20;
/// Lines of each list in the text for people; `--json` has them all.
const LINES_LIMIT: usize = 40;

/// What `policy preview` asks.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// The text of the proposed policy.
    pub policy: String,
    /// Whole days before today.
    pub days: u16,
    /// The language of whoever asks; see [`policy::in_english`].
    pub english: bool,
}

/// What a replay came to.
pub struct Replayed {
    pub outcome: Outcome,
    /// How many were read for it.
    pub records: u64,
    /// The version that the proposed policy was compared with.
    pub published: u64,
    pub from: Timestamp,
}

pub async fn preview(gateway: &Gateway, question: Question) -> super::Outcome {
    let proposed = Arc::new(policy::read_aside(question.policy).await?);
    let replayed = replayed(gateway, proposed, question.days).await?;
    let zone = gateway.policies.current().policy.time_zone().clone();
    let told = Told { replayed: &replayed, zone };
    Ok(Answer::done(told.text(question.english), told.json()))
}

/// Replays some whole days before today, and today. The journal is read off the async threads: a running gateway serves on.
pub async fn replayed(gateway: &Gateway, proposed: Arc<Policy>, days: u16) -> Result<Replayed, VerbError> {
    // Refusals still being counted are past requests too.
    gateway.refusals.flush(gateway, true).await;
    let replay = Replay::of(gateway, days).await?;
    let (published, from) = (replay.published.version, replay.from);
    let run = tokio::task::spawn_blocking(move || replay.run(&proposed));
    let (outcome, records) = run.await.map_err(|_| VerbError::Replay)??;
    Ok(Replayed { outcome, records, published, from })
}

/// The policies that decided since `from`, the latest.
async fn versions_since(
    gateway: &Gateway,
    published: &Published,
    from: Timestamp,
) -> Result<HashMap<u64, Arc<Policy>>, VerbError> {
    let mut versions = HashMap::from([(published.version, published.policy.clone())]);
    let mut bytes = 0;
    for version in gateway.policies.history().await?.into_iter().take(VERSIONS_LIMIT) {
        let Some(published_at) = version.published_at else { continue };
        if version.version < published.version {
            let text = gateway.policies.text(version.version).await?;
            bytes += text.len();
            if bytes > VERSIONS_LIMIT_BYTES {
                break;
            }
            // One that can't be read any more (an older form) only leaves more readings open.
            if let Ok(policy) = policy::read_aside(text).await {
                versions.insert(version.version, Arc::new(policy));
            }
        }
        // It was in force when the replay begins; what was before it decided nothing of it.
        if published_at <= from {
            break;
        }
    }
    Ok(versions)
}

/// Everything a replay reads, owned.
struct Replay {
    folder: PathBuf,
    keys: JournalKeys,
    hints: HintKey,
    published: Arc<Published>,
    /// The policies that decided then, by version.
    versions: HashMap<u64, Arc<Policy>>,
    people: HashMap<String, (Vec<String>, Vec<Grant>)>,
    own_names: Vec<Host>,
    from: Timestamp,
}

impl Replay {
    async fn of(gateway: &Gateway, days: u16) -> Result<Replay, VerbError> {
        let published = gateway.policies.current();
        let from = midnight(Timestamp::now(), days, published.policy.time_zone());
        let versions = versions_since(gateway, &published, from).await?;
        let mut people = HashMap::new();
        for person in gateway.people.list().await? {
            let grants = gateway.people.grants(&person.id, from).await?;
            let groups = person.groups.iter().map(ToString::to_string).collect();
            people.insert(person.id.to_string(), (groups, grants));
        }
        Ok(Replay {
            folder: gateway.audit_folder(),
            keys: gateway.keys.clone(),
            hints: gateway.authority.journal_key().hint_key(),
            published,
            versions,
            people,
            own_names: gateway.own_names.clone(),
            from,
        })
    }

    /// The outcome, and how many records were read for it.
    fn run(&self, proposed: &Policy) -> Result<(Outcome, u64), SearchError> {
        let mut preview = Preview::new(&self.published.policy, proposed);
        let keyring = |id: &KeyId| self.keys.lookup(id).map(|key| (*key).clone());
        let query = Query { from: Some(self.from), ..Query::default() };
        let mut records = 0;
        for record in search(&self.folder, self.hints.clone(), keyring, query)? {
            let record = record?;
            if matches!(record.header.kind, Kind::Opened | Kind::Refused) {
                records += 1;
                self.replay(&mut preview, &record);
            }
        }
        Ok((preview.finish(), records))
    }

    fn replay(&self, preview: &mut Preview<'_>, record: &Record) {
        let Record { header, sealed } = record;
        let count = header.count.unwrap_or(1);
        // Every opening and refusal is sealed under somebody's key.
        if *sealed == Sealed::default() {
            return preview.skip(Skipped::KeyDestroyed, count);
        }
        let reason = header.reason.as_deref().map(str::parse).transpose();
        let (Some(person), Some(session), Ok(reason)) = (&sealed.person, &sealed.session, reason) else {
            // Refused before anybody was known.
            return preview.skip(Skipped::NotThePolicys, count);
        };
        let (Some(url), Some(method)) = (&sealed.url, &sealed.method) else {
            return preview.skip(Skipped::Confidential, count);
        };
        let Some(target) = target(method, url) else { return preview.skip(Skipped::Unreadable, count) };
        let (groups, grants) = self.people.get(person).map_or((&[][..], &[][..]), |(g, r)| (g, r));
        preview.replay(&Past {
            caller: Caller { terminal: sealed.terminal.as_deref().unwrap_or_default(), person, session },
            groups,
            grants,
            own_names: &self.own_names,
            at: header.time,
            target: &target,
            method,
            page: sealed.page.as_deref(),
            reason,
            count,
            decided_by: sealed.policy.and_then(|version| self.versions.get(&version)).map(|policy| &**policy),
        });
    }
}

fn target(method: &str, url: &str) -> Option<Target> {
    match method {
        "CONNECT" => Authority::parse(url).ok().map(Target::Tunnel),
        _ => Url::parse(url).ok().map(Target::Http),
    }
}

/// The local midnight some days before today: minutes of a day are counted from there.
fn midnight(now: Timestamp, days: u16, zone: &TimeZone) -> Timestamp {
    let today = now.to_zoned(zone.clone());
    let first = today.checked_sub(i64::from(days).days()).and_then(|day| day.start_of_day());
    first.map_or(now, |midnight| midnight.timestamp())
}

/// What a replay came to, told.
struct Told<'a> {
    replayed: &'a Replayed,
    zone: TimeZone,
}

impl Told<'_> {
    fn json(&self) -> Value {
        let Replayed { outcome, records, published, from } = self.replayed;
        let mut json = json!(outcome);
        json["from"] = json!(from);
        json["published"] = json!(published);
        json["records"] = json!(records);
        json["assumed"] = json!(ASSUMED.map(|(_, english)| english));
        json
    }

    fn text(&self, english: bool) -> String {
        let say = |(french, other): (&'static str, &'static str)| if english { other } else { french };
        let Replayed { outcome, from, published: version, .. } = self.replayed;
        let day = from.to_zoned(self.zone.clone()).date();
        let title = say(("Rejeu depuis le", "Replay since"));
        let published = say(("version publiée", "published version"));
        let mut lines = vec![format!("{title} {day} ({published} {version})")];
        let mut list = |title, changes: &[Change]| {
            lines.push(format!("{}: {}", say(title), changes.iter().map(|change| change.count).sum::<u64>()));
            lines.extend(changes.iter().take(LINES_LIMIT).map(line));
            if let Some(more) = changes.len().checked_sub(LINES_LIMIT).filter(|more| *more > 0) {
                lines.push(format!("  … {more} (--json)"));
            }
        };
        list(("Seraient refusées ", "Would be refused"), &outcome.newly_refused);
        list(("Seraient autorisées ", "Would be allowed"), &outcome.newly_allowed);
        if outcome.further_changes > 0 {
            let title = say(("Autres changements ", "Further changes"));
            lines.push(format!("{title}: {}", outcome.further_changes));
        }
        let [unchanged, allowed, refused] =
            [("Inchangées ", "Unchanged"), ("autorisées", "allowed"), ("refusées", "refused")].map(say);
        let Outcome { still_allowed, still_refused, .. } = outcome;
        lines.push(format!("{unchanged}: {still_allowed} {allowed}, {still_refused} {refused}"));
        let title = say(("Non rejouées ", "Not replayed"));
        lines.push(format!("{title}: {}", outcome.not_replayed.values().sum::<u64>()));
        let why = outcome.not_replayed.iter().map(|(why, count)| (count, say(skipped(*why))));
        lines.extend(why.map(|(count, why)| format!("  {count:>6}  {why}")));
        lines
            .push(say(("Supposé, faute d'enregistrement :", "Assumed, since records don't keep it:")).into());
        lines.extend(ASSUMED.map(|assumed| format!("  {}", say(assumed))));
        lines.join("\n")
    }
}

fn line(change: &Change) -> String {
    let Change { service, host, reason, count, example } = change;
    format!("  {count:>6}  {service:<20} {host:<32} {reason:<16} {example}")
}

/// What every replay rests on.
pub const ASSUMED: [(&str, &str); 4] = [
    ("les groupes et accès personnels d'aujourd'hui", "the groups and personal grants of today"),
    (
        "un envoi passe dès qu'une règle permet d'en faire un : sa taille n'est pas gardée",
        "an upload passes wherever a rule allows any: its size is not kept",
    ),
    (
        "pas d'en-tête Origin, sinon la page enregistrée ; une connexion WebSocket autorisée vaut une ressource",
        "no Origin header, else the recorded page; an allowed WebSocket handshake counts as a resource",
    ),
    (
        "les minutes d'un tunnel : celle de son ouverture seulement",
        "the minutes of a tunnel: only that of its opening",
    ),
];

/// Why a request was not replayed, in French and English.
pub fn skipped(why: Skipped) -> (&'static str, &'static str) {
    match why {
        Skipped::Confidential => ("d'un service confidentiel", "of a confidential service"),
        Skipped::KeyDestroyed => ("clé détruite : effacées", "key destroyed: erased"),
        Skipped::NotThePolicys => (
            "refusées hors de toute règle (session, forme, arrêt)",
            "refused by no rule (session, form, stop)",
        ),
        Skipped::Preflight => {
            ("OPTIONS : la méthode demandée n'est pas gardée", "OPTIONS: the method asked for is not kept")
        }
        Skipped::Unreadable => ("adresse illisible", "unreadable address"),
        Skipped::Unsure => (
            "dépendent de ce qui n'est pas gardé (Sec-Fetch-Dest, taille, groupes et minutes d'alors)",
            "hang on what is not kept (Sec-Fetch-Dest, size, groups and minutes of then)",
        ),
    }
}
