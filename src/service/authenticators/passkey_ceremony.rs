//! Ceremonies of WebAuthn: beginning one, and judging what an authenticator answered.
//!
//! Used by `passkeys` and `passkey_sign_in`. Every assertion, whoever began it and for whatever, goes through [`Services::judge_assertion`]: one
//! mechanism for names known, unknown and not asked for. The state of a ceremony stays in the database and is taken once,
//! whatever comes of it.

use protocol::{audit::Outcome, id::UserId};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey, PublicKeyCredential, Uuid, WebauthnError,
};

use crate::{Failure, Meta, Services};
use domain::factors::challenge::{CHALLENGE_TTL, ChallengeKind};
use store::{Challenge, ChallengeOwner, PasskeyOwner, Proof, StoredPasskey};

/// A ceremony that has begun: what the browser needs for it.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// Its identity.
    pub id: Uuid,
    /// The options, in the library's JSON: `publicKey`, and `mediation` where the browser is to offer passkeys by itself.
    pub options: Value,
}

/// An assertion that was judged to be right.
pub(crate) struct Asserted {
    /// Whose passkey it is.
    pub(crate) owner: PasskeyOwner,
    /// The account.
    pub(crate) user: UserId,
    /// To be spent.
    pub(crate) proof: Proof,
}

impl Services {
    /// Begins to ask for an assertion of one of these credentials; without any, of whichever the authenticator has for us.
    pub(crate) async fn ask_assertion(
        &self,
        challenge: NewCeremony,
        allowed: Option<Vec<Vec<u8>>>,
    ) -> Result<Ceremony, Failure> {
        let (options, state) = self
            .relying_party
            .webauthn()
            .start_discoverable_authentication()
            .map_err(|error| defect("cannot ask for a passkey", &error))?;
        let mut options = serde_json::to_value(options).map_err(|_| Failure::Internal)?;
        if let Some(allowed) = allowed {
            let descriptors: Vec<Value> =
                allowed.iter().map(|id| json!({"type": "public-key", "id": base64url(id)})).collect();
            options["publicKey"]["allowCredentials"] = descriptors.into();
            if let Some(fields) = options.as_object_mut() {
                fields.remove("mediation");
            }
        }
        let state = serde_json::to_value(state).map_err(|_| Failure::Internal)?;
        let id = self.keep_ceremony(challenge, state).await?;
        Ok(Ceremony { id, options })
    }

    /// Remembers the state of a ceremony until it is answered.
    pub(crate) async fn keep_ceremony(&self, new: NewCeremony, library: Value) -> Result<Uuid, Failure> {
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

    /// Takes a ceremony of one of these kinds: it is over, whatever comes of the answer.
    ///
    /// # Errors
    /// `Invalid` if there is no such ceremony for whoever answers.
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
            Failure::invalid("ceremony_expired", "This took too long, or was answered before. Begin again.")
        })
    }

    /// Judges an assertion for a ceremony that was taken. `Err` holds the answer; it is written down.
    pub(crate) async fn judge_assertion(
        &self,
        ceremony: &Challenge,
        credential: &PublicKeyCredential,
        meta: &Meta,
    ) -> Result<Asserted, Failure> {
        let state: DiscoverableAuthentication =
            serde_json::from_value(ceremony.state["library"].clone()).map_err(|_| Failure::Internal)?;
        // What a stranger can make up is judged before anything is looked up: whether there is such a passkey must not be
        // told by which mistake is named first.
        if let Err(error) = self.relying_party.check_answer(credential) {
            return Err(self.refuse_assertion(None, &error, meta).await);
        }
        let found = self.store.passkey_by_credential(credential.get_credential_id().to_vec()).await?;
        let Some((stored, owner)) = found.filter(|(stored, owner)| fits(ceremony, credential, stored, owner))
        else {
            return Err(self.refuse_passkey(ceremony.user, "unknown_passkey", meta).await);
        };
        if stored.suspended_at.is_some() {
            return Err(self.refuse_passkey(Some(stored.user), "suspended_passkey", meta).await);
        }
        let mut passkey: Passkey =
            serde_json::from_value(stored.passkey.clone()).map_err(|_| Failure::Internal)?;
        let known = Credential::from(passkey.clone());
        let judged =
            self.relying_party.webauthn().finish_discoverable_authentication_v2(credential, state, known);
        let result = match judged {
            Ok(result) => result,
            Err(WebauthnError::CredentialPossibleCompromise) => {
                return Err(self.suspect_clone(&stored, meta).await);
            }
            Err(error) => return Err(self.refuse_assertion(Some(stored.user), &error, meta).await),
        };
        passkey.update_credential(&result);
        let proof = Proof::Passkey {
            id: stored.id,
            passkey: serde_json::to_value(&passkey).map_err(|_| Failure::Internal)?,
            counter: i64::from(result.counter()),
        };
        Ok(Asserted { owner, user: stored.user, proof })
    }

    /// Writes down why an authenticator's answer was refused, and says what the person can do about it.
    pub(crate) async fn refuse_assertion(
        &self,
        user: Option<UserId>,
        error: &WebauthnError,
        meta: &Meta,
    ) -> Failure {
        let (reason, failure) = explain(error);
        tracing::info!(?error, origins = ?self.relying_party, "an authenticator's answer was refused");
        match self.note_refused_passkey(user, reason, meta).await {
            Ok(()) => failure,
            Err(failure) => failure,
        }
    }

    pub(crate) async fn refuse_passkey(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        meta: &Meta,
    ) -> Failure {
        match self.note_refused_passkey(user, reason, meta).await {
            Ok(()) => refused(),
            Err(failure) => failure,
        }
    }

    async fn note_refused_passkey(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        meta: &Meta,
    ) -> Result<(), Failure> {
        metrics::counter!("passkeys_refused_total", "reason" => reason).increment(1);
        let mut event = self.event("passkey.refused", Outcome::Failure, meta);
        event.user = user;
        self.record(event.with("reason", reason)).await
    }
}

/// A ceremony to be remembered.
pub(crate) struct NewCeremony {
    pub(crate) kind: ChallengeKind,
    pub(crate) user: Option<UserId>,
    pub(crate) answerer: ChallengeOwner,
    /// The challenge of the sign-in that it finishes.
    pub(crate) sign_in: Option<Uuid>,
    /// It was begun for nobody, and nobody finishes it.
    pub(crate) decoy: bool,
}

impl NewCeremony {
    pub(crate) fn new(kind: ChallengeKind, user: Option<UserId>, answerer: ChallengeOwner) -> Self {
        Self { kind, user, answerer, sign_in: None, decoy: false }
    }
}

/// Whether the passkey is one that the ceremony asked for, and the user that the authenticator names is its owner (WebAuthn,
/// 7.2, step 6). Who was not named before must be named now.
fn fits(
    ceremony: &Challenge,
    credential: &PublicKeyCredential,
    stored: &StoredPasskey,
    owner: &PasskeyOwner,
) -> bool {
    if ceremony.state["decoy"] == Value::Bool(true) {
        return false;
    }
    let named = credential.get_user_unique_id();
    let handle = named.is_none_or(|named| named == owner.handle.as_bytes());
    match ceremony.user {
        Some(user) => user == stored.user && handle,
        None => named.is_some() && handle,
    }
}

/// What to call a refusal, and what to tell the person. No text of the library's reaches them.
fn explain(error: &WebauthnError) -> (&'static str, Failure) {
    match error {
        WebauthnError::InvalidRPOrigin
        | WebauthnError::InvalidRPIDHash
        | WebauthnError::CredentialCrossOrigin => (
            "wrong_origin",
            Failure::invalid(
                "origin_not_allowed",
                "This page is not one that passkeys of this server work on.",
            ),
        ),
        WebauthnError::UserNotVerified | WebauthnError::UserNotPresent => (
            "user_not_verified",
            Failure::invalid(
                "user_verification_required",
                "The authenticator did not check who you are. Unlock it with its PIN, a finger or your face.",
            ),
        ),
        _ => ("invalid_answer", refused()),
    }
}

/// The one answer where there is nothing that the person could do about it.
fn refused() -> Failure {
    Failure::invalid("passkey_refused", "The passkey was not accepted.")
}

/// An authenticator made a passkey that there is already.
pub(crate) fn passkey_known() -> Failure {
    Failure::conflict("passkey_known", "This passkey is registered already. Use another authenticator.")
}

/// Something that no client can cause.
pub(crate) fn defect(what: &'static str, error: &WebauthnError) -> Failure {
    tracing::error!(?error, what, "a ceremony failed");
    Failure::Internal
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
