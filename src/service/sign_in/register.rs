//! Registering accounts.

use std::sync::Arc;

use domain::account::role::{Role, Status};
use protocol::{
    audit::Outcome,
    id::{DeviceId, UserId},
};
use secrecy::SecretString;
use store::{NewUser, Store, StoreError, User};

use tokio::time::Instant;

use super::{even_answers::EvenAnswers, request_device::RequestDevices};
use crate::{
    access::feed_state::FeedState,
    core::{
        account_fields::{parse_display_name, parse_email},
        audit::AuditTrail,
        clock::Clock,
        failure::Failure,
        password_hasher::PasswordHasher,
        request_meta::RequestMeta,
        throttle::Throttle,
    },
};

/// An account that was registered, as the client may see it.
#[derive(Clone, Debug)]
pub struct RegisteredAccount {
    /// The account.
    pub user: User,
    /// The device of the registration, for its cookie.
    pub device: DeviceId,
}

/// Whether registration is open, and what a new account needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistrationRules {
    /// Whether clients may register accounts.
    pub(crate) open: bool,
    /// Whether users must verify the address of a new account before they can sign in.
    pub(crate) verify_email: bool,
}

/// Registers accounts.
pub struct Registration {
    parts: Parts,
    answers: EvenAnswers,
}

/// The parts of [`Registration`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) feed: Arc<FeedState>,
    pub(crate) devices: RequestDevices,
    pub(crate) rules: RegistrationRules,
}

impl Registration {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, answers: EvenAnswers::default() }
    }

    /// Registers an account, and the device of the request.
    ///
    /// When addresses must be verified, the answer for a known address is the same as for a new one, and equally late.
    /// Therefore the number of the account in this answer is 0. The real number is shown after the verification.
    ///
    /// # Errors
    /// `Forbidden` if registration is closed, `BadRequest` for an invalid address, password or name, `TooMany`, `Unavailable`.
    /// `Conflict` for the address of another account, but only if addresses need not be verified.
    pub async fn register(
        &self,
        email: &str,
        password: SecretString,
        display_name: Option<String>,
        meta: &RequestMeta,
    ) -> Result<RegisteredAccount, Failure> {
        let throttle = &self.parts.throttle;
        throttle.spend_for_address(throttle.limits().register_address, meta.address).await?;
        if !self.parts.rules.open {
            return Err(Failure::forbidden("registration_closed", "New accounts are not accepted here."));
        }
        let email = parse_email(email)?;
        self.check_database().await?;
        let verify = self.parts.rules.verify_email;
        let device = meta.device.unwrap_or_else(DeviceId::random);
        let new = NewUser {
            display_name: parse_display_name(display_name)?,
            password_hash: self.parts.hasher.hash_if_strong(password, email.as_str().to_owned()).await?,
            role: Role::User,
            status: if verify { Status::Pending } else { Status::Active },
            device: Some(self.parts.devices.device(meta, device)),
            now: self.parts.clock.now(),
            email,
        };
        let unverified = verify.then(|| unverified(&new));
        let event = self.parts.audit.event("user.registered", Outcome::Success, meta);
        let began = Instant::now();
        let user = match (self.parts.store.insert_user(new, event).await, unverified) {
            (inserted @ (Ok(_) | Err(StoreError::Conflict(_))), Some(unverified)) => {
                self.answers.wait(began, inserted.is_ok()).await;
                unverified
            }
            (Ok(user), None) => user,
            (Err(StoreError::Conflict(_)), None) => return Err(Failure::email_taken()),
            (Err(error), _) => return Err(error.into()),
        };
        Ok(RegisteredAccount { user, device })
    }

    /// Fails early if the database cannot be reached: this query fails sooner than a write, and the password is not hashed yet.
    async fn check_database(&self) -> Result<(), Failure> {
        if self.parts.feed.is_current() { Ok(()) } else { Ok(self.parts.store.ping().await?) }
    }
}

/// The account in the answer when addresses must be verified. It is the same for a new and for a known address.
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
