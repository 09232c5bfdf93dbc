//! When the certificate of an ACME server is renewed, and the wait between a failed attempt and the next one.
//!
//! `acme` in the server crate asks these rules.

use std::time::Duration;

use time::OffsetDateTime;

/// The step of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStep {
    /// A file could not be read or written. The authority is not asked before the files can be used.
    Storage,
    /// Nothing was ordered: the database or the directory could not be reached, or the authority has refused the request.
    Contact,
    /// An order was made. Authorities allow only a few failed validations per hour, so the next attempt must wait longer.
    Order,
}

/// The failed attempts since the last success. Each step has a number of its own, because the steps wait on different scales.
/// An hour of an unreachable authority must not make the first failed order wait for hours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures {
    storage: u32,
    contact: u32,
    order: u32,
}

impl Failures {
    /// Counts a failure of this step. Returns how often the step has failed since the last success.
    pub fn count(&mut self, step: FailedStep) -> u32 {
        let failures = match step {
            FailedStep::Storage => &mut self.storage,
            FailedStep::Contact => &mut self.contact,
            FailedStep::Order => &mut self.order,
        };
        *failures = failures.saturating_add(1);
        *failures
    }
}

/// When a certificate with this validity is renewed: when a third of its life is left.
#[must_use]
pub fn renew_at(begins_at: OffsetDateTime, ends_at: OffsetDateTime) -> OffsetDateTime {
    ends_at - (ends_at - begins_at) / 3
}

/// How long to wait after this many failures of this step ([`Failures::count`]). The time doubles with each attempt. `jitter`
/// is a random number from 0 to 1. It shortens the time by up to a quarter, so that servers with simultaneous failures do not
/// try again together.
#[must_use]
pub fn retry_after(failures: u32, step: FailedStep, jitter: f64) -> Duration {
    let (first, longest) = match step {
        FailedStep::Storage => (Duration::from_secs(1), Duration::from_secs(60)),
        FailedStep::Contact => (Duration::from_secs(1), Duration::from_secs(60 * 60)),
        FailedStep::Order => (Duration::from_secs(300), Duration::from_secs(6 * 60 * 60)),
    };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
    doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let begin = datetime!(2026-01-01 00:00 UTC);
        assert_eq!(renew_at(begin, begin + time::Duration::days(90)), begin + time::Duration::days(60));
        assert_eq!(renew_at(begin, begin + time::Duration::days(6)), begin + time::Duration::days(4));
    }

    #[test]
    fn the_wait_doubles_up_to_a_bound_and_is_longer_after_an_order() {
        let waits = |step| [1, 2, 3, 30].map(|failures| retry_after(failures, step, 0.0).as_secs());
        assert_eq!(waits(FailedStep::Storage), [1, 2, 4, 60]);
        assert_eq!(waits(FailedStep::Contact), [1, 2, 4, 3_600]);
        assert_eq!(waits(FailedStep::Order), [300, 600, 1_200, 21_600]);
        assert_eq!(retry_after(2, FailedStep::Order, 1.0).as_secs(), 450);
    }

    #[test]
    fn each_step_counts_its_own_failures() {
        use FailedStep::{Contact, Order, Storage};
        let mut failures = Failures::default();
        let steps = [Contact, Contact, Contact, Order, Storage, Contact, Order];
        let waits = steps.map(|step| retry_after(failures.count(step), step, 0.0).as_secs());
        assert_eq!(waits, [1, 2, 4, 300, 1, 8, 600]);
    }

    #[test]
    fn at_most_five_orders_fail_in_the_first_hour() {
        let mut at = 0.0;
        let starts = (1..).map(|failures| {
            at += retry_after(failures, FailedStep::Order, 1.0).as_secs_f64();
            at
        });
        // The first attempt is made at once.
        assert_eq!(1 + starts.take_while(|at| *at < 3_600.0).count(), 5);
    }
}
