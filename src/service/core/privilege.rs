//! The check for privilege (a recent sign-in or step-up), and the failure that asks for a step-up.
//!
//! Every use case that must be impossible with a stolen session makes this check. No other file makes
//! `Failure::StepUpRequired`, so the failure always names the methods that the user has.

use domain::factors::challenge::ProofMethod;
use protocol::id::UserId;
use store::{Factors, Lapse, Store, StoreError, User};

use super::{caller::Caller, clock::Clock, failure::Failure};

/// Checks that a caller has recently proved the user's presence. Clones are cheap.
#[derive(Clone)]
pub(crate) struct PrivilegeCheck {
    store: Store,
    clock: Clock,
}

impl PrivilegeCheck {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Accepts a caller with a credential that carries privilege.
    ///
    /// # Errors
    /// Without privilege: `StepUpRequired`, or `Forbidden` if the user has no method to step up with. `Unavailable`.
    pub(crate) async fn require(&self, caller: &Caller) -> Result<(), Failure> {
        if caller.privileged_until.is_some_and(|until| until > self.clock.now()) {
            return Ok(());
        }
        Err(self.step_up_required(caller.user).await)
    }

    /// The failure for an error of the store in a change on behalf of this user. The privilege may have ended after the check
    /// and before the change.
    pub(crate) async fn failure(&self, user: UserId, error: StoreError) -> Failure {
        match error {
            StoreError::Lapsed(Lapse::Privilege) => self.step_up_required(user).await,
            error => error.into(),
        }
    }

    /// Refuses the password as a proof of presence if the user has a second factor.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` if the user has a second factor, `Unavailable`.
    pub(crate) async fn require_no_second_factor(&self, user: &User) -> Result<(), Failure> {
        let factors = self.store.factors_of(user.id).await?;
        if factors.any() { Err(step_up_with(user, factors)) } else { Ok(()) }
    }

    async fn step_up_required(&self, user: UserId) -> Failure {
        match self.account(user).await {
            Ok((user, factors)) => step_up_with(&user, factors),
            Err(failure) => failure,
        }
    }

    async fn account(&self, user: UserId) -> Result<(User, Factors), Failure> {
        let account = self.store.user_by_id(user).await?.ok_or_else(Failure::session_ended)?;
        Ok((account, self.store.factors_of(user).await?))
    }
}

/// The failure that asks for a step-up, with the methods that this user has. The password is not among them if there is a
/// second factor: otherwise the password alone could remove the factor. If the only second factor is a suspended passkey, the
/// user must sign in again, with a backup code.
fn step_up_with(user: &User, factors: Factors) -> Failure {
    let available = [
        (user.has_password() && !factors.any(), ProofMethod::Password),
        (factors.totp, ProofMethod::Totp),
        (factors.passkeys > 0, ProofMethod::Passkey),
    ];
    let methods: Vec<_> = available.into_iter().filter_map(|(has, method)| has.then_some(method)).collect();
    if methods.is_empty() {
        return Failure::forbidden(
            "sign_in_required",
            "You have no factor to prove your presence with. Sign in again, then repeat this request.",
        );
    }
    Failure::StepUpRequired { methods }
}
