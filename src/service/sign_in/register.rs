//! Making accounts: by strangers, within the rules, and by the development server for its demonstration.

use std::borrow::Cow;

use protocol::{
    audit::{AuditEvent, Outcome},
    id::{DeviceId, UserId},
};
use secrecy::SecretString;

use crate::{Failure, Meta, Services, sign_in::password::device_of};
use domain::account::{
    email::Email,
    role::{Role, Status},
};
use store::{NewUser, StoreError, User};

/// The longest name, in characters.
const NAME_CHARS: usize = 100;

/// An account that was registered, as whoever registered it may know it.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The account.
    pub user: User,
    /// The device it was made on, for its cookie.
    pub device: DeviceId,
}

impl Services {
    /// Registers an account, and the device it is made on.
    ///
    /// When addresses must be verified, the answer for a known address is the same as for a new one, and its number is
    /// told only after verification: until then it reads 0.
    ///
    /// # Errors
    /// `Forbidden` if registration is closed, `BadRequest` for what is wrong with the address, the password or the name,
    /// `Conflict` for a known address, `TooMany`, `Unavailable`.
    pub async fn register(
        &self,
        email: &str,
        password: SecretString,
        display_name: Option<String>,
        meta: &Meta,
    ) -> Result<Registered, Failure> {
        self.throttle_address(self.limits.register_address, meta).await?;
        if !self.settings.registration_open {
            return Err(Failure::forbidden("registration_closed", "New accounts are not accepted here."));
        }
        let email = parsed(email)?;
        self.reachable().await?;
        let verify = self.settings.require_email_verification;
        let device = meta.device.unwrap_or_else(DeviceId::random);
        let new = NewUser {
            display_name: name(display_name)?,
            password_hash: self.hasher.hash_if_strong(password, email.clone()).await?,
            role: Role::User,
            status: if verify { Status::Pending } else { Status::Active },
            device: Some(device_of(meta, device, self.place(meta))),
            now: self.clock.now(),
            email,
        };
        let unverified = verify.then(|| unverified(&new));
        let event = self.event("user.registered", Outcome::Success, meta);
        let user = match (self.store.insert_user(new, event).await, unverified) {
            (Ok(_) | Err(StoreError::Conflict(_)), Some(unverified)) => unverified,
            (Ok(user), None) => user,
            (Err(StoreError::Conflict(_)), None) => return Err(email_taken()),
            (Err(error), _) => return Err(error.into()),
        };
        Ok(Registered { user, device })
    }

    /// Makes an account by order of whoever runs the server.
    ///
    /// # Errors
    /// `BadRequest` for a bad address or a weak password, `Conflict` for a known address, `Unavailable`.
    pub async fn create_user(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
        display_name: Option<String>,
    ) -> Result<User, Failure> {
        let email = parsed(email)?;
        let display_name = name(display_name)?;
        let hash = self.hasher.hash_if_strong(password, email.clone()).await?;
        self.insert(email, hash, role, display_name).await
    }

    /// Makes a demonstration account if it is not there, whatever its password; on a development server only.
    ///
    /// # Errors
    /// `Forbidden` on any other server, `Unavailable`.
    pub async fn seed_user(&self, email: &str, password: &SecretString, role: Role) -> Result<User, Failure> {
        if !self.settings.development {
            return Err(Failure::forbidden("development_only", "Only a development server seeds users."));
        }
        let email = parsed(email)?;
        if let Some(found) = self.store.user_by_email(email.clone(), None).await? {
            return Ok(found.user);
        }
        let hash = self.hasher.hash(password.clone()).await?;
        self.insert(email, hash, role, None).await
    }

    async fn insert(
        &self,
        email: Email,
        password_hash: SecretString,
        role: Role,
        display_name: Option<String>,
    ) -> Result<User, Failure> {
        let new = NewUser {
            email,
            display_name,
            password_hash,
            role,
            status: Status::Active,
            device: None,
            now: self.clock.now(),
        };
        let event = AuditEvent::new("user.created", Outcome::Success, self.clock.now_ms())
            .with("role", role.as_str());
        match self.store.insert_user(new, event).await {
            Err(StoreError::Conflict(_)) => Err(email_taken()),
            made => Ok(made?),
        }
    }
}

pub(crate) fn parsed(email: &str) -> Result<Email, Failure> {
    Email::parse(email).map_err(|error| Failure::BadRequest {
        code: "invalid_email",
        detail: Cow::Owned(format!("{}.", sentence(&error.to_string()))),
    })
}

/// A name as it is kept: trimmed, none if empty.
pub(crate) fn name(given: Option<String>) -> Result<Option<String>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let trimmed = given.trim();
    if trimmed.chars().count() > NAME_CHARS || trimmed.chars().any(char::is_control) {
        return Err(Failure::bad_request(
            "invalid_display_name",
            "A display name has at most 100 characters and no control characters.",
        ));
    }
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

fn email_taken() -> Failure {
    Failure::Conflict { code: "email_taken", detail: "There is an account with this e-mail address.".into() }
}

/// What everybody is told who registers where addresses must be verified.
fn unverified(new: &NewUser) -> User {
    User {
        id: UserId(0),
        email: new.email.as_str().to_owned(),
        display_name: new.display_name.clone(),
        password_hash: SecretString::default(),
        role: new.role,
        status: new.status,
        revocation_epoch: 0,
        created_at: new.now,
        last_login_at: None,
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(given: &str) -> Result<Option<String>, Failure> {
        name(Some(given.to_owned()))
    }

    #[test]
    fn a_name_is_trimmed_and_an_empty_one_is_none() {
        assert_eq!(kept(" Ada \n"), Ok(Some("Ada".to_owned())));
        assert_eq!(kept("  "), Ok(None));
        assert_eq!(name(None), Ok(None));
        assert_eq!(kept(&"é".repeat(100)).unwrap().map(|name| name.chars().count()), Some(100));
    }

    #[test]
    fn a_name_that_cannot_be_shown_or_stored_is_refused() {
        for odd in ["a\0b", "a\nb", &"x".repeat(101)] {
            assert!(
                matches!(kept(odd), Err(Failure::BadRequest { code: "invalid_display_name", .. })),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_in_a_sentence() {
        let Err(Failure::BadRequest { code, detail }) = parsed("nobody") else { panic!("accepted") };
        assert_eq!((code, detail.as_ref()), ("invalid_email", "This is not an e-mail address."));
    }
}
