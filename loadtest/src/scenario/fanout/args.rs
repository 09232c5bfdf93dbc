//! The flags of `fanout`.

use clap::Args as ClapArgs;

use crate::setup::SetupArgs;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) setup: SetupArgs,
    /// The number of subscribers of the channel. They are spread evenly over the sessions.
    #[arg(long = "connections", default_value_t = 1000)]
    pub(super) count: usize,
    /// The number of users.
    #[arg(long, default_value_t = 100)]
    pub(super) users: usize,
    /// The number of publications. The connections publish in turn.
    #[arg(long, default_value_t = 100)]
    pub(super) publications: usize,
    /// Bytes of data in each publication.
    #[arg(long, default_value_t = 100)]
    pub(super) size: usize,
    /// Publications per second, whether or not earlier ones have been delivered (an open loop). Latencies then count from the
    /// time when a publication was due. With 0, each publication is sent when all subscribers have the previous one.
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    pub(super) rate: f64,
    /// Fail if the 99th percentile from publication to delivery is above this many milliseconds.
    #[arg(long)]
    pub(super) within: Option<f64>,
    /// Fail if a delivery takes more than this many microseconds of the server's CPU time.
    #[arg(long)]
    pub(super) cpu_at_most: Option<f64>,
    /// With 1, publish everything twice: first while all subscribers read, then while one of them does not.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub(super) stalled: u8,
}

/// Reads a rate, which is finite and not negative.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number is needed".to_owned())?;
    if rate.is_finite() && rate >= 0.0 {
        Ok(rate)
    } else {
        Err("a finite rate of 0 or more is needed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_finite_and_not_negative() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for wrong in ["-1", "inf", "NaN", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
