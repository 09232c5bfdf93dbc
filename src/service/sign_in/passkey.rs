//! Signing in with a passkey: alone, or as the second factor after a password.
//!
//! The authenticator verifies its user, so a passkey alone counts as two factors. The purpose of a ceremony is fixed when it
//! begins; the answer cannot change it.

use domain::{
    abuse::attempt::AttemptOutcome,
    account::account_key::AccountKey,
    client::device::{TRUST_TTL, Trust},
    factors::challenge::ChallengeKind,
    risk::RiskOutcome,
    session::SignInMethod,
};
use protocol::id::UserId;
use serde_json::Value;
use store::{Attempt, Challenge, ChallengeOwner, OpenOutcome, OpenSession, SignInCandidate, Store};
use uuid::Uuid;
use webauthn_rs::prelude::PublicKeyCredential;

use super::{
    attempts::SignInAttempts,
    open_session::{SessionOpener, active},
    risk::RiskAssessor,
    second_factor::SecondFactor,
};
use crate::{
    access::{
        issue_tokens::{SessionTokens, TokenIssuer},
        verifier::Verifier,
    },
    authenticators::{
        clone_detection::CloneDetection,
        passkey_ceremony::{NewCeremony, PasskeyCeremonies, PasskeyCeremony, parse_assertion},
        verified_assertion::VerifiedAssertion,
    },
    core::{clock::Clock, failure::Failure, keys::LiveKeys, request_meta::RequestMeta, throttle::Throttle},
};

/// The purpose of a passkey ceremony.
#[derive(Clone, Debug)]
pub enum PasskeyPurpose {
    /// To sign in as the user that the authenticator names.
    AnyUser,
    /// To sign in as the user with this name.
    User(String),
    /// To complete the sign-in with this challenge.
    SecondFactor(Uuid),
}

/// The answer to a sign-in ceremony.
#[derive(Clone, Debug)]
pub struct PasskeyAnswer {
    /// The ceremony.
    pub ceremony: Uuid,
    /// The pre-session of the request.
    pub presession: Option<Uuid>,
    /// The authenticator's answer, as the browser gives it.
    pub credential: Value,
    /// Whether the user wants to trust the device from now on.
    pub trust_device: bool,
}

/// Signs in with a passkey.
pub struct PasskeySignIn(Parts);

/// The parts of [`PasskeySignIn`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) throttle: Throttle,
    pub(crate) verifier: Verifier,
    pub(crate) ceremonies: PasskeyCeremonies,
    pub(crate) clones: CloneDetection,
    pub(crate) keys: LiveKeys,
    pub(crate) attempts: SignInAttempts,
    pub(crate) risk: RiskAssessor,
    pub(crate) opener: SessionOpener,
    pub(crate) tokens: TokenIssuer,
    pub(crate) second_factor: SecondFactor,
}

impl PasskeySignIn {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins to sign in with a passkey. Only the client with this pre-session can answer.
    ///
    /// # Errors
    /// `Invalid` if there is no such sign-in to complete, `TooMany`, `Unavailable`.
    pub async fn begin(
        &self,
        purpose: PasskeyPurpose,
        presession: Uuid,
        meta: &RequestMeta,
    ) -> Result<PasskeyCeremony, Failure> {
        let Parts { store, clock, ceremonies, .. } = &self.0;
        self.throttle(meta).await?;
        let answerer = ChallengeOwner::PreSession(presession);
        match purpose {
            PasskeyPurpose::AnyUser => {
                let new = NewCeremony::new(ChallengeKind::PasskeySignIn, None, answerer);
                ceremonies.begin_assertion(new, None).await
            }
            PasskeyPurpose::User(name) => self.begin_for_name(&name, answerer).await,
            PasskeyPurpose::SecondFactor(challenge) => {
                let found = store.challenge(challenge, ChallengeKind::SignIn, answerer, clock.now()).await?;
                let user = found.and_then(|found| found.user).ok_or_else(Failure::invalid_second_factor)?;
                let new = NewCeremony::new(ChallengeKind::PasskeyFactor, Some(user), answerer);
                let allowed = ceremonies.credential_ids(user).await?;
                let new = NewCeremony { sign_in: Some(challenge), ..new };
                ceremonies.begin_assertion(new, Some(allowed)).await
            }
        }
    }

    /// Begins a ceremony for the user with this name. Decoys fill the list of credentials up to a fixed number, so that the
    /// answer does not reveal which names have passkeys.
    async fn begin_for_name(&self, name: &str, answerer: ChallengeOwner) -> Result<PasskeyCeremony, Failure> {
        let Parts { store, ceremonies, keys, .. } = &self.0;
        let key = AccountKey::of(name);
        let found = store.user_by_key(key.clone(), None).await?.map(|found| found.user.id);
        // An unknown name causes the same query, so that the time of the answer reveals nothing. No user has the number 0.
        let held = ceremonies.credential_ids(found.unwrap_or(UserId(0))).await?;
        let decoy = held.is_empty();
        let allowed = keys.live().decoys.pad(held, key.as_str());
        let new = NewCeremony::new(ChallengeKind::PasskeySignIn, found.filter(|_| !decoy), answerer);
        ceremonies.begin_assertion(NewCeremony { decoy, ..new }, Some(allowed)).await
    }

    /// Completes a sign-in with a passkey, for the purpose of its ceremony.
    ///
    /// # Errors
    /// `BadRequest` if the value is not the answer of an authenticator, `Invalid` for every refusal, `TooMany`, `Unavailable`.
    pub async fn complete(
        &self,
        answer: PasskeyAnswer,
        meta: &RequestMeta,
    ) -> Result<SessionTokens, Failure> {
        let Parts { store, ceremonies, attempts, .. } = &self.0;
        self.throttle(meta).await?;
        let credential = parse_assertion(&answer.credential)?;
        let kinds = [ChallengeKind::PasskeySignIn, ChallengeKind::PasskeyFactor];
        let answerer = answer.presession.map(ChallengeOwner::PreSession);
        let taken = ceremonies.take_ceremony(answer.ceremony, answerer, &kinds).await?;
        if taken.kind == ChallengeKind::PasskeyFactor {
            return self.complete_as_factor(&answer, &taken, &credential, meta).await;
        }
        let assertion = match ceremonies.judge_assertion(&taken, &credential, meta).await {
            Ok(assertion) => assertion,
            Err(failure) => {
                return Err(self.record_wrong_assertion(&credential, taken.user, failure, meta).await);
            }
        };
        let Some(found) = store.candidate_by_id(assertion.user, meta.device).await? else {
            return Err(ceremonies.refuse(Some(assertion.user), "superseded", meta).await);
        };
        let key = AccountKey::of(&found.user.email);
        let (kind, success) = (SignInMethod::Passkey, AttemptOutcome::Success);
        let attempt = attempts.begin(key.as_str(), Some(found.user.id), kind, success, meta);
        self.open(found, assertion, attempt, answer.trust_device, meta).await
    }

    /// Opens a session after a correct assertion, if the account is active and the risk allows it.
    async fn open(
        &self,
        found: SignInCandidate,
        assertion: VerifiedAssertion,
        attempt: Attempt,
        trust_device: bool,
        meta: &RequestMeta,
    ) -> Result<SessionTokens, Failure> {
        let Parts { verifier, risk, opener, attempts, tokens, clones, clock, .. } = &self.0;
        if !found.may_sign_in() || verifier.is_blocked(found.user.id).await? {
            return Err(self.refuse(AttemptOutcome::InactiveAccount, attempt, meta).await);
        }
        let verdict = risk.assess(found.user.id, meta).await?;
        let attempt = Attempt { risk: Some(verdict.assessment.clone()), ..attempt };
        if verdict.outcome == RiskOutcome::Refuse {
            return Err(self.refuse(AttemptOutcome::RiskRefused, attempt, meta).await);
        }
        // If the risk demands a second factor, the passkey is enough, because it counts as two factors.
        risk.record_suspicion(found.user.id, &verdict, meta).await?;
        let open = OpenSession {
            method: SignInMethod::Passkey,
            proof: Some(assertion.proof.clone()),
            trust: trust_device.then(|| (Trust::Verified, clock.now() + TRUST_TTL)),
            attempt: Some(attempt.clone()),
            ..opener.prepare(&found.user, found.revoked_all, meta)
        };
        let event = opener.event(&open, meta);
        match opener.open(open, event).await? {
            OpenOutcome::Session(session, _) => {
                attempts.add_to_history(attempt);
                attempts.count("success");
                Ok(tokens.session_tokens(active(&found.user), *session))
            }
            OpenOutcome::Superseded => Err(self.refuse(AttemptOutcome::Superseded, attempt, meta).await),
            OpenOutcome::Spent => {
                let failure = self.refuse(AttemptOutcome::InvalidPasskey, attempt, meta).await;
                Err(clones.failure_when_unspent(&assertion, failure, meta).await)
            }
        }
    }

    /// Completes a sign-in that began with a password.
    async fn complete_as_factor(
        &self,
        answer: &PasskeyAnswer,
        taken: &Challenge,
        credential: &PublicKeyCredential,
        meta: &RequestMeta,
    ) -> Result<SessionTokens, Failure> {
        let Parts { second_factor, ceremonies, clones, clock, .. } = &self.0;
        let sign_in = taken.state["sign_in"].as_str().and_then(|id| id.parse().ok());
        let sign_in = sign_in.ok_or(Failure::Internal)?;
        let counted = second_factor.count_answer(sign_in, answer.presession, "passkey", meta).await?;
        match ceremonies.judge_assertion(taken, credential, meta).await {
            Ok(assertion) => {
                let proof = assertion.proof.clone();
                let trust = (Trust::Verified, clock.now() + TRUST_TTL);
                let trust = answer.trust_device.then_some(trust);
                match second_factor.complete(counted, proof, trust, "passkey", meta).await {
                    Err(failure) => Err(clones.failure_when_unspent(&assertion, failure, meta).await),
                    granted => granted,
                }
            }
            Err(failure @ Failure::Invalid { .. }) => {
                let outcome = attempt_outcome(&failure);
                match second_factor.refuse_answer(counted, outcome, "passkey", meta).await {
                    // The failure of the assertion tells the user more than that of the second factor.
                    Failure::Invalid { .. } => Err(failure),
                    unrecorded => Err(unrecorded),
                }
            }
            // The answer was not judged, so no refusal is recorded. The attempt stays counted.
            Err(failure) => Err(failure),
        }
    }

    /// Records a wrong assertion as an attempt, and returns its failure.
    async fn record_wrong_assertion(
        &self,
        credential: &PublicKeyCredential,
        user: Option<UserId>,
        failure: Failure,
        meta: &RequestMeta,
    ) -> Failure {
        if !matches!(failure, Failure::Invalid { .. }) {
            return failure;
        }
        let attempts = &self.0.attempts;
        let (kind, outcome) = (SignInMethod::Passkey, attempt_outcome(&failure));
        let attempt = attempts.begin(&credential.id, user, kind, outcome, meta);
        match attempts.write(attempt).await {
            Ok(()) => failure,
            Err(unrecorded) => unrecorded,
        }
    }

    /// Records why a sign-in with a correct assertion was refused. The answer does not reveal the reason.
    async fn refuse(&self, outcome: AttemptOutcome, attempt: Attempt, meta: &RequestMeta) -> Failure {
        let user = attempt.user;
        match self.0.attempts.write(Attempt { outcome, ..attempt }).await {
            Ok(()) => self.0.ceremonies.refuse(user, outcome.as_str(), meta).await,
            Err(failure) => failure,
        }
    }

    async fn throttle(&self, meta: &RequestMeta) -> Result<(), Failure> {
        let throttle = &self.0.throttle;
        throttle.spend_for_address(throttle.limits().ceremony_address, meta.address).await
    }
}

fn attempt_outcome(failure: &Failure) -> AttemptOutcome {
    match failure {
        Failure::Invalid { code: "passkey_suspended", .. } => AttemptOutcome::CredentialCloned,
        _ => AttemptOutcome::InvalidPasskey,
    }
}
