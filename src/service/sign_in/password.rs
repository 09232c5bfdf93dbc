//! Signing in with an e-mail address and a password.
//!
//! An unknown account, a wrong password and a disabled account get the same answer after the same work, and as late as a
//! success (`answer_timing`). If a revocation comes between the check of the password and the opening of the session, the store
//! does not open the session.

use domain::{
    abuse::attempt::AttemptOutcome,
    account::{account_key::AccountKey, password::Verification, role::Status},
    client::device::Trust,
    factors::challenge::decide_second_factor,
    risk::RiskOutcome,
    session::SignInMethod,
};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::DeviceId,
};
use secrecy::{ExposeSecret, SecretString};
use store::{Attempt, OpenOutcome, OpenSession, SignInCandidate, Store};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    attempts::SignInAttempts,
    even_answers::EvenAnswers,
    open_session::{SessionOpener, active},
    risk::RiskAssessor,
    second_factor::{FactorChallenge, SecondFactor},
};
use crate::{
    access::{
        issue_tokens::{SessionTokens, TokenIssuer},
        verifier::Verifier,
    },
    core::{
        audit::AuditTrail,
        clock::Clock,
        failure::Failure,
        password_hasher::{HashPermit, PasswordHasher},
        request_meta::RequestMeta,
        throttle::Throttle,
    },
};

/// The result of a correct password.
#[derive(Clone, Debug)]
pub enum SignInStep {
    /// A session was opened.
    Granted(Box<SessionTokens>),
    /// A second factor is required.
    Challenged(FactorChallenge),
}

/// Signs in with a password.
pub struct PasswordSignIn {
    parts: Parts,
    answers: EvenAnswers,
}

/// The parts of [`PasswordSignIn`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) verifier: Verifier,
    pub(crate) attempts: SignInAttempts,
    pub(crate) risk: RiskAssessor,
    pub(crate) opener: SessionOpener,
    pub(crate) tokens: TokenIssuer,
    pub(crate) second_factor: SecondFactor,
}

impl PasswordSignIn {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, answers: EvenAnswers::default() }
    }

    /// Signs in with a password. If a second factor is required, only the client with this pre-session can answer.
    ///
    /// # Errors
    /// `Invalid` for every refusal, `TooMany`, `Unavailable`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        presession: Uuid,
        meta: &RequestMeta,
    ) -> Result<SignInStep, Failure> {
        let key = AccountKey::of(email);
        let (candidate, permit) = self.candidate(&key, meta).await?;
        let phc = candidate.as_ref().map(|found| found.user.password_hash.expose_secret().to_owned());
        let verification = self.parts.hasher.verify_with(permit, &password, phc).await?;
        let began = Instant::now();
        let answer = self.decide(&key, candidate.as_ref(), verification, password, presession, meta).await;
        self.delay(began, &answer).await;
        answer
    }

    /// Delays the answer so that its time does not reveal the result. Refusals because of a limit or an overload are answered
    /// at once, because their time reveals nothing.
    async fn delay(&self, began: Instant, answer: &Result<SignInStep, Failure>) {
        let success = match answer {
            Ok(_) => true,
            Err(Failure::Invalid { .. }) => false,
            Err(_) => return,
        };
        self.answers.wait(began, success).await;
    }

    /// Decides about a sign-in after the comparison of the password.
    async fn decide(
        &self,
        key: &AccountKey,
        candidate: Option<&SignInCandidate>,
        verification: Verification,
        password: SecretString,
        presession: Uuid,
        meta: &RequestMeta,
    ) -> Result<SignInStep, Failure> {
        let Parts { attempts, risk, throttle, verifier, .. } = &self.parts;
        let user = candidate.map(|found| found.user.id);
        let success = AttemptOutcome::Success;
        let mut attempt = attempts.begin(key.as_str(), user, SignInMethod::Password, success, meta);
        let blocked = match user {
            Some(user) => verifier.is_blocked(user).await?,
            None => false,
        };
        let found = match check_candidate(candidate, verification, blocked) {
            Ok(found) => found,
            Err(refused) => {
                throttle.count_wrong_pair(key, &password, meta).await;
                return Err(self.refuse(refused, attempt, meta).await);
            }
        };
        let verdict = risk.assess(found.user.id, meta).await?;
        attempt.risk = Some(verdict.assessment.clone());
        if verdict.outcome == RiskOutcome::Refuse {
            // This counts like a wrong password: otherwise a missing ban would reveal that the password was correct.
            throttle.count_wrong_pair(key, &password, meta).await;
            return Err(self.refuse(AttemptOutcome::RiskRefused, attempt, meta).await);
        }
        risk.record_suspicion(found.user.id, &verdict, meta).await?;
        let proven = if verification.rehash { self.rehash(found, password).await } else { None };
        let proven = proven.unwrap_or_else(|| found.user.password_hash.clone());
        let demands = verdict.outcome == RiskOutcome::RequireSecondFactor;
        self.grant_or_challenge(found, &proven, demands, attempt, presession, meta).await
    }

    /// Opens a session for a correct password, or asks for a second factor.
    async fn grant_or_challenge(
        &self,
        found: &SignInCandidate,
        proven: &SecretString,
        demands: bool,
        attempt: Attempt,
        presession: Uuid,
        meta: &RequestMeta,
    ) -> Result<SignInStep, Failure> {
        if self.needs_factor(found, demands) {
            let challenge = self.parts.second_factor.challenge(found, attempt, presession, meta).await?;
            return Ok(SignInStep::Challenged(challenge));
        }
        match self.open(found.clone(), proven, demands, &attempt, meta).await? {
            Some(granted) => {
                self.parts.attempts.add_to_history(attempt);
                self.parts.attempts.count("success");
                Ok(SignInStep::Granted(Box::new(granted)))
            }
            None => Err(self.refuse(AttemptOutcome::Superseded, attempt, meta).await),
        }
    }

    /// Checks the limits, finds the account, and takes a permit to hash. The permit is taken before the account is loaded.
    /// The limits that do not depend on the account are checked before the permit is taken.
    async fn candidate(
        &self,
        key: &AccountKey,
        meta: &RequestMeta,
    ) -> Result<(Option<SignInCandidate>, HashPermit), Failure> {
        let Parts { store, throttle, hasher, second_factor, .. } = &self.parts;
        throttle.spend_for_address(throttle.limits().login_address, meta.address).await?;
        // Without a device, the limit of the account does not depend on the database, so it is checked first.
        let without_device = meta.device.is_none();
        if without_device {
            throttle.spend_sign_in(key, None, meta.address).await?;
        }
        let permit = hasher.permit().await?;
        let candidate = store.user_by_key(key.clone(), meta.device).await?;
        if !without_device {
            throttle.spend_sign_in(key, known_device(candidate.as_ref(), meta), meta.address).await?;
        }
        if let Some(found) = candidate.as_ref().filter(|found| found.factors.any()) {
            second_factor.check_budget(found, meta).await?;
        }
        Ok((candidate, permit))
    }

    /// Whether this sign-in needs a second factor. `demands` says that its risk demands one.
    fn needs_factor(&self, found: &SignInCandidate, demands: bool) -> bool {
        let now = self.parts.clock.now();
        let trust = found.device_trust.map_or(Trust::New, |(trust, until)| trust.at(Some(until), now));
        decide_second_factor(found.factors.any(), trust, demands)
    }

    /// Opens a session after a correct password; `proven` is its hash. If a simultaneous revocation makes the store refuse, the
    /// account is loaded once more: the revocation may not concern this sign-in. The sign-in is then refused if the password or
    /// the status has changed, if a second factor is required now, or if the store refuses again.
    async fn open(
        &self,
        found: SignInCandidate,
        proven: &SecretString,
        demands: bool,
        attempt: &Attempt,
        meta: &RequestMeta,
    ) -> Result<Option<SessionTokens>, Failure> {
        if let Some(granted) = self.try_open(&found, attempt, meta).await? {
            return Ok(Some(granted));
        }
        let again = self.parts.store.candidate_by_id(found.user.id, meta.device).await?;
        let again = again.filter(|again| {
            let same_hash = again.user.password_hash.expose_secret() == proven.expose_secret();
            let same_terms = same_hash && !self.needs_factor(again, demands);
            again.may_sign_in() && same_terms
        });
        match again {
            Some(again) => self.try_open(&again, attempt, meta).await,
            None => Ok(None),
        }
    }

    async fn try_open(
        &self,
        found: &SignInCandidate,
        attempt: &Attempt,
        meta: &RequestMeta,
    ) -> Result<Option<SessionTokens>, Failure> {
        let Parts { opener, tokens, .. } = &self.parts;
        let open = opener.prepare(&found.user, found.revoked_all, meta);
        // If the user has a second factor, it was not asked for, because the device is trusted. Then the session begins without
        // privilege.
        let privileged_until = if found.factors.any() { open.now } else { open.privileged_until };
        let open = OpenSession { attempt: Some(attempt.clone()), privileged_until, ..open };
        let event = opener.event(&open, meta);
        match opener.open(open, event).await? {
            OpenOutcome::Session(session, _) => {
                Ok(Some(tokens.session_tokens(active(&found.user), *session)))
            }
            OpenOutcome::Superseded | OpenOutcome::Spent => Ok(None),
        }
    }

    /// Records a refusal and returns the answer, which is the same for every reason. If the refusal cannot be recorded, returns
    /// the failure of the recording instead.
    async fn refuse(&self, refused: AttemptOutcome, attempt: Attempt, meta: &RequestMeta) -> Failure {
        let Parts { audit, attempts, .. } = &self.parts;
        // The metric does not contain the reason, because the reason would reveal which accounts exist.
        attempts.count("refused");
        let event = audit.event("session.refused", Outcome::Failure, meta);
        let event = AuditEvent { user: attempt.user, ..event };
        let event = event.with("reason", refused.as_str()).with("account", attempt.identifier.clone());
        if let Err(failure) = audit.record(event).await {
            return failure;
        }
        match attempts.write(Attempt { outcome: refused, ..attempt }).await {
            Ok(()) => Failure::invalid_credentials(),
            Err(failure) => failure,
        }
    }

    /// Replaces a hash that has outdated parameters, and returns the new one. An error does not fail the sign-in.
    async fn rehash(&self, found: &SignInCandidate, password: SecretString) -> Option<SecretString> {
        let new = self.parts.hasher.hash(password).await.ok()?;
        let old = found.user.password_hash.clone();
        match self.parts.store.rehash_password(found.user.id, old, new.clone()).await {
            Ok(renewed) => renewed.then_some(new),
            Err(error) => {
                tracing::warn!(%error, "could not renew a password hash");
                None
            }
        }
    }
}

/// The device of the request, if the account knows it. An account knows devices only after its address was verified. Otherwise
/// a client could find out after a registration whether the account had existed before.
fn known_device(candidate: Option<&SignInCandidate>, meta: &RequestMeta) -> Option<DeviceId> {
    let known = candidate.is_some_and(|found| found.device_known && found.user.status != Status::Pending);
    meta.device.filter(|_| known)
}

/// The account, if it may sign in, or the reason for the refusal. The account's status is checked last, so that only a correct
/// password could reveal it.
fn check_candidate(
    candidate: Option<&SignInCandidate>,
    verification: Verification,
    blocked: bool,
) -> Result<&SignInCandidate, AttemptOutcome> {
    let found = candidate.ok_or(AttemptOutcome::UnknownAccount)?;
    if !verification.ok {
        return Err(AttemptOutcome::WrongPassword);
    }
    if blocked || !found.may_sign_in() {
        return Err(AttemptOutcome::InactiveAccount);
    }
    Ok(found)
}
