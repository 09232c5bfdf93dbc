//! What users do with the links of mails: confirm an address, choose a new password, and lock an account that is being misused.
//! Also the requests for such mails.
//!
//! No link signs a user in. A request for a mail has the same answer, equally late, whether or not there is such an account. A
//! token that this server did not make is refused without a look at the database; whether a genuine link is still good, the
//! transaction of its act decides.

use std::sync::Arc;

use domain::{
    account::{account_key::AccountKey, role::Status},
    mail::link::{LinkPurpose, MailedLink},
};
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::UserId,
};
use secrecy::SecretString;
use store::{Change, RevocationRequest, Store, StoreError, Target};
use tokio::time::Instant;

use super::even_answers::EvenAnswers;
use crate::{
    core::{
        account_fields::parse_email, audit::AuditTrail, clock::Clock, failure::Failure, keys::LiveKeys,
        password_hasher::PasswordHasher, request_meta::RequestMeta, throttle::Throttle,
    },
    mail::Mails,
    revocation::revoke::{RevocationResult, Revoker},
};

/// Uses links of mails, and asks for them.
pub struct MailedLinks {
    parts: Parts,
    answers: EvenAnswers,
}

/// The parts of [`MailedLinks`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: PasswordHasher,
    pub(crate) keys: LiveKeys,
    pub(crate) revoker: Revoker,
    pub(crate) mails: Arc<Mails>,
}

impl MailedLinks {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, answers: EvenAnswers::default() }
    }

    /// Asks for a mail with which the user chooses a new password, if there is such an account. A pending account gets such a mail,
    /// too: its link confirms the address.
    ///
    /// # Errors
    /// `BadRequest` for an invalid address, `Conflict` if this server sends no mail, `TooMany`, `Unavailable`.
    pub async fn forgot(&self, email: &str, meta: &RequestMeta) -> Result<(), Failure> {
        self.request(email, "password.reset_requested", &[Status::Active, Status::Pending], meta).await
    }

    /// Asks once more for a mail with which the user confirms the address of a new account, if there is such an account.
    ///
    /// # Errors
    /// The errors of [`Self::forgot`].
    pub async fn resend_verification(&self, email: &str, meta: &RequestMeta) -> Result<(), Failure> {
        self.request(email, "address.verification_requested", &[Status::Pending], meta).await
    }

    /// Confirms the address of a new account, and activates the account.
    ///
    /// # Errors
    /// `BadRequest` if the link is not good any more, `TooMany`, `Unavailable`.
    pub async fn verify_address(&self, token: &SecretString, meta: &RequestMeta) -> Result<(), Failure> {
        let Parts { store, clock, audit, .. } = &self.parts;
        let link = self.link(token, LinkPurpose::Verify, meta).await?;
        let event = audit.event("address.verified", Outcome::Success, meta).with("method", "mail");
        match store.verify_address(link.mail, clock.now(), event).await? {
            Some(_) => Ok(()),
            None => Err(self.refuse(link, meta).await),
        }
    }

    /// Gives the account of a link a new password, and ends all of its sessions.
    ///
    /// # Errors
    /// `BadRequest` if the link is not good any more or for a weak password, which does not use the link; `TooMany`,
    /// `Unavailable`.
    pub async fn reset(
        &self,
        token: &SecretString,
        password: SecretString,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let Parts { store, clock, hasher, .. } = &self.parts;
        let link = self.link(token, LinkPurpose::Reset, meta).await?;
        let Some((user, email)) = store.account_of_link(link, clock.now()).await? else {
            return Err(self.refuse(link, meta).await);
        };
        let hash = hasher.hash_if_strong(password, email).await?;
        let order = RevocationRequest {
            change: Some(Change::Password { hash }),
            reason: "the password was reset with a mailed link".to_owned(),
            ..self.order(user, link, Cause::PasswordChanged, "password.reset", meta)
        };
        self.carry_out(order, link, meta).await
    }

    /// Ends all sessions of the account of a link, and locks its password: it opens the account no longer, until the user chooses a
    /// new one. Nothing else changes.
    ///
    /// # Errors
    /// `BadRequest` if the link is not good any more, `TooMany`, `Unavailable`.
    pub async fn disown(
        &self,
        token: &SecretString,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let link = self.link(token, LinkPurpose::NotMe, meta).await?;
        let Some((user, _)) = self.parts.store.account_of_link(link, self.parts.clock.now()).await? else {
            return Err(self.refuse(link, meta).await);
        };
        let order = RevocationRequest {
            change: Some(Change::LockPassword),
            reason: "the user has locked the account with a mailed link".to_owned(),
            ..self.order(user, link, Cause::Revoked, "password.locked", meta)
        };
        self.carry_out(order, link, meta).await
    }

    /// Checks the limits, and writes the mail if there is an account with this address and one of these statuses.
    async fn request(
        &self,
        email: &str,
        event: &str,
        statuses: &[Status],
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let Parts { store, audit, throttle, mails, .. } = &self.parts;
        throttle.spend_for_address(throttle.limits().mail_request_address, meta.address).await?;
        let email = parse_email(email)?;
        mails.require()?;
        let key = email.key();
        throttle.spend_for_mail(&key).await?;
        let event = audit.event(event, Outcome::Success, meta);
        let began = Instant::now();
        let known = store.request_mail(key.clone(), statuses.to_vec(), event.clone()).await?;
        if !known {
            let account = throttle.hashed_name(&key.attempts());
            let failed = AuditEvent { outcome: Outcome::Failure, ..event };
            audit.record(failed.with("account", account)).await?;
        }
        self.answers.wait(began, known).await;
        Ok(())
    }

    /// The link of a genuine token.
    async fn link(
        &self,
        token: &SecretString,
        purpose: LinkPurpose,
        meta: &RequestMeta,
    ) -> Result<MailedLink, Failure> {
        let Parts { throttle, keys, .. } = &self.parts;
        throttle.spend_for_address(throttle.limits().mail_link_address, meta.address).await?;
        keys.live().links.link(token, purpose).ok_or_else(Failure::invalid_link)
    }

    fn order(
        &self,
        user: UserId,
        link: MailedLink,
        cause: Cause,
        event: &str,
        meta: &RequestMeta,
    ) -> RevocationRequest {
        let Parts { clock, audit, .. } = &self.parts;
        let event = audit.event(event, Outcome::Success, meta).with("method", "mail");
        RevocationRequest {
            actor: Some(user),
            link: Some(link),
            audit: AuditEvent { user: Some(user), ..event },
            ..RevocationRequest::new(Target::User(user), cause, clock.now())
        }
    }

    /// Carries out the revocation that a link permits.
    async fn carry_out(
        &self,
        order: RevocationRequest,
        link: MailedLink,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        match self.parts.revoker.revoke(order).await {
            Err(Failure::BadRequest { code: Failure::INVALID_LINK, .. }) => {
                Err(self.refuse(link, meta).await)
            }
            result => result,
        }
    }

    /// Records that a genuine link was not good any more, and returns the refusal. If it cannot be recorded, returns the failure
    /// of the recording instead.
    async fn refuse(&self, link: MailedLink, meta: &RequestMeta) -> Failure {
        let event = self.parts.audit.event("mail_link.refused", Outcome::Failure, meta);
        let event = event.with("purpose", link.purpose.as_str()).with("mail", link.mail.to_string());
        self.parts.audit.record(event).await.err().unwrap_or_else(Failure::invalid_link)
    }
}

/// Tells the owner of an account that a client has tried to register the address again; a pending account gets the mail for its
/// confirmation once more. The answer to the client does not wait for this, so its time reveals nothing.
pub(crate) fn tell_owner(
    store: &Store,
    throttle: &Throttle,
    key: AccountKey,
    (known, pending): (AuditEvent, AuditEvent),
) {
    let (store, throttle) = (store.clone(), throttle.clone());
    let runtime = store.runtime().clone();
    runtime.spawn(async move {
        if throttle.spend_for_mail(&key).await.is_err() {
            return;
        }
        let told = async {
            if store.request_mail(key.clone(), vec![Status::Active], known).await? {
                return Ok(true);
            }
            store.request_mail(key, vec![Status::Pending], pending).await
        };
        let told: Result<bool, StoreError> = told.await;
        if let Err(error) = told {
            tracing::warn!(%error, "the owner of an address could not be told that it was registered again");
        }
    });
}
