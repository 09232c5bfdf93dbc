//! WebAuthn ceremonies: begins a ceremony, and judges the answer of an authenticator.
//!
//! Sign-in, step-up and passkey management use this file. Every assertion goes through [`PasskeyCeremonies::judge_assertion`].
//! So requests with a known user name, with an unknown one and without one are treated alike. The state of a ceremony is kept
//! in the database and can be taken once.

use domain::factors::challenge::{CHALLENGE_TTL, ChallengeKind};
use protocol::{audit::Outcome, id::UserId};
use serde_json::{Value, json};
use store::{Challenge, ChallengeOwner, PasskeyOwner, Proof, Store, StoredPasskey};
use time::OffsetDateTime;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, PublicKeyCredential, Uuid, WebauthnError,
};

use super::{
    clone_detection::CloneDetection, relying_party::RelyingParty, stored_passkey::read_passkey,
    verified_assertion::VerifiedAssertion,
};
use crate::core::{audit::AuditTrail, clock::Clock, failure::Failure, request_meta::RequestMeta};

/// A ceremony that has begun: what the browser needs to answer it.
#[derive(Clone, Debug)]
pub struct PasskeyCeremony {
    /// The id of the ceremony.
    pub id: Uuid,
    /// The options for `navigator.credentials`: `publicKey`.
    pub options: Value,
}

/// Begins ceremonies and judges their answers. Clones are cheap.
#[derive(Clone)]
pub(crate) struct PasskeyCeremonies {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    clones: CloneDetection,
    relying_party: RelyingParty,
}

impl PasskeyCeremonies {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        clones: CloneDetection,
        relying_party: RelyingParty,
    ) -> Self {
        Self { store, clock, audit, clones, relying_party }
    }

    /// The relying party that passkeys belong to, and the WebAuthn library configured for it.
    pub(crate) fn relying_party(&self) -> &RelyingParty {
        &self.relying_party
    }

    /// The credential ids of a user's passkeys that are not suspended.
    pub(crate) async fn credential_ids(&self, user: UserId) -> Result<Vec<Vec<u8>>, Failure> {
        let held = self.store.passkeys_of(user).await?;
        let usable = held.iter().filter(|held| held.suspended_at.is_none());
        Ok(usable.filter_map(|held| Some(read_passkey(held)?.cred_id().to_vec())).collect())
    }

    /// Begins a ceremony for an assertion with one of these credentials. With `None`, the authenticator chooses the credential.
    pub(crate) async fn begin_assertion(
        &self,
        challenge: NewCeremony,
        allowed: Option<Vec<Vec<u8>>>,
    ) -> Result<PasskeyCeremony, Failure> {
        let (options, state) = self
            .relying_party
            .webauthn()
            .start_discoverable_authentication()
            .map_err(|error| defect("could not begin an assertion", &error))?;
        let mut options = serde_json::to_value(options).map_err(|_| Failure::Internal)?;
        if let Some(allowed) = allowed {
            let descriptors: Vec<Value> =
                allowed.iter().map(|id| json!({"type": "public-key", "id": base64url(id)})).collect();
            options["publicKey"]["allowCredentials"] = descriptors.into();
        }
        // `mediation` is removed because the page decides whether the browser asks the user without a dialogue. If the page
        // uses these options unchanged, the browser must show a dialogue.
        if let Some(fields) = options.as_object_mut() {
            fields.remove("mediation");
        }
        let state = serde_json::to_value(state).map_err(|_| Failure::Internal)?;
        let id = self.store_ceremony(challenge, state).await?;
        Ok(PasskeyCeremony { id, options })
    }

    /// Stores the state of a ceremony until it is answered. `library` is the state of the WebAuthn library.
    pub(crate) async fn store_ceremony(&self, new: NewCeremony, library: Value) -> Result<Uuid, Failure> {
        let (id, now) = (Uuid::new_v4(), self.clock.now());
        let challenge = Challenge {
            id,
            kind: new.kind,
            user: new.user,
            answerer: new.answerer,
            revocation_epoch: 0,
            revoked_all: 0,
            state: json!({"library": library, "sign_in": new.sign_in, "decoy": new.decoy}),
            expires_at: now + CHALLENGE_TTL,
        };
        self.store.insert_challenge(challenge, now).await?;
        Ok(id)
    }

    /// Takes a ceremony of one of these kinds. A ceremony can be taken only once, even if its kind or the answer to it is
    /// wrong.
    ///
    /// # Errors
    /// `Invalid` if this answerer has no such ceremony.
    pub(crate) async fn take_ceremony(
        &self,
        id: Uuid,
        answerer: Option<ChallengeOwner>,
        kinds: &[ChallengeKind],
    ) -> Result<Challenge, Failure> {
        let taken = match answerer {
            Some(answerer) => self.store.take_challenge(id, answerer, self.clock.now()).await?,
            None => None,
        };
        taken.filter(|taken| kinds.contains(&taken.kind)).ok_or_else(|| {
            Failure::invalid("ceremony_expired", "This took too long or was already answered. Start again.")
        })
    }

    /// Judges an assertion for a ceremony that was taken. Each refusal is recorded in the audit trail.
    ///
    /// # Errors
    /// `Invalid` if the assertion is refused, `Unavailable`.
    pub(crate) async fn judge_assertion(
        &self,
        ceremony: &Challenge,
        credential: &PublicKeyCredential,
        meta: &RequestMeta,
    ) -> Result<VerifiedAssertion, Failure> {
        let state: DiscoverableAuthentication =
            serde_json::from_value(ceremony.state["library"].clone()).map_err(|_| Failure::Internal)?;
        // First check what needs no key, then look up the passkey. In the other order, the error would reveal whether the
        // passkey exists.
        if let Err(error) = self.relying_party.check_answer(credential) {
            return Err(self.refuse_assertion(None, &error, meta).await);
        }
        let found = self.store.passkey_by_credential(credential.get_credential_id().to_vec()).await?;
        let Some((stored, _)) = found.filter(|(stored, owner)| fits(ceremony, credential, stored, owner))
        else {
            return Err(self.refuse(ceremony.user, "unknown_passkey", meta).await);
        };
        if stored.suspended_at.is_some() {
            return Err(self.refuse(Some(stored.user), "suspended_passkey", meta).await);
        }
        let Some(mut passkey) = read_passkey(&stored) else {
            return Err(self.refuse(Some(stored.user), "unreadable_passkey", meta).await);
        };
        let mut known = Credential::from(passkey.clone());
        if stored.backup_unknown {
            adopt_backup_flags(&mut known, credential);
            passkey = known.clone().into();
        }
        let judged =
            self.relying_party.webauthn().finish_discoverable_authentication_v2(credential, state, known);
        let result = match judged {
            Ok(result) => result,
            Err(WebauthnError::CredentialPossibleCompromise) => {
                let counter = signature_counter(credential);
                return Err(match self.clones.suspect(&stored, counter, begun_at(ceremony), meta).await {
                    Some(failure) => failure,
                    None => self.refuse(Some(stored.user), "late_answer", meta).await,
                });
            }
            Err(error) => return Err(self.refuse_assertion(Some(stored.user), &error, meta).await),
        };
        passkey.update_credential(&result);
        let proof = Proof::Passkey {
            id: stored.id,
            passkey: serde_json::to_value(&passkey).map_err(|_| Failure::Internal)?,
            counter: i64::from(result.counter()),
        };
        Ok(VerifiedAssertion { user: stored.user, proof, begun_at: begun_at(ceremony) })
    }

    /// Records why an authenticator's answer was refused. Returns the failure for the user. If the refusal cannot be recorded,
    /// returns the failure of the recording instead.
    pub(crate) async fn refuse_assertion(
        &self,
        user: Option<UserId>,
        error: &WebauthnError,
        meta: &RequestMeta,
    ) -> Failure {
        let (reason, failure) = explain(error);
        tracing::info!(?error, origins = ?self.relying_party, "the answer of an authenticator was refused");
        match self.record_refusal(user, reason, meta).await {
            Ok(()) => failure,
            Err(failure) => failure,
        }
    }

    /// Records a refusal. The answer to the user is the same for every reason.
    pub(crate) async fn refuse(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        meta: &RequestMeta,
    ) -> Failure {
        match self.record_refusal(user, reason, meta).await {
            Ok(()) => refused(),
            Err(failure) => failure,
        }
    }

    async fn record_refusal(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        metrics::counter!("passkeys_refused_total").increment(1);
        let mut event = self.audit.event("passkey.refused", Outcome::Failure, meta);
        event.user = user;
        self.audit.record(event.with("reason", reason)).await
    }
}

/// A ceremony to be stored.
pub(crate) struct NewCeremony {
    pub(crate) kind: ChallengeKind,
    pub(crate) user: Option<UserId>,
    pub(crate) answerer: ChallengeOwner,
    /// The challenge of the sign-in that this ceremony completes.
    pub(crate) sign_in: Option<Uuid>,
    /// Whether the ceremony asks for passkeys that do not exist. Then it cannot succeed.
    pub(crate) decoy: bool,
}

impl NewCeremony {
    pub(crate) fn new(kind: ChallengeKind, user: Option<UserId>, answerer: ChallengeOwner) -> Self {
        Self { kind, user, answerer, sign_in: None, decoy: false }
    }
}

/// When a ceremony began.
fn begun_at(ceremony: &Challenge) -> OffsetDateTime {
    ceremony.expires_at - CHALLENGE_TTL
}

/// The counter of an assertion (WebAuthn, 6.1: 32 bytes of hash, the flags, then the counter).
fn signature_counter(credential: &PublicKeyCredential) -> i64 {
    let bytes = credential.response.authenticator_data.get(33..37).and_then(|bytes| bytes.try_into().ok());
    i64::from(bytes.map_or(0, u32::from_be_bytes))
}

/// Takes the backup flags of an imported passkey (WebAuthn, 6.1.3: bits 3 and 4 of the flags) from its first answer. The system
/// that it was imported from did not store them. The answer is signed, and it is spent only if its signature is right.
fn adopt_backup_flags(known: &mut Credential, credential: &PublicKeyCredential) {
    let flags = credential.response.authenticator_data.get(32).copied().unwrap_or_default();
    known.backup_eligible = flags & 0x08 != 0;
    known.backup_state = flags & 0x18 == 0x18;
}

/// Whether the ceremony asked for this passkey, and whether the answer's user handle belongs to the passkey's owner (WebAuthn,
/// 7.2, step 6). If the ceremony names no user, the answer must have a user handle.
fn fits(
    ceremony: &Challenge,
    credential: &PublicKeyCredential,
    stored: &StoredPasskey,
    owner: &PasskeyOwner,
) -> bool {
    if ceremony.state["decoy"] == Value::Bool(true) {
        return false;
    }
    // Some browsers send an empty handle if the authenticator does not store one.
    let named = credential.get_user_unique_id().filter(|named| !named.is_empty());
    let imported = stored.user_handle.as_deref();
    let handle = named.is_none_or(|named| named == owner.handle.as_bytes() || Some(named) == imported);
    match ceremony.user {
        Some(user) => user == stored.user && handle,
        None => named.is_some() && handle,
    }
}

/// The meaning of this error of the library: the reason for the audit trail, and the failure for the user. The failure contains
/// no text of the library.
fn explain(error: &WebauthnError) -> (&'static str, Failure) {
    match error {
        WebauthnError::InvalidRPOrigin
        | WebauthnError::InvalidRPIDHash
        | WebauthnError::CredentialCrossOrigin => (
            "wrong_origin",
            Failure::invalid("origin_not_allowed", "Passkeys of this server do not work on this page."),
        ),
        WebauthnError::UserNotVerified | WebauthnError::UserNotPresent => (
            "user_not_verified",
            Failure::invalid(
                "user_verification_required",
                "The authenticator did not verify you. Unlock it with its PIN, your fingerprint or your face.",
            ),
        ),
        _ => ("invalid_answer", refused()),
    }
}

/// The answer for a refusal that the user cannot correct.
fn refused() -> Failure {
    Failure::invalid("passkey_refused", "The passkey was not accepted.")
}

/// Logs a failure that no client can cause, and returns it.
pub(crate) fn defect(what: &'static str, error: &WebauthnError) -> Failure {
    tracing::error!(?error, what, "a passkey ceremony failed");
    Failure::Internal
}

/// Reads an assertion. `credential` is the assertion as the browser gives it.
///
/// # Errors
/// `BadRequest` if the value is not an assertion.
pub(crate) fn parse_assertion(credential: &Value) -> Result<PublicKeyCredential, Failure> {
    let read: Option<PublicKeyCredential> = serde_json::from_value(credential.clone()).ok();
    read.filter(|read| read.type_ == "public-key").ok_or_else(malformed)
}

/// The failure for a value that is not the answer of an authenticator.
pub(crate) fn malformed() -> Failure {
    Failure::bad_request(
        "malformed_credential",
        "This is not a credential as the browser's navigator.credentials gives it (its toJSON()).",
    )
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
