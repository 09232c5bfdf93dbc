//! The traits for what the actors need from the server. The composition root implements them.
//!
//! This crate contains neither SQL nor HTTP; the actors reach the database only through these traits. An implementation returns
//! a future. The work of that future is done by the database's own runtime.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use domain::risk::History;
use logic::journal::{Appended, NewMessage, Opened, Range, Removed, Retention};
use protocol::{
    Publication,
    audit::AuditEvent,
    channel_name::ChannelName,
    id::{DeviceId, SessionId, UserId},
};

use super::wall_clock::WallClock;

/// A boxed answer of a port.
pub type PortFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a write or a removal failed. If the database connection broke during the call, the database may have carried the call
/// out nevertheless, or may do so later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The database cannot be reached. The caller may make the same call again.
    #[error("{0}")]
    Unavailable(String),
    /// The database rejects this call; another attempt does not help.
    #[error("{0}")]
    Refused(String),
}

/// The requested data could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Where audit events go.
pub trait AuditSink: Send + Sync + 'static {
    /// Writes the whole batch or nothing. Writing an event a second time must change nothing.
    fn write(&self, events: Vec<AuditEvent>) -> PortFuture<Result<(), WriteError>>;
}

/// Stores last-seen values, and reads the sign-in histories of users.
pub trait DeviceStore: Send + Sync + 'static {
    /// Writes the whole batch or nothing.
    fn touch(&self, seen: Vec<SessionActivity>) -> PortFuture<Result<(), WriteError>>;

    /// The history of `user` that a sign-in from `address` at `at_ms` (milliseconds since the epoch) is compared with.
    fn history(&self, user: UserId, address: IpAddr, at_ms: i64) -> PortFuture<Result<History, ReadError>>;
}

/// Why an append failed, or why its outcome is unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The database cannot be reached. Nothing was written.
    #[error("{0}")]
    Unavailable(String),
    /// The database rejects this batch; another attempt does not help. Nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The database connection broke during the call. The batch may have been written already, may be written later, or may
    /// never be written.
    #[error("{0}")]
    Unknown(String),
}

/// Where publications of durable channels are kept.
pub trait Journal: Send + Sync + 'static {
    /// Writes the whole batch or nothing. The new publications get the offsets after the channel's last offset, in the order of
    /// the batch.
    fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        keep: Retention,
    ) -> PortFuture<Result<Appended, AppendError>>;

    /// Reads the newest publications of a channel, within the bounds of `newest`, and reports whether the channel keeps older
    /// publications, too. With `settle`, the call first waits until no other transaction is writing to the channel.
    fn open(
        &self,
        channel: ChannelName,
        newest: Range,
        settle: bool,
    ) -> PortFuture<Result<Opened, ReadError>>;

    /// Reads publications, in the order that `range` states.
    fn read(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> PortFuture<Result<Vec<Arc<Publication>>, ReadError>>;

    /// Removes all publications up to this offset. If the database connection breaks during the call, the removal may happen
    /// later. Even then, publications after this offset must stay.
    fn remove(&self, channel: ChannelName, upto: u64) -> PortFuture<Result<Removed, WriteError>>;
}

/// A use of a session on its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionActivity {
    /// The user of the session.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The device.
    pub device: DeviceId,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// When the session was used, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The highest refresh counter among the access tokens that were used.
    pub generation: u64,
}

/// The ports that the server implements for the actors.
pub struct Ports {
    /// Where audit events go.
    pub audit: Arc<dyn AuditSink>,
    /// Where last-seen values go.
    pub devices: Arc<dyn DeviceStore>,
    /// Where publications of durable channels are kept.
    pub journal: Arc<dyn Journal>,
    /// The time of publications.
    pub wall_clock: WallClock,
    /// Called when more than three supervised actors have died within five seconds. This function must stop the process
    /// cleanly.
    pub escalate: Box<dyn Fn() + Send + Sync>,
}
