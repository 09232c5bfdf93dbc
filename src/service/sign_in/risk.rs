//! Assesses the risk of a sign-in after the check of its first proof: how unusual the sign-in is for this user, and the
//! consequence.
//!
//! Every kind of sign-in asks here before it opens a session or demands a second factor. A sign-in that cannot be assessed is
//! refused with `Unavailable`.

use actors::Realtime;
use domain::{
    client::device::{FINGERPRINT_VERSION, Trust},
    risk::{Assessment, RiskOutcome, Signals, Standing, Thresholds, decide},
};
use protocol::{audit::Outcome, id::UserId};
use store::{Device, Store};

use super::request_device::RequestDevices;
use crate::core::{
    audit::AuditTrail,
    clock::{Clock, millis},
    failure::Failure,
    request_meta::RequestMeta,
};

/// The assessment of a sign-in, and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct RiskVerdict {
    /// The score and its reasons.
    pub(crate) assessment: Assessment,
    /// What follows from the score.
    pub(crate) outcome: RiskOutcome,
}

/// Assesses sign-ins. Clones are cheap.
#[derive(Clone)]
pub(crate) struct RiskAssessor {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    devices: RequestDevices,
    thresholds: Thresholds,
}

impl RiskAssessor {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        audit: AuditTrail,
        devices: RequestDevices,
        thresholds: Thresholds,
    ) -> Self {
        Self { store, realtime, clock, audit, devices, thresholds }
    }

    /// Assesses a sign-in of `user`.
    ///
    /// # Errors
    /// `Unavailable` if the user's history cannot be loaded.
    pub(crate) async fn assess(&self, user: UserId, meta: &RequestMeta) -> Result<RiskVerdict, Failure> {
        let device = match meta.device {
            Some(id) => self.store.device_of(user, id).await?,
            None => None,
        };
        let signals = self.signals(device.as_ref(), meta);
        let assessment = self.realtime.score(user, meta.address, signals).await.map_err(|error| {
            tracing::warn!(%error, "could not assess a sign-in");
            Failure::unavailable()
        })?;
        let outcome = decide(&assessment, self.thresholds);
        metrics::counter!("sign_ins_assessed_total", "outcome" => word(outcome)).increment(1);
        Ok(RiskVerdict { assessment, outcome })
    }

    /// Records that a sign-in was unusual, if it was. The event can be used to notify the user.
    ///
    /// # Errors
    /// `Unavailable` if the event cannot be recorded.
    pub(crate) async fn record_suspicion(
        &self,
        user: UserId,
        verdict: &RiskVerdict,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        if verdict.outcome == RiskOutcome::Allow {
            return Ok(());
        }
        let mut event = self.audit.event("session.suspicious", Outcome::Success, meta);
        event.user = Some(user);
        let reasons: Vec<_> = verdict.assessment.reasons.iter().map(|reason| reason.as_str()).collect();
        self.audit.record(event.with("score", verdict.assessment.score).with("reasons", reasons)).await
    }

    fn signals(&self, device: Option<&Device>, meta: &RequestMeta) -> Signals {
        let now = self.clock.now();
        let standing = match device.map(|device| device.trust.at(device.trusted_until, now)) {
            None => Standing::New,
            Some(Trust::New) => Standing::Known,
            Some(Trust::Trusted | Trust::Verified) => Standing::Trusted,
        };
        // Fingerprints of different versions cannot be compared.
        let known = device.and_then(|device| device.fingerprint.as_ref());
        let fingerprint_changed =
            known.is_some_and(|(text, version)| *version == FINGERPRINT_VERSION && *text != meta.fingerprint);
        Signals { at_ms: millis(now), standing, fingerprint_changed, place: self.devices.place(meta) }
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
