//! What a scenario found: figures on standard output, and the promises that were broken.

use std::{process::ExitCode, time::Duration};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};

/// The most broken promises that are printed.
const SHOWN: usize = 20;

/// Promises that were checked.
#[derive(Default)]
pub(crate) struct Checks {
    made: usize,
    broken: Vec<String>,
}

impl Checks {
    /// Notes whether a promise was kept; `what` says what was found instead.
    pub(crate) fn check(&mut self, kept: bool, what: impl FnOnce() -> String) {
        self.made += 1;
        if !kept {
            self.broken.push(what());
        }
    }

    /// Prints the outcome.
    pub(crate) fn conclude(self) -> ExitCode {
        for what in self.broken.iter().take(SHOWN) {
            println!("BROKEN  {what}");
        }
        if self.broken.len() > SHOWN {
            println!("BROKEN  … and {} more", self.broken.len() - SHOWN);
        }
        if self.made > 0 {
            println!("{} checks, {} broken", self.made, self.broken.len());
        }
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    #[cfg(test)]
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }
}

/// Times from a microsecond to a minute.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    /// One line of figures in milliseconds.
    pub(crate) fn print(&self, name: &str) {
        let millis = |quantile| self.quantile(quantile).as_secs_f64() * 1e3;
        println!(
            "{name}: {} samples, p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            self.0.len(),
            millis(0.5),
            millis(0.9),
            millis(0.99),
            millis(1.0)
        );
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
    fn latencies_are_quantiles_of_what_was_recorded() {
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
    fn one_broken_promise_is_a_failure() {
        let mut checks = Checks::default();
        checks.check(true, || "kept".to_owned());
        checks.check(false, || "lost".to_owned());
        assert_eq!(checks.broken(), ["lost"]);
        assert_eq!(format!("{:?}", checks.conclude()), format!("{:?}", ExitCode::FAILURE));
    }
}
