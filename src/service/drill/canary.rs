//! The canary: opens sessions of the canary account, and revokes them.
//!
//! The account has no password, no factor and no right but to read its own profile. Its sessions are opened here and nowhere
//! else: the transaction that opens sessions refuses every other way for this account, and this way for every other account. They
//! have no privilege and end after ten minutes at the latest, also if the node stops in the middle of a drill.

use std::{net::IpAddr, time::Duration};

use domain::{
    account::email::Email, client::device::FINGERPRINT_VERSION, risk::Place, session::SignInMethod,
};
use protocol::{
    audit::AuditEvent,
    close::Cause,
    id::{DeviceId, SessionId, UserId},
};
use store::{DeviceSeen, OpenOutcome, OpenSession, RevocationRequest, Store, Target};
use uuid::Uuid;

use super::doors::CanaryTokens;
use crate::{
    access::issue_tokens::TokenIssuer,
    core::{
        audit::AuditTrail,
        clock::{Clock, after},
        failure::Failure,
    },
    revocation::revoke::Revoker,
};

/// How long a session of the canary lives at most.
const LIFETIME: Duration = Duration::from_secs(600);
/// The one device of the canary. All nodes share it, so that the number of its rows does not grow.
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));
/// The reason of its revocations.
const REASON: &str = "drill";

/// An open session of the canary.
pub(crate) struct CanarySession {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) tokens: CanaryTokens,
}

/// Opens and revokes sessions of the canary account. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Canary {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    tokens: TokenIssuer,
    revoker: Revoker,
}

impl Canary {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        tokens: TokenIssuer,
        revoker: Revoker,
    ) -> Self {
        Self { store, clock, audit, tokens, revoker }
    }

    /// Opens a session. `None` if the account may not sign in, for example because it is blocked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn sign_in(&self) -> Result<Option<CanarySession>, Failure> {
        let now = self.clock.now();
        let created = self.audit.local_event("user.created");
        let account = self.store.ensure_canary(address()?, now, created).await?;
        let candidate =
            self.store.candidate_by_id(account.id, None).await?.ok_or_else(Failure::unavailable)?;
        let (user, until) = (candidate.user, after(now, LIFETIME));
        let open = OpenSession {
            id: SessionId::random(),
            user: user.id,
            revocation_epoch: user.revocation_epoch,
            revoked_all: candidate.revoked_all,
            device: device(),
            method: SignInMethod::Drill,
            expires_at: until,
            refresh_expires_at: until,
            privileged_until: now,
            challenge: None,
            proof: None,
            trust: None,
            attempt: None,
            // Nodes share the account, so a limit would let them end the sessions of each other.
            per_user_limit: u32::MAX,
            device_limit: u32::MAX,
            now,
        };
        let event = AuditEvent {
            user: Some(user.id),
            session: Some(open.id),
            ..self.audit.local_event("session.opened")
        };
        match self.store.open_session(open, event).await? {
            OpenOutcome::Session(session, _) => {
                let (id, account) = (session.id, user.id);
                let issued = self.tokens.session_tokens(user, *session);
                let tokens = CanaryTokens { access: issued.access_token, refresh: issued.refresh_token };
                Ok(Some(CanarySession { id, user: account, tokens }))
            }
            OpenOutcome::Superseded | OpenOutcome::Spent => Ok(None),
        }
    }

    /// Revokes a session of the canary, by the same function as every other revocation. A session of another user is left alone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn revoke(&self, session: SessionId, canary: UserId) -> Result<(), Failure> {
        let audit = AuditEvent {
            user: Some(canary),
            session: Some(session),
            ..self.audit.local_event("session.revoked")
        };
        let order = RevocationRequest {
            reason: REASON.to_owned(),
            only_user: Some(canary),
            audit,
            ..RevocationRequest::new(Target::Session(session), Cause::Drill, self.clock.now())
        };
        self.revoker.revoke(order).await.map(drop)
    }
}

/// A new address that receives no mail (RFC 6761, 6.4), and that no registration can guess.
fn address() -> Result<Email, Failure> {
    let text = format!("canary-{}@portcullis.invalid", Uuid::new_v4().simple());
    Email::parse(&text).map_err(|_| Failure::Internal)
}

fn device() -> DeviceSeen {
    DeviceSeen {
        id: DEVICE,
        fingerprint: "0".repeat(32),
        fingerprint_version: FINGERPRINT_VERSION,
        user_agent: None,
        address: IpAddr::from([127, 0, 0, 1]),
        place: Place::default(),
    }
}
