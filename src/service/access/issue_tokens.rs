//! Issues the tokens of a session: an access token and a refresh token.
//!
//! Sign-in, refresh, step-up and changes of credentials use this file. The server stores no token: it makes both tokens from
//! the session's row and the keys.

use domain::tokens::{
    access_token::{Claims, access_ttl},
    refresh_token::RefreshToken,
};
use protocol::id::DeviceId;
use secrecy::SecretString;
use store::{Session, User};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::{clock::Clock, keys::LiveKeys};

/// A signed-in user: the account, its session and the session's tokens.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// The access token, for requests and sockets.
    pub access_token: SecretString,
    /// When the access token expires.
    pub access_expires_at: OffsetDateTime,
    /// The refresh token, for the next pair of tokens.
    pub refresh_token: SecretString,
    /// The device, for its cookie.
    pub device: DeviceId,
}

/// Issues tokens. Clones are cheap.
#[derive(Clone)]
pub(crate) struct TokenIssuer {
    keys: LiveKeys,
    clock: Clock,
}

impl TokenIssuer {
    pub(crate) fn new(keys: LiveKeys, clock: Clock) -> Self {
        Self { keys, clock }
    }

    /// Both tokens of a session, for its current refresh counter.
    pub(crate) fn session_tokens(&self, user: User, session: Session) -> SessionTokens {
        let (access_token, access_expires_at) = self.access_token(&user, &session, session.refresh_counter);
        let token = RefreshToken { session: session.id, counter: session.refresh_counter };
        let refresh_token = self.keys.live().refresh.encode(&token);
        let device = session.device;
        SessionTokens { user, session, access_token, access_expires_at, refresh_token, device }
    }

    /// A fresh access token for this refresh counter, and when it expires.
    pub(crate) fn access_token(
        &self,
        user: &User,
        session: &Session,
        refresh_counter: u64,
    ) -> (SecretString, OffsetDateTime) {
        let now = self.clock.now();
        let expires_at = now + access_ttl(now, session.expires_at);
        let issued = now.unix_timestamp();
        let keys = self.keys.live();
        let keys = &keys.access;
        let token = keys.issue(&Claims {
            sub: user.id.to_string(),
            id: user.id.0,
            email: user.email.clone(),
            role: user.role,
            scopes: user.role.scopes().to_strings(),
            sid: session.id,
            jti: Uuid::new_v4(),
            refresh_counter,
            privilege_epoch: session.privilege_epoch,
            iss: keys.issuer().to_owned(),
            aud: keys.audience().to_owned(),
            iat: issued,
            nbf: issued,
            exp: expires_at.unix_timestamp(),
        });
        (token, expires_at)
    }
}
