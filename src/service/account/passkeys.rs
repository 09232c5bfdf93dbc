//! A user's own passkeys: adding, listing, renaming, removing.
//!
//! Adding and removing one is a change of factors: it takes a recent proof of presence and ends the user's other sessions.
//! Signing in with one is in `passkey_sign_in`.

use protocol::audit::Outcome;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use webauthn_rs::prelude::{Credential, Passkey, PasskeyRegistration, RegisterPublicKeyCredential};

use crate::{
    Caller, Failure, Meta, Revoked, Services,
    authenticators::passkey_ceremony::{Ceremony, NewCeremony, defect},
    sign_in::passkey::malformed,
};
use domain::factors::{
    aaguid::authenticator,
    challenge::ChallengeKind,
    passkey::{self, PASSKEYS_PER_USER},
};
use store::{ChallengeOwner, FACTOR_GONE, FactorChange, NewPasskey, StoredPasskey};

/// A passkey as its user sees it.
#[derive(Clone, Debug)]
pub struct PasskeyListed {
    /// Our name for it.
    pub id: Uuid,
    /// The user's name for it.
    pub name: String,
    /// The authenticator's model, as it says.
    pub aaguid: Option<Uuid>,
    /// The name of that model, if it is a known one.
    pub authenticator: Option<&'static str>,
    /// When it was added.
    pub created_at: OffsetDateTime,
    /// When it last opened something.
    pub last_used_at: Option<OffsetDateTime>,
    /// Whether it was suspended, because there may be a copy.
    pub suspended: bool,
    /// Whether its authenticator keeps it in sync with other devices.
    pub backed_up: bool,
}

impl Services {
    /// Begins to add a passkey.
    ///
    /// # Errors
    /// `StepUpRequired`, `Conflict` if there are too many, `TooMany`, `Unavailable`.
    pub async fn begin_passkey(&self, caller: &Caller, meta: &Meta) -> Result<Ceremony, Failure> {
        self.require_privilege(caller).await?;
        self.throttle_address(self.limits.ceremony_address, meta).await?;
        let user = self.profile(caller).await?;
        let owner = self.store.passkey_owner(caller.user).await?.ok_or_else(Failure::session_ended)?;
        let held = self.store.passkeys_of(caller.user).await?;
        if held.len() >= PASSKEYS_PER_USER as usize {
            return Err(Failure::conflict(
                "too_many_passkeys",
                "There are 20 passkeys already. Remove one first.",
            ));
        }
        let known = held.iter().filter_map(|held| Some(library(held)?.cred_id().clone())).collect();
        let shown = user.display_name.as_deref().unwrap_or(&user.email);
        let (options, state) = self
            .relying_party
            .webauthn()
            .start_passkey_registration(owner.handle, &user.email, shown, Some(known))
            .map_err(|error| defect("cannot ask for a new passkey", &error))?;
        let mut options = serde_json::to_value(options).map_err(|_| Failure::Internal)?;
        // Kept by the authenticator if it has room, so that one can sign in without typing a name; the library says that it
        // had rather not.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred".into();
        let answerer = ChallengeOwner::Session(caller.session);
        let new = NewCeremony::new(ChallengeKind::PasskeyRegistration, Some(caller.user), answerer);
        let state = serde_json::to_value(state).map_err(|_| Failure::Internal)?;
        let id = self.keep_ceremony(new, state).await?;
        Ok(Ceremony { id, options })
    }

    /// Adds the passkey that an authenticator made, and ends the caller's other sessions.
    ///
    /// # Errors
    /// `StepUpRequired`, `BadRequest` for a name that cannot be, `Invalid` for a ceremony that is over or an answer that does
    /// not belong to it, `Conflict` for a passkey that is known, `Unavailable`.
    pub async fn add_passkey(
        &self,
        caller: &Caller,
        ceremony: Uuid,
        credential: &Value,
        name: Option<&str>,
        meta: &Meta,
    ) -> Result<PasskeyListed, Failure> {
        self.require_privilege(caller).await?;
        let name = name.map(named).transpose()?;
        let credential = registration(credential)?;
        let answerer = Some(ChallengeOwner::Session(caller.session));
        let kinds = [ChallengeKind::PasskeyRegistration];
        let taken = self.take_ceremony(ceremony, answerer, &kinds).await?;
        let state: PasskeyRegistration =
            serde_json::from_value(taken.state["library"].clone()).map_err(|_| Failure::Internal)?;
        let page = self.relying_party.check_page(&credential.response.client_data_json);
        let judged = page
            .and_then(|()| self.relying_party.webauthn().finish_passkey_registration(&credential, &state));
        let made = match judged {
            Ok(made) => made,
            Err(error) => return Err(self.refuse_assertion(Some(caller.user), &error, meta).await),
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
        let id = new.id;
        let change = FactorChange::AddPasskey(Box::new(new));
        let order = self.factor_order(caller, change, "passkey.added", "a passkey was added", meta);
        self.revoke(order).await?;
        let held = self.passkeys(caller).await?;
        held.into_iter().find(|held| held.id == id).ok_or_else(Failure::session_ended)
    }

    /// The caller's passkeys, the oldest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn passkeys(&self, caller: &Caller) -> Result<Vec<PasskeyListed>, Failure> {
        let held = self.store.passkeys_of(caller.user).await?;
        Ok(held.into_iter().map(PasskeyListed::of).collect())
    }

    /// Gives one of the caller's passkeys another name.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for a name that cannot be, `Invalid` if the session ended meanwhile, `Unavailable`.
    pub async fn rename_passkey(
        &self,
        caller: &Caller,
        id: Uuid,
        name: &str,
        meta: &Meta,
    ) -> Result<PasskeyListed, Failure> {
        let name = named(name)?;
        let event = self.event_of(caller, "passkey.renamed", Outcome::Success, meta);
        let event = event.with("passkey", id.to_string());
        let renamed =
            self.store.rename_passkey(caller.acting_session(), id, name, self.clock.now(), event).await?;
        renamed.map(PasskeyListed::of).ok_or_else(no_such_passkey)
    }

    /// Removes one of the caller's passkeys and ends their other sessions.
    ///
    /// # Errors
    /// `StepUpRequired`, `NotFound`, `Conflict` if nothing would be left to sign in with, `Invalid` if the session ended
    /// meanwhile, `Unavailable`.
    pub async fn remove_passkey(&self, caller: &Caller, id: Uuid, meta: &Meta) -> Result<Revoked, Failure> {
        self.require_privilege(caller).await?;
        let change = FactorChange::RemovePasskey(id);
        let order = self.factor_order(caller, change, "passkey.removed", "a passkey was removed", meta);
        match self.revoke(order).await {
            Err(Failure::Conflict { code: FACTOR_GONE, .. }) => Err(no_such_passkey()),
            answer => answer,
        }
    }
}

impl PasskeyListed {
    fn of(stored: StoredPasskey) -> Self {
        let backed_up = library(&stored).is_some_and(|passkey| Credential::from(passkey).backup_state);
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

/// The library's form of a passkey. One that it cannot read any more opens nothing, and must not keep the others from
/// being shown.
pub(crate) fn library(stored: &StoredPasskey) -> Option<Passkey> {
    let read = serde_json::from_value::<Passkey>(Value::clone(&stored.passkey));
    if read.is_err() {
        tracing::error!(passkey = %stored.id, "a stored passkey cannot be read");
    }
    read.ok()
}

/// What a new authenticator answered, as the browser gives it.
fn registration(credential: &Value) -> Result<RegisterPublicKeyCredential, Failure> {
    let read: Option<RegisterPublicKeyCredential> = serde_json::from_value(credential.clone()).ok();
    read.filter(|read| read.type_ == "public-key").ok_or_else(malformed)
}

fn named(name: &str) -> Result<String, Failure> {
    passkey::name(name).ok_or_else(|| {
        let detail = "A passkey's name has 1 to 100 characters and no control characters.";
        Failure::bad_request("invalid_name", detail)
    })
}

fn no_such_passkey() -> Failure {
    Failure::not_found("You have no such passkey.")
}
