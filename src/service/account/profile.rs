//! A user's own account: reading it, renaming it, changing its password.

use protocol::{audit::Outcome, close::Cause};
use secrecy::{ExposeSecret, SecretString};

use super::step_up::wrong_password;
use crate::{
    Caller, Failure, Meta, Revoked, Services,
    sign_in::{
        password::bounded,
        register::{name, parsed},
    },
};
use store::{Change, RevocationRequest, Target, User};

impl Services {
    /// The caller's account.
    ///
    /// # Errors
    /// `Invalid` if it is gone, `Unavailable`.
    pub async fn profile(&self, caller: &Caller) -> Result<User, Failure> {
        self.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)
    }

    /// Changes what the caller wants to be called.
    ///
    /// # Errors
    /// `BadRequest` for a name that cannot be, `Invalid` if the session ended meanwhile, `Unavailable`.
    pub async fn update_profile(
        &self,
        caller: &Caller,
        display_name: Option<String>,
        meta: &Meta,
    ) -> Result<User, Failure> {
        let display_name = name(display_name)?;
        let event = self.event_of(caller, "user.renamed", Outcome::Success, meta);
        Ok(self.store.update_profile(caller.acting_session(), display_name, self.clock.now(), event).await?)
    }

    /// Changes the caller's password and ends their other sessions. The tokens of the session that stays no longer carry
    /// privilege.
    ///
    /// # Errors
    /// `StepUpRequired` without a recent proof of presence, `Invalid` with a wrong current password or if the session ended
    /// meanwhile, `BadRequest` for a weak new one, `TooMany`, `Unavailable`.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: Option<SecretString>,
        new: SecretString,
        meta: &Meta,
    ) -> Result<Revoked, Failure> {
        self.require_privilege(caller).await?;
        let hasher = self.hasher.for_user(caller.user)?;
        self.throttle(self.limits.password_session, &caller.session.to_string()).await?;
        let user = self.profile(caller).await?;
        if let Some(current) = current {
            let phc = user.password_hash.expose_secret().to_owned();
            if !hasher.verify(bounded(&current), Some(phc)).await?.ok {
                let event = self.event_of(caller, "password.refused", Outcome::Failure, meta);
                self.record(event).await?;
                return Err(wrong_password());
            }
        }
        let hash = hasher.hash_if_strong(new, parsed(&user.email)?).await?;
        self.revoke(RevocationRequest {
            acting_session: Some(caller.privileged_acting_session()),
            except: Some(caller.session),
            reason: "the password was changed".to_owned(),
            actor: Some(caller.user),
            change: Some(Change::Password { hash }),
            audit: self.event_of(caller, "password.changed", Outcome::Success, meta),
            ..RevocationRequest::new(Target::User(caller.user), Cause::PasswordChanged, self.clock.now())
        })
        .await
    }

    /// Refuses what needs a recent proof of presence.
    ///
    /// # Errors
    /// `StepUpRequired` if the credential carries none, `Unavailable`.
    pub async fn require_privilege(&self, caller: &Caller) -> Result<(), Failure> {
        if caller.privileged_until.is_some_and(|until| until > self.clock.now()) {
            return Ok(());
        }
        Err(Failure::StepUpRequired { methods: self.step_up_methods(caller.user).await? })
    }
}
