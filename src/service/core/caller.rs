//! The caller of a request or a connection: a user with a session, and what the user's credential permits.
//!
//! `access` makes a caller from a verified credential. Every use case of a signed-in user has a caller as an argument.

use domain::account::role::{Role, Scopes};
use logic::denials::TokenMark;
use protocol::id::{DeviceId, RevocationId, SessionId, UserId};
use store::ActingSession;
use time::OffsetDateTime;

/// An authenticated user, and what the user's credential permits.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The user's e-mail address.
    pub email: String,
    /// The user's role in the database, which may differ from the role in the token.
    pub role: Role,
    /// The scopes that both the role and the token permit.
    pub scopes: Scopes,
    /// The session.
    pub session: SessionId,
    /// The id of the newest revocation of all sessions at the opening of the session.
    pub revoked_all: RevocationId,
    /// The session's device.
    pub device: DeviceId,
    /// The refresh counter that the token was issued with. For a ticket, the highest refresh counter among the session's access
    /// tokens that have been used.
    pub refresh_counter: u64,
    /// When the user signed in.
    pub session_created_at: OffsetDateTime,
    /// The session's absolute end.
    pub session_expires_at: OffsetDateTime,
    /// When the privilege that this credential carries ends. `None` if it carries no privilege.
    pub privileged_until: Option<OffsetDateTime>,
    /// The privilege epoch at the issue of the token. For a ticket, zero.
    pub privilege_epoch: u32,
    /// When the credential expires.
    pub token_expires_at: OffsetDateTime,
    /// The properties that denials of the token look at. A ticket has the properties of the access token that requested it.
    pub token: TokenMark,
}

impl Caller {
    /// The facts that the store checks again when it makes a change on behalf of the caller.
    pub(crate) fn acting_session(&self) -> ActingSession {
        ActingSession { session: self.session, user: self.user, role: Role::User, privilege_epoch: None }
    }

    /// The same as `acting_session`, for changes that require privilege.
    pub(crate) fn privileged_acting_session(&self) -> ActingSession {
        ActingSession { privilege_epoch: Some(self.privilege_epoch), ..self.acting_session() }
    }
}
