//! Everything a monitor reads at `/metrics`.

use passerelle_audit::SYNC_BOUNDS_MICROSECONDS;
use passerelle_policy::Reason;

use super::exposition::{Kind, Page};
use super::{Handshake, Metrics, Port, Unrecorded, process};
use crate::Gateway;

/// Endings that say something of an upstream or of the way to it.
const OF_UPSTREAMS: &[Reason] = &[
    Reason::Dns,
    Reason::PrivateAddress,
    Reason::Connect,
    Reason::TlsUpstream,
    Reason::UpstreamProtocol,
    Reason::Timeout,
    Reason::DownloadType,
    Reason::DownloadSize,
    Reason::UpstreamGone,
];

/// In Prometheus' text format.
pub(crate) fn page(gateway: &Gateway) -> String {
    let mut page = Page::default();
    build(&mut page);
    requests(&mut page, &gateway.metrics);
    connections(&mut page, &gateway.metrics);
    open(&mut page, gateway);
    journal(&mut page, gateway);
    process::add(&mut page);
    page.into_text()
}

fn build(page: &mut Page) {
    let mut family =
        page.family("passerelle_build_info", Kind::Gauge, "Always 1; its label says which version runs.");
    family.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let help =
        "Requests decided: allowed ones have an opening record, refused ones the reason they were told.";
    let mut family = page.family("passerelle_decisions_total", Kind::Counter, help);
    family.sample(&[("decision", "allow"), ("reason", "")], metrics.allowed.read());
    for (reason, count) in metrics.refused.read() {
        family.sample(&[("decision", "refuse"), ("reason", reason.as_str())], count);
    }
    let help = "Exchanges that are over, by the reason of their closing record; none is a normal end.";
    let mut family = page.family("passerelle_exchanges_ended_total", Kind::Counter, help);
    family.sample(&[("reason", "")], metrics.ended_well.read());
    for (reason, count) in metrics.ended.read() {
        family.sample(&[("reason", reason.as_str())], count);
    }
    let help = "Exchanges that an upstream, or the way to it, failed.";
    let mut family = page.family("passerelle_upstream_errors_total", Kind::Counter, help);
    for (reason, count) in metrics.ended.read().filter(|(reason, _)| OF_UPSTREAMS.contains(reason)) {
        family.sample(&[("reason", reason.as_str())], count);
    }
    let help =
        "Refusals without a record of their own: beyond the rate, while the journal takes nothing, or lost.";
    let mut family = page.family("passerelle_refusals_unrecorded_total", Kind::Counter, help);
    for why in Unrecorded::ALL {
        family.sample(&[("cause", why.as_str())], metrics.unrecorded[*why as usize].read());
    }
}

fn connections(page: &mut Page, metrics: &Metrics) {
    let help = "TLS handshakes with who came to us, by port and how they ended.";
    let mut family = page.family("passerelle_handshakes_total", Kind::Counter, help);
    for port in Port::ALL.iter().filter(|port| **port != Port::Metrics) {
        for outcome in Handshake::ALL {
            let count = metrics.handshakes[*port as usize][*outcome as usize].read();
            family.sample(&[("port", port.as_str()), ("result", outcome.as_str())], count);
        }
    }
    let ports = || Port::ALL.iter().filter(|port| **port != Port::Inspected);
    let mut family =
        page.family("passerelle_connections_accepted_total", Kind::Counter, "Connections accepted.");
    for port in ports() {
        family.sample(&[("port", port.as_str())], metrics.accepted[*port as usize].read());
    }
    let mut family = page.family("passerelle_connections_open", Kind::Gauge, "Connections open now.");
    for port in ports() {
        let over = metrics.over[*port as usize].read();
        let open = metrics.accepted[*port as usize].read().saturating_sub(over);
        family.sample(&[("port", port.as_str())], open);
    }
    page.counter(
        "passerelle_connections_crowded_total",
        "Connections closed because their terminal has all it may have.",
        metrics.crowded.read(),
    );
}

fn open(page: &mut Page, gateway: &Gateway) {
    page.gauge(
        "passerelle_exchanges_open",
        "Exchanges with an opening and no closing record: tunnels, and requests with their answers.",
        gateway.exchanges.count(),
    );
    let mut family = page.family("passerelle_tunnels_open", Kind::Gauge, "Tunnels open now, by mode.");
    let (tunnels, inspected) = gateway.exchanges.tunnels();
    family.sample(&[("mode", "tunnel")], tunnels);
    family.sample(&[("mode", "inspect")], inspected);
    page.gauge("passerelle_sessions_live", "People signed in.", gateway.sessions.live().len());
    page.gauge("passerelle_policy_version", "The policy in force.", gateway.policies.current().version);
    page.gauge("passerelle_catalogue_items", "Items of the catalogue.", gateway.catalogue.count());
}

fn journal(page: &mut Page, gateway: &Gateway) {
    let health = gateway.journal.health();
    page.counter("passerelle_journal_records_total", "Records of the journal on disk.", health.records);
    page.counter(
        "passerelle_journal_published_total",
        "Records of the journal under its last signed checkpoint.",
        health.published,
    );
    page.gauge("passerelle_journal_queued", "Records that wait for the journal's writer.", health.queued);
    page.gauge("passerelle_journal_openings_live", "Openings whose closing is not on disk yet.", health.live);
    page.gauge(
        "passerelle_journal_publishing_lag_seconds",
        "How long something recorded has waited for a signed checkpoint.",
        health.behind.as_secs_f64(),
    );
    page.gauge(
        "passerelle_journal_writable",
        "1 while the journal takes records; without it nothing passes.",
        u8::from(health.failure.is_none()),
    );
    let bounds = SYNC_BOUNDS_MICROSECONDS.map(|microseconds| microseconds as f64 / 1e6);
    let times = gateway.journal.sync_times();
    page.family("passerelle_journal_sync_seconds", Kind::Histogram, "How long the journal's syncs took.")
        .histogram(&bounds, &times.counts, times.sum.as_secs_f64());
}
