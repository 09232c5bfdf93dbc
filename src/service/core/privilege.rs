//! The check for a recent step-up, and the failure that asks for one.
//!
//! Used by every use case that a stolen session must not be able to carry out. The only place that makes
//! `Failure::StepUpRequired`, so that the failure always names the methods that the user has.

use domain::factors::challenge::ProofMethod;
use protocol::id::UserId;
use store::{Lapse, Store, StoreError};

use super::{caller::Caller, clock::Clock, failure::Failure};

/// Checks that a caller has proved their presence recently. Clones are cheap.
#[derive(Clone)]
pub(crate) struct PrivilegeCheck {
    store: Store,
    clock: Clock,
}

impl PrivilegeCheck {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Accepts a caller if its credential carries the privilege of a recent step-up.
    ///
    /// # Errors
    /// `StepUpRequired` if it does not, `Unavailable`.
    pub(crate) async fn require(&self, caller: &Caller) -> Result<(), Failure> {
        if caller.privileged_until.is_some_and(|until| until > self.clock.now()) {
            return Ok(());
        }
        Err(self.step_up_required(caller.user).await)
    }

    /// The failure for an error of the store when it made a change in this user's name. The privilege may have ended
    /// between the check and the change.
    pub(crate) async fn failure(&self, user: UserId, error: StoreError) -> Failure {
        match error {
            StoreError::Lapsed(Lapse::Privilege) => self.step_up_required(user).await,
            error => error.into(),
        }
    }

    async fn step_up_required(&self, user: UserId) -> Failure {
        match self.methods(user).await {
            Ok(methods) => Failure::StepUpRequired { methods },
            Err(failure) => failure,
        }
    }

    /// The methods that this user can step up with.
    async fn methods(&self, user: UserId) -> Result<Vec<ProofMethod>, Failure> {
        let account = self.store.user_by_id(user).await?.ok_or_else(Failure::session_ended)?;
        let factors = self.store.factors_of(user).await?;
        let available = [
            (account.has_password(), ProofMethod::Password),
            (factors.totp, ProofMethod::Totp),
            (factors.passkeys > 0, ProofMethod::Passkey),
        ];
        Ok(available.into_iter().filter_map(|(has, method)| has.then_some(method)).collect())
    }
}
