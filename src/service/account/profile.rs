//! A user's own profile: reads it, changes the display name and the language of mails, changes the password.

use domain::{account::account_key::AccountKey, mail::language::Language};
use protocol::{audit::Outcome, close::Cause};
use secrecy::{ExposeSecret, SecretString};
use store::{Change, RevocationRequest, Store, Target, User};

use super::credential_change::{CredentialChange, CredentialChanges};
use crate::{
    core::{
        account_fields::parse_display_name, audit::AuditTrail, caller::Caller, clock::Clock,
        failure::Failure, password_hasher::PasswordHasher, privilege::PrivilegeCheck,
        request_meta::RequestMeta, throttle::Throttle,
    },
    revocation::revoke::RevocationResult,
};

/// A user's own profile.
pub struct Profile(Parts);

/// The parts of [`Profile`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) changes: CredentialChanges,
    /// The languages that there are mails in.
    pub(crate) languages: Vec<Language>,
}

impl Profile {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// The caller's account.
    ///
    /// # Errors
    /// `Invalid` if the account does not exist, `Unavailable`.
    pub async fn read(&self, caller: &Caller) -> Result<User, Failure> {
        self.0.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)
    }

    /// Changes the caller's display name, and the language of mails to the caller if one is given.
    ///
    /// # Errors
    /// `BadRequest` for an invalid name or a language that there are no mails in, `Invalid` if the session has ended meanwhile, `Unavailable`.
    pub async fn rename(
        &self,
        caller: &Caller,
        display_name: Option<String>,
        language: Option<String>,
        meta: &RequestMeta,
    ) -> Result<User, Failure> {
        let Parts { store, clock, audit, .. } = &self.0;
        let display_name = parse_display_name(display_name)?;
        let language = language.map(|language| self.language(&language)).transpose()?;
        let user = self.read(caller).await?;
        if user.display_name == display_name && (language.is_none() || user.language == language) {
            return Ok(user);
        }
        let event = audit.caller_event(caller, "user.renamed", Outcome::Success, meta);
        let acting = caller.acting_session();
        Ok(store.update_profile(acting, display_name, language, clock.now(), event).await?)
    }

    /// The language of this word, if there are mails in it.
    fn language(&self, word: &str) -> Result<Language, Failure> {
        let offered = &self.0.languages;
        let known = word.parse().ok().filter(|language| offered.contains(language));
        known.ok_or_else(|| {
            let words: Vec<_> = offered.iter().map(Language::as_str).collect();
            let detail = format!("The language is one of {}.", words.join(", "));
            Failure::BadRequest { code: "invalid_language", detail: detail.into() }
        })
    }

    /// Changes the caller's password and ends the caller's other sessions. The tokens of this session are renewed. Neither the
    /// old tokens nor the new ones carry privilege.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `Invalid` for a wrong current password, or if the session has ended
    /// meanwhile. `BadRequest` for a weak new password. `TooMany`, `Unavailable`.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: Option<SecretString>,
        new: SecretString,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<RevocationResult>, Failure> {
        let Parts { clock, audit, throttle, hasher, privilege, changes, .. } = &self.0;
        privilege.require(caller).await?;
        let hasher = hasher.for_user(caller.user)?;
        let limits = throttle.limits();
        throttle.spend_for_address(limits.password_address, meta.address).await?;
        throttle.spend(limits.password_user, &caller.user.to_string()).await?;
        throttle.spend(limits.password_session, &caller.session.to_string()).await?;
        let user = self.read(caller).await?;
        if let Some(current) = current {
            let phc = user.password_hash.expose_secret().to_owned();
            if !hasher.verify(&current, Some(phc)).await?.ok {
                throttle.count_wrong_pair(&AccountKey::of(&user.email), &current, meta).await;
                let event = audit.caller_event(caller, "password.refused", Outcome::Failure, meta);
                audit.record(event).await?;
                return Err(Failure::wrong_password());
            }
        }
        let hash = hasher.hash_if_strong(new, user.email).await?;
        let order = RevocationRequest {
            acting_session: Some(caller.privileged_acting_session()),
            except: Some(caller.session),
            reason: "the password was changed".to_owned(),
            actor: Some(caller.user),
            change: Some(Change::Password { hash }),
            audit: audit.caller_event(caller, "password.changed", Outcome::Success, meta),
            ..RevocationRequest::new(Target::User(caller.user), Cause::PasswordChanged, clock.now())
        };
        changes.make(caller, order).await
    }
}
