use std::net::IpAddr;

use jiff::SignedDuration;
use passerelle_gateway::second_factor::{SecondFactorError, SecondFactors, TotpSecret};
use passerelle_gateway::secret::{HashCost, Hasher};
use passerelle_gateway::staff::{Role, StaffRoll};

use crate::databases::{Place, login, now};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

async fn factors(place: &Place) -> SecondFactors {
    let store = place.store().await;
    let staff = StaffRoll::new(store.clone(), Hasher::new(HashCost::LEAST));
    staff.add(&login("claire"), Role::Security, "sésame-ouvre-toi", now()).await.unwrap();
    SecondFactors::new(store)
}

pub async fn a_code_counts_once(place: Place) {
    let (factors, claire, secret) = (factors(&place).await, login("claire"), TotpSecret::generate());
    let at = |seconds: i64| now() + SignedDuration::from_secs(seconds);
    assert!(!factors.is_enrolled(&claire).await.unwrap());
    let wrong = factors.enrol(&claire, &secret, "000", now()).await;
    assert!(matches!(wrong, Err(SecondFactorError::Failed)));
    let recovery = factors.enrol(&claire, &secret, &secret.code_at(now()), now()).await.unwrap();
    let other = TotpSecret::generate();
    let again = factors.enrol(&claire, &other, &other.code_at(now()), now()).await;
    assert!(matches!(again, Err(SecondFactorError::Enrolled(_))), "a factor is not replaced");

    for (typed, when, right) in [
        (secret.code_at(now()), 0, false),   // used to enrol
        (secret.code_at(at(-30)), 0, false), // older than that
        (secret.code_at(at(30)), 30, true),
        (secret.code_at(at(30)), 31, false),
        (secret.code_at(at(900)), 600, false), // far in the future
        (recovery[0].to_lowercase(), 3600, true),
        (recovery[0].to_string(), 3601, false),
        (recovery[1].to_string(), 7200, true),
    ] {
        let verdict = factors.verify(&claire, &typed, HERE, at(when)).await;
        match right {
            true => assert!(verdict.is_ok(), "{typed} after {when} s: {verdict:?}"),
            false => assert!(
                matches!(verdict, Err(SecondFactorError::Failed)),
                "{typed} after {when} s: {verdict:?}"
            ),
        }
    }
    assert_eq!(factors.recovery_codes_left(&claire).await.unwrap(), 6);
    factors.reset(&claire).await.unwrap();
    assert!(!factors.is_enrolled(&claire).await.unwrap());
    assert_eq!(factors.recovery_codes_left(&claire).await.unwrap(), 0);
    assert!(factors.enrol(&claire, &other, &other.code_at(now()), now()).await.is_ok());
}

pub async fn parallel_uses_of_a_code_admit_one(place: Place) {
    let (factors, claire, secret) = (factors(&place).await, login("claire"), TotpSecret::generate());
    factors.enrol(&claire, &secret, &secret.code_at(now()), now()).await.unwrap();
    let later = now() + SignedDuration::from_secs(60);
    let tries = (0..3).map(|_| {
        let (factors, claire, code) = (factors.clone(), claire.clone(), secret.code_at(later));
        tokio::spawn(async move { factors.verify(&claire, &code, HERE, later).await.is_ok() })
    });
    let mut admitted = 0;
    for done in tries.collect::<Vec<_>>() {
        admitted += usize::from(done.await.unwrap());
    }
    assert_eq!(admitted, 1);
}

pub async fn the_sign_in_before_is_told(place: Place) {
    let (factors, claire) = (factors(&place).await, login("claire"));
    assert_eq!(factors.signed_in(&claire, HERE, now()).await.unwrap(), None);
    let later = now() + SignedDuration::from_secs(60);
    let last = factors.signed_in(&claire, HERE, later).await.unwrap().unwrap();
    assert_eq!((last.at, last.address.as_str()), (now(), "192.0.2.1"));
    assert_eq!(factors.last_sign_in(&claire).await.unwrap().unwrap().at, later);
}
