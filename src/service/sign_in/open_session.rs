//! The session that a sign-in opens: what it is to be, and opening it.
//!
//! Called by every kind of sign-in, once its proofs were checked. Judges nothing: the store opens nothing if the ground has
//! changed since.

use std::time::Duration;

use protocol::{
    audit::{AuditEvent, Outcome},
    id::{DeviceId, SessionId},
};

use crate::{Failure, Meta, Services, sign_in::password::device_of};
use domain::session::SignInMethod;
use store::{OpenOutcome, OpenSession, User};

impl Services {
    /// The event of a session that is being opened.
    pub(crate) fn opened(&self, open: &OpenSession, meta: &Meta) -> AuditEvent {
        let event = AuditEvent {
            actor: Some(open.user),
            user: Some(open.user),
            session: Some(open.id),
            device: Some(open.device.id),
            ..self.event("session.opened", Outcome::Success, meta)
        };
        event.with("method", open.method.as_str())
    }

    /// A session of this user on the request's device, after a password.
    pub(crate) fn new_session(&self, user: &User, revoked_all: i64, meta: &Meta) -> OpenSession {
        let (now, limits) = (self.clock.now(), self.settings.sessions);
        OpenSession {
            id: SessionId::random(),
            user: user.id,
            revocation_epoch: user.revocation_epoch,
            revoked_all,
            device: device_of(meta, meta.device.unwrap_or_else(DeviceId::random), self.place(meta)),
            method: SignInMethod::Password,
            expires_at: now + limits.absolute.max(Duration::from_secs(1)),
            refresh_expires_at: now + limits.refresh,
            privileged_until: now + limits.privilege,
            challenge: None,
            proof: None,
            trust: None,
            attempt: None,
            per_user_limit: limits.per_user,
            now,
        }
    }

    /// Opens the session and shuts the doors of those that had to give way. Once begun it is finished, so that no eviction is
    /// committed and not carried out.
    pub(crate) async fn open(&self, open: OpenSession, event: AuditEvent) -> Result<OpenOutcome, Failure> {
        let services = self.clone();
        let work = async move {
            let opened = services.store.open_session(open, event).await?;
            if let OpenOutcome::Session(_, evicted) = &opened {
                for committed in evicted {
                    services.shut(committed);
                    if let Some(id) = committed.id {
                        services.feed.own.claim(id);
                    }
                    services.cut(committed).await;
                }
            }
            Ok(opened)
        };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }
}
