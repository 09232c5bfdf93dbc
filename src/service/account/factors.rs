//! A user's own second factors: which there are, setting up an authenticator app, backup codes.
//!
//! A change of factors ends trust: it is an order to the one function that revokes, ends the user's other sessions, and takes
//! a recent proof of presence. Judging codes is in `codes`.

use protocol::{audit::Outcome, close::Cause, id::UserId};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use crate::{Caller, Failure, Meta, Revoked, Services, authenticators::passkey_ceremony};
use domain::{
    crypto::seal::NONCE_BYTES,
    factors::{
        backup_code::{self, BACKUP_CODES, BackupCode},
        challenge::ProofMethod,
        totp::{SECRET_BYTES, TotpCode, TotpSecret, matching_step, qr_svg},
    },
};
use store::{
    Change, FACTOR_GONE, FactorChange, LAST_FACTOR, PASSKEY_KNOWN, RevocationRequest, StoreError, Target,
};

/// What a user has beside a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when an authenticator app counts.
    pub totp_confirmed_at: Option<OffsetDateTime>,
    /// Backup codes not used yet.
    pub backup_codes: u32,
    /// Passkeys that are not suspended.
    pub passkeys: u32,
}

/// An authenticator app to be set up, shown once.
#[derive(Clone, Debug)]
pub struct TotpSetup {
    /// The secret for typing.
    pub secret: SecretString,
    /// The secret for apps.
    pub uri: SecretString,
    /// The same as a picture.
    pub qr_svg: SecretString,
}

impl Services {
    /// What the caller has.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn factors(&self, caller: &Caller) -> Result<Held, Failure> {
        let held = self.store.factors_of(caller.user).await?;
        let totp = self.store.totp_of(caller.user).await?;
        Ok(Held {
            totp_confirmed_at: totp.and_then(|totp| totp.confirmed_at),
            backup_codes: held.backup_codes,
            passkeys: held.passkeys,
        })
    }

    /// Begins to set up an authenticator app. It counts for nothing until a code of it was shown.
    ///
    /// # Errors
    /// `StepUpRequired`, `Conflict` if there is one already, `Invalid` if the session ended meanwhile, `Unavailable`.
    pub async fn begin_totp(&self, caller: &Caller, meta: &Meta) -> Result<TotpSetup, Failure> {
        self.require_privilege(caller).await?;
        let secret = TotpSecret::new(random::<SECRET_BYTES>()?);
        let sealed = self.totp_sealer.seal(caller.user.0, &secret, random::<NONCE_BYTES>()?);
        let event = self.event_of(caller, "totp.begun", Outcome::Success, meta);
        let now = self.clock.now();
        match self.store.begin_totp(caller.privileged_acting_session(), sealed, now, event).await {
            Ok(true) => {}
            Ok(false) => return Err(totp_already_active()),
            Err(error) => return Err(self.failed(caller.user, error).await),
        }
        let uri = secret.uri(self.access_keys.issuer(), &caller.email);
        let picture = qr_svg(uri.expose_secret()).unwrap_or_default();
        Ok(TotpSetup { secret: secret.base32(), qr_svg: picture.into(), uri })
    }

    /// Makes the authenticator app that was set up count, by a code of it, and ends the caller's other sessions. The code's
    /// step is used up. Returns since when it counts.
    ///
    /// # Errors
    /// `StepUpRequired`, `Conflict` if nothing is being set up, `Invalid` for a wrong code or if the session ended meanwhile,
    /// `TooMany`, `Unavailable`.
    pub async fn confirm_totp(
        &self,
        caller: &Caller,
        code: &SecretString,
        meta: &Meta,
    ) -> Result<OffsetDateTime, Failure> {
        self.require_privilege(caller).await?;
        self.throttle_presence(caller.session).await?;
        let stored = self.store.totp_of(caller.user).await?.ok_or_else(totp_not_begun)?;
        if stored.confirmed_at.is_some() {
            return Err(totp_already_active());
        }
        let (secret, _) = self.opened_totp(caller.user, &stored.secret)?;
        let now = self.clock.now();
        let step = TotpCode::parse(code.expose_secret())
            .and_then(|code| matching_step(&secret, &code, now, stored.last_step));
        let Some(step) = step else {
            let event = self.event_of(caller, "second_factor.refused", Outcome::Failure, meta);
            self.record(event.with("method", "totp").with("for", "confirmation")).await?;
            return Err(Failure::invalid_second_factor());
        };
        let change = FactorChange::ConfirmTotp { step, secret: stored.secret.bytes };
        let order =
            self.factor_order(caller, change, "totp.confirmed", "an authenticator app was added", meta);
        let order = RevocationRequest { now, ..order };
        match self.revoke(order).await {
            Ok(_) => Ok(now),
            // Another was begun or confirmed in between.
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(totp_not_begun()),
            Err(failure) => Err(failure),
        }
    }

    /// Removes the authenticator app and ends the caller's other sessions. Backup codes for nothing go with it.
    ///
    /// # Errors
    /// `StepUpRequired`, `NotFound` if there is none, `Conflict` if nothing would be left to sign in with, `Invalid` if the
    /// session ended meanwhile, `Unavailable`.
    pub async fn remove_totp(&self, caller: &Caller, meta: &Meta) -> Result<Revoked, Failure> {
        self.require_privilege(caller).await?;
        let reason = "an authenticator app was removed";
        let order = self.factor_order(caller, FactorChange::RemoveTotp, "totp.removed", reason, meta);
        match self.revoke(order).await {
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => {
                Err(Failure::not_found("There is no authenticator app."))
            }
            answer => answer,
        }
    }

    /// Ten new backup codes in place of those from before, shown once. Ends the caller's other sessions.
    ///
    /// # Errors
    /// `StepUpRequired`, `Conflict` without another second factor, `Invalid` if the session ended meanwhile, `Unavailable`.
    pub async fn replace_backup_codes(
        &self,
        caller: &Caller,
        meta: &Meta,
    ) -> Result<Vec<SecretString>, Failure> {
        self.require_privilege(caller).await?;
        let mut codes = Vec::with_capacity(BACKUP_CODES);
        for _ in 0..BACKUP_CODES {
            codes.push(BackupCode::new(&random::<{ backup_code::LENGTH }>()?));
        }
        let hashes = codes.iter().map(|code| self.backup_code_keys.hash(caller.user.0, code)).collect();
        let change = FactorChange::BackupCodes(hashes);
        let order = self.factor_order(caller, change, "backup_codes.replaced", "new backup codes", meta);
        match self.revoke(order).await {
            Ok(_) => Ok(codes.iter().map(BackupCode::text).collect()),
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(Failure::conflict(
                "no_second_factor",
                "Backup codes stand in for a second factor. Add an authenticator app or a passkey first.",
            )),
            Err(failure) => Err(failure),
        }
    }

    /// The order of a caller to change their own factors: it ends their other sessions, and needs their privilege.
    pub(crate) fn factor_order(
        &self,
        caller: &Caller,
        change: FactorChange,
        event: &str,
        reason: &str,
        meta: &Meta,
    ) -> RevocationRequest {
        RevocationRequest {
            acting_session: Some(caller.privileged_acting_session()),
            except: Some(caller.session),
            reason: reason.to_owned(),
            actor: Some(caller.user),
            change: Some(Change::Factor(change)),
            audit: self.event_of(caller, event, Outcome::Success, meta),
            ..RevocationRequest::new(Target::User(caller.user), Cause::FactorChanged, self.clock.now())
        }
    }

    /// By what this user can prove their presence again.
    pub(crate) async fn step_up_methods(&self, user: UserId) -> Result<Vec<ProofMethod>, Failure> {
        let account = self.store.user_by_id(user).await?.ok_or_else(Failure::session_ended)?;
        let held = self.store.factors_of(user).await?;
        let has = [
            (account.has_password(), ProofMethod::Password),
            (held.totp, ProofMethod::Totp),
            (held.passkeys > 0, ProofMethod::Passkey),
        ];
        Ok(has.into_iter().filter_map(|(has, method)| has.then_some(method)).collect())
    }

    /// The failure for what the store said about a change that takes privilege.
    pub(crate) async fn failed(&self, user: UserId, error: StoreError) -> Failure {
        match Failure::from(error) {
            Failure::StepUpRequired { .. } => match self.step_up_methods(user).await {
                Ok(methods) => Failure::StepUpRequired { methods },
                Err(failure) => failure,
            },
            failure => failure,
        }
    }
}

/// The failure for a change of factors that the rows stand against.
pub(crate) fn conflict(constraint: &str) -> Option<Failure> {
    match constraint {
        FACTOR_GONE => Some(Failure::conflict(FACTOR_GONE, "It is not there, or was changed meanwhile.")),
        LAST_FACTOR => Some(Failure::conflict(
            LAST_FACTOR,
            "Without it nothing would be left to sign in with. Set a password or add a passkey first.",
        )),
        PASSKEY_KNOWN => Some(passkey_ceremony::passkey_known()),
        _ => None,
    }
}

fn totp_already_active() -> Failure {
    Failure::conflict("totp_already_active", "There is an authenticator app. Remove it first.")
}

fn totp_not_begun() -> Failure {
    Failure::conflict("totp_not_begun", "No authenticator app is being set up. Begin anew.")
}

/// Bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Failure::unavailable()
    })?;
    Ok(bytes)
}
