//! The second half of a sign-in: asking for another proof after a password, and judging it.
//!
//! Nothing is told before the limits have been asked: neither that a password was right nor that a code is. An attempt is
//! counted, then judged, then spent together with its challenge by the transaction that opens the session. Whatever is wrong
//! with an answer, the refusal is the same.

use protocol::{
    audit::Outcome,
    id::{DeviceId, UserId},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{CodeProof, Failure, Meta, Services, SignedIn};
use domain::{
    abuse::attempt::AttemptOutcome,
    account::email::Email,
    client::device::{TRUST_TTL, Trust},
    factors::challenge::{CHALLENGE_ATTEMPTS, CHALLENGE_TTL, ChallengeKind, ProofMethod},
    risk::Assessment,
    session::SignInMethod,
};
use store::{
    Attempt, Challenge, ChallengeAttempt, ChallengeOwner, OpenOutcome, OpenSession, Proof, SignInCandidate,
    User,
};

/// A second factor that is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The challenge to be answered.
    pub challenge: Uuid,
    /// By what.
    pub methods: Vec<ProofMethod>,
    /// Until when.
    pub expires_at: OffsetDateTime,
}

/// An answer to a challenge.
#[derive(Clone, Debug)]
pub struct FactorAnswer {
    /// Which.
    pub challenge: Uuid,
    /// Of whom: the pre-session of the request.
    pub presession: Option<Uuid>,
    /// The proof.
    pub code: CodeProof,
    /// Whether the device is to be trusted from now on.
    pub trust_device: bool,
}

/// What the challenge of a sign-in remembers of its first half.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct FirstHalf {
    /// The device, if the account knew it.
    known_device: Option<DeviceId>,
    /// How it was judged.
    risk: Option<Assessment>,
}

/// A challenge that is being answered: the attempt is counted and the limits allow it; nothing is judged yet.
pub(crate) struct Answering {
    /// The challenge.
    pub(crate) challenge: Challenge,
    /// Whose.
    pub(crate) user: User,
    /// The attempt, to be written down with what becomes of it.
    attempt: Attempt,
}

/// The device as which attempts at the second factor count: one that the account knows has a budget of its own.
pub(crate) fn known_device(found: &SignInCandidate, meta: &Meta) -> Option<DeviceId> {
    meta.device.filter(|_| found.device_known)
}

impl Services {
    /// Whether the account's second factor may still be tried. Asked before a password is checked, so that with the budget
    /// used up a right password is answered like a wrong one.
    ///
    /// # Errors
    /// `TooMany` if it may not.
    pub(crate) async fn factor_may_be_tried(
        &self,
        found: &SignInCandidate,
        meta: &Meta,
    ) -> Result<(), Failure> {
        self.look_second_factor(found.user.id, known_device(found, meta)).await
    }

    /// Asks whoever has this pre-session for a second factor.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn ask_second_factor(
        &self,
        found: &SignInCandidate,
        attempt: Attempt,
        presession: Uuid,
        meta: &Meta,
    ) -> Result<Asked, Failure> {
        let now = self.clock.now();
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
        metrics::counter!("sign_ins_total", "outcome" => "challenged").increment(1);
        self.write_attempt(Attempt { outcome: AttemptOutcome::Challenged, ..attempt }).await?;
        self.store.insert_challenge(new, now).await?;
        let held = found.factors;
        let has = [
            (held.totp, ProofMethod::Totp),
            (held.backup_codes > 0, ProofMethod::BackupCode),
            (held.passkeys > 0, ProofMethod::Passkey),
        ];
        let methods = has.into_iter().filter_map(|(has, method)| has.then_some(method)).collect();
        Ok(Asked { challenge, methods, expires_at })
    }

    /// Finishes a sign-in with a code.
    ///
    /// # Errors
    /// `Invalid` for every reason not to, `TooMany`, `Unavailable`.
    pub async fn verify_second_factor(&self, answer: FactorAnswer, meta: &Meta) -> Result<SignedIn, Failure> {
        self.throttle_address(self.limits.ceremony_address, meta).await?;
        let method = answer.code.method();
        let answering = self.begin_answer(answer.challenge, answer.presession, method, meta).await?;
        let Some(proof) = self.judge(answering.user.id, &answer.code).await? else {
            return Err(self.refuse_answer(answering, AttemptOutcome::WrongFactor, method, meta).await);
        };
        let until = self.clock.now() + TRUST_TTL;
        let trust = answer.trust_device.then_some((Trust::Trusted, until));
        self.finish_answer(answering, proof, trust, method, meta).await
    }

    /// Counts an attempt at the challenge of a sign-in, and asks the account's limit, before anything is judged.
    ///
    /// # Errors
    /// `Invalid` if this pre-session has no such challenge, `TooMany` if its attempts or the account's are used up,
    /// `Unavailable`.
    pub(crate) async fn begin_answer(
        &self,
        challenge: Uuid,
        presession: Option<Uuid>,
        method: &str,
        meta: &Meta,
    ) -> Result<Answering, Failure> {
        let Some(presession) = presession else {
            return Err(self.refuse_factor(None, method, "no_presession", meta).await);
        };
        let (answerer, now) = (ChallengeOwner::PreSession(presession), self.clock.now());
        let attempted = self
            .store
            .attempt_challenge(challenge, ChallengeKind::SignIn, answerer, CHALLENGE_ATTEMPTS, now)
            .await?;
        let challenge = match attempted {
            ChallengeAttempt::Counted(challenge) => *challenge,
            ChallengeAttempt::Exhausted { until } => {
                let retry_after = (until - now).max(Duration::ZERO).unsigned_abs();
                return Err(Failure::too_many(retry_after, "challenge_attempts", CHALLENGE_ATTEMPTS));
            }
            ChallengeAttempt::Unknown => {
                return Err(self.refuse_factor(None, method, "unknown_challenge", meta).await);
            }
        };
        let user = challenge.user.ok_or(Failure::Internal)?;
        let first: FirstHalf = serde_json::from_value(challenge.state.clone()).unwrap_or_default();
        let known = first.known_device.filter(|known| meta.device == Some(*known));
        self.throttle_second_factor(user, known).await?;
        // Rows of a user who is gone go with them: between the two statements, perhaps.
        let Some(user) = self.store.user_by_id(user).await? else {
            return Err(self.refuse_factor(Some(user), method, "unknown_account", meta).await);
        };
        let folded =
            Email::parse(&user.email).map_or_else(|_| user.email.to_lowercase(), |email| email.folded());
        let (kind, success) = (SignInMethod::SecondFactor, AttemptOutcome::Success);
        let attempt = self.attempt(&folded, Some(user.id), kind, success, meta);
        Ok(Answering { challenge, user, attempt: Attempt { risk: first.risk, ..attempt } })
    }

    /// Opens the session that the challenge stands before, if the proof, which was judged to be right, still counts and
    /// nothing has changed since the password was checked.
    ///
    /// # Errors
    /// `Invalid` if not, `Unavailable`.
    pub(crate) async fn finish_answer(
        &self,
        answering: Answering,
        proof: Proof,
        trust: Option<(Trust, OffsetDateTime)>,
        method: &str,
        meta: &Meta,
    ) -> Result<SignedIn, Failure> {
        let Answering { challenge, user, attempt } = &answering;
        let open = OpenSession {
            revocation_epoch: challenge.revocation_epoch,
            method: SignInMethod::SecondFactor,
            challenge: Some(challenge.id),
            proof: Some(proof),
            trust,
            attempt: Some(attempt.clone()),
            ..self.new_session(user, challenge.revoked_all, meta)
        };
        let event = self.opened(&open, meta).with("factor", method);
        let refused = match self.open(open, event).await? {
            OpenOutcome::Session(session, _) => {
                metrics::counter!("sign_ins_total", "outcome" => "success").increment(1);
                self.note_attempt(answering.attempt);
                return Ok(self.grant(answering.user, *session));
            }
            OpenOutcome::Superseded => AttemptOutcome::Superseded,
            OpenOutcome::Spent => AttemptOutcome::WrongFactor,
        };
        Err(self.refuse_answer(answering, refused, method, meta).await)
    }

    /// Writes a wrong answer down, as an attempt and as an event, and makes the one refusal.
    pub(crate) async fn refuse_answer(
        &self,
        answering: Answering,
        refused: AttemptOutcome,
        method: &str,
        meta: &Meta,
    ) -> Failure {
        let Answering { user, attempt, .. } = answering;
        match self.write_attempt(Attempt { outcome: refused, ..attempt }).await {
            Ok(()) => self.refuse_factor(Some(user.id), method, refused.as_str(), meta).await,
            Err(failure) => failure,
        }
    }

    /// Writes a refusal down and makes the one answer; if it cannot be written down, there is no answer.
    async fn refuse_factor(
        &self,
        user: Option<UserId>,
        method: &str,
        reason: &'static str,
        meta: &Meta,
    ) -> Failure {
        metrics::counter!("sign_ins_total", "outcome" => reason).increment(1);
        let mut event = self.event("second_factor.refused", Outcome::Failure, meta);
        event.user = user;
        match self.record(event.with("method", method).with("reason", reason)).await {
            Ok(()) => Failure::invalid_second_factor(),
            Err(failure) => failure,
        }
    }
}
