//! A revocation: the request to carry one out, and its result.
//!
//! Built by services, carried out by `commit`. Nothing here uses the database.

use domain::account::{
    email::Email,
    role::{Role, Status},
};
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, Subject, UserId},
};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{factors::second_factors::FactorChange, sessions::session::Session};

/// The channel on which commits are announced. The payload is the id of the revocation.
pub(crate) const CHANNEL: &str = "portcullis_revocations";

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One session.
    Session(SessionId),
    /// All sessions on a device.
    Device(DeviceId),
    /// All sessions of a user.
    User(UserId),
    /// All external sessions of this subject.
    Subject(Subject),
    /// All sessions that are open. The cause is `revoked`, and no other field of the request restricts it.
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
            Self::Subject(_) => "subject",
            Self::All => "all",
        }
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
    /// A new password, as a PHC string. The remaining session loses its privilege, and its refresh token is rotated.
    Password {
        /// The new hash.
        hash: SecretString,
    },
    /// A new e-mail address, and the key that comes with it.
    Email(Email),
    /// A new role.
    Role(Role),
    /// A new status.
    Status(Status),
    /// The users concerned forget the device.
    ForgetDevice,
    /// A change of second factors or passkeys. The refresh token of the remaining session is rotated; only the tokens that
    /// follow carry its privilege.
    Factor(FactorChange),
}

/// The session that asks for a change, and the conditions that it must still meet.
#[derive(Clone, Copy, Debug)]
pub struct ActingSession {
    /// The session, which must not have ended.
    pub session: SessionId,
    /// Its user, which must be active.
    pub user: UserId,
    /// The lowest role that the user must have.
    pub role: Role,
    /// The privilege epoch of the credential, if the change needs privilege. The session must still be in this epoch, and
    /// its privilege must not have ended.
    pub privilege_epoch: Option<u32>,
}

/// A revocation to be carried out.
#[derive(Clone, Debug)]
pub struct RevocationRequest {
    /// Unique id; the issuing node recognises its own revocation in the feed by it.
    pub origin: Uuid,
    /// The acting session, if there is one. If it may no longer do this, nothing is written.
    pub acting_session: Option<ActingSession>,
    /// What is revoked.
    pub target: Target,
    /// The session that is not ended, usually the acting session.
    pub except: Option<SessionId>,
    /// Only this user's sessions: the limit of what a user may do to a session or device.
    pub only_user: Option<UserId>,
    /// Only sessions of users with these roles: the limit of what an operator may do.
    pub only_roles: Option<Vec<Role>>,
    /// Only sessions that were not used after this time: a session that was used in the meantime is not idle.
    pub only_idle_since: Option<OffsetDateTime>,
    /// Only sessions that were opened before this time, because their tokens may have been issued before it.
    pub only_opened_before: Option<OffsetDateTime>,
    /// The cause, for programs.
    pub cause: Cause,
    /// The reason, for people.
    pub reason: String,
    /// The user that requested it.
    pub actor: Option<UserId>,
    /// The change that is written with it.
    pub change: Option<Change>,
    /// The time.
    pub now: OffsetDateTime,
    /// The audit event; scope, cause and number of sessions are added to its detail.
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
            only_idle_since: None,
            only_opened_before: None,
            cause,
            reason: String::new(),
            actor: None,
            change: None,
            now,
            audit: AuditEvent::new("session.revoked", Outcome::Success, at_ms),
        }
    }

    /// Whether a user's request about their own sessions has ended no session and changes nothing. Then no row is written, because
    /// other nodes do not need it. The epoch of the user is raised nevertheless, so sign-ins that have begun are refused.
    pub(crate) fn is_idle(&self, ended: usize) -> bool {
        ended == 0 && self.change.is_none() && self.actor.is_some() && self.actor == self.only_user
    }

    pub(crate) fn roles(&self) -> Option<Vec<&'static str>> {
        self.only_roles.as_ref().map(|roles| roles.iter().map(|role| role.as_str()).collect())
    }
}

/// A session that was ended, or one with sockets that must reconnect after a change of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub session: SessionId,
    /// Its user; none for an external session.
    pub user: Option<UserId>,
    /// Its device; none for an external session.
    pub device: Option<DeviceId>,
}

/// What a revocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// These sessions.
    These(Vec<EndedSession>),
    /// Every session that was opened before it. Their rows are ended later.
    Everyone {
        /// Their number, if they were counted.
        sessions: Option<usize>,
    },
}

impl Ended {
    /// The sessions that are named one by one.
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

/// A revocation that was carried out in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRevocation {
    /// Its id. `None` if there was nothing to do: the session had ended before, or the request does not cover the
    /// target. Then nothing was written.
    pub id: Option<RevocationId>,
    /// The cause.
    pub cause: Cause,
    /// What it ended.
    pub ended: Ended,
    /// The session that was not ended. Cached data about it is outdated nevertheless.
    pub except: Option<SessionId>,
    /// That session, if its tokens were renewed. Only the process that commits knows it.
    pub renewed: Option<Box<Session>>,
}
