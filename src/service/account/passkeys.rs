//! A user's own passkeys: adds, lists, renames and removes them.
//!
//! To add or to remove a passkey is a change of factors: it requires privilege (a recent sign-in or step-up) and ends the
//! user's other sessions. To rename a passkey is not. Sign-ins with passkeys are in `sign_in::passkey`.

use domain::{
    factors::{
        aaguid::authenticator,
        challenge::ChallengeKind,
        passkey::{self, PASSKEYS_PER_USER},
    },
    shown_name::shown_name,
};
use protocol::audit::Outcome;
use serde_json::Value;
use store::{ChallengeOwner, FACTOR_GONE, FactorChange, NewPasskey, Store, StoredPasskey};
use time::OffsetDateTime;
use uuid::Uuid;
use webauthn_rs::prelude::{Credential, PasskeyRegistration, RegisterPublicKeyCredential};

use super::{
    credential_change::{CredentialChange, CredentialChanges},
    factor_order::FactorOrders,
};
use crate::{
    authenticators::{
        passkey_ceremony::{NewCeremony, PasskeyCeremonies, PasskeyCeremony, defect, malformed},
        stored_passkey::read_passkey,
    },
    core::{
        audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, privilege::PrivilegeCheck,
        request_meta::RequestMeta, throttle::Throttle,
    },
    revocation::revoke::RevocationResult,
};

/// A passkey as its user sees it.
#[derive(Clone, Debug)]
pub struct ListedPasskey {
    /// The id of the passkey.
    pub id: Uuid,
    /// The name that the user gave it.
    pub name: String,
    /// The model that the authenticator reports.
    pub aaguid: Option<Uuid>,
    /// The name of that model, if it is known.
    pub authenticator: Option<&'static str>,
    /// When the passkey was added.
    pub created_at: OffsetDateTime,
    /// When the passkey was last used.
    pub last_used_at: Option<OffsetDateTime>,
    /// Whether the passkey is suspended, because it may have been copied.
    pub suspended: bool,
    /// Whether the authenticator synchronizes the passkey to other devices.
    pub backed_up: bool,
}

/// A user's own passkeys.
pub struct Passkeys(Parts);

/// The parts of [`Passkeys`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) ceremonies: PasskeyCeremonies,
    pub(crate) orders: FactorOrders,
    pub(crate) changes: CredentialChanges,
}

impl Passkeys {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins to add a passkey.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `Conflict` if the user has too many passkeys. `Invalid` if the
    /// account was deleted meanwhile. `TooMany`, `Unavailable`.
    pub async fn begin(&self, caller: &Caller, meta: &RequestMeta) -> Result<PasskeyCeremony, Failure> {
        let Parts { store, throttle, privilege, ceremonies, .. } = &self.0;
        privilege.require(caller).await?;
        throttle.spend_for_address(throttle.limits().ceremony_address, meta.address).await?;
        let user = store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)?;
        let owner = store.passkey_owner(caller.user).await?.ok_or_else(Failure::session_ended)?;
        let held = store.passkeys_of(caller.user).await?;
        if held.len() >= PASSKEYS_PER_USER as usize {
            return Err(Failure::conflict(
                "too_many_passkeys",
                "There are 20 passkeys already. Remove one first.",
            ));
        }
        let known = held.iter().filter_map(|held| Some(read_passkey(held)?.cred_id().clone())).collect();
        let shown = user.display_name.as_deref().unwrap_or(&user.email);
        let (options, state) = ceremonies
            .relying_party()
            .webauthn()
            .start_passkey_registration(owner.handle, &user.email, shown, Some(known))
            .map_err(|error| defect("could not begin a registration", &error))?;
        let mut options = serde_json::to_value(options).map_err(|_| Failure::Internal)?;
        // Asks the authenticator to store the passkey if it has space, so that the user can sign in without a user name. By
        // default, the options of the library discourage this.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred".into();
        let answerer = ChallengeOwner::Session(caller.session);
        let new = NewCeremony::new(ChallengeKind::PasskeyRegistration, Some(caller.user), answerer);
        let state = serde_json::to_value(state).map_err(|_| Failure::Internal)?;
        let id = ceremonies.store_ceremony(new, state).await?;
        Ok(PasskeyCeremony { id, options })
    }

    /// Adds the passkey that an authenticator made, and ends the caller's other sessions.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `BadRequest` for an invalid name or a malformed answer. `Invalid` for
    /// an expired ceremony, for an answer to another ceremony, or if the session has ended meanwhile. `Conflict` if the passkey
    /// is already registered or the user has too many passkeys. `Unavailable`.
    pub async fn add(
        &self,
        caller: &Caller,
        ceremony: Uuid,
        credential: &Value,
        name: Option<&str>,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<ListedPasskey>, Failure> {
        let Parts { privilege, ceremonies, orders, changes, .. } = &self.0;
        privilege.require(caller).await?;
        let name = name.map(checked_name).transpose()?;
        let credential = parse_registration(credential)?;
        let answerer = Some(ChallengeOwner::Session(caller.session));
        let kinds = [ChallengeKind::PasskeyRegistration];
        let taken = ceremonies.take_ceremony(ceremony, answerer, &kinds).await?;
        let state: PasskeyRegistration =
            serde_json::from_value(taken.state["library"].clone()).map_err(|_| Failure::Internal)?;
        let relying_party = ceremonies.relying_party();
        let page = relying_party.check_page(&credential.response.client_data_json);
        let judged =
            page.and_then(|()| relying_party.webauthn().finish_passkey_registration(&credential, &state));
        let made = match judged {
            Ok(made) => made,
            Err(error) => return Err(ceremonies.refuse_assertion(Some(caller.user), &error, meta).await),
        };
        let aaguid = passkey::aaguid(credential.response.attestation_object.as_ref());
        let new = NewPasskey {
            id: Uuid::new_v4(),
            credential_id: made.cred_id().to_vec(),
            counter: i64::from(Credential::from(made.clone()).counter),
            passkey: serde_json::to_value(&made).map_err(|_| Failure::Internal)?,
            aaguid,
            name: name.unwrap_or_else(|| aaguid.and_then(authenticator).unwrap_or("Passkey").to_owned()),
        };
        let change = FactorChange::AddPasskey(Box::new(new.clone()));
        let order = orders.order(caller, change, "passkey.added", "a passkey was added", meta);
        let added = ListedPasskey::of(StoredPasskey {
            id: new.id,
            user: caller.user,
            passkey: new.passkey,
            aaguid,
            name: new.name,
            created_at: order.now,
            last_used_at: None,
            suspended_at: None,
            user_handle: None,
            backup_unknown: false,
        });
        Ok(changes.make(caller, order).await?.with(added))
    }

    /// The caller's passkeys, the oldest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<ListedPasskey>, Failure> {
        let held = self.0.store.passkeys_of(caller.user).await?;
        Ok(held.into_iter().map(ListedPasskey::of).collect())
    }

    /// Gives one of the caller's passkeys another name.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for an invalid name, `Invalid` if the session has ended meanwhile, `Unavailable`.
    pub async fn rename(
        &self,
        caller: &Caller,
        id: Uuid,
        name: &str,
        meta: &RequestMeta,
    ) -> Result<ListedPasskey, Failure> {
        let Parts { store, clock, audit, .. } = &self.0;
        let name = checked_name(name)?;
        let held = self.list(caller).await?.into_iter().find(|held| held.id == id && held.name == name);
        if let Some(unchanged) = held {
            return Ok(unchanged);
        }
        let event = audit.caller_event(caller, "passkey.renamed", Outcome::Success, meta);
        let event = event.with("passkey", id.to_string());
        let renamed = store.rename_passkey(caller.acting_session(), id, name, clock.now(), event).await?;
        renamed.map(ListedPasskey::of).ok_or_else(no_such_passkey)
    }

    /// Removes one of the caller's passkeys and ends the caller's other sessions.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege, `NotFound`. `Conflict` if the user needs this passkey to sign in.
    /// `Invalid` if the session has ended meanwhile. `Unavailable`.
    pub async fn remove(
        &self,
        caller: &Caller,
        id: Uuid,
        meta: &RequestMeta,
    ) -> Result<CredentialChange<RevocationResult>, Failure> {
        self.0.privilege.require(caller).await?;
        let change = FactorChange::RemovePasskey(id);
        let order = self.0.orders.order(caller, change, "passkey.removed", "a passkey was removed", meta);
        match self.0.changes.make(caller, order).await {
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(no_such_passkey()),
            answer => answer,
        }
    }
}

impl ListedPasskey {
    fn of(stored: StoredPasskey) -> Self {
        let backed_up = read_passkey(&stored).is_some_and(|passkey| Credential::from(passkey).backup_state);
        Self {
            id: stored.id,
            name: stored.name,
            aaguid: stored.aaguid,
            authenticator: stored.aaguid.and_then(authenticator),
            created_at: stored.created_at,
            last_used_at: stored.last_used_at,
            suspended: stored.suspended_at.is_some(),
            backed_up,
        }
    }
}

/// Reads the answer of an authenticator to a registration. `credential` is the answer as the browser gives it.
fn parse_registration(credential: &Value) -> Result<RegisterPublicKeyCredential, Failure> {
    let read: Option<RegisterPublicKeyCredential> = serde_json::from_value(credential.clone()).ok();
    read.filter(|read| read.type_ == "public-key").ok_or_else(malformed)
}

fn checked_name(name: &str) -> Result<String, Failure> {
    shown_name(name).ok_or_else(|| {
        let detail = "A passkey's name has 1 to 100 characters, and no invisible characters.";
        Failure::bad_request("invalid_name", detail)
    })
}

fn no_such_passkey() -> Failure {
    Failure::not_found("You have no such passkey.")
}
