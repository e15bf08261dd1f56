//! The pretended Internet of the end-to-end tests, and the policy that goes with it.
//!
//! Every host of the policy has an upstream that counts what reaches it; so have the hosts that must never be reached.

use anyhow::Result;
use jiff::{ToSpan, Zoned};
use std::sync::Arc;

use crate::{
    Setup, Stand,
    authority::Authority,
    names::Names,
    upstream::{Behaviour, Upstream},
};

/// A page host with restricted paths, queries and methods.
pub const OPEN: &str = "ouvert.example";
/// A page host read by GET alone; WebSocket is allowed.
pub const READ: &str = "lecture.example";
/// Plain http, port 80.
pub const PLAIN: &str = "clair.example";
pub const TUNNEL: &str = "tunnel.example";
/// Allowed, takes everything and answers nothing.
pub const SILENT: &str = "muet.example";
/// Allowed, speaks before it was asked.
pub const FORWARD: &str = "bavard.example";
/// Allowed, answers with two framings at once.
pub const LIAR: &str = "menteur.example";

const INSPECTED: [&str; 6] =
    [OPEN, READ, "autre.example", "www.large.example", "ressource.example", "groupe.example"];
/// Known to the resolver and refused by the policy: no byte may come here.
const FORBIDDEN: [&str; 7] = [
    "ailleurs.example",
    "refuse.example",
    "sous.refuse.example",
    "refuse.large.example",
    "expire.example",
    "ferme.example",
    "large.example",
];

/// Two framings, one answer: what smuggles a second answer into a kept connection.
const TWO_FRAMINGS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";

pub struct Internet {
    pub inspected: Upstream,
    pub plain: Upstream,
    pub tunnel: Upstream,
    pub silent: Upstream,
    pub forward: Upstream,
    pub liar: Upstream,
    pub forbidden: Upstream,
    pub names: Names,
}

impl Internet {
    pub async fn start(authority: &Authority) -> Result<Internet> {
        let both = ["h2", "http/1.1"];
        let http1 = ["http/1.1"];
        let liar = Behaviour::Answer(TWO_FRAMINGS.to_vec());
        let early = Behaviour::SpeakFirst(b"220 smtp.exemple ESMTP\r\n".to_vec());
        let forbidden = authority.server(&FORBIDDEN, &both)?;
        Ok(Internet {
            inspected: Upstream::tls(authority.server(&INSPECTED, &both)?, Behaviour::Http).await?,
            plain: Upstream::plain(Behaviour::Http).await?,
            tunnel: Upstream::tls(authority.server(&[TUNNEL], &http1)?, Behaviour::Http).await?,
            silent: Upstream::tls(authority.server(&[SILENT], &http1)?, Behaviour::Stall).await?,
            forward: Upstream::plain(early).await?,
            liar: Upstream::tls(authority.server(&[LIAR], &http1)?, liar).await?,
            forbidden: Upstream::tls(forbidden, Behaviour::Http).await?,
            names: Names::start().await?,
        })
    }

    /// A setup with the tests' policy, all hosts known.
    pub fn setup(&self, authority: Arc<Authority>) -> Setup {
        let mut setup = Setup::new(authority, policy()).resolver(self.names.address());
        for (hosts, upstream) in [
            (&INSPECTED[..], &self.inspected),
            (&FORBIDDEN[..], &self.forbidden),
            (&[TUNNEL], &self.tunnel),
            (&[SILENT], &self.silent),
            (&[FORWARD], &self.forward),
            (&[LIAR], &self.liar),
        ] {
            for host in hosts {
                setup = setup.resolve(&format!("{host}:443"), upstream.address());
            }
        }
        setup
            .resolve(&format!("{PLAIN}:80"), self.plain.address())
            .resolve("ailleurs.example:80", self.forbidden.address())
    }

    /// A Stand on this Internet.
    pub async fn stand() -> Result<(Internet, Stand)> {
        Internet::stand_with("").await
    }

    /// A Stand on this Internet with more lines for `gateway.toml`.
    pub async fn stand_with(settings: &str) -> Result<(Internet, Stand)> {
        let authority = Arc::new(Authority::new("Internet d'exemple")?);
        let internet = Internet::start(&authority).await?;
        let stand = internet.setup(authority).settings(settings).start()?;
        Ok((internet, stand))
    }

    /// Bytes that reached any upstream so far.
    pub fn received_bytes(&self) -> u64 {
        self.all().iter().map(|upstream| upstream.tally().received_bytes()).sum()
    }

    /// Connections that reached any upstream so far.
    pub fn connections(&self) -> u64 {
        self.all().iter().map(|upstream| upstream.tally().connections()).sum()
    }

    fn all(&self) -> [&Upstream; 7] {
        [&self.inspected, &self.plain, &self.tunnel, &self.silent, &self.forward, &self.liar, &self.forbidden]
    }
}

/// The tests' policy, its closed service open on some other day of the week than today.
pub fn policy() -> String {
    let day = (Zoned::now() + 3.days()).strftime("%a").to_string().to_lowercase();
    include_str!("internet/policy.toml").replace("{another_day}", &day)
}

/// The same with so many minutes a day for its first service, `essai`.
pub fn limited_to(minutes: u32) -> String {
    policy().replacen("category =", &format!("minutes_per_day = {minutes}\ncategory ="), 1)
}
