//! The sample people and staff of tests and demo. All of them are invented and say so in their names.

/// A detained person of the samples.
#[derive(Clone, Copy)]
pub struct Person {
    pub id: &'static str,
    pub name: &'static str,
    pub pin: &'static str,
    pub groups: &'static [&'static str],
}

#[derive(Clone, Copy)]
pub struct Staff {
    pub login: &'static str,
    pub role: &'static str,
    pub password: &'static str,
}

pub const CAMILLE: Person =
    Person { id: "camille", name: "Camille Exemple", pin: "271828", groups: &["demarches"] };
pub const SACHA: Person =
    Person { id: "sacha", name: "Sacha Exemple", pin: "314159", groups: &["formation"] };

/// Staff's test person, whose steps may be recorded to learn them.
pub const ESSAI: Person =
    Person { id: "essai", name: "Essai du personnel", pin: "161803", groups: &["staff-test"] };

pub const PEOPLE: &[Person] = &[CAMILLE, SACHA, ESSAI];

pub const STAFF: &[Staff] = &[
    Staff { login: "exemple-securite-1", role: "security", password: "exemple-mot-de-passe-1" },
    Staff { login: "exemple-securite-2", role: "security", password: "exemple-mot-de-passe-2" },
    Staff { login: "exemple-auditeur", role: "auditor", password: "exemple-mot-de-passe-3" },
    COUNSELLOR,
    Staff { login: "exemple-referent", role: "referent", password: "exemple-mot-de-passe-5" },
    GUARD,
    ADMINISTRATOR,
];

pub const COUNSELLOR: Staff =
    Staff { login: "exemple-conseillere", role: "counsellor", password: "exemple-mot-de-passe-4" };
pub const GUARD: Staff =
    Staff { login: "exemple-surveillant", role: "guard", password: "exemple-mot-de-passe-6" };

pub const ADMINISTRATOR: Staff =
    Staff { login: "exemple-administration", role: "administrator", password: "exemple-mot-de-passe-7" };

/// Logins of those who accompany the sample people.
pub fn trio() -> impl Iterator<Item = &'static str> {
    let accompanies = |staff: &&Staff| ["counsellor", "referent", "guard"].contains(&staff.role);
    STAFF.iter().filter(accompanies).map(|staff| staff.login)
}

/// Two who may publish a policy together.
pub fn signers() -> [Staff; 2] {
    [STAFF[0], STAFF[1]]
}
