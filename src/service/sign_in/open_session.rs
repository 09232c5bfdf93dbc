//! Opens a session: the last step of every kind of sign-in.
//!
//! Nothing is judged here. If anything that the sign-in was based on has changed meanwhile, the store opens no session.

use std::time::Duration;

use domain::{
    account::role::Status,
    mail::audit_mapping::NOTIFY,
    risk::{Assessment, Reason, RiskOutcome, Thresholds, decide},
    session::{SessionLimits, SignInMethod},
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::{DeviceId, SessionId},
};
use store::{OpenOutcome, OpenSession, Store, User};

use super::request_device::RequestDevices;
use crate::{
    core::{
        audit::AuditTrail,
        clock::{Clock, after},
        failure::Failure,
        request_meta::RequestMeta,
    },
    revocation::revoke::Revoker,
};

/// Opens sessions. Clones are cheap.
#[derive(Clone)]
pub(crate) struct SessionOpener {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    revoker: Revoker,
    devices: RequestDevices,
    limits: SessionLimits,
    thresholds: Thresholds,
}

impl SessionOpener {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        revoker: Revoker,
        devices: RequestDevices,
        (limits, thresholds): (SessionLimits, Thresholds),
    ) -> Self {
        Self { store, clock, audit, revoker, devices, limits, thresholds }
    }

    /// The audit event of a session that is about to be opened. If the sign-in is new for the user, the event asks for a mail.
    pub(crate) fn event(&self, open: &OpenSession, meta: &RequestMeta) -> AuditEvent {
        let event = AuditEvent {
            actor: Some(open.user),
            user: Some(open.user),
            session: Some(open.id),
            device: Some(open.device.id),
            ..self.audit.event("session.opened", Outcome::Success, meta)
        };
        let event = event.with("method", open.method.as_str());
        let risk = open.attempt.as_ref().and_then(|attempt| attempt.risk.as_ref());
        match risk.filter(|risk| is_notable(risk, self.thresholds)) {
            Some(risk) => {
                let reasons: Vec<_> = risk.reasons.iter().map(|reason| reason.as_str()).collect();
                event.with(NOTIFY, reasons)
            }
            None => event,
        }
    }

    /// The session to open for this user on the request's device after a correct password. Other sign-ins change some fields.
    pub(crate) fn prepare(&self, user: &User, revoked_all: i64, meta: &RequestMeta) -> OpenSession {
        let (now, limits) = (self.clock.now(), self.limits);
        OpenSession {
            id: SessionId::random(),
            user: user.id,
            revocation_epoch: user.revocation_epoch,
            revoked_all,
            device: self.devices.device(meta, meta.device.unwrap_or_else(DeviceId::random)),
            method: SignInMethod::Password,
            expires_at: after(now, limits.absolute.max(Duration::from_secs(1))),
            refresh_expires_at: after(now, limits.refresh),
            privileged_until: after(now, limits.privilege),
            challenge: None,
            proof: None,
            trust: None,
            attempt: None,
            per_user_limit: limits.per_user,
            device_limit: limits.devices,
            now,
        }
    }

    /// Opens the session, and carries out the evictions of older sessions beyond a limit. The work is finished even if the
    /// request is dropped, because a committed eviction must be carried out.
    pub(crate) async fn open(&self, open: OpenSession, event: AuditEvent) -> Result<OpenOutcome, Failure> {
        let (store, revoker) = (self.store.clone(), self.revoker.clone());
        let work = async move {
            let opened = store.open_session(open, event).await?;
            if let OpenOutcome::Session(_, evicted) = &opened {
                revoker.carry_out_evictions(evicted).await;
            }
            Ok(opened)
        };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }
}

/// Whether the user is told of a sign-in: on a new device, in a new place, or with a risk from `RISK_NOTIFY` on.
fn is_notable(risk: &Assessment, thresholds: Thresholds) -> bool {
    let new = [Reason::NewDevice, Reason::NewCountry, Reason::ImpossibleTravel];
    decide(risk, thresholds) != RiskOutcome::Allow || new.iter().any(|reason| risk.reasons.contains(reason))
}

/// The user of a session that was just opened. The sign-in may have cancelled the erasure of the account, and so have activated it.
pub(crate) fn active(user: &User) -> User {
    User { status: Status::Active, ..user.clone() }
}
