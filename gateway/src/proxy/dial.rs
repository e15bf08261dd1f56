//! From a name to a connection: resolve once, judge every address, dial the judged one, verify who answers.
//!
//! Called by `tunnel` and `forward` with a permit in hand, so the opening record is on disk before the first DNS query.
//! Invariants: the address that is dialled is one that was judged, on every retry too; one forbidden address in an answer
//! refuses the whole answer; search domains and single-label names never play a part, since names are asked as absolute ones.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use passerelle_policy::{Host, Reason};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::is_public;
use crate::config::{Resolver, Upstream};

/// Names that a resolver may keep, so that a page with fifty pictures asks once.
const CACHED_NAMES: u64 = 1024;
/// Addresses of one answer that are tried: enough for a dead IPv6 route, too few for a scan.
const TRIED_ADDRESSES: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the resolver can't be set up")]
    Resolver(#[source] hickory_resolver::net::NetError),
}

/// Time limits on the way to an upstream.
#[derive(Clone, Copy, Debug)]
pub struct DialLimits {
    /// For one resolution, retries included.
    pub resolve: Duration,
    /// For one address.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
}

pub struct Dialer {
    resolver: TokioResolver,
    /// The administrator's word (`[upstream] resolve`): the one way to a private address.
    fixed: Upstream,
    /// Addresses we listen on ourselves: never an upstream.
    own: OnceLock<Vec<SocketAddr>>,
    tls: Arc<ClientConfig>,
    limits: DialLimits,
}

/// A connection to an address that was judged.
pub struct Dialled {
    pub stream: TcpStream,
    pub address: SocketAddr,
}

/// Which HTTP versions are offered to an upstream (ALPN).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    Http2And1,
    Http1,
}

impl Dialer {
    pub fn new(upstream: &Upstream, tls: ClientConfig, limits: DialLimits) -> Result<Dialer, DialError> {
        let resolver = resolver(&upstream.resolvers, limits)?;
        Ok(Dialer { resolver, fixed: upstream.clone(), own: OnceLock::new(), tls: Arc::new(tls), limits })
    }

    /// Tells where we listen ourselves. Once, before the first connection.
    pub fn never_dial(&self, own: Vec<SocketAddr>) {
        let _ = self.own.set(own);
    }

    /// Resolves, judges and connects.
    ///
    /// Errors: `dns`, `private-address`, `our-own-name`, `connect`, `timeout`, each with the address where one is known.
    pub async fn dial(&self, host: &Host, port: u16) -> Result<Dialled, (Reason, Option<SocketAddr>)> {
        let addresses = self.resolve(host, port).await?;
        let mut failure = (Reason::Connect, None);
        for address in addresses.into_iter().take(TRIED_ADDRESSES) {
            match timeout(self.limits.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(Dialled { stream, address });
                }
                Ok(Err(_)) => failure = (Reason::Connect, Some(address)),
                Err(_) => failure = (Reason::Timeout, Some(address)),
            }
        }
        Err(failure)
    }

    /// The judged addresses of a name, in the order in which they are tried.
    async fn resolve(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, (Reason, Option<SocketAddr>)> {
        if let Some(address) = self.fixed.resolved(host.as_str(), port) {
            return match self.is_ours(address) {
                true => Err((Reason::OurOwnName, Some(address))),
                false => Ok(vec![address]),
            };
        }
        let absolute = format!("{}.", host.as_str());
        let answer = match timeout(self.limits.resolve, self.resolver.lookup_ip(absolute)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => return Err((Reason::Dns, None)),
        };
        let addresses: Vec<_> = answer.iter().map(|ip| SocketAddr::new(ip, port)).collect();
        if let Some(forbidden) =
            addresses.iter().find(|address| !is_public(address.ip()) || self.is_ours(**address))
        {
            return Err((Reason::PrivateAddress, Some(*forbidden)));
        }
        if addresses.is_empty() { Err((Reason::Dns, None)) } else { Ok(addresses) }
    }

    /// One of our own listeners, by whichever of this machine's addresses.
    fn is_ours(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical(); // ::ffff:127.0.0.1 is 127.0.0.1
        self.own.get().into_iter().flatten().any(|own| {
            let reaches = own.ip() == ip || ip.is_unspecified() || own.ip().is_unspecified() && is_local(ip);
            own.port() == address.port() && reaches
        })
    }

    /// TLS to `host`, verified; the stream's ALPN says which HTTP version was agreed on.
    ///
    /// Errors: `tls-upstream`, `timeout`.
    pub async fn secure(
        &self,
        host: &Host,
        stream: TcpStream,
        offer: Offer,
    ) -> Result<TlsStream<TcpStream>, Reason> {
        let name = ServerName::try_from(host.as_str().to_owned()).map_err(|_| Reason::TlsUpstream)?;
        let alpn: &[&[u8]] = match offer {
            Offer::Http2And1 => &[crate::tls::H2, crate::tls::HTTP1],
            Offer::Http1 => &[crate::tls::HTTP1],
        };
        let connector = TlsConnector::from(self.tls.clone());
        let connector = connector.with_alpn(alpn.iter().map(|name| name.to_vec()).collect());
        match timeout(self.limits.handshake, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err(Reason::TlsUpstream),
            Err(_) => Err(Reason::Timeout),
        }
    }
}

fn is_local(address: IpAddr) -> bool {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let mut local = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    address.is_loopback() || address.is_unspecified() || local.any(|own| own == address)
}

fn resolver(names: &[Resolver], limits: DialLimits) -> Result<TokioResolver, DialError> {
    let provider = TokioRuntimeProvider::default();
    let system = names.contains(&Resolver::System);
    let mut builder = if system {
        TokioResolver::builder(provider).map_err(DialError::Resolver)?
    } else {
        let servers = names.iter().filter_map(nameserver).collect();
        TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), provider)
    };
    let options = builder.options_mut();
    options.use_hosts_file = if system { ResolveHosts::Always } else { ResolveHosts::Never };
    options.cache_size = CACHED_NAMES;
    options.timeout = limits.resolve / 3; // so that one retry fits into the whole
    builder.build().map_err(DialError::Resolver)
}

fn nameserver(resolver: &Resolver) -> Option<NameServerConfig> {
    let Resolver::Server(address) = resolver else { return None };
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections.iter_mut().for_each(|connection| connection.port = address.port());
    Some(server)
}
