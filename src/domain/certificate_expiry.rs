//! The times of warnings about the end of the server's certificate: 30, 7 and 1 days before the end, and every day after it.
//! For a certificate that the server renews itself, the warnings begin later.
//!
//! `service` calls these rules, and writes the warnings.

use time::{Duration, OffsetDateTime};

/// The life of the certificate that clients get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateLife {
    /// The beginning of its validity.
    pub begins_at: OffsetDateTime,
    /// The end of its validity.
    pub ends_at: OffsetDateTime,
    /// Whether the server orders and renews the certificate by ACME.
    pub is_ordered: bool,
}

impl CertificateLife {
    /// How long before the end the first warning is due: 30 days. An ordered certificate is renewed when a third of its life is
    /// left ([`crate::acme::renew_at`]). A warning is due when a quarter is left, because renewal has then failed for a while.
    fn warned_before(&self) -> Duration {
        let month = Duration::days(30);
        if self.is_ordered { month.min((self.ends_at - self.begins_at) / 4) } else { month }
    }
}

/// How near the end of a certificate is. A later stage is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryStage {
    /// At most 30 days are left.
    Month,
    /// At most 7 days are left.
    Week,
    /// At most a day is left.
    Day,
    /// The certificate has ended.
    Expired,
}

impl ExpiryStage {
    /// The stage of a certificate with this life. `None` before the first warning.
    #[must_use]
    pub fn of(life: &CertificateLife, now: OffsetDateTime) -> Option<Self> {
        let left = life.ends_at - now;
        if left > life.warned_before() {
            return None;
        }
        [(0, Self::Expired), (1, Self::Day), (7, Self::Week), (30, Self::Month)]
            .into_iter()
            .find_map(|(days, stage)| (left <= Duration::days(days)).then_some(stage))
    }
}

/// The last warning about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryWarning {
    /// The stage at the time of the warning.
    pub stage: ExpiryStage,
    /// The time of the warning.
    pub at: OffsetDateTime,
}

impl ExpiryWarning {
    /// The warning that is due now about a certificate with this life. `last` is the last warning about it. Each
    /// stage has one warning, which is due at once. After the end of the certificate, another warning is due a day after the
    /// last one.
    #[must_use]
    pub fn due(life: &CertificateLife, last: Option<Self>, now: OffsetDateTime) -> Option<Self> {
        let stage = ExpiryStage::of(life, now)?;
        let is_due = last.is_none_or(|last| {
            stage > last.stage || (stage == ExpiryStage::Expired && now - last.at >= Duration::DAY)
        });
        is_due.then_some(Self { stage, at: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end() -> OffsetDateTime {
        time::macros::datetime!(2026-06-30 12:00 UTC)
    }

    fn life(days: i64, is_ordered: bool) -> CertificateLife {
        CertificateLife { begins_at: end() - Duration::days(days), ends_at: end(), is_ordered }
    }

    /// The hours of warnings, counted before the end (negative: after it), if the rule is applied every hour.
    fn warned(from_hours: i64, to_hours: i64) -> Vec<i64> {
        warned_of(&life(90, false), from_hours, to_hours)
    }

    fn warned_of(life: &CertificateLife, from_hours: i64, to_hours: i64) -> Vec<i64> {
        let mut last = None;
        let mut hours = Vec::new();
        for left in (to_hours..=from_hours).rev() {
            let due = ExpiryWarning::due(life, last, end() - Duration::hours(left));
            if due.is_some() {
                last = due;
                hours.push(left);
            }
        }
        hours
    }

    #[test]
    fn warnings_come_30_7_and_1_days_before_the_end_and_every_day_after_it() {
        assert_eq!(warned(90 * 24, -50), [30 * 24, 7 * 24, 24, 0, -24, -48]);
    }

    #[test]
    fn a_server_that_starts_late_warns_at_once_and_then_at_the_next_stage() {
        assert_eq!(warned(20 * 24, 25), [20 * 24, 7 * 24]);
        assert_eq!(warned(-100, -130), [-100, -124]);
    }

    #[test]
    fn a_certificate_that_is_renewed_in_time_leads_to_no_warning() {
        for days in [6, 47, 90, 398] {
            let life = life(days, true);
            let renewed_at = crate::acme::renew_at(life.begins_at, life.ends_at);
            let left_at_renewal = (life.ends_at - renewed_at).whole_hours();
            assert_eq!(warned_of(&life, days * 24, left_at_renewal), [0; 0], "{days} days");
        }
    }

    #[test]
    fn an_ordered_certificate_that_is_not_renewed_leads_to_warnings_from_the_last_quarter_of_its_life() {
        assert_eq!(warned_of(&life(90, true), 90 * 24, -30), [540, 7 * 24, 24, 0, -24]);
        assert_eq!(warned_of(&life(6, true), 6 * 24, -30), [36, 24, 0, -24]);
        assert_eq!(warned_of(&life(398, true), 398 * 24, 29 * 24), [30 * 24]);
    }

    #[test]
    fn a_certificate_that_ends_in_more_than_30_days_has_no_stage() {
        let life = life(90, false);
        assert_eq!(ExpiryStage::of(&life, end() - Duration::days(30) - Duration::SECOND), None);
        assert_eq!(ExpiryStage::of(&life, end() - Duration::days(30)), Some(ExpiryStage::Month));
        assert_eq!(ExpiryStage::of(&life, end()), Some(ExpiryStage::Expired));
    }
}
