//! Signing in: from an address and a password to a session.
//!
//! Whoever does not succeed gets the same answer after the same work, whether the account is unknown, the password wrong
//! or the user suspended; and all of them are answered as late as whoever succeeds (`tails`). Between the check of the
//! password and the session lies a revocation's chance: the store opens nothing if it was taken.

use protocol::{
    audit::{AuditEvent, Outcome},
    id::DeviceId,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Asked, Failure, Meta, Services, SignedIn, core::hasher::Turn};
use domain::{
    abuse::attempt::AttemptOutcome,
    account::{
        email::Email,
        password::{MAX_BYTES, Verification},
    },
    client::device::{FINGERPRINT_VERSION, Trust},
    factors::challenge::decide_second_factor,
    risk::{Place, RiskOutcome},
    session::SignInMethod,
};
use store::{Attempt, DeviceSeen, OpenOutcome, OpenSession, SignInCandidate};

/// What a right password leads to.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// A session.
    Granted(Box<SignedIn>),
    /// A second factor is asked for.
    Challenged(Asked),
}

impl Services {
    /// Signs in with a password. A second factor, if it takes one, is asked of whoever has this pre-session.
    ///
    /// # Errors
    /// `Invalid` for every reason not to, `TooMany`, `Unavailable`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        presession: Uuid,
        meta: &Meta,
    ) -> Result<SignIn, Failure> {
        let (folded, candidate, turn) = self.candidate(email, meta).await?;
        let phc = candidate.as_ref().map(|found| found.user.password_hash.expose_secret().to_owned());
        let verification = self.hasher.verify_in(turn, bounded(&password), phc).await?;
        let began = Instant::now();
        let answer = self.judged(&folded, candidate.as_ref(), verification, password, presession, meta).await;
        self.even_out(began, &answer).await;
        answer
    }

    /// Keeps the answer back until its time has come, so that it does not tell what was found. What is refused for want of
    /// room or rights to try says so anyway, and goes at once.
    async fn even_out(&self, began: Instant, answer: &Result<SignIn, Failure>) {
        let right = match answer {
            Ok(_) => true,
            Err(Failure::Invalid { .. }) => false,
            Err(_) => return,
        };
        let due = {
            let mut tails = self.tails.lock();
            if right {
                tails.note(began.elapsed());
            }
            tails.due()
        };
        tokio::time::sleep_until(began + due).await;
    }

    /// What becomes of a password that was compared.
    async fn judged(
        &self,
        folded: &str,
        candidate: Option<&SignInCandidate>,
        verification: Verification,
        password: SecretString,
        presession: Uuid,
        meta: &Meta,
    ) -> Result<SignIn, Failure> {
        let user = candidate.map(|found| found.user.id);
        let success = AttemptOutcome::Success;
        let mut attempt = self.attempt(folded, user, SignInMethod::Password, success, meta);
        let blocked = match user {
            Some(user) => self.is_blocked(user).await?,
            None => false,
        };
        let found = match admitted(candidate, verification, blocked) {
            Ok(found) => found,
            Err(refused) => {
                self.count_wrong_pair(folded, &password, meta).await;
                return Err(self.refuse(refused, attempt, meta).await);
            }
        };
        let assessed = self.assess(found.user.id, meta).await?;
        attempt.risk = Some(assessed.assessment.clone());
        if assessed.outcome == RiskOutcome::Refuse {
            // Counted like a wrong one, or a ban that does not come would tell that it was right.
            self.count_wrong_pair(folded, &password, meta).await;
            return Err(self.refuse(AttemptOutcome::RiskRefused, attempt, meta).await);
        }
        self.note_suspicion(found.user.id, &assessed, meta).await?;
        let proven = if verification.rehash { self.rehash(found, password).await } else { None };
        let proven = proven.unwrap_or_else(|| found.user.password_hash.clone());
        let demands = assessed.outcome == RiskOutcome::RequireSecondFactor;
        if self.asks_for_factor(found, demands) {
            return Ok(SignIn::Challenged(self.ask_second_factor(found, attempt, presession, meta).await?));
        }
        match self.admit(found.clone(), &proven, demands, &attempt, meta).await? {
            Some(granted) => {
                self.note_attempt(attempt);
                metrics::counter!("sign_ins_total", "outcome" => "success").increment(1);
                Ok(SignIn::Granted(Box::new(granted)))
            }
            None => Err(self.refuse(AttemptOutcome::Superseded, attempt, meta).await),
        }
    }

    /// Within the limits: the name as it is counted, the account that has it, and the turn to hash. The turn comes before
    /// the database is asked; the limits come before the turn where the database is not needed to know which they are.
    async fn candidate(
        &self,
        email: &str,
        meta: &Meta,
    ) -> Result<(String, Option<SignInCandidate>, Turn), Failure> {
        self.throttle_address(self.limits.login_address, meta).await?;
        let parsed = Email::parse(email).ok();
        let folded = parsed.as_ref().map_or_else(|| email.trim().to_lowercase(), Email::folded);
        let counts_alone = meta.device.is_none();
        if counts_alone {
            self.throttle_account(&folded, None, meta).await?;
        }
        let turn = self.hasher.turn().await?;
        let candidate = match parsed {
            Some(email) => self.store.user_by_email(email, meta.device).await?,
            None => None,
        };
        if !counts_alone {
            self.throttle_account(&folded, candidate.as_ref(), meta).await?;
        }
        if let Some(found) = candidate.as_ref().filter(|found| found.factors.any()) {
            self.factor_may_be_tried(found, meta).await?;
        }
        Ok((folded, candidate, turn))
    }

    /// Whether this sign-in takes a second factor; its risk may demand one.
    fn asks_for_factor(&self, found: &SignInCandidate, demands: bool) -> bool {
        let now = self.clock.now();
        let trust = found.device_trust.map_or(Trust::New, |(trust, until)| trust.at(Some(until), now));
        decide_second_factor(found.factors.any(), trust, demands)
    }

    /// Opens a session for whoever proved to know the password with the hash `proven`. Something that was revoked at the
    /// same moment, such as the user's other sessions, need not concern this one: it is looked at again, once, and only
    /// another password or status, or a second factor that it takes by now, refuses.
    async fn admit(
        &self,
        found: SignInCandidate,
        proven: &SecretString,
        demands: bool,
        attempt: &Attempt,
        meta: &Meta,
    ) -> Result<Option<SignedIn>, Failure> {
        if let Some(granted) = self.try_admit(&found, attempt, meta).await? {
            return Ok(Some(granted));
        }
        let Ok(email) = Email::parse(&found.user.email) else {
            return Ok(None);
        };
        let again = self.store.user_by_email(email, meta.device).await?.filter(|again| {
            let same_hash = again.user.password_hash.expose_secret() == proven.expose_secret();
            let same_terms = same_hash && !self.asks_for_factor(again, demands);
            again.user.id == found.user.id && again.user.status.is_active() && same_terms
        });
        match again {
            Some(again) => self.try_admit(&again, attempt, meta).await,
            None => Ok(None),
        }
    }

    async fn try_admit(
        &self,
        found: &SignInCandidate,
        attempt: &Attempt,
        meta: &Meta,
    ) -> Result<Option<SignedIn>, Failure> {
        let open = self.new_session(&found.user, found.revoked_all, meta);
        // Trust in the device may have spared the second factor; it is no proof of presence.
        let privileged_until = if found.factors.any() { open.now } else { open.privileged_until };
        let open = OpenSession { attempt: Some(attempt.clone()), privileged_until, ..open };
        let event = self.opened(&open, meta);
        match self.open(open, event).await? {
            OpenOutcome::Session(session, _) => Ok(Some(self.grant(found.user.clone(), *session))),
            OpenOutcome::Superseded | OpenOutcome::Spent => Ok(None),
        }
    }

    /// An account known to the device has a budget of its own there, so that a stranger cannot lock its owner out.
    async fn throttle_account(
        &self,
        folded: &str,
        candidate: Option<&SignInCandidate>,
        meta: &Meta,
    ) -> Result<(), Failure> {
        let known = candidate.is_some_and(|found| found.device_known);
        let keys = self.throttle_keys.login(meta.address, folded, meta.device.filter(|_| known));
        match keys.device_account {
            Some(key) => self.throttle(self.limits.login_device_account, &key).await,
            None => self.throttle(self.limits.login_account, &keys.account).await,
        }
    }

    /// Writes the refusal down and makes the one answer; if it cannot be written down, there is no answer.
    async fn refuse(&self, refused: AttemptOutcome, attempt: Attempt, meta: &Meta) -> Failure {
        metrics::counter!("sign_ins_total", "outcome" => refused.as_str()).increment(1);
        let event =
            AuditEvent { user: attempt.user, ..self.event("session.refused", Outcome::Failure, meta) };
        let event = event.with("reason", refused.as_str()).with("account", attempt.identifier.clone());
        if let Err(failure) = self.record(event).await {
            return failure;
        }
        match self.write_attempt(Attempt { outcome: refused, ..attempt }).await {
            Ok(()) => Failure::invalid_credentials(),
            Err(failure) => failure,
        }
    }

    /// Brings the hash up to today's parameters, and returns it. The sign-in does not depend on it.
    async fn rehash(&self, found: &SignInCandidate, password: SecretString) -> Option<SecretString> {
        let new = self.hasher.hash(password).await.ok()?;
        let old = found.user.password_hash.clone();
        match self.store.rehash_password(found.user.id, old, new.clone()).await {
            Ok(renewed) => renewed.then_some(new),
            Err(error) => {
                tracing::warn!(%error, "a password hash could not be renewed");
                None
            }
        }
    }
}

/// Who may come in, or why not. Whether the account is active is asked last, so that only its owner could tell.
fn admitted(
    candidate: Option<&SignInCandidate>,
    verification: Verification,
    blocked: bool,
) -> Result<&SignInCandidate, AttemptOutcome> {
    let found = candidate.ok_or(AttemptOutcome::UnknownAccount)?;
    if !verification.ok {
        return Err(AttemptOutcome::WrongPassword);
    }
    if blocked || !found.user.status.is_active() {
        return Err(AttemptOutcome::InactiveAccount);
    }
    Ok(found)
}

/// The request's device under this identity.
pub(crate) fn device_of(meta: &Meta, id: DeviceId, place: Place) -> DeviceSeen {
    DeviceSeen {
        id,
        fingerprint: meta.fingerprint.clone(),
        fingerprint_version: FINGERPRINT_VERSION,
        user_agent: meta.user_agent.clone(),
        address: meta.address,
        place,
    }
}

/// No password is longer than [`MAX_BYTES`], so the rest of a longer one need not be hashed to be wrong; one byte more
/// than any password has keeps it wrong.
pub(crate) fn bounded(password: &SecretString) -> SecretString {
    let text = password.expose_secret();
    SecretString::from(&text[..text.floor_char_boundary(MAX_BYTES + 4)])
}
