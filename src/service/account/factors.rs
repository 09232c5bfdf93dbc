//! A user's own second factors: lists them, sets up and removes an authenticator app, replaces backup codes.
//!
//! A change of factors requires privilege (a recent sign-in or step-up). The user's other sessions are not trusted after the
//! change. So the revoker carries out the change: it also ends these sessions and renews the tokens of the caller's session.

use domain::factors::{
    backup_code::{self, BACKUP_CODES, BackupCode},
    totp::{TotpCode, matching_step, qr_svg},
};
use protocol::audit::Outcome;
use secrecy::{ExposeSecret as _, SecretString};
use store::{FACTOR_GONE, FactorChange, RevocationRequest, Store};
use time::OffsetDateTime;

use super::{
    credential_change::{CredentialChange, CredentialChanges},
    factor_order::FactorOrders,
};
use crate::{
    authenticators::verify_code::CodeVerifier,
    core::{
        audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, privilege::PrivilegeCheck,
        random::random_bytes, request_meta::RequestMeta, throttle::Throttle,
    },
    revocation::revoke::RevocationResult,
};

/// The factors that a user has in addition to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolledFactors {
    /// When the authenticator app was confirmed. `None` without a confirmed app.
    pub totp_confirmed_at: Option<OffsetDateTime>,
    /// The number of unused backup codes.
    pub backup_codes: u32,
    /// The number of passkeys that are not suspended.
    pub passkeys: u32,
}

/// An authenticator app that is being set up. The user sees these values once.
#[derive(Clone, Debug)]
pub struct TotpSetup {
    /// The secret as a text to type into an app.
    pub secret: SecretString,
    /// The secret as a URI (`otpauth:`) for an app.
    pub uri: SecretString,
    /// The URI as a QR code.
    pub qr_svg: SecretString,
}

/// A user's own second factors.
pub struct Factors(Parts);

/// The parts of [`Factors`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) codes: CodeVerifier,
    pub(crate) orders: FactorOrders,
    pub(crate) changes: CredentialChanges,
    /// The name of this server in authenticator apps.
    pub(crate) issuer: String,
}

impl Factors {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// The caller's factors.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list(&self, caller: &Caller) -> Result<EnrolledFactors, Failure> {
        let held = self.0.store.factors_of(caller.user).await?;
        let totp = self.0.store.totp_of(caller.user).await?;
        Ok(EnrolledFactors {
            totp_confirmed_at: totp.and_then(|totp| totp.confirmed_at),
            backup_codes: held.backup_codes,
            passkeys: held.passkeys,
        })
    }

    /// Begins to set up an authenticator app. The app becomes a factor when one of its codes is confirmed.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `Conflict` if there is a confirmed app already. `Invalid` if the
    /// session has ended meanwhile. `Unavailable`.
    pub async fn begin_totp(&self, caller: &Caller, meta: &RequestMeta) -> Result<TotpSetup, Failure> {
        let Parts { store, clock, audit, privilege, codes, issuer, .. } = &self.0;
        privilege.require(caller).await?;
        let (secret, sealed) = codes.new_secret(caller.user)?;
        let event = audit.caller_event(caller, "totp.begun", Outcome::Success, meta);
        match store.begin_totp(caller.privileged_acting_session(), sealed, clock.now(), event).await {
            Ok(true) => {}
            Ok(false) => return Err(totp_already_active()),
            Err(error) => return Err(privilege.failure(caller.user, error).await),
        }
        let uri = secret.uri(issuer, &caller.email);
        let picture = qr_svg(uri.expose_secret()).unwrap_or_default();
        Ok(TotpSetup { secret: secret.base32(), qr_svg: picture.into(), uri })
    }

    /// Confirms the authenticator app that is being set up, with one of its codes, and ends the caller's other sessions. The
    /// time step of the code is spent. The outcome is the time of the confirmation.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege, `Conflict` if no app is being set up or an app is confirmed already.
    /// `Invalid` for a wrong code, or if the session has ended meanwhile. `TooMany`, `Unavailable`.
    pub async fn confirm_totp(
        &self,
        caller: &Caller,
        code: &SecretString,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<OffsetDateTime>, Failure> {
        let Parts { store, clock, throttle, privilege, codes, orders, changes, .. } = &self.0;
        privilege.require(caller).await?;
        throttle.spend_step_up_code(caller.session).await?;
        let stored = store.totp_of(caller.user).await?.ok_or_else(totp_not_begun)?;
        if stored.confirmed_at.is_some() {
            return Err(totp_already_active());
        }
        let (secret, _) = codes.open_secret(caller.user, &stored.secret)?;
        let now = clock.now();
        let step = TotpCode::parse(code.expose_secret())
            .and_then(|code| matching_step(&secret, &code, now, stored.last_step));
        let Some(step) = step else {
            return Err(self.refuse_code(caller, meta).await);
        };
        let change = FactorChange::ConfirmTotp { step, secret: stored.secret.bytes };
        let order = orders.order(caller, change, "totp.confirmed", "an authenticator app was added", meta);
        match changes.make(caller, RevocationRequest { now, ..order }).await {
            Ok(change) => Ok(change.with(now)),
            // Another app was begun or confirmed meanwhile.
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(totp_not_begun()),
            Err(failure) => Err(failure),
        }
    }

    /// Removes the authenticator app and ends the caller's other sessions. If the user then has no second factor, the backup
    /// codes are removed, too.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege, `NotFound` if there is no app. `Conflict` if the user needs the app
    /// to sign in. `Invalid` if the session has ended meanwhile. `Unavailable`.
    pub async fn remove_totp(
        &self,
        caller: &Caller,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<RevocationResult>, Failure> {
        self.0.privilege.require(caller).await?;
        let reason = "an authenticator app was removed";
        let order = self.0.orders.order(caller, FactorChange::RemoveTotp, "totp.removed", reason, meta);
        match self.0.changes.make(caller, order).await {
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => {
                Err(Failure::not_found("There is no authenticator app."))
            }
            answer => answer,
        }
    }

    /// Replaces the backup codes by ten new codes, which are shown once. Ends the caller's other sessions.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `Conflict` without another second factor. `Invalid` if the session
    /// has ended meanwhile. `Unavailable`.
    pub async fn replace_backup_codes(
        &self,
        caller: &Caller,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<Vec<SecretString>>, Failure> {
        let Parts { privilege, codes: verifier, orders, changes, .. } = &self.0;
        privilege.require(caller).await?;
        let mut codes = Vec::with_capacity(BACKUP_CODES);
        for _ in 0..BACKUP_CODES {
            codes.push(BackupCode::new(&random_bytes::<{ backup_code::LENGTH }>()?));
        }
        let hashes = codes.iter().map(|code| verifier.backup_code_hash(caller.user, code)).collect();
        let change = FactorChange::BackupCodes(hashes);
        let order = orders.order(caller, change, "backup_codes.replaced", "new backup codes", meta);
        match changes.make(caller, order).await {
            Ok(change) => Ok(change.with(codes.iter().map(BackupCode::text).collect())),
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(Failure::conflict(
                "no_second_factor",
                "Backup codes require a second factor. Add an authenticator app or a passkey first.",
            )),
            Err(failure) => Err(failure),
        }
    }

    /// Records a wrong code of the app that is being set up.
    async fn refuse_code(&self, caller: &Caller, meta: &RequestMeta) -> Failure {
        let audit = &self.0.audit;
        let event = audit.caller_event(caller, "second_factor.refused", Outcome::Failure, meta);
        match audit.record(event.with("method", "totp").with("for", "confirmation")).await {
            Ok(()) => Failure::invalid_second_factor(),
            Err(failure) => failure,
        }
    }
}

fn totp_already_active() -> Failure {
    Failure::conflict("totp_already_active", "There is an authenticator app already. Remove it first.")
}

fn totp_not_begun() -> Failure {
    Failure::conflict("totp_not_begun", "No authenticator app is being set up. Start again.")
}
