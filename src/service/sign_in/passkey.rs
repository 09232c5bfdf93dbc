//! Signing in with a passkey: alone, as the second factor after a password, and as a fresh proof of presence.
//!
//! A passkey checks who holds it, so alone it is as good as two factors. Which of the three a ceremony is for is settled when
//! it begins and cannot be changed by its answer.

use protocol::id::UserId;
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::PublicKeyCredential;

use super::risk::Assessed;
use crate::{
    Caller, Failure, Meta, Services, SignedIn,
    authenticators::passkey_ceremony::{Asserted, Ceremony, NewCeremony},
};
use domain::{
    abuse::attempt::AttemptOutcome,
    account::email::Email,
    client::device::{TRUST_TTL, Trust},
    factors::challenge::ChallengeKind,
    risk::RiskOutcome,
    session::SignInMethod,
};
use store::{Attempt, Challenge, ChallengeOwner, OpenOutcome, OpenSession, SignInCandidate};

/// What a passkey is asked for.
#[derive(Clone, Debug)]
pub enum PasskeyFor {
    /// Signing in, whoever the authenticator says it is.
    Anyone,
    /// Signing in as the user of this name.
    User(String),
    /// The second half of the sign-in with this challenge.
    SecondFactor(Uuid),
}

/// The answer to a ceremony of signing in.
#[derive(Clone, Debug)]
pub struct PasskeyAnswer {
    /// Which ceremony.
    pub ceremony: Uuid,
    /// Of whom: the pre-session of the request.
    pub presession: Option<Uuid>,
    /// The authenticator's answer, as the browser gives it.
    pub credential: Value,
    /// Whether the device is to be trusted from now on.
    pub trust_device: bool,
}

impl Services {
    /// Begins to sign in with a passkey, for whoever has this pre-session.
    ///
    /// # Errors
    /// `Invalid` if there is no such sign-in to finish, `TooMany`, `Unavailable`.
    pub async fn begin_passkey_sign_in(
        &self,
        wanted: PasskeyFor,
        presession: Uuid,
        meta: &Meta,
    ) -> Result<Ceremony, Failure> {
        self.throttle_address(self.limits.ceremony_address, meta).await?;
        let answerer = ChallengeOwner::PreSession(presession);
        match wanted {
            PasskeyFor::Anyone => {
                self.ask_assertion(NewCeremony::new(ChallengeKind::PasskeySignIn, None, answerer), None).await
            }
            PasskeyFor::User(name) => self.ask_user(&name, answerer).await,
            PasskeyFor::SecondFactor(challenge) => {
                let kind = ChallengeKind::SignIn;
                let found = self.store.challenge(challenge, kind, answerer, self.clock.now()).await?;
                let user = found.and_then(|found| found.user).ok_or_else(Failure::invalid_second_factor)?;
                let new = NewCeremony::new(ChallengeKind::PasskeyFactor, Some(user), answerer);
                let allowed = self.credentials_of(user).await?;
                self.ask_assertion(NewCeremony { sign_in: Some(challenge), ..new }, Some(allowed)).await
            }
        }
    }

    /// Asks for a passkey of whoever has this name. A name that nobody has, or that has no passkey, is asked for one that
    /// nobody has.
    async fn ask_user(&self, name: &str, answerer: ChallengeOwner) -> Result<Ceremony, Failure> {
        let parsed = Email::parse(name).ok();
        let folded = parsed.as_ref().map_or_else(|| name.trim().to_lowercase(), Email::folded);
        let found = match parsed {
            Some(email) => self.store.user_by_email(email, None).await?.map(|found| found.user.id),
            None => None,
        };
        let allowed = match found {
            Some(user) => self.credentials_of(user).await?,
            // The same question for nobody, so that the time of the answer tells nothing.
            None => self.credentials_of(UserId(0)).await?,
        };
        let decoy = allowed.is_empty();
        let allowed = if decoy { vec![self.passkey_decoys.credential_id(&folded)] } else { allowed };
        let new = NewCeremony::new(ChallengeKind::PasskeySignIn, found.filter(|_| !decoy), answerer);
        self.ask_assertion(NewCeremony { decoy, ..new }, Some(allowed)).await
    }

    /// Begins to ask the caller for a fresh proof of presence.
    ///
    /// # Errors
    /// `Conflict` if they have no passkey, `TooMany`, `Unavailable`.
    pub async fn begin_passkey_step_up(&self, caller: &Caller, meta: &Meta) -> Result<Ceremony, Failure> {
        self.throttle_address(self.limits.ceremony_address, meta).await?;
        let allowed = self.credentials_of(caller.user).await?;
        if allowed.is_empty() {
            return Err(Failure::conflict("no_passkey", "You have no passkey to prove your presence with."));
        }
        let answerer = ChallengeOwner::Session(caller.session);
        let new = NewCeremony::new(ChallengeKind::PasskeyStepUp, Some(caller.user), answerer);
        self.ask_assertion(new, Some(allowed)).await
    }

    /// Judges the caller's proof of presence; it is yet to be spent.
    pub(crate) async fn judge_passkey_step_up(
        &self,
        caller: &Caller,
        ceremony: Uuid,
        credential: &Value,
        meta: &Meta,
    ) -> Result<Asserted, Failure> {
        let credential = assertion(credential)?;
        let answerer = Some(ChallengeOwner::Session(caller.session));
        let taken = self.take_ceremony(ceremony, answerer, &[ChallengeKind::PasskeyStepUp]).await?;
        self.judge_assertion(&taken, &credential, meta).await
    }

    /// Finishes a sign-in with a passkey, alone or as the second factor, as it was begun.
    ///
    /// # Errors
    /// `BadRequest` for what is no answer of an authenticator, `Invalid` for every reason not to let in, `TooMany`,
    /// `Unavailable`.
    pub async fn finish_passkey_sign_in(
        &self,
        answer: PasskeyAnswer,
        meta: &Meta,
    ) -> Result<SignedIn, Failure> {
        self.throttle_address(self.limits.ceremony_address, meta).await?;
        let credential = assertion(&answer.credential)?;
        let kinds = [ChallengeKind::PasskeySignIn, ChallengeKind::PasskeyFactor];
        let answerer = answer.presession.map(ChallengeOwner::PreSession);
        let taken = self.take_ceremony(answer.ceremony, answerer, &kinds).await?;
        if taken.kind == ChallengeKind::PasskeyFactor {
            return self.finish_factor(&answer, &taken, &credential, meta).await;
        }
        let asserted = match self.judge_assertion(&taken, &credential, meta).await {
            Ok(asserted) => asserted,
            Err(failure) => {
                return Err(self.note_failed_passkey(&credential, taken.user, failure, meta).await);
            }
        };
        let email = Email::parse(&asserted.owner.email).map_err(|_| Failure::Internal)?;
        let folded = email.folded();
        let found = self.store.user_by_email(email, meta.device).await?;
        let Some(found) = found.filter(|found| found.user.id == asserted.user) else {
            return Err(self.refuse_passkey(Some(asserted.user), "superseded", meta).await);
        };
        let (kind, success) = (SignInMethod::Passkey, AttemptOutcome::Success);
        let attempt = self.attempt(&folded, Some(found.user.id), kind, success, meta);
        self.let_in(found, asserted, attempt, answer.trust_device, meta).await
    }

    /// Opens a session for whoever proved to have a passkey, if the account works and the risk allows it.
    async fn let_in(
        &self,
        found: SignInCandidate,
        asserted: Asserted,
        attempt: Attempt,
        trust_device: bool,
        meta: &Meta,
    ) -> Result<SignedIn, Failure> {
        if !found.user.status.is_active() || self.is_blocked(found.user.id).await? {
            return Err(self.refuse_attempt(AttemptOutcome::InactiveAccount, attempt, meta).await);
        }
        let assessed: Assessed = self.assess(found.user.id, meta).await?;
        let attempt = Attempt { risk: Some(assessed.assessment.clone()), ..attempt };
        if assessed.outcome == RiskOutcome::Refuse {
            return Err(self.refuse_attempt(AttemptOutcome::RiskRefused, attempt, meta).await);
        }
        // What else a risk may demand is a second factor, and a passkey is two.
        self.note_suspicion(found.user.id, &assessed, meta).await?;
        let open = OpenSession {
            method: SignInMethod::Passkey,
            proof: Some(asserted.proof.clone()),
            trust: trust_device.then(|| (Trust::Verified, self.clock.now() + TRUST_TTL)),
            attempt: Some(attempt.clone()),
            ..self.new_session(&found.user, found.revoked_all, meta)
        };
        let event = self.opened(&open, meta);
        match self.open(open, event).await? {
            OpenOutcome::Session(session, _) => {
                self.note_attempt(attempt);
                metrics::counter!("sign_ins_total", "outcome" => "success").increment(1);
                Ok(self.grant(found.user, *session))
            }
            OpenOutcome::Superseded => {
                Err(self.refuse_attempt(AttemptOutcome::Superseded, attempt, meta).await)
            }
            OpenOutcome::Spent => {
                let failure = self.refuse_attempt(AttemptOutcome::InvalidPasskey, attempt, meta).await;
                Err(self.unless_overtaken(asserted.user, &asserted.proof, failure, meta).await)
            }
        }
    }

    async fn finish_factor(
        &self,
        answer: &PasskeyAnswer,
        taken: &Challenge,
        credential: &PublicKeyCredential,
        meta: &Meta,
    ) -> Result<SignedIn, Failure> {
        let sign_in = taken.state["sign_in"].as_str().and_then(|id| id.parse().ok());
        let sign_in = sign_in.ok_or(Failure::Internal)?;
        let answering = self.begin_answer(sign_in, answer.presession, "passkey", meta).await?;
        match self.judge_assertion(taken, credential, meta).await {
            Ok(asserted) => {
                let trust = (Trust::Verified, self.clock.now() + TRUST_TTL);
                let trust = answer.trust_device.then_some(trust);
                let proof = asserted.proof.clone();
                match self.finish_answer(answering, proof, trust, "passkey", meta).await {
                    Err(failure) => {
                        Err(self.unless_overtaken(asserted.user, &asserted.proof, failure, meta).await)
                    }
                    granted => granted,
                }
            }
            Err(failure @ Failure::Invalid { .. }) => {
                let outcome = outcome_of(&failure);
                match self.refuse_answer(answering, outcome, "passkey", meta).await {
                    // Said by the passkey in words that help.
                    Failure::Invalid { .. } => Err(failure),
                    unwritten => Err(unwritten),
                }
            }
            // Not judged, so nobody was wrong.
            Err(failure) => Err(failure),
        }
    }

    /// Writes down that a passkey did not open anything, and returns why.
    async fn note_failed_passkey(
        &self,
        credential: &PublicKeyCredential,
        user: Option<UserId>,
        failure: Failure,
        meta: &Meta,
    ) -> Failure {
        if !matches!(failure, Failure::Invalid { .. }) {
            return failure;
        }
        let attempt = self.attempt(&credential.id, user, SignInMethod::Passkey, outcome_of(&failure), meta);
        match self.write_attempt(attempt).await {
            Ok(()) => failure,
            Err(unwritten) => unwritten,
        }
    }

    /// Writes down what became of an attempt whose passkey was right; the answer tells nothing.
    async fn refuse_attempt(&self, outcome: AttemptOutcome, attempt: Attempt, meta: &Meta) -> Failure {
        let user = attempt.user;
        match self.write_attempt(Attempt { outcome, ..attempt }).await {
            Ok(()) => self.refuse_passkey(user, outcome.as_str(), meta).await,
            Err(failure) => failure,
        }
    }

    /// The credential ids of a user's passkeys that are not suspended.
    async fn credentials_of(&self, user: UserId) -> Result<Vec<Vec<u8>>, Failure> {
        let held = self.store.passkeys_of(user).await?;
        let usable = held.iter().filter(|held| held.suspended_at.is_none());
        Ok(usable
            .filter_map(|held| Some(crate::account::passkeys::library(held)?.cred_id().to_vec()))
            .collect())
    }
}

fn outcome_of(failure: &Failure) -> AttemptOutcome {
    match failure {
        Failure::Invalid { code: "passkey_suspended", .. } => AttemptOutcome::CredentialCloned,
        _ => AttemptOutcome::InvalidPasskey,
    }
}

/// An authenticator's answer as the browser gives it.
fn assertion(credential: &Value) -> Result<PublicKeyCredential, Failure> {
    let read: Option<PublicKeyCredential> = serde_json::from_value(credential.clone()).ok();
    read.filter(|read| read.type_ == "public-key").ok_or_else(malformed)
}

/// What is no answer of an authenticator.
pub(crate) fn malformed() -> Failure {
    Failure::bad_request(
        "malformed_credential",
        "This is not a credential as the browser's navigator.credentials gives it (its toJSON()).",
    )
}
