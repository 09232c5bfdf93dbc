//! What the actors need from the server, as traits that the composition root implements.
//!
//! The crate knows neither SQL nor HTTP; these are its only ways out. Implementations run elsewhere (the database has a
//! runtime of its own) and answer with a future.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use domain::risk::History;
use logic::journal::{Appended, NewMessage, Opened, Range, Removed, Retention};
use protocol::{
    Publication,
    audit::AuditEvent,
    channel_name::ChannelName,
    id::{DeviceId, SessionId, UserId},
};

/// A boxed answer of a port.
pub type PortFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The database cannot be reached: the same batch may be offered again.
    #[error("{0}")]
    Unavailable(String),
    /// The database will not take this batch, however often it is offered.
    #[error("{0}")]
    Refused(String),
}

/// Something that was asked for could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Where audit events go.
pub trait AuditSink: Send + Sync + 'static {
    /// Writes the whole batch or nothing. Writing an event again must be harmless.
    fn write(&self, events: Vec<AuditEvent>) -> PortFuture<Result<(), WriteError>>;
}

/// Where last-seen values go, and histories come from.
pub trait DeviceStore: Send + Sync + 'static {
    /// Writes the whole batch or nothing.
    fn touch(&self, seen: Vec<SessionActivity>) -> PortFuture<Result<(), WriteError>>;

    /// What a sign-in of `user` from `address` at `at_ms` (milliseconds since the epoch) is compared with.
    fn history(&self, user: UserId, address: IpAddr, at_ms: i64) -> PortFuture<Result<History, ReadError>>;
}

/// Why a batch is not known to be appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written: the database cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// Nothing was written: the database will not take this batch, however often it is offered.
    #[error("{0}")]
    Refused(String),
    /// The link broke meanwhile: it was written, or not, or will yet be.
    #[error("{0}")]
    Unknown(String),
}

/// Where publications of durable channels are kept.
pub trait Journal: Send + Sync + 'static {
    /// Writes the whole batch or nothing, in its order, the offsets following the channel's last.
    fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        keep: Retention,
    ) -> PortFuture<Result<Appended, AppendError>>;

    /// Reads the newest end of a channel, of what `newest` describes, and says whether that is all of it. With `settle`, whatever is still being written in the
    /// channel is waited for.
    fn open(
        &self,
        channel: ChannelName,
        newest: Range,
        settle: bool,
    ) -> PortFuture<Result<Opened, ReadError>>;

    /// Reads publications, in the order that `range` asks for.
    fn read(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> PortFuture<Result<Vec<Arc<Publication>>, ReadError>>;

    /// Removes everything that was published up to this offset. It may be carried out late, if the link breaks meanwhile:
    /// what comes after this offset must stay nevertheless.
    fn remove(&self, channel: ChannelName, upto: u64) -> PortFuture<Result<Removed, WriteError>>;
}

/// A sign of life of a session on its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionActivity {
    /// The user of the session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// On which device.
    pub device: DeviceId,
    /// From where, if the sign of life came over the network.
    pub address: Option<IpAddr>,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The highest refresh generation whose access token was used.
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
    /// Called when actors die more often than the restart budget allows: stop the process cleanly.
    pub escalate: Box<dyn Fn() + Send + Sync>,
}
