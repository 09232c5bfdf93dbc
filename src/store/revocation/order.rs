//! The request for a revocation, and the result of a revocation.
//!
//! Services build the requests, and `commit` carries them out. Nothing in this file uses the database.

use domain::{
    account::{
        email::Email,
        role::{Role, Status},
    },
    mail::link::MailedLink,
};
use ipnet::IpNet;
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, Subject, UserId},
};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{factors::second_factors::FactorChange, personal_data::NewErasure, sessions::session::Session};

/// The channel of `NOTIFY` that announces committed revocations and denials. The payload is the id of the revocation, or the
/// word `denial`.
pub(crate) const CHANNEL: &str = "portcullis_revocations";

/// The largest number of sessions that one revocation of a network, or of the sessions since a moment, ends. Such a revocation
/// can be repeated until it covers nothing more.
pub const SESSIONS_AT_ONCE: u32 = 20_000;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One session.
    Session(SessionId),
    /// All sessions on a device.
    Device(DeviceId),
    /// All sessions of a user.
    User(UserId),
    /// All sessions of these users.
    Users(Vec<UserId>),
    /// The sessions of accounts with a last known address in this network. At most [`SESSIONS_AT_ONCE`] are ended.
    Network(IpNet),
    /// The sessions of accounts that were opened at this time or later. At most [`SESSIONS_AT_ONCE`] are ended.
    OpenedSince(OffsetDateTime),
    /// All external sessions of this subject.
    Subject(Subject),
    /// All sessions that are open. The cause is `revoked`, and no other field of the request restricts which sessions end.
    All,
}

impl Target {
    /// The stored word for the kind of target.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Device(_) => "device",
            Self::User(_) => "user",
            Self::Users(_) => "users",
            Self::Network(_) => "network",
            Self::OpenedSince(_) => "opened_since",
            Self::Subject(_) => "subject",
            Self::All => "all",
        }
    }

    /// Whether the target names neither sessions nor users, so that the revocation may cover very many sessions.
    pub(crate) fn is_wide(&self) -> bool {
        matches!(self, Self::Network(_) | Self::OpenedSince(_))
    }

    pub(crate) fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Subject(subject) => Some(subject),
            _ => None,
        }
    }
}

/// The change that makes a revocation necessary. It is written with the revocation.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new password. The session that is not ended loses its privilege, and its tokens are renewed.
    Password {
        /// The hash of the new password, a PHC string.
        hash: SecretString,
    },
    /// The users lose their passwords: no sign-in with a password succeeds until a new password is set. The trust in their devices
    /// ends.
    LockPassword,
    /// A new e-mail address, and the account key of this address.
    Email(Email),
    /// A new role.
    Role(Role),
    /// A new status.
    Status(Status),
    /// The users concerned forget the device.
    ForgetDevice,
    /// A change of second factors or passkeys. The tokens of the session that is not ended are renewed. Only tokens that are
    /// issued afterwards carry the privilege of this session.
    Factor(FactorChange),
    /// A request to erase the account, which deactivates it. The target must be a user.
    Erasure(NewErasure),
}

/// The session that requests a change, and the conditions that must still hold at the time of the write.
#[derive(Clone, Copy, Debug)]
pub struct ActingSession {
    /// The session, which must not have ended.
    pub session: SessionId,
    /// The user of the session, which must be active.
    pub user: UserId,
    /// The lowest role that the user must have.
    pub role: Role,
    /// The privilege epoch of the credential, if the change needs privilege. The session must still be in this epoch, and the
    /// privilege must not have ended.
    pub privilege_epoch: Option<u32>,
}

/// A revocation to be carried out.
#[derive(Clone, Debug)]
pub struct RevocationRequest {
    /// A unique id. By this id, the issuing node recognises its own revocation in the feed.
    pub origin: Uuid,
    /// The acting session, if there is one. If the acting session may no longer make the change, nothing is written.
    pub acting_session: Option<ActingSession>,
    /// What is revoked.
    pub target: Target,
    /// The session that is not ended, usually the acting session.
    pub except: Option<SessionId>,
    /// If given, only sessions of this user are ended. This limits the request of a user to the user's own sessions.
    pub only_user: Option<UserId>,
    /// If given, only sessions of users with these roles are ended. This limits the request of an operator. For external
    /// sessions the roles do not count, because their users have none.
    pub only_roles: Option<Vec<Role>>,
    /// Whether nothing is written for a change that would leave no active admin.
    pub keep_an_admin: bool,
    /// If given, only sessions without a use after this time are ended: a session that was used meanwhile is not idle.
    pub only_idle_since: Option<OffsetDateTime>,
    /// If given, only sessions opened before this time are ended, because their tokens may be older than this time. External
    /// sessions are ended whenever they were opened.
    pub only_opened_before: Option<OffsetDateTime>,
    /// The cause, for programs.
    pub cause: Cause,
    /// The reason, for people.
    pub reason: String,
    /// The user that requested the revocation.
    pub actor: Option<UserId>,
    /// The change that is written with the revocation.
    pub change: Option<Change>,
    /// The link of a mail that permits the revocation. The transaction spends it; if it is not good any more, nothing is written.
    pub link: Option<MailedLink>,
    /// The time of the revocation.
    pub now: OffsetDateTime,
    /// The node that carries the revocation out, if its row must be written at once, as not done. Every node notes how far it
    /// has carried a revocation out.
    pub reported_by: Option<Uuid>,
    /// The audit event. The detail also gets the scope, the cause, the reason, the id of the revocation and the number of
    /// sessions.
    pub audit: AuditEvent,
}

impl RevocationRequest {
    /// A request with only target, cause and time; the audit event is `session.revoked`.
    #[must_use]
    pub fn new(target: Target, cause: Cause, now: OffsetDateTime) -> Self {
        let at_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        Self {
            origin: Uuid::new_v4(),
            acting_session: None,
            target,
            except: None,
            only_user: None,
            only_roles: None,
            keep_an_admin: false,
            only_idle_since: None,
            only_opened_before: None,
            cause,
            reason: String::new(),
            actor: None,
            change: None,
            link: None,
            now,
            reported_by: None,
            audit: AuditEvent::new("session.revoked", Outcome::Success, at_ms),
        }
    }

    /// Whether a user's request about the user's own sessions ends no session and changes nothing. Then no row is written,
    /// because other nodes do not need the row. The revocation epoch of the user is raised nevertheless, so sign-ins that have
    /// begun are refused.
    pub(crate) fn has_no_effect(&self, ended: usize) -> bool {
        ended == 0 && self.change.is_none() && self.actor.is_some() && self.actor == self.only_user
    }

    pub(crate) fn roles(&self) -> Option<Vec<&'static str>> {
        self.only_roles.as_ref().map(|roles| roles.iter().map(|role| role.as_str()).collect())
    }
}

/// A session that was ended, or a session with sockets that must reconnect after a change of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub session: SessionId,
    /// The user of the session; `None` for an external session.
    pub user: Option<UserId>,
    /// The device of the session; `None` for an external session.
    pub device: Option<DeviceId>,
}

/// What a revocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// These sessions.
    These(Vec<EndedSession>),
    /// Every session that was opened before the revocation. The rows of these sessions are ended later.
    Everyone {
        /// The number of these sessions, if they were counted.
        sessions: Option<usize>,
    },
}

impl Ended {
    /// The sessions that are listed one by one; none for [`Everyone`](Self::Everyone).
    #[must_use]
    pub fn named(&self) -> &[EndedSession] {
        match self {
            Self::These(ended) => ended,
            Self::Everyone { .. } => &[],
        }
    }

    /// How many sessions ended, if that is known.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::These(ended) => Some(ended.len()),
            Self::Everyone { sessions } => *sessions,
        }
    }
}

/// The sessions that a revocation covers and did not end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The number of sessions of users with a role that the actor may not act on. At most [`SESSIONS_AT_ONCE`] are counted.
    pub excluded: u32,
    /// Whether the target covers more sessions than one revocation ends.
    pub more: bool,
}

/// A revocation that was carried out in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRevocation {
    /// The id of the revocation. `None` if there was nothing to do: the session had ended before, the request does not cover
    /// the target, or a user's request about the user's own sessions changed nothing. Then no revocation was written.
    pub id: Option<RevocationId>,
    /// The cause.
    pub cause: Cause,
    /// What the revocation ended.
    pub ended: Ended,
    /// The session that was not ended. Cached data about it is outdated nevertheless.
    pub except: Option<SessionId>,
    /// What the revocation left.
    pub left: Left,
    /// The session `except` as it is now, if its tokens were renewed. Only the process that commits knows this.
    pub renewed: Option<Box<Session>>,
}
