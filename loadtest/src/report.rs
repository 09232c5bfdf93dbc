//! The result of a scenario: figures and failed checks, as a table or as JSON.

use std::{process::ExitCode, time::Duration};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

/// The largest number of failed checks that are printed.
const SHOWN: usize = 20;

/// Figures and checks.
#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    notes: Vec<String>,
    checks: usize,
    broken: Vec<String>,
}

/// One row. The name of a measurement ends with its unit, for example `_ms`, `_kib` or `_per_second`.
struct Figure {
    name: &'static str,
    shown: String,
    value: Value,
}

impl Report {
    /// Adds a count.
    pub(crate) fn count(&mut self, name: &'static str, value: usize) {
        self.figures.push(Figure { name, shown: value.to_string(), value: json!(value) });
    }

    /// Adds a measurement.
    pub(crate) fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.push(Figure { name, shown: format!("{value:.2}"), value: json!(value) });
    }

    /// Adds a figure that is a word, such as the transport.
    pub(crate) fn kind(&mut self, name: &'static str, value: &'static str) {
        self.figures.push(Figure { name, shown: value.to_owned(), value: json!(value) });
    }

    /// Adds a distribution of times.
    pub(crate) fn latencies(&mut self, name: &'static str, times: &Latencies) {
        self.figures.push(Figure { name, shown: times.shown(), value: times.value() });
    }

    /// Adds a remark that the reader of the figures needs.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds a check. `description` describes a failure.
    pub(crate) fn check(&mut self, passed: bool, description: impl FnOnce() -> String) {
        self.checks += 1;
        if !passed {
            self.broken.push(description());
        }
    }

    /// Prints the report, as a table or as one JSON object. The exit code is a failure if a check failed.
    pub(crate) fn conclude(self, scenario: &str, as_json: bool) -> ExitCode {
        if as_json {
            println!("{}", self.object(scenario));
        } else {
            print!("{}", self.table(scenario));
        }
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn object(&self, scenario: &str) -> Value {
        let figures: Map<String, Value> =
            self.figures.iter().map(|figure| (figure.name.to_owned(), figure.value.clone())).collect();
        json!({
            "scenario": scenario,
            "ok": self.broken.is_empty(),
            "checks": self.checks,
            "broken": self.broken.iter().take(SHOWN).collect::<Vec<_>>(),
            "broken_in_all": self.broken.len(),
            "notes": self.notes,
            "figures": figures,
        })
    }

    fn table(&self, scenario: &str) -> String {
        let mut text = format!("{scenario}\n");
        let mut line = |start: &str, rest: &str| {
            text.push_str(&format!("  {start:<34} {rest}"));
            text.truncate(text.trim_end().len());
            text.push('\n');
        };
        for Figure { name, shown, .. } in &self.figures {
            line(&name.replace('_', " "), shown);
        }
        for note in &self.notes {
            line("note", note);
        }
        for what in self.broken.iter().take(SHOWN) {
            line("BROKEN", what);
        }
        if self.broken.len() > SHOWN {
            line("BROKEN", &format!("… and {} more", self.broken.len() - SHOWN));
        }
        if self.checks > 0 {
            line("checks", &format!("{}, {} broken", self.checks, self.broken.len()));
        }
        text
    }

    #[cfg(test)]
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }
}

/// A histogram of times between a microsecond and a minute.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Adds the times of another distribution.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all distributions have the same bounds");
    }

    /// The number of times.
    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.0.len()).unwrap_or(usize::MAX)
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    fn millis(&self) -> [f64; 4] {
        [0.5, 0.9, 0.99, 1.0].map(|quantile| self.quantile(quantile).as_secs_f64() * 1e3)
    }

    fn shown(&self) -> String {
        let [p50, p90, p99, max] = self.millis();
        let samples = self.0.len();
        format!("p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2}, max {max:.2} ms ({samples} samples)")
    }

    fn value(&self) -> Value {
        let [p50, p90, p99, max] = self.millis();
        json!({"samples": self.0.len(), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max})
    }
}

/// A progress bar on standard error.
pub(crate) fn progress(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} {per_sec} {elapsed}");
    ProgressBar::new(total as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_recorded_times() {
        let mut latencies = Latencies::new();
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis));
        }
        let p50 = latencies.quantile(0.5).as_secs_f64();
        assert!((p50 - 0.050).abs() < 0.000_1, "{p50}");
        latencies.record(Duration::from_secs(1_000_000));
        latencies.record(Duration::ZERO);
        assert!(latencies.quantile(1.0) >= Duration::from_secs(60));
    }

    #[test]
    fn one_failed_check_makes_the_exit_code_a_failure() {
        let mut report = Report::default();
        report.check(true, || "kept".to_owned());
        report.check(false, || "lost".to_owned());
        assert_eq!(report.broken(), ["lost"]);
        assert_eq!(format!("{:?}", report.conclude("test", true)), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn the_table_and_the_json_object_contain_the_same_figures() {
        let mut report = Report::default();
        let mut times = Latencies::new();
        times.record(Duration::from_millis(2));
        report.count("deliveries", 7);
        report.figure("server_cpu_ms", 1.5);
        report.latencies("delivery", &times);
        report.note("loopback");
        let object = report.object("fanout");
        assert_eq!((&object["scenario"], &object["ok"]), (&json!("fanout"), &json!(true)));
        assert_eq!(object["figures"]["deliveries"], 7);
        assert_eq!(object["figures"]["delivery"]["samples"], 1);
        let table = report.table("fanout");
        assert!(table.starts_with("fanout\n") && table.contains("server cpu ms"), "{table}");
        assert!(table.contains("p50 2.00, p90 2.00") && table.contains("loopback"), "{table}");
    }
}
