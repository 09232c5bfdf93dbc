//! Proving presence again, for what a stolen session must not do.
//!
//! The privilege belongs to the session and is carried by the token of the answer and by those that come after it. The
//! token that asked does not get it, nor does any copy of it.

use portcullis_actors::audit::Outcome;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::{Caller, Failure, Meta, Services, sign_in::bounded};
use crate::store::{Granted, Privilege};

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
    /// Checks the caller's password and grants privilege for a while.
    ///
    /// # Errors
    /// `Invalid` for a wrong password, or if the session ended or the user was changed meanwhile; `TooMany`,
    /// `Unavailable`.
    pub async fn step_up(
        &self,
        caller: &Caller,
        password: SecretString,
        meta: &Meta,
    ) -> Result<SteppedUp, Failure> {
        let hasher = self.hasher.for_user(caller.user)?;
        self.throttle(self.limits.step_up_session, &caller.session.to_string()).await?;
        let user = self.profile(caller).await?;
        let phc = user.password_hash.expose_secret().to_owned();
        if !hasher.verify(bounded(&password), Some(phc)).await?.ok {
            self.record(self.event_of(caller, "session.step_up_refused", Outcome::Failure, meta)).await?;
            return Err(wrong_password());
        }
        let now = self.clock.now();
        let until = now + self.settings.sessions.privilege;
        let privilege = Privilege {
            session: caller.session,
            user: caller.user,
            generation: user.generation,
            until,
            proof: None,
            now,
        };
        let event = self.event_of(caller, "session.stepped_up", Outcome::Success, meta);
        let session = match self.store.grant_privilege(privilege, event).await? {
            Granted::Session(session) => session,
            Granted::Lapsed | Granted::Spent => return Err(Failure::session_ended()),
        };
        self.verifier.invalidate(session.id);
        let (access_token, access_expires_at) = self.access_token(&user, &session, caller.generation);
        Ok(SteppedUp { access_token, access_expires_at, privileged_until: until })
    }
}

/// The proof failed; the session is as good as before.
pub(super) fn wrong_password() -> Failure {
    Failure::invalid("invalid_credentials", "The password is wrong.")
}
