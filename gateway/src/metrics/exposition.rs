//! Prometheus' text format, version 0.0.4: a family is its HELP and TYPE lines, then its samples.

use std::fmt::{Display, Write as _};

/// What `Content-Type` names this format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone, Copy)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The page while it is written.
#[derive(Default)]
pub struct Page(String);

/// One family while its samples are written.
pub struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    /// `help` is one line without a backslash.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: &mut self.0, name }
    }

    pub fn counter(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Counter, help).sample(&[], value);
    }

    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help).sample(&[], value);
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Label values need no escaping: they stand in this program, or are versions.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, value);
    }

    /// `counts` a bucket each, not cumulative, the last one beyond every bound (in seconds).
    pub fn histogram(&mut self, bounds: &[f64], counts: &[u64], sum_seconds: f64) {
        let mut total = 0;
        for (number, count) in counts.iter().enumerate() {
            total += count;
            let bound = bounds.get(number).map_or("+Inf".into(), f64::to_string);
            self.line("_bucket", &[("le", &bound)], total);
        }
        self.line("_sum", &[], sum_seconds);
        self.line("_count", &[], total);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.page, "{}{suffix}", self.name);
        for (number, (label, worth)) in labels.iter().enumerate() {
            let _ = write!(self.page, "{}{label}=\"{worth}\"", if number == 0 { "{" } else { "," });
        }
        let _ = writeln!(self.page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_made_of_families() {
        let mut page = Page::default();
        page.gauge("a", "One.", 3);
        let mut family = page.family("b_total", Kind::Counter, "Two.");
        family.sample(&[("x", "1")], 4);
        family.sample(&[("x", "2"), ("y", "3")], 5);
        page.family("c_seconds", Kind::Histogram, "Three.").histogram(&[0.001, 0.5], &[1, 0, 2], 2.5);
        insta::assert_snapshot!(page.into_text(), @r#"
        # HELP a One.
        # TYPE a gauge
        a 3
        # HELP b_total Two.
        # TYPE b_total counter
        b_total{x="1"} 4
        b_total{x="2",y="3"} 5
        # HELP c_seconds Three.
        # TYPE c_seconds histogram
        c_seconds_bucket{le="0.001"} 1
        c_seconds_bucket{le="0.5"} 1
        c_seconds_bucket{le="+Inf"} 3
        c_seconds_sum 2.5
        c_seconds_count 3
        "#);
    }
}
