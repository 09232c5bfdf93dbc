//! The second half of a sign-in: asks for another proof after a password, and judges it.
//!
//! Limits are checked first, so that a refusal by a limit does not reveal whether a password or a code is correct. An attempt
//! is counted before it is judged. The transaction that opens the session spends the proof and the challenge. The refusal of a
//! code is the same for every reason.

use domain::{
    abuse::attempt::AttemptOutcome,
    account::account_key::AccountKey,
    client::device::{TRUST_TTL, Trust},
    factors::{
        challenge::{CHALLENGE_ATTEMPTS, CHALLENGE_TTL, ChallengeKind, ProofMethod},
        lockout::FactorSource,
    },
    risk::Assessment,
    session::SignInMethod,
};
use protocol::{
    audit::Outcome,
    id::{DeviceId, UserId},
};
use serde::{Deserialize, Serialize};
use store::{
    Attempt, Challenge, ChallengeAttempt, ChallengeOwner, OpenOutcome, OpenSession, Proof, SignInCandidate,
    Store, User,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    attempts::SignInAttempts,
    open_session::{SessionOpener, active},
};
use crate::{
    access::issue_tokens::{SessionTokens, TokenIssuer},
    authenticators::{
        factor_lockout::{CountedAttempt, FactorLockout},
        verify_code::{CodeProof, CodeVerifier},
    },
    core::{
        audit::AuditTrail, clock::Clock, failure::Failure, request_meta::RequestMeta, throttle::Throttle,
    },
};

/// A second factor that the client is asked for.
#[derive(Clone, Debug)]
pub struct FactorChallenge {
    /// The challenge to be answered.
    pub challenge: Uuid,
    /// The methods that can answer it.
    pub methods: Vec<ProofMethod>,
    /// When the challenge expires.
    pub expires_at: OffsetDateTime,
}

/// An answer to a challenge.
#[derive(Clone, Debug)]
pub struct FactorAnswer {
    /// The challenge.
    pub challenge: Uuid,
    /// The pre-session of the request.
    pub presession: Option<Uuid>,
    /// The proof.
    pub code: CodeProof,
    /// Whether the user wants to trust the device from now on.
    pub trust_device: bool,
}

/// The facts about the first half of a sign-in that its challenge stores. Stored as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct FirstHalf {
    /// The device, if the account knew it.
    known_device: Option<DeviceId>,
    /// The risk assessment.
    risk: Option<Assessment>,
}

/// An answer that is not judged yet. Its attempt is counted and within the limits.
pub(crate) struct CountedAnswer {
    challenge: Challenge,
    pub(crate) user: User,
    /// The attempt. It is written when its outcome is known.
    attempt: Attempt,
    counted: CountedAttempt,
}

/// Asks for second factors and judges the answers. Clones are cheap.
#[derive(Clone)]
pub struct SecondFactor(Parts);

/// The parts of [`SecondFactor`].
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) codes: CodeVerifier,
    pub(crate) lockout: FactorLockout,
    pub(crate) attempts: SignInAttempts,
    pub(crate) opener: SessionOpener,
    pub(crate) tokens: TokenIssuer,
}

impl SecondFactor {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Checks that attempts at the account's second factor are left. A sign-in calls this before it checks the password. When
    /// no attempts are left, a correct password must get the same answer as a wrong one.
    ///
    /// # Errors
    /// `TooMany` if no attempts are left, or during a delay.
    pub(crate) async fn check_budget(
        &self,
        found: &SignInCandidate,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        self.0.throttle.peek_second_factor(found.user.id, known_device(found, meta)).await?;
        self.0.lockout.check(found.factors_locked_until)
    }

    /// Asks the client with this pre-session for a second factor.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn challenge(
        &self,
        found: &SignInCandidate,
        attempt: Attempt,
        presession: Uuid,
        meta: &RequestMeta,
    ) -> Result<FactorChallenge, Failure> {
        let now = self.0.clock.now();
        let (challenge, expires_at) = (Uuid::new_v4(), now + CHALLENGE_TTL);
        let first = FirstHalf { known_device: known_device(found, meta), risk: attempt.risk.clone() };
        let new = Challenge {
            id: challenge,
            kind: ChallengeKind::SignIn,
            user: Some(found.user.id),
            answerer: ChallengeOwner::PreSession(presession),
            revocation_epoch: found.user.revocation_epoch,
            revoked_all: found.revoked_all,
            state: serde_json::to_value(first).map_err(|_| Failure::Internal)?,
            expires_at,
        };
        self.0.attempts.count("challenged");
        self.0.attempts.write(Attempt { outcome: AttemptOutcome::Challenged, ..attempt }).await?;
        self.0.store.insert_challenge(new, now).await?;
        let factors = found.factors;
        let available = [
            (factors.totp, ProofMethod::Totp),
            (factors.backup_codes > 0, ProofMethod::BackupCode),
            (factors.passkeys > 0, ProofMethod::Passkey),
        ];
        let methods = available.into_iter().filter_map(|(has, method)| has.then_some(method)).collect();
        Ok(FactorChallenge { challenge, methods, expires_at })
    }

    /// Completes a sign-in with a code.
    ///
    /// # Errors
    /// `Invalid` for every refusal, `TooMany`, `Unavailable`.
    pub async fn verify(&self, answer: FactorAnswer, meta: &RequestMeta) -> Result<SessionTokens, Failure> {
        let throttle = &self.0.throttle;
        throttle.spend_for_address(throttle.limits().ceremony_address, meta.address).await?;
        let method = answer.code.method();
        let counted = self.count_answer(answer.challenge, answer.presession, method, meta).await?;
        let Some(proof) = self.0.codes.verify(counted.user.id, &answer.code).await? else {
            return Err(self.refuse_answer(counted, AttemptOutcome::WrongFactor, method, meta).await);
        };
        let until = self.0.clock.now() + TRUST_TTL;
        let trust = answer.trust_device.then_some((Trust::Trusted, until));
        self.complete(counted, proof, trust, method, meta).await
    }

    /// Counts an answer before it is judged: as an attempt at the sign-in's challenge, and towards the rate limit of the
    /// account and the lockout.
    ///
    /// # Errors
    /// `Invalid` if this pre-session has no such challenge. `TooMany` if the challenge has no attempts left, if the rate limit
    /// of the account is reached, or during a delay. `Unavailable`.
    pub(crate) async fn count_answer(
        &self,
        challenge: Uuid,
        presession: Option<Uuid>,
        method: &str,
        meta: &RequestMeta,
    ) -> Result<CountedAnswer, Failure> {
        let Some(presession) = presession else {
            return Err(self.refuse(None, method, "no_presession", meta).await);
        };
        let challenge = self.count_attempt(challenge, presession, method, meta).await?;
        let user = challenge.user.ok_or(Failure::Internal)?;
        let first: FirstHalf = serde_json::from_value(challenge.state.clone()).unwrap_or_default();
        let known = first.known_device.filter(|known| meta.device == Some(*known));
        self.0.throttle.spend_second_factor(user, known).await?;
        // The user may have been deleted since the challenge was read.
        let Some(user) = self.0.store.user_by_id(user).await? else {
            return Err(self.refuse(Some(user), method, "unknown_account", meta).await);
        };
        let (kind, success) = (SignInMethod::SecondFactor, AttemptOutcome::Success);
        let attempt =
            self.0.attempts.begin(AccountKey::of(&user.email).as_str(), Some(user.id), kind, success, meta);
        let source = known.map_or(FactorSource::OtherDevices, FactorSource::KnownDevice);
        let counted = self.0.lockout.count(user.id, source).await?;
        let attempt = Attempt { risk: first.risk, ..attempt };
        Ok(CountedAnswer { challenge, user, attempt, counted })
    }

    async fn count_attempt(
        &self,
        challenge: Uuid,
        presession: Uuid,
        method: &str,
        meta: &RequestMeta,
    ) -> Result<Challenge, Failure> {
        let (kind, answerer, now) =
            (ChallengeKind::SignIn, ChallengeOwner::PreSession(presession), self.0.clock.now());
        let store = &self.0.store;
        match store.attempt_challenge(challenge, kind, answerer, CHALLENGE_ATTEMPTS, now).await? {
            ChallengeAttempt::Counted(challenge) => Ok(*challenge),
            ChallengeAttempt::Exhausted { until } => {
                let retry_after = (until - now).max(Duration::ZERO).unsigned_abs();
                Err(Failure::too_many(retry_after, "challenge_attempts", CHALLENGE_ATTEMPTS))
            }
            ChallengeAttempt::Unknown => Err(self.refuse(None, method, "unknown_challenge", meta).await),
        }
    }

    /// Opens the session for the sign-in of the challenge. The proof was judged to be correct. The store refuses if the proof
    /// was spent meanwhile, or if anything has changed since the password was checked.
    ///
    /// # Errors
    /// `Invalid` if the store refuses, `Unavailable`.
    pub(crate) async fn complete(
        &self,
        counted: CountedAnswer,
        proof: Proof,
        trust: Option<(Trust, OffsetDateTime)>,
        method: &str,
        meta: &RequestMeta,
    ) -> Result<SessionTokens, Failure> {
        let Parts { opener, attempts, tokens, lockout, .. } = &self.0;
        let CountedAnswer { challenge, user, attempt, .. } = &counted;
        let open = OpenSession {
            revocation_epoch: challenge.revocation_epoch,
            method: SignInMethod::SecondFactor,
            challenge: Some(challenge.id),
            proof: Some(proof),
            trust,
            attempt: Some(attempt.clone()),
            ..opener.prepare(user, challenge.revoked_all, meta)
        };
        let event = opener.event(&open, meta).with("factor", method);
        let refused = match opener.open(open, event).await? {
            OpenOutcome::Session(session, _) => {
                attempts.count("success");
                lockout.was_right(&counted.counted).await;
                attempts.add_to_history(counted.attempt);
                return Ok(tokens.session_tokens(active(&counted.user), *session));
            }
            OpenOutcome::Superseded => AttemptOutcome::Superseded,
            OpenOutcome::Spent => AttemptOutcome::WrongFactor,
        };
        Err(self.refuse_answer(counted, refused, method, meta).await)
    }

    /// Records a refused answer, as an attempt and as an event. Returns the refusal, which is the same for every reason. If the
    /// refused answer cannot be recorded, returns the failure of the recording instead.
    pub(crate) async fn refuse_answer(
        &self,
        counted: CountedAnswer,
        refused: AttemptOutcome,
        method: &str,
        meta: &RequestMeta,
    ) -> Failure {
        let CountedAnswer { user, attempt, counted, .. } = counted;
        if let Err(failure) = self.0.lockout.was_wrong(&counted, meta).await {
            return failure;
        }
        match self.0.attempts.write(Attempt { outcome: refused, ..attempt }).await {
            Ok(()) => self.refuse(Some(user.id), method, refused.as_str(), meta).await,
            Err(failure) => failure,
        }
    }

    /// Records a refusal and returns it. The refusal is the same for every reason. If it cannot be recorded, returns the
    /// failure of the recording instead.
    async fn refuse(
        &self,
        user: Option<UserId>,
        method: &str,
        reason: &'static str,
        meta: &RequestMeta,
    ) -> Failure {
        self.0.attempts.count("refused");
        let mut event = self.0.audit.event("second_factor.refused", Outcome::Failure, meta);
        event.user = user;
        match self.0.audit.record(event.with("method", method).with("reason", reason)).await {
            Ok(()) => Failure::invalid_second_factor(),
            Err(failure) => failure,
        }
    }
}

/// The device of the request, if the account knows it. Attempts at the second factor from such a device are counted apart.
fn known_device(found: &SignInCandidate, meta: &RequestMeta) -> Option<DeviceId> {
    meta.device.filter(|_| found.device_known)
}
