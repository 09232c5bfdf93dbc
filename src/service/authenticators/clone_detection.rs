//! Passkeys of which there may be a copy: how one is noticed, and what follows.
//!
//! Used by the judging of assertions and by what spends them.

use protocol::{audit::Outcome, close::Cause, id::UserId};
use webauthn_rs::prelude::Credential;

use crate::{Failure, Meta, Services, account::passkeys::library};
use store::{Change, FactorChange, Proof, RevocationRequest, StoredPasskey, Target};

impl Services {
    /// What to answer when an assertion that was right did not count. If its passkey was used with the same counter or a higher
    /// one since it was judged, one of the two answers is a copy's; otherwise `failure`.
    pub(crate) async fn unless_overtaken(
        &self,
        user: UserId,
        proof: &Proof,
        failure: Failure,
        meta: &Meta,
    ) -> Failure {
        let (Proof::Passkey { id, counter, .. }, Failure::Invalid { .. }) = (proof, &failure) else {
            return failure;
        };
        let held = match self.store.passkeys_of(user).await {
            Ok(held) => held.into_iter().find(|held| held.id == *id && held.suspended_at.is_none()),
            Err(error) => return error.into(),
        };
        let count = |held: &StoredPasskey| Some(i64::from(Credential::from(library(held)?).counter));
        match held {
            Some(held) if *counter > 0 && count(&held) >= Some(*counter) => {
                self.suspect_clone(&held, meta).await
            }
            _ => failure,
        }
    }

    /// Somebody may have a copy of this passkey: it opens nothing any more, and everything that its user has open ends.
    pub(crate) async fn suspect_clone(&self, stored: &StoredPasskey, meta: &Meta) -> Failure {
        let mut audit = self.event("credential.clone_suspected", Outcome::Denied, meta);
        audit.user = Some(stored.user);
        let order = RevocationRequest {
            reason: "a passkey may have been copied".to_owned(),
            change: Some(Change::Factor(FactorChange::SuspendPasskey(stored.id))),
            audit: audit.with("passkey", stored.id.to_string()),
            ..RevocationRequest::new(Target::User(stored.user), Cause::CredentialCloned, self.clock.now())
        };
        match self.revoke(order).await {
            // Suspended already by somebody who saw the same a moment ago.
            Ok(_) | Err(Failure::Conflict { .. }) => Failure::invalid(
                "passkey_suspended",
                "This passkey may have been copied. It is suspended, and you have been signed out everywhere. \
                 Sign in another way and remove it.",
            ),
            Err(failure) => failure,
        }
    }
}
