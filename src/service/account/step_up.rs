//! Proving presence again, for what a stolen session must not do.
//!
//! The privilege belongs to the session and is carried by the token of the answer and by those that come after it. The
//! token that asked does not get it, nor does any copy of it.

use protocol::audit::Outcome;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Caller, CodeProof, Failure, Meta, Services, sign_in::password::bounded};
use store::{Privilege, PrivilegeOutcome, Proof, User};

/// A proof of presence.
#[derive(Clone, Debug)]
pub enum StepUpProof {
    /// The password.
    Password(SecretString),
    /// A code of the authenticator app. A backup code is none: it is for whoever has lost the app.
    Totp(SecretString),
    /// The answer to a ceremony that was begun for it.
    Passkey {
        /// Which.
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

/// A proof that was judged to be right, and what of it is to be spent.
struct Judged(Option<Proof>);

/// A session with privilege, and a fresh token that carries it.
#[derive(Clone, Debug)]
pub struct SteppedUp {
    /// A new access token. Those from before, the one that asked among them, carry no privilege any more.
    pub access_token: SecretString,
    /// When that expires.
    pub access_expires_at: OffsetDateTime,
    /// When the privilege ends.
    pub privileged_until: OffsetDateTime,
}

impl Services {
    /// Checks the caller's proof and grants privilege for a while.
    ///
    /// # Errors
    /// `Invalid` for a wrong proof, or if the session ended or the user was changed meanwhile; `TooMany`, `Unavailable`.
    pub async fn step_up(
        &self,
        caller: &Caller,
        proof: StepUpProof,
        meta: &Meta,
    ) -> Result<SteppedUp, Failure> {
        let (user, judged) = self.judge_presence(caller, &proof, meta).await?;
        let Some(Judged(spent)) = judged else {
            return Err(self.refuse_step_up(caller, &proof, meta).await);
        };
        let now = self.clock.now();
        let until = now + self.settings.sessions.privilege;
        let privilege = Privilege {
            session: caller.session,
            user: caller.user,
            revocation_epoch: user.revocation_epoch,
            until,
            proof: spent,
            now,
        };
        let event = self.event_of(caller, "session.stepped_up", Outcome::Success, meta);
        let event = event.with("method", proof.method());
        let session = match self.store.grant_privilege(privilege, event).await? {
            PrivilegeOutcome::Session(session) => session,
            PrivilegeOutcome::Lapsed => return Err(Failure::session_ended()),
            PrivilegeOutcome::Spent => return Err(self.refuse_step_up(caller, &proof, meta).await),
        };
        self.verifier.invalidate(session.id);
        let (access_token, access_expires_at) = self.access_token(&user, &session, caller.refresh_counter);
        Ok(SteppedUp { access_token, access_expires_at, privileged_until: until })
    }

    /// The caller's account, read before the proof was judged, and what came of it: `None` if the proof is wrong. Each kind
    /// of proof is asked for its limits first.
    async fn judge_presence(
        &self,
        caller: &Caller,
        proof: &StepUpProof,
        meta: &Meta,
    ) -> Result<(User, Option<Judged>), Failure> {
        match proof {
            StepUpProof::Password(password) => {
                let hasher = self.hasher.for_user(caller.user)?;
                self.throttle(self.limits.step_up_session, &caller.session.to_string()).await?;
                let user = self.profile(caller).await?;
                let phc = user.password_hash.expose_secret().to_owned();
                let right = hasher.verify(bounded(password), Some(phc)).await?.ok;
                Ok((user, right.then_some(Judged(None))))
            }
            StepUpProof::Totp(code) => {
                self.throttle(self.limits.step_up_session, &caller.session.to_string()).await?;
                self.throttle_presence(caller.session).await?;
                let user = self.profile(caller).await?;
                let spent = self.judge(caller.user, &CodeProof::Totp(code.clone())).await?;
                Ok((user, spent.map(|spent| Judged(Some(spent)))))
            }
            StepUpProof::Passkey { ceremony, credential } => {
                self.throttle(self.limits.step_up_session, &caller.session.to_string()).await?;
                let user = self.profile(caller).await?;
                let asserted = self.judge_passkey_step_up(caller, *ceremony, credential, meta).await?;
                Ok((user, Some(Judged(Some(asserted.proof)))))
            }
        }
    }

    /// Writes the refusal down; if it cannot be written down, there is no answer. The session is as good as before.
    async fn refuse_step_up(&self, caller: &Caller, proof: &StepUpProof, meta: &Meta) -> Failure {
        let event = self.event_of(caller, "session.step_up_refused", Outcome::Failure, meta);
        match (self.record(event.with("method", proof.method())).await, proof) {
            (Err(failure), _) => failure,
            (Ok(()), StepUpProof::Password(_)) => wrong_password(),
            (Ok(()), StepUpProof::Totp(_) | StepUpProof::Passkey { .. }) => Failure::invalid_second_factor(),
        }
    }
}

/// The proof failed; the session is as good as before.
pub(crate) fn wrong_password() -> Failure {
    Failure::invalid("invalid_credentials", "The password is wrong.")
}
