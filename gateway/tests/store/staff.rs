use passerelle_gateway::secret::{HashCost, Hasher};
use passerelle_gateway::staff::{Role, StaffError, StaffRoll};

use crate::databases::{Place, after, login, now};

const PASSWORD: &str = "sésame-ouvre-toi";

async fn roll(place: &Place) -> StaffRoll {
    StaffRoll::new(place.store().await, Hasher::new(HashCost::LEAST))
}

pub async fn roles_and_passwords(place: Place) {
    let roll = roll(&place).await;
    for role in Role::ALL {
        roll.add(&login(role.word()), role, PASSWORD, now()).await.unwrap();
        let found = roll.verify(role.word(), PASSWORD, now()).await.unwrap();
        assert_eq!((found.role, found.one_time_password), (role, false));
        assert_eq!(Role::parse(role.word()), Some(role));
    }
    assert_eq!(roll.list().await.unwrap().len(), Role::ALL.len());
    assert!(matches!(
        roll.add(&login("guard"), Role::Guard, PASSWORD, now()).await,
        Err(StaffError::Exists(_))
    ));
    let short = roll.add(&login("x"), Role::Guard, "1234567", now()).await;
    assert!(matches!(short, Err(StaffError::PasswordForm)));
    for (login, password) in
        [("guard", "wrong"), ("nobody", PASSWORD), ("a b", PASSWORD), ("guard", &"x".repeat(2000))]
    {
        assert!(matches!(roll.verify(login, password, now()).await, Err(StaffError::Failed)), "{login}");
    }
}

pub async fn the_first_administrator(place: Place) {
    let roll = roll(&place).await;
    let password = roll.add_first(&login("admin"), now()).await.unwrap();
    let found = roll.verify("admin", &password, now()).await.unwrap();
    assert_eq!((found.role, found.one_time_password), (Role::Administrator, true));
    assert!(matches!(roll.add_first(&login("other"), now()).await, Err(StaffError::NotFirst)));
}

pub async fn a_password_is_changed_by_who_knows_it(place: Place) {
    let roll = roll(&place).await;
    let first = roll.add_first(&login("admin"), now()).await.unwrap();
    let change = async |old: &str, new: &str| roll.change_password("admin", old, new, now()).await;
    assert!(matches!(change("wrong", PASSWORD).await, Err(StaffError::Failed)));
    assert!(matches!(change(&first, "1234567").await, Err(StaffError::PasswordForm)));
    assert!(matches!(change(&first, &first).await, Err(StaffError::SamePassword)));
    assert!(roll.verify("admin", &first, now()).await.unwrap().one_time_password, "nothing changed");
    change(&first, PASSWORD).await.unwrap();
    assert!(matches!(roll.verify("admin", &first, now()).await, Err(StaffError::Failed)));
    assert!(!roll.verify("admin", PASSWORD, now()).await.unwrap().one_time_password);
}

pub async fn wrong_passwords_wait(place: Place) {
    let roll = roll(&place).await;
    roll.add(&login("secu"), Role::Security, PASSWORD, now()).await.unwrap();
    for name in ["secu", "nobody"] {
        for _ in 0..3 {
            assert!(matches!(roll.verify(name, "wrong", now()).await, Err(StaffError::Failed)));
        }
        let waits = roll.verify(name, PASSWORD, after(1)).await;
        assert!(
            matches!(waits, Err(StaffError::TooManyTries { retry_after_seconds: 4 })),
            "{name}: {waits:?}"
        );
    }
    assert!(roll.verify("secu", PASSWORD, after(5)).await.is_ok());
}

pub async fn roles_change_and_an_administrator_stays(place: Place) {
    let roll = roll(&place).await;
    let first = roll.add_one_time(&login("a1"), Role::Administrator, now()).await.unwrap();
    let only = roll.set_role(&login("a1"), Role::Guard).await;
    assert!(matches!(only, Err(StaffError::LastAdministrator(_))));
    roll.set_role(&login("a1"), Role::Administrator).await.unwrap();
    assert!(matches!(roll.set_role(&login("a9"), Role::Guard).await, Err(StaffError::Unknown(_))));
    roll.add(&login("a2"), Role::Guard, PASSWORD, now()).await.unwrap();
    roll.set_role(&login("a2"), Role::Administrator).await.unwrap();
    roll.set_role(&login("a1"), Role::Guard).await.unwrap();
    let last = roll.set_role(&login("a2"), Role::Auditor).await;
    assert!(matches!(last, Err(StaffError::LastAdministrator(_))));

    let second = roll.reset_password(&login("a2")).await.unwrap();
    assert!(matches!(roll.verify("a2", PASSWORD, now()).await, Err(StaffError::Failed)));
    let found = roll.verify("a2", &second, after(60)).await.unwrap();
    assert!(found.one_time_password && found.role == Role::Administrator && first != second);
    assert!(matches!(roll.reset_password(&login("a9")).await, Err(StaffError::Unknown(_))));
}
