//! Step-up: the user proves presence again, because a stolen session must not be able to make certain changes.
//!
//! A step-up renews the session's tokens. The new tokens carry the privilege, and so do the tokens that replace them at a refresh.
//! Earlier tokens and their copies do not carry it.

use std::time::Duration;

use domain::{
    account::account_key::AccountKey,
    factors::{challenge::ChallengeKind, lockout::FactorSource},
};
use protocol::audit::Outcome;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use store::{ChallengeOwner, Privilege, PrivilegeOutcome, Proof, Store, User};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    access::{
        issue_tokens::{SessionTokens, TokenIssuer},
        verifier::Verifier,
    },
    authenticators::{
        factor_lockout::{CountedAttempt, FactorLockout},
        passkey_ceremony::{NewCeremony, PasskeyCeremonies, PasskeyCeremony, parse_assertion},
        verify_code::{CodeProof, CodeVerifier},
    },
    core::{
        audit::AuditTrail,
        caller::Caller,
        clock::{Clock, after},
        failure::Failure,
        password_hasher::PasswordHasher,
        privilege::PrivilegeCheck,
        request_meta::RequestMeta,
        throttle::Throttle,
    },
};

/// A proof of presence.
#[derive(Clone, Debug)]
pub enum StepUpProof {
    /// The password. Not accepted from a user with a second factor.
    Password(SecretString),
    /// A code of the authenticator app. Backup codes are not accepted: they are for users without access to the app.
    Totp(SecretString),
    /// The answer to a passkey ceremony that was begun for a step-up.
    Passkey {
        /// The ceremony.
        ceremony: Uuid,
        /// The authenticator's answer, as the browser gives it.
        credential: Value,
    },
}

impl StepUpProof {
    fn method(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Totp(_) => "totp",
            Self::Passkey { .. } => "passkey",
        }
    }
}

/// A correct proof, with the part of it that must be spent. A password has no such part.
struct RightProof(Option<Proof>);

/// A proof that was judged, with the result.
struct Judgement {
    /// The caller's account, read before the proof was judged.
    user: User,
    /// The correct proof; `None` if the proof is wrong.
    right: Option<RightProof>,
    /// The counted attempt, if the proof is a code. It counts as wrong until the step-up has succeeded.
    counted: Option<CountedAttempt>,
}

/// The result of a step-up: fresh tokens that carry the session's privilege.
#[derive(Clone, Debug)]
pub struct StepUpResult {
    /// The new tokens. Earlier tokens, including the token of this request, carry no privilege.
    pub tokens: SessionTokens,
    /// When the privilege ends.
    pub privileged_until: OffsetDateTime,
}

/// Proves presence again.
pub struct StepUp(Parts);

/// The parts of [`StepUp`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) hasher: PasswordHasher,
    pub(crate) codes: CodeVerifier,
    pub(crate) lockout: FactorLockout,
    pub(crate) ceremonies: PasskeyCeremonies,
    pub(crate) verifier: Verifier,
    pub(crate) tokens: TokenIssuer,
    pub(crate) privilege_lifetime: Duration,
}

impl StepUp {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins a passkey ceremony for a step-up.
    ///
    /// # Errors
    /// `Conflict` if the caller has no passkey, `TooMany`, `Unavailable`.
    pub async fn begin_passkey(
        &self,
        caller: &Caller,
        meta: &RequestMeta,
    ) -> Result<PasskeyCeremony, Failure> {
        let Parts { throttle, ceremonies, .. } = &self.0;
        throttle.spend_for_address(throttle.limits().ceremony_address, meta.address).await?;
        let allowed = ceremonies.credential_ids(caller.user).await?;
        if allowed.is_empty() {
            return Err(Failure::conflict("no_passkey", "You have no passkey to prove your presence with."));
        }
        let answerer = ChallengeOwner::Session(caller.session);
        let new = NewCeremony::new(ChallengeKind::PasskeyStepUp, Some(caller.user), answerer);
        ceremonies.begin_assertion(new, Some(allowed)).await
    }

    /// Judges the caller's proof and grants privilege for a while.
    ///
    /// # Errors
    /// `StepUpRequired` for the password of a user with a second factor; `Invalid` for a wrong proof, or if meanwhile the session
    /// has ended or the user was changed; `TooMany`; `Unavailable`.
    pub async fn step_up(
        &self,
        caller: &Caller,
        proof: StepUpProof,
        meta: &RequestMeta,
    ) -> Result<StepUpResult, Failure> {
        let Parts { store, clock, audit, verifier, tokens, .. } = &self.0;
        let Judgement { user, right, counted } = self.judge(caller, &proof, meta).await?;
        let Some(RightProof(spent)) = right else {
            return Err(self.refuse(caller, &proof, counted.as_ref(), meta).await);
        };
        let now = clock.now();
        let until = after(now, self.0.privilege_lifetime);
        let privilege = Privilege {
            session: caller.session,
            user: caller.user,
            revocation_epoch: user.revocation_epoch,
            until,
            proof: spent,
            now,
        };
        let event = audit.caller_event(caller, "session.stepped_up", Outcome::Success, meta);
        let event = event.with("method", proof.method());
        let session = match store.grant_privilege(privilege, event).await? {
            PrivilegeOutcome::Session(session) => session,
            PrivilegeOutcome::Lapsed => return Err(Failure::session_ended()),
            PrivilegeOutcome::Spent => return Err(self.refuse(caller, &proof, counted.as_ref(), meta).await),
        };
        if let Some(counted) = &counted {
            self.0.lockout.was_right(counted).await;
        }
        verifier.invalidate(session.id);
        Ok(StepUpResult { tokens: tokens.session_tokens(user, *session), privileged_until: until })
    }

    /// Judges a proof, after the limits for its kind.
    async fn judge(
        &self,
        caller: &Caller,
        proof: &StepUpProof,
        meta: &RequestMeta,
    ) -> Result<Judgement, Failure> {
        let Parts { throttle, hasher, codes, privilege, lockout, .. } = &self.0;
        match proof {
            StepUpProof::Password(password) => {
                let hasher = hasher.for_user(caller.user)?;
                self.spend(caller, meta).await?;
                let user = self.user(caller).await?;
                if let Err(required) = privilege.require_no_second_factor(&user).await {
                    return Err(self.record_refusal(caller, proof, meta).await.err().unwrap_or(required));
                }
                let phc = user.password_hash.expose_secret().to_owned();
                let right = hasher.verify(password, Some(phc)).await?.ok;
                if !right {
                    throttle.count_wrong_pair(&AccountKey::of(&user.email), password, meta).await;
                }
                Ok(Judgement { user, right: right.then_some(RightProof(None)), counted: None })
            }
            StepUpProof::Totp(code) => {
                self.spend(caller, meta).await?;
                throttle.spend_step_up_code(caller.session).await?;
                let user = self.user(caller).await?;
                let counted = lockout.count(caller.user, FactorSource::Session(caller.session)).await?;
                let spent = codes.verify(caller.user, &CodeProof::Totp(code.clone())).await?;
                let right = spent.map(|spent| RightProof(Some(spent)));
                Ok(Judgement { user, right, counted: Some(counted) })
            }
            StepUpProof::Passkey { ceremony, credential } => {
                self.spend(caller, meta).await?;
                let user = self.user(caller).await?;
                let proof = self.judge_passkey(caller, *ceremony, credential, meta).await?;
                Ok(Judgement { user, right: Some(RightProof(Some(proof))), counted: None })
            }
        }
    }

    /// Spends one permit each of the address, the user and the session.
    async fn spend(&self, caller: &Caller, meta: &RequestMeta) -> Result<(), Failure> {
        let throttle = &self.0.throttle;
        let limits = throttle.limits();
        throttle.spend_for_address(limits.step_up_address, meta.address).await?;
        throttle.spend(limits.step_up_user, &caller.user.to_string()).await?;
        throttle.spend(limits.step_up_session, &caller.session.to_string()).await
    }

    async fn judge_passkey(
        &self,
        caller: &Caller,
        ceremony: Uuid,
        credential: &Value,
        meta: &RequestMeta,
    ) -> Result<Proof, Failure> {
        let ceremonies = &self.0.ceremonies;
        let credential = parse_assertion(credential)?;
        let answerer = Some(ChallengeOwner::Session(caller.session));
        let taken = ceremonies.take_ceremony(ceremony, answerer, &[ChallengeKind::PasskeyStepUp]).await?;
        Ok(ceremonies.judge_assertion(&taken, &credential, meta).await?.proof)
    }

    async fn user(&self, caller: &Caller) -> Result<User, Failure> {
        self.0.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)
    }

    /// Records a refusal and returns it. If it cannot be recorded, returns that failure instead. The session stays as it was.
    async fn refuse(
        &self,
        caller: &Caller,
        proof: &StepUpProof,
        counted: Option<&CountedAttempt>,
        meta: &RequestMeta,
    ) -> Failure {
        if let Some(counted) = counted
            && let Err(failure) = self.0.lockout.was_wrong(counted, meta).await
        {
            return failure;
        }
        match (self.record_refusal(caller, proof, meta).await, proof) {
            (Err(failure), _) => failure,
            (Ok(()), StepUpProof::Password(_)) => Failure::wrong_password(),
            (Ok(()), StepUpProof::Totp(_) | StepUpProof::Passkey { .. }) => Failure::invalid_second_factor(),
        }
    }

    async fn record_refusal(
        &self,
        caller: &Caller,
        proof: &StepUpProof,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let audit = &self.0.audit;
        let event = audit.caller_event(caller, "session.step_up_refused", Outcome::Failure, meta);
        audit.record(event.with("method", proof.method())).await
    }
}
