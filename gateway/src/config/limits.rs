//! `[limits]`: the bound of every head, body, wait and crowd, and what the parts of the gateway make of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one peer may hold or send. Why each value: see [`TEMPLATE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// To receive a whole request head or ClientHello.
    #[serde(deserialize_with = "super::within::<1, 600, _, _>")]
    pub head_seconds: u64,
    #[serde(deserialize_with = "super::within::<4096, 1048576, _, _>")]
    pub head_bytes: usize,
    /// Header lines of one head.
    #[serde(deserialize_with = "super::within::<10, 1000, _, _>")]
    pub headers: usize,
    /// At most the contract's 8 KiB: records hold it whole.
    #[serde(deserialize_with = "super::within::<256, 8192, _, _>")]
    pub target_bytes: usize,
    /// Without a byte of a body, either way.
    #[serde(deserialize_with = "super::within::<1, 3600, _, _>")]
    pub idle_body_seconds: u64,
    /// Between two requests of a connection kept alive.
    #[serde(deserialize_with = "super::within::<1, 3600, _, _>")]
    pub idle_connection_seconds: u64,
    /// All tries of one name together.
    #[serde(deserialize_with = "super::within::<1, 60, _, _>")]
    pub dns_seconds: u64,
    /// TCP and TLS to one upstream address.
    #[serde(deserialize_with = "super::within::<1, 300, _, _>")]
    pub connect_seconds: u64,
    /// From a request sent to the head of its answer.
    #[serde(deserialize_with = "super::within::<1, 3600, _, _>")]
    pub answer_seconds: u64,
    #[serde(deserialize_with = "super::within::<1, 24, _, _>")]
    pub tunnel_hours: u64,
    /// Without a byte through a tunnel.
    #[serde(deserialize_with = "super::within::<10, 86400, _, _>")]
    pub idle_tunnel_seconds: u64,
    /// Of one answer's body.
    #[serde(deserialize_with = "super::within::<1024, 1099511627776, _, _>")]
    pub download_bytes: u64,
    /// Per session; beyond it 429 and only counted.
    #[serde(deserialize_with = "super::within::<1, 10000, _, _>")]
    pub recorded_refusals_per_second: u32,
    /// Of all terminals together.
    #[serde(deserialize_with = "super::within::<1, 1000000, _, _>")]
    pub connections: usize,
    #[serde(deserialize_with = "super::within::<1, 10000, _, _>")]
    pub connections_per_terminal: usize,
    /// Handshakes under way at once on the terminal port, of everybody; beyond it the oldest makes room.
    #[serde(deserialize_with = "super::within::<16, 10000, _, _>")]
    pub handshakes: usize,
    /// Tunnels, requests and WebSockets live at once; beyond it 429.
    #[serde(deserialize_with = "super::within::<16, 16384, _, _>")]
    pub exchanges_per_terminal: usize,
    /// Opening records of one terminal on their way to disk at once; more wait for these.
    #[serde(deserialize_with = "super::within::<1, 10000, _, _>")]
    pub openings_per_terminal: usize,
    /// Leaves that one terminal may have minted in a minute, those kept in memory not counted; beyond it 429.
    #[serde(deserialize_with = "super::within::<1, 1000000, _, _>")]
    pub leaves_per_minute: u32,
    /// HTTP/2 streams open at once on one connection.
    #[serde(deserialize_with = "super::within::<1, 1000, _, _>")]
    pub streams_per_connection: u32,
    /// A JSON body of the kiosk API.
    #[serde(deserialize_with = "super::within::<1024, 1048576, _, _>")]
    pub api_body_bytes: usize,
    /// Of all files that staff add to the catalogue at once, over the console.
    #[serde(deserialize_with = "super::within::<1048576, 1099511627776, _, _>")]
    pub upload_bytes: u64,
    /// Minted leaves kept in memory.
    #[serde(deserialize_with = "super::within::<1, 100000, _, _>")]
    pub leaves: usize,
    /// Life of a minted leaf; browsers refuse more than 397.
    #[serde(deserialize_with = "super::within::<1, 90, _, _>")]
    pub leaf_days: u32,
    /// What live exchanges get to end by themselves when the gateway stops.
    #[serde(deserialize_with = "super::within::<0, 300, _, _>")]
    pub stop_seconds: u64,
}

impl Limits {
    /// For the judges of HTTP heads.
    pub fn strict(&self) -> crate::strict_http1::Limits {
        crate::strict_http1::Limits {
            head_bytes: self.head_bytes,
            headers: self.headers,
            target_bytes: self.target_bytes,
            head_seconds: self.head_seconds,
            idle_body_seconds: self.idle_body_seconds,
            idle_seconds: self.idle_connection_seconds,
        }
    }

    pub fn dial(&self) -> crate::proxy::dial::DialLimits {
        crate::proxy::dial::DialLimits {
            resolve: Duration::from_secs(self.dns_seconds),
            connect: Duration::from_secs(self.connect_seconds),
            handshake: Duration::from_secs(self.connect_seconds),
        }
    }

    /// For a whole head, ClientHello or handshake.
    pub fn head(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }

    pub fn idle_body(&self) -> Duration {
        Duration::from_secs(self.idle_body_seconds)
    }

    /// Without a byte: of a tunnel, whose silence says nothing, or of a request and its answer.
    pub fn idle(&self, tunnel: bool) -> Duration {
        Duration::from_secs(if tunnel { self.idle_tunnel_seconds } else { self.idle_body_seconds })
    }

    pub fn answer(&self) -> Duration {
        Duration::from_secs(self.answer_seconds)
    }

    pub fn tunnel(&self) -> Duration {
        Duration::from_secs(self.tunnel_hours * 3600)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_seconds: 10,
            head_bytes: 65_536,
            headers: 100,
            target_bytes: 8192,
            idle_body_seconds: 60,
            idle_connection_seconds: 120,
            dns_seconds: 5,
            connect_seconds: 10,
            answer_seconds: 60,
            tunnel_hours: 4,
            idle_tunnel_seconds: 600,
            download_bytes: 2 << 30,
            recorded_refusals_per_second: 20,
            connections: 4096,
            connections_per_terminal: 64,
            handshakes: 512,
            exchanges_per_terminal: 2048,
            openings_per_terminal: 32,
            leaves_per_minute: 300,
            streams_per_connection: 100,
            api_body_bytes: 65_536,
            upload_bytes: 64 << 30,
            leaves: 1024,
            leaf_days: 7,
            stop_seconds: 10,
        }
    }
}
