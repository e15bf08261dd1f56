//! Sealing keys of the journal: one per subject and month (UTC), so that one person's month can be erased.
//!
//! Called before every record. A key is durable before it seals anything; destroying it erases what it sealed, and a new
//! record of that subject and month gets a new key.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use passerelle_audit::{KeyId, SealingKey};

use crate::identifier::{Login, PersonId};
use crate::store::{KeyRow, Store, StoreError};

/// Whose records a key seals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Person(PersonId),
    Staff(Login),
    /// What concerns nobody in particular.
    Gateway,
}

impl Subject {
    /// As [`Display`](fmt::Display) writes it.
    fn parse(text: &str) -> Option<Subject> {
        match text.split_once(':') {
            Some(("person", id)) => PersonId::parse(id).ok().map(Subject::Person),
            Some(("staff", login)) => Login::parse(login).ok().map(Subject::Staff),
            _ => (text == "gateway").then_some(Subject::Gateway),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Person(id) => write!(f, "person:{id}"),
            Subject::Staff(login) => write!(f, "staff:{login}"),
            Subject::Gateway => f.write_str("gateway"),
        }
    }
}

/// `YYYY-MM`, in UTC.
pub fn month(now: Timestamp) -> String {
    Month::of(now).to_string()
}

/// A month of a year, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Month(i16, i8);

impl Month {
    fn of(now: Timestamp) -> Month {
        let date = now.to_zoned(TimeZone::UTC).date();
        Month(date.year(), date.month())
    }

    fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        Some(Month(year.parse().ok()?, month.parse().ok()?))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0, self.1)
    }
}

/// All sealing keys; clones share them.
#[derive(Clone)]
pub struct JournalKeys {
    store: Store,
    known: Arc<RwLock<Known>>,
    /// Reading and taking over is one step: an older reading never brings a destroyed key back.
    refreshing: Arc<tokio::sync::Mutex<()>>,
}

/// One key a person and month of the retention: a few thousand.
#[derive(Default)]
struct Known {
    by_id: HashMap<KeyId, Arc<SealingKey>>,
    by_subject: HashMap<(Subject, Month), Arc<SealingKey>>,
}

impl Known {
    fn insert(&mut self, (id, subject, month, secret): KeyRow) -> Result<Arc<SealingKey>, StoreError> {
        let whose = Subject::parse(&subject).zip(Month::parse(&month));
        let unreadable = || StoreError::Unreadable { what: format!("a sealing key of {subject}, {month}") };
        let key = Arc::new(SealingKey::new(KeyId(id), *secret));
        self.by_subject.insert(whose.ok_or_else(unreadable)?, key.clone());
        self.by_id.insert(key.id(), key.clone());
        Ok(key)
    }
}

impl JournalKeys {
    pub async fn open(store: Store) -> Result<JournalKeys, StoreError> {
        let keys = JournalKeys { store, known: Arc::default(), refreshing: Arc::default() };
        keys.refresh().await?;
        Ok(keys)
    }

    /// Reads the store again: what another gateway made or destroyed.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.refreshing.lock().await;
        let mut known = Known::default();
        for row in self.store.journal_keys().await? {
            known.insert(row)?;
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// The key of this subject and of now's month, made and stored first if need be.
    pub async fn key_for(&self, subject: &Subject, now: Timestamp) -> Result<Arc<SealingKey>, StoreError> {
        let whose = (subject.clone(), Month::of(now));
        if let Some(key) = self.read().by_subject.get(&whose) {
            return Ok(key.clone());
        }
        let _turn = self.refreshing.lock().await;
        let (new, (subject, month)) = (SealingKey::generate(), (subject.to_string(), month(now)));
        let row = self.store.keep_journal_key(&new.id().0, &subject, &month, new.secret()).await?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(row)
    }

    pub fn lookup(&self, id: &KeyId) -> Option<Arc<SealingKey>> {
        self.read().by_id.get(id).cloned()
    }

    pub fn all(&self) -> Vec<Arc<SealingKey>> {
        self.read().by_id.values().cloned().collect()
    }

    /// Erases: what this key sealed can't be read again. `month` is `YYYY-MM`. False when there was none.
    pub async fn destroy(&self, subject: &Subject, month: &str) -> Result<bool, StoreError> {
        let destroyed = self.store.destroy_journal_key(&subject.to_string(), month).await?;
        self.refresh().await?;
        Ok(destroyed)
    }

    /// The months before `month` that have keys, and how many, oldest first; `YYYY-MM`.
    pub async fn months_before(&self, month: &str) -> Result<BTreeMap<String, u64>, StoreError> {
        self.refresh().await?;
        let mut months = BTreeMap::new();
        for old in
            self.read().by_subject.keys().map(|(_, of)| of.to_string()).filter(|of| of.as_str() < month)
        {
            *months.entry(old).or_default() += 1;
        }
        Ok(months)
    }

    /// Erases what every key of this month sealed.
    pub async fn destroy_month(&self, month: &str) -> Result<(), StoreError> {
        self.store.destroy_journal_keys_of(month).await?;
        self.refresh().await
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
