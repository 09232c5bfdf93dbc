//! Denying, as whoever runs the server does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::Subject,
};
use serde_json::Value;
use service::{DenialTerms, Severed};

use super::{App, Session};

/// For ever, for no particular reason.
pub(crate) fn for_ever() -> DenialTerms {
    DenialTerms {
        expires_at: None,
        reason: "a test".to_owned(),
        event: AuditEvent::new("", Outcome::Success, 1_800_000_000_000),
    }
}

impl App {
    /// Blocks a user.
    pub(crate) async fn block(&self, subject: &Subject) -> Severed {
        self.services().block_user(subject.clone(), for_ever()).await.expect("the user is blocked")
    }

    /// Lets a user in again.
    pub(crate) async fn unblock(&self, subject: &Subject) {
        self.services().unblock_user(subject.clone(), for_ever()).await.expect("the user is unblocked");
    }

    /// Revokes a token.
    pub(crate) async fn revoke_token(&self, id: &str) -> Severed {
        self.services().revoke_token(id, for_ever()).await.expect("the token is revoked")
    }

    /// Revokes every token of a user that was issued until now.
    pub(crate) async fn invalidate_tokens(&self, subject: &Subject) -> Severed {
        let now = self.services().clock.now();
        let done = self.services().invalidate_tokens(subject.clone(), now, None, for_ever()).await;
        done.expect("the tokens are invalidated")
    }
}

impl Session {
    /// The `jti` of the access token.
    pub(crate) fn token_id(&self) -> String {
        let payload = self.access.split('.').nth(1).expect("a JWT");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims");
        claims["jti"].as_str().expect("a jti").to_owned()
    }
}
