//! Leaves of inspected hosts, kept in memory only.
//!
//! All share one key, generated when the gateway starts: minting is then one signature, and a stolen memory image is worth
//! the leaves' few days, like the issuer's key beside it. A leaf is renewed once half its life is over, so that none
//! ends in the middle of a session.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use lru::LruCache;
use rcgen::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SigningKey};

use super::AuthorityError;
use super::sign::{self, Issuer};

pub struct Leaves {
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    days: u64,
    cache: Mutex<LruCache<String, Leaf>>,
}

struct Leaf {
    shown: Arc<CertifiedKey>,
    /// When it was minted: a clock that was set back since would show a leaf from the future.
    minted_at: SystemTime,
    renew_at: SystemTime,
}

impl Leaves {
    /// A cache of at most `size` leaves (about 1 KiB each).
    pub fn new(size: usize, days: u32) -> Result<Leaves, AuthorityError> {
        let key = sign::new_key("inspected hosts")?;
        let der = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let signing = rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&der).map_err(AuthorityError::Key)?;
        let size = NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN);
        Ok(Leaves { key, signing, days: days.into(), cache: Mutex::new(LruCache::new(size)) })
    }

    /// The leaf that is kept for a host, unless it is to be renewed.
    pub fn get(&self, host: &str, now: SystemTime) -> Option<Arc<CertifiedKey>> {
        self.cache()
            .get(host)
            .filter(|leaf| leaf.minted_at <= now && now < leaf.renew_at)
            .map(|leaf| Arc::clone(&leaf.shown))
    }

    pub fn mint(
        &self,
        issuer: &Issuer,
        host: &str,
        now: SystemTime,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        if let Some(kept) = self.get(host, now) {
            return Ok(kept);
        }
        // Signed outside the lock: two tasks may mint the same host, either leaf is good.
        let certificate = sign::leaf(issuer, host, &self.key, self.days, now)?;
        let chain = vec![certificate.into(), issuer.certificate().clone()];
        let shown = Arc::new(CertifiedKey::new(chain, Arc::clone(&self.signing)));
        let renew_at = now + Duration::from_secs(self.days * 43_200);
        self.cache().put(host.to_owned(), Leaf { shown: Arc::clone(&shown), minted_at: now, renew_at });
        Ok(shown)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, LruCache<String, Leaf>> {
        // A panic while the lock was held leaves a valid cache: its calls are single steps.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
