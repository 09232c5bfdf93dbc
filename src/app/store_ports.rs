//! The ports of the actors, implemented by the store.

use std::{net::IpAddr, sync::Arc};

use actors::runtime::{
    AppendError, AuditSink, DeviceStore, Journal, PortFuture, ReadError, SessionActivity, WriteError,
};
use domain::risk::History;
use logic::journal::{Appended, NewMessage, Opened, Range, Removed, Retention};
use protocol::{Publication, audit::AuditEvent, channel_name::ChannelName, id::UserId};
use store::{LastSeen, Store, StoreError};

/// Every port of the actors, over one store.
pub(super) struct StorePorts(pub(super) Store);

impl AuditSink for StorePorts {
    fn write(&self, events: Vec<AuditEvent>) -> PortFuture<Result<(), WriteError>> {
        let store = self.0.clone();
        Box::pin(async move { store.insert_audit(events).await.map_err(|error| not_recorded(&error)) })
    }
}

impl DeviceStore for StorePorts {
    fn touch(&self, seen: Vec<SessionActivity>) -> PortFuture<Result<(), WriteError>> {
        let store = self.0.clone();
        let batch = seen.iter().filter_map(touch).collect();
        Box::pin(async move { store.touch(batch).await.map_err(|error| not_written(&error)) })
    }

    fn history(&self, user: UserId, address: IpAddr, at_ms: i64) -> PortFuture<Result<History, ReadError>> {
        let store = self.0.clone();
        Box::pin(async move {
            let at = moment(at_ms).ok_or_else(|| ReadError("no such time".to_owned()))?;
            store.history(user, address, at).await.map_err(|error| not_read(&error))
        })
    }
}

impl Journal for StorePorts {
    fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        keep: Retention,
    ) -> PortFuture<Result<Appended, AppendError>> {
        let store = self.0.clone();
        Box::pin(async move {
            store.append(channel, batch, keep).await.map_err(|error| match error {
                store::AppendError::Unknown(error) => AppendError::Unknown(error.to_string()),
                store::AppendError::Nothing(error) => match not_written(&error) {
                    WriteError::Unavailable(reason) => AppendError::Unavailable(reason),
                    WriteError::Refused(reason) => AppendError::Refused(reason),
                },
            })
        })
    }

    fn open(
        &self,
        channel: ChannelName,
        newest: Range,
        settle: bool,
    ) -> PortFuture<Result<Opened, ReadError>> {
        let store = self.0.clone();
        Box::pin(async move {
            store.open_channel(channel, newest, settle).await.map_err(|error| not_read(&error))
        })
    }

    fn read(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> PortFuture<Result<Vec<Arc<Publication>>, ReadError>> {
        let store = self.0.clone();
        Box::pin(async move { store.read_channel(channel, range).await.map_err(|error| not_read(&error)) })
    }

    fn remove(&self, channel: ChannelName, upto: u64) -> PortFuture<Result<Removed, WriteError>> {
        let store = self.0.clone();
        Box::pin(
            async move { store.remove_messages(channel, upto).await.map_err(|error| not_written(&error)) },
        )
    }
}

fn not_read(error: &StoreError) -> ReadError {
    ReadError(error.to_string())
}

fn not_written(error: &StoreError) -> WriteError {
    match error {
        StoreError::Unavailable(_) => WriteError::Unavailable(error.to_string()),
        StoreError::Conflict(_)
        | StoreError::Lapsed(_)
        | StoreError::Rejected(_)
        | StoreError::Internal(_) => WriteError::Refused(error.to_string()),
    }
}

/// An event is refused permanently only if the database rejects one of its values, or if it conflicts with a stored row. Other
/// errors, such as missing rights or a missing column, affect every event, and an operator can correct them. So after such an
/// error the events wait.
fn not_recorded(error: &StoreError) -> WriteError {
    match error {
        StoreError::Rejected(_) | StoreError::Conflict(_) => WriteError::Refused(error.to_string()),
        StoreError::Unavailable(_) | StoreError::Lapsed(_) | StoreError::Internal(_) => {
            WriteError::Unavailable(error.to_string())
        }
    }
}

fn moment(at_ms: i64) -> Option<time::OffsetDateTime> {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000).ok()
}

fn touch(seen: &SessionActivity) -> Option<LastSeen> {
    let at = moment(seen.at_ms)?;
    Some(LastSeen {
        session: seen.session,
        device: seen.device,
        user: seen.user,
        at,
        address: seen.address,
        used_counter: seen.generation,
    })
}
