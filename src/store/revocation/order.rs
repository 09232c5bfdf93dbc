//! What a revocation is: the order to carry one out, and what came of it.
//!
//! Built by services, carried out by `revocations`. Nothing here talks to the database.

use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, Subject, UserId},
};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::factors::second_factors::FactorChange;
use domain::account::role::{Role, Status};

/// On which commits are announced; the payload is the revocation's number.
pub(crate) const CHANNEL: &str = "portcullis_revocations";

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One session.
    Session(SessionId),
    /// Every session on a device.
    Device(DeviceId),
    /// Every session of a user.
    User(UserId),
    /// Every session of an outside issuer's user of this name.
    Subject(Subject),
    /// Every session.
    All,
}

impl Target {
    /// The stored spelling of its kind.
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

/// The change that makes a revocation necessary, written with it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new password, as a PHC string. The session that stays loses its privilege.
    Password {
        /// The new hash.
        hash: SecretString,
    },
    /// A new role.
    Role(Role),
    /// A new status.
    Status(Status),
    /// The device is forgotten by the users concerned.
    ForgetDevice,
    /// Other second factors or passkeys.
    Factor(FactorChange),
}

/// The session that asks, and what it must still have for that.
#[derive(Clone, Copy, Debug)]
pub struct ActingSession {
    /// It must work.
    pub session: SessionId,
    /// Its user, who must be active.
    pub user: UserId,
    /// The least role that the user must have.
    pub role: Role,
    /// The end of the privilege that the request was verified with, if it takes privilege: it must still be the session's.
    pub privileged_until: Option<OffsetDateTime>,
}

/// A revocation to be carried out.
#[derive(Clone, Debug)]
pub struct RevocationRequest {
    /// By which whoever gives the order knows it again when hearing of it.
    pub origin: Uuid,
    /// In whose name, if it is a session's: if that may no longer give the order, nothing is written.
    pub acting_session: Option<ActingSession>,
    /// What is revoked.
    pub target: Target,
    /// The session that stays, usually that of whoever asks.
    pub except: Option<SessionId>,
    /// Only this user's sessions: what a user may do to a session or device.
    pub only_user: Option<UserId>,
    /// Only sessions of users of these roles: what an operator may do.
    pub only_roles: Option<Vec<Role>>,
    /// Only sessions not seen after this: a session that was used since it was looked at is not idle.
    pub only_idle_since: Option<OffsetDateTime>,
    /// Only sessions that were opened before this: what their tokens may have been issued in.
    pub only_opened_before: Option<OffsetDateTime>,
    /// Why, for machines.
    pub cause: Cause,
    /// Why, for people.
    pub reason: String,
    /// Who asked for it.
    pub actor: Option<UserId>,
    /// What changes with it.
    pub change: Option<Change>,
    /// The time.
    pub now: OffsetDateTime,
    /// The event; the number of sessions, cause and scope are added to its detail.
    pub audit: AuditEvent,
}

impl RevocationRequest {
    /// An order with nothing but target, cause and time; the event is `session.revoked`.
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

    pub(crate) fn roles(&self) -> Option<Vec<&'static str>> {
        self.only_roles.as_ref().map(|roles| roles.iter().map(|role| role.as_str()).collect())
    }
}

/// A session that was ended, or, with a changed role, whose sockets must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub session: SessionId,
    /// Its user; none for a session of an outside issuer.
    pub user: Option<UserId>,
    /// Its device; none for a session of an outside issuer.
    pub device: Option<DeviceId>,
}

/// A revocation that has been carried out in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRevocation {
    /// Its number. `None` if there was nothing to do: the session had ended before, or the target is not among those
    /// that the order may reach. Then nothing was written.
    pub id: Option<RevocationId>,
    /// Why.
    pub cause: Cause,
    /// What it ended.
    pub ended: Vec<EndedSession>,
    /// The session that stayed; what is remembered of it is out of date all the same.
    pub except: Option<SessionId>,
}
