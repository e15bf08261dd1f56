use passerelle_gateway::terminal::{TerminalError, TerminalState, Terminals};

use crate::databases::{Place, after, now, terminal};

const DAY: i64 = 24 * 3600;

async fn terminals(place: &Place) -> Terminals {
    Terminals::open(place.store().await).await.unwrap()
}

pub async fn a_code_is_good_once(place: Place) {
    let terminals = terminals(&place).await;
    let code = terminals.invite(&terminal("t1"), now()).await.unwrap();
    let typed = format!(" {}-{}", code[..8].to_lowercase(), &code[8..]);
    let (one, two) = tokio::join!(terminals.redeem(&typed, after(1)), terminals.redeem(&code, after(1)));
    let good = [one, two].into_iter().filter_map(Result::ok).collect::<Vec<_>>();
    assert_eq!(good, [terminal("t1")]);
    for code in [&code[..], "", "0000000000000000"] {
        assert!(
            matches!(terminals.redeem(code, after(2)).await, Err(TerminalError::InvalidCode)),
            "{code:?}"
        );
    }
}

pub async fn codes_run_out(place: Place) {
    let terminals = terminals(&place).await;
    let code = terminals.invite(&terminal("t1"), now()).await.unwrap();
    assert!(matches!(terminals.redeem(&code, after(DAY)).await, Err(TerminalError::InvalidCode)));
    assert_eq!(terminals.redeem(&code, after(DAY - 1)).await.unwrap(), terminal("t1"));

    let void = terminals.invite(&terminal("t1"), now()).await.unwrap();
    let other = terminals.invite(&terminal("t2"), now()).await.unwrap();
    let valid = terminals.invite(&terminal("t1"), now()).await.unwrap();
    assert!(terminals.redeem(&void, now()).await.is_err(), "only the latest code of a name");
    assert_eq!(terminals.redeem(&valid, now()).await.unwrap(), terminal("t1"));
    assert_eq!(terminals.redeem(&other, now()).await.unwrap(), terminal("t2"));
}

pub async fn enrolling_again_replaces(place: Place) {
    let terminals = terminals(&place).await;
    let (name, first, second) = (terminal("t1"), [1; 32], [2; 32]);
    assert!(!terminals.is_active(&name));
    terminals.enrolled(&name, first, now()).await.unwrap();
    assert!(terminals.is_active(&name));
    terminals.enrolled(&name, second, now()).await.unwrap();
    for terminals in [&terminals, &self::terminals(&place).await] {
        let states = [first, second, [3; 32]].map(|f| terminals.by_fingerprint(&f).map(|t| t.state));
        assert_eq!(states, [Some(TerminalState::Replaced), Some(TerminalState::Active), None]);
        assert!(terminals.is_active(&name));
        let listed = terminals.list();
        assert_eq!((listed.len(), listed[0].fingerprint, listed[0].enrolled_at), (1, second, now()));
    }
}

pub async fn revoked_is_refused(place: Place) {
    let terminals = terminals(&place).await;
    let name = terminal("t1");
    assert!(matches!(terminals.revoke(&name, now()).await, Err(TerminalError::Unknown(_))));
    terminals.enrolled(&name, [1; 32], now()).await.unwrap();
    let code = terminals.invite(&name, now()).await.unwrap();
    terminals.revoke(&name, after(1)).await.unwrap();
    assert!(terminals.redeem(&code, after(2)).await.is_err(), "open codes go with it");
    for terminals in [&terminals, &self::terminals(&place).await] {
        assert!(!terminals.is_active(&name));
        let found = terminals.by_fingerprint(&[1; 32]).unwrap();
        assert_eq!((found.state, found.ended_at), (TerminalState::Revoked, Some(after(1))));
    }
    terminals.enrolled(&name, [2; 32], after(3)).await.unwrap();
    assert!(terminals.is_active(&name), "the name may come back with another certificate");
    assert_eq!(terminals.by_fingerprint(&[1; 32]).unwrap().state, TerminalState::Revoked);
}

pub async fn seen_is_throttled(place: Place) {
    let terminals = terminals(&place).await;
    let name = terminal("t1");
    terminals.seen(&name, now()).await.unwrap();
    terminals.enrolled(&name, [1; 32], now()).await.unwrap();
    for (seconds, shown) in [(0, 0), (59, 0), (60, 60), (90, 60), (200, 200)] {
        terminals.seen(&name, after(seconds)).await.unwrap();
        assert_eq!(terminals.list()[0].last_seen_at, Some(after(shown)));
    }
    assert_eq!(self::terminals(&place).await.list()[0].last_seen_at, Some(after(200)));
}
