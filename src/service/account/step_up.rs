//! Step-up: the user proves presence again, because a stolen session must not be able to make certain changes.
//!
//! A step-up renews the session's tokens. The new tokens carry the privilege, and so do the tokens that replace them at a
//! refresh. Earlier tokens and their copies do not carry it.

use std::time::Duration;

use domain::{
    account::account_key::AccountKey,
    factors::{challenge::ChallengeKind, lockout::FactorSource},
};
use protocol::audit::Outcome;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use store::{Challenge, ChallengeOwner, Privilege, PrivilegeOutcome, Proof, Store, User};
use time::OffsetDateTime;
use uuid::Uuid;
use webauthn_rs::prelude::PublicKeyCredential;

use crate::{
    access::{
        issue_tokens::{SessionTokens, TokenIssuer},
        verifier::Verifier,
    },
    authenticators::{
        clone_detection::CloneDetection,
        factor_lockout::{CountedAttempt, FactorLockout},
        passkey_ceremony::{NewCeremony, PasskeyCeremonies, PasskeyCeremony, parse_assertion},
        verified_assertion::VerifiedAssertion,
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
    /// The password. It is not accepted from a user with a second factor.
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

/// The largest number of times that a proof is judged. It is judged again if a revocation has raised the user's revocation
/// epoch meanwhile, for example because the password was changed.
const MAX_ATTEMPTS: usize = 3;

/// A proof that the rate limits allow. It may be judged more than once.
enum Admitted<'a> {
    Password {
        password: &'a SecretString,
        /// A hasher for this user only.
        hasher: PasswordHasher,
    },
    Totp {
        code: &'a SecretString,
        /// The attempt. It counts as wrong until the proof turns out to be right.
        counted: CountedAttempt,
    },
    Passkey {
        ceremony: Box<Challenge>,
        credential: Box<PublicKeyCredential>,
    },
}

impl Admitted<'_> {
    fn counted(&self) -> Option<&CountedAttempt> {
        match self {
            Self::Totp { counted, .. } => Some(counted),
            Self::Password { .. } | Self::Passkey { .. } => None,
        }
    }
}

/// A proof that was judged to be right. A code or the answer of a passkey is spent when privilege is granted.
enum RightProof {
    Password,
    Code(Proof),
    Passkey(Box<VerifiedAssertion>),
}

impl RightProof {
    fn to_spend(&self) -> Option<Proof> {
        match self {
            Self::Password => None,
            Self::Code(proof) => Some(proof.clone()),
            Self::Passkey(assertion) => Some(assertion.proof.clone()),
        }
    }
}

/// The result of a step-up: fresh tokens that carry the session's privilege.
#[derive(Clone, Debug)]
pub struct StepUpResult {
    /// The new tokens. Earlier tokens, including the token of this request, carry no privilege.
    pub tokens: SessionTokens,
    /// When the privilege ends.
    pub privileged_until: OffsetDateTime,
}

/// Judges new proofs of presence, and grants privilege for them.
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
    pub(crate) clones: CloneDetection,
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
    /// `StepUpRequired` or `Forbidden` for the password of a user with a second factor. `BadRequest` for a malformed answer of
    /// a passkey. `Invalid` for a wrong proof, or if the session has ended meanwhile. `TooMany`, `Unavailable`.
    pub async fn step_up(
        &self,
        caller: &Caller,
        proof: StepUpProof,
        meta: &RequestMeta,
    ) -> Result<StepUpResult, Failure> {
        let Parts { clock, verifier, tokens, .. } = &self.0;
        let admitted = self.admit(caller, &proof, meta).await?;
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(caller).await?;
            let Some(right) = self.judge(caller, &user, &admitted, &proof, meta).await? else {
                return Err(self.refuse(caller, &proof, admitted.counted(), meta).await);
            };
            let until = after(clock.now(), self.0.privilege_lifetime);
            let session = match self.grant(caller, &user, &right, until, proof.method(), meta).await? {
                PrivilegeOutcome::Session(session) => session,
                // After `user` was read, a revocation has raised the user's revocation epoch. The caller's session may still
                // work.
                PrivilegeOutcome::Lapsed => continue,
                PrivilegeOutcome::Spent => {
                    let failure = self.refuse(caller, &proof, admitted.counted(), meta).await;
                    return Err(self.failure_when_spent(&right, failure, meta).await);
                }
            };
            if let Some(counted) = admitted.counted() {
                self.0.lockout.was_right(counted).await;
            }
            verifier.invalidate(session.id);
            return Ok(StepUpResult {
                tokens: tokens.session_tokens(user, *session),
                privileged_until: until,
            });
        }
        Err(Failure::unavailable())
    }

    /// Grants the privilege of a right proof, and spends the proof.
    async fn grant(
        &self,
        caller: &Caller,
        user: &User,
        right: &RightProof,
        until: OffsetDateTime,
        method: &'static str,
        meta: &RequestMeta,
    ) -> Result<PrivilegeOutcome, Failure> {
        let Parts { store, clock, audit, .. } = &self.0;
        let privilege = Privilege {
            session: caller.session,
            user: caller.user,
            revocation_epoch: user.revocation_epoch,
            until,
            proof: right.to_spend(),
            now: clock.now(),
        };
        let event = audit.caller_event(caller, "session.stepped_up", Outcome::Success, meta);
        Ok(store.grant_privilege(privilege, event.with("method", method)).await?)
    }

    /// The failure for a right proof that can no longer be spent. If the proof is an answer of a passkey, the passkey may
    /// have been copied.
    async fn failure_when_spent(&self, right: &RightProof, failure: Failure, meta: &RequestMeta) -> Failure {
        match right {
            RightProof::Passkey(assertion) => {
                self.0.clones.failure_when_unspent(assertion, failure, meta).await
            }
            RightProof::Password | RightProof::Code(_) => failure,
        }
    }

    /// Counts the proof towards the rate limits. Also counts the attempt with a code towards the lockout, and takes the
    /// ceremony of a passkey.
    async fn admit<'p>(
        &self,
        caller: &Caller,
        proof: &'p StepUpProof,
        meta: &RequestMeta,
    ) -> Result<Admitted<'p>, Failure> {
        let Parts { throttle, hasher, lockout, ceremonies, .. } = &self.0;
        match proof {
            StepUpProof::Password(password) => {
                let hasher = hasher.for_user(caller.user)?;
                self.spend(caller, meta).await?;
                Ok(Admitted::Password { password, hasher })
            }
            StepUpProof::Totp(code) => {
                self.spend(caller, meta).await?;
                throttle.spend_step_up_code(caller.session).await?;
                let counted = lockout.count(caller.user, FactorSource::Session(caller.session)).await?;
                Ok(Admitted::Totp { code, counted })
            }
            StepUpProof::Passkey { ceremony, credential } => {
                self.spend(caller, meta).await?;
                let credential = Box::new(parse_assertion(credential)?);
                let answerer = Some(ChallengeOwner::Session(caller.session));
                let taken =
                    ceremonies.take_ceremony(*ceremony, answerer, &[ChallengeKind::PasskeyStepUp]).await?;
                Ok(Admitted::Passkey { ceremony: Box::new(taken), credential })
            }
        }
    }

    /// Judges a proof. `None` if the password or code is wrong; a wrong answer of a passkey is an error.
    async fn judge(
        &self,
        caller: &Caller,
        user: &User,
        admitted: &Admitted<'_>,
        proof: &StepUpProof,
        meta: &RequestMeta,
    ) -> Result<Option<RightProof>, Failure> {
        let Parts { throttle, codes, privilege, ceremonies, .. } = &self.0;
        match admitted {
            Admitted::Password { password, hasher } => {
                if let Err(required) = privilege.require_no_second_factor(user).await {
                    return Err(self.record_refusal(caller, proof, meta).await.err().unwrap_or(required));
                }
                let phc = user.password_hash.expose_secret().to_owned();
                let right = hasher.verify(password, Some(phc)).await?.ok;
                if !right {
                    throttle.count_wrong_pair(&AccountKey::of(&user.email), password, meta).await;
                }
                Ok(right.then_some(RightProof::Password))
            }
            Admitted::Totp { code, .. } => {
                let spent = codes.verify(caller.user, &CodeProof::Totp((*code).clone())).await?;
                Ok(spent.map(RightProof::Code))
            }
            Admitted::Passkey { ceremony, credential } => {
                let assertion = ceremonies.judge_assertion(ceremony, credential, meta).await?;
                Ok(Some(RightProof::Passkey(Box::new(assertion))))
            }
        }
    }

    /// Counts a step-up towards the rate limits of the address, of the user and of the session.
    async fn spend(&self, caller: &Caller, meta: &RequestMeta) -> Result<(), Failure> {
        let throttle = &self.0.throttle;
        let limits = throttle.limits();
        throttle.spend_for_address(limits.step_up_address, meta.address).await?;
        throttle.spend(limits.step_up_user, &caller.user.to_string()).await?;
        throttle.spend(limits.step_up_session, &caller.session.to_string()).await
    }

    async fn user(&self, caller: &Caller) -> Result<User, Failure> {
        self.0.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)
    }

    /// Records a refusal and returns it. If the refusal cannot be recorded, returns the failure of the recording instead. The
    /// session stays as it was.
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
