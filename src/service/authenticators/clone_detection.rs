//! Detects passkeys that may have been copied, suspends them, and ends their users' sessions.
//!
//! An authenticator counts the uses of a passkey. If the counter of an answer is not above the stored one, the answer may come
//! from a copy. `passkey_ceremony` uses this file when it judges an answer. Sign-in and step-up use it when an answer cannot be
//! spent.

use protocol::{audit::Outcome, close::Cause};
use store::{Change, FactorChange, Proof, RevocationRequest, Store, StoredPasskey, Target};
use time::OffsetDateTime;
use webauthn_rs::prelude::Credential;

use super::{stored_passkey::read_passkey, verified_assertion::VerifiedAssertion};
use crate::{
    core::{audit::AuditTrail, clock::Clock, failure::Failure, request_meta::RequestMeta},
    revocation::revoke::Revoker,
};

/// Suspends passkeys that may have been copied. Clones are cheap.
#[derive(Clone)]
pub(crate) struct CloneDetection {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    revoker: Revoker,
}

impl CloneDetection {
    pub(crate) fn new(store: Store, clock: Clock, audit: AuditTrail, revoker: Revoker) -> Self {
        Self { store, clock, audit, revoker }
    }

    /// The failure for a correct assertion that could not be spent. If the passkey was used meanwhile with the same or a higher
    /// counter, [`Self::suspect`] decides whether one of the two answers may come from a copy. Otherwise returns `failure`.
    pub(crate) async fn failure_when_unspent(
        &self,
        assertion: &VerifiedAssertion,
        failure: Failure,
        meta: &RequestMeta,
    ) -> Failure {
        let (Proof::Passkey { id, counter, .. }, Failure::Invalid { .. }) = (&assertion.proof, &failure)
        else {
            return failure;
        };
        let held = match self.store.passkeys_of(assertion.user).await {
            Ok(held) => held.into_iter().find(|held| held.id == *id && held.suspended_at.is_none()),
            Err(error) => return error.into(),
        };
        match held {
            Some(held) if *counter > 0 && stored_counter(&held) >= Some(*counter) => {
                self.suspect(&held, *counter, assertion.begun_at, meta).await.unwrap_or(failure)
            }
            _ => failure,
        }
    }

    /// Suspends a passkey after an answer with a counter that is not above the stored one. Does nothing if this answer only
    /// arrived late: a single authenticator may have signed it before the answer of the last use. Returns the failure if the
    /// passkey was suspended.
    ///
    /// An answer is signed after its ceremony began. If the ceremony began after the last use, the counter of a single
    /// authenticator would have grown, so there must be two authenticators. If the ceremony began before the last use, its
    /// answer may also be older than that use. Then its counter must be lower, because an authenticator never gives the same
    /// counter twice. Whether or not the passkey is suspended, the answer is refused.
    pub(crate) async fn suspect(
        &self,
        stored: &StoredPasskey,
        counter: i64,
        begun_at: OffsetDateTime,
        meta: &RequestMeta,
    ) -> Option<Failure> {
        let begun_before_last_use = stored.last_used_at.is_some_and(|used| begun_at < used);
        let late = begun_before_last_use && stored_counter(stored).is_some_and(|stored| counter < stored);
        if late { None } else { Some(self.suspend(stored, meta).await) }
    }

    /// Suspends a passkey that may have been copied, and ends all sessions of its user.
    async fn suspend(&self, stored: &StoredPasskey, meta: &RequestMeta) -> Failure {
        let mut audit = self.audit.event("credential.clone_suspected", Outcome::Denied, meta);
        audit.user = Some(stored.user);
        let order = RevocationRequest {
            reason: "a passkey may have been copied".to_owned(),
            change: Some(Change::Factor(FactorChange::SuspendPasskey(stored.id))),
            audit: audit.with("passkey", stored.id.to_string()),
            ..RevocationRequest::new(Target::User(stored.user), Cause::CredentialCloned, self.clock.now())
        };
        match self.revoker.revoke(order).await {
            // `Conflict`: another request has just suspended the passkey for the same reason.
            Ok(_) | Err(Failure::Conflict { .. }) => Failure::invalid(
                "passkey_suspended",
                "This passkey may have been copied. It is suspended, and you have been signed out everywhere. \
                 Sign in another way and remove it.",
            ),
            Err(failure) => failure,
        }
    }
}

/// The counter of a passkey's last use.
fn stored_counter(stored: &StoredPasskey) -> Option<i64> {
    Some(i64::from(Credential::from(read_passkey(stored)?).counter))
}
