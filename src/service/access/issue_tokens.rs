//! What a signed-in client is given: an access token and a refresh token of its session.
//!
//! Made by sign-in, refresh and step-up. Both tokens can be made again from the session's row; nothing of them is stored.

use protocol::id::DeviceId;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Services;
use domain::tokens::{
    access_token::{Claims, access_ttl},
    refresh_token::RefreshToken,
};
use store::{Session, User};

/// A user with a working session, and its tokens.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// For requests and sockets.
    pub access_token: SecretString,
    /// When that expires.
    pub access_expires_at: OffsetDateTime,
    /// For the next access token.
    pub refresh_token: SecretString,
    /// The device, for its cookie.
    pub device: DeviceId,
}

impl Services {
    /// The tokens of a session as it stands.
    pub(crate) fn grant(&self, user: User, session: Session) -> SignedIn {
        let (access_token, access_expires_at) = self.access_token(&user, &session, session.refresh_counter);
        let refresh_token =
            self.refresh_keys.encode(&RefreshToken { session: session.id, counter: session.refresh_counter });
        let device = session.device;
        SignedIn { user, session, access_token, access_expires_at, refresh_token, device }
    }

    /// A fresh access token that belongs to this refresh counter, and when it expires.
    pub(crate) fn access_token(
        &self,
        user: &User,
        session: &Session,
        refresh_counter: u64,
    ) -> (SecretString, OffsetDateTime) {
        let now = self.clock.now();
        let expires_at = now + access_ttl(now, session.expires_at);
        let issued = now.unix_timestamp();
        let token = self.access_keys.issue(&Claims {
            sub: user.id.to_string(),
            id: user.id.0,
            email: user.email.clone(),
            role: user.role,
            scopes: user.role.scopes().to_strings(),
            sid: session.id,
            jti: Uuid::new_v4(),
            refresh_counter,
            privilege_epoch: session.privilege_epoch,
            iss: self.access_keys.issuer().to_owned(),
            aud: self.access_keys.audience().to_owned(),
            iat: issued,
            nbf: issued,
            exp: expires_at.unix_timestamp(),
        });
        (token, expires_at)
    }
}
