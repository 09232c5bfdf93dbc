//! Judging a sign-in, once its first proof has been checked: where it comes from, how unlike its user it looks, and what
//! follows from that.
//!
//! Called by every kind of sign-in before it opens or asks anything. What cannot be judged is not let in: a history that
//! cannot be had is [`Failure::Unavailable`].

use protocol::{audit::Outcome, id::UserId};

use crate::{Failure, Meta, Services, core::clock::millis};
use domain::{
    client::device::{FINGERPRINT_VERSION, Trust},
    risk::{Assessment, Place, RiskOutcome, Signals, Standing, decide},
};
use store::Device;

/// A sign-in as it was judged.
#[derive(Clone, Debug)]
pub(crate) struct Assessed {
    /// How risky it looks, and why.
    pub(crate) assessment: Assessment,
    /// What follows.
    pub(crate) outcome: RiskOutcome,
}

impl Services {
    /// Where a request comes from.
    pub(crate) fn place(&self, meta: &Meta) -> Place {
        self.settings.geo.locate(meta.address)
    }

    /// Judges a sign-in of `user`.
    ///
    /// # Errors
    /// `Unavailable` if the user's history cannot be had.
    pub(crate) async fn assess(&self, user: UserId, meta: &Meta) -> Result<Assessed, Failure> {
        let device = match meta.device {
            Some(id) => self.store.device_of(user, id).await?,
            None => None,
        };
        let signals = self.signals(device.as_ref(), meta);
        let assessment = self.realtime.score(user, meta.address, signals).await.map_err(|error| {
            tracing::warn!(%error, "a sign-in cannot be judged");
            Failure::unavailable()
        })?;
        let outcome = decide(&assessment, self.settings.risk);
        metrics::counter!("sign_ins_assessed_total", "outcome" => word(outcome)).increment(1);
        Ok(Assessed { assessment, outcome })
    }

    fn signals(&self, device: Option<&Device>, meta: &Meta) -> Signals {
        let now = self.clock.now();
        let standing = match device.map(|device| device.trust.at(device.trusted_until, now)) {
            None => Standing::New,
            Some(Trust::New) => Standing::Known,
            Some(Trust::Trusted | Trust::Verified) => Standing::Trusted,
        };
        // Fingerprints of another recipe cannot be compared.
        let known = device.and_then(|device| device.fingerprint.as_ref());
        let fingerprint_changed =
            known.is_some_and(|(text, version)| *version == FINGERPRINT_VERSION && *text != meta.fingerprint);
        Signals { at_ms: millis(now), standing, fingerprint_changed, place: self.place(meta) }
    }

    /// Writes down that a sign-in which is let in looked odd, so that the user can be told.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be written down.
    pub(crate) async fn note_suspicion(
        &self,
        user: UserId,
        assessed: &Assessed,
        meta: &Meta,
    ) -> Result<(), Failure> {
        if assessed.outcome == RiskOutcome::Allow {
            return Ok(());
        }
        let mut event = self.event("session.suspicious", Outcome::Success, meta);
        event.user = Some(user);
        let reasons: Vec<_> = assessed.assessment.reasons.iter().map(|reason| reason.as_str()).collect();
        self.record(event.with("score", assessed.assessment.score).with("reasons", reasons)).await
    }
}

fn word(outcome: RiskOutcome) -> &'static str {
    match outcome {
        RiskOutcome::Allow => "allow",
        RiskOutcome::Notify => "notify",
        RiskOutcome::RequireSecondFactor => "second_factor",
        RiskOutcome::Refuse => "refuse",
    }
}
