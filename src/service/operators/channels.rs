//! Channels, for operators: their list, subscribers and history, and the erasure of messages.
//!
//! An erased message keeps its offset, so clients with positions recover as before. It is erased in the database first, and
//! then in the memory of this node. The other nodes see in the database that a durable channel was changed
//! (`upkeep::erased_channels`).

use std::{sync::Arc, time::Duration};

use actors::Realtime;
use logic::erasure::Erasure;
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, HistoryResult, Position,
    channel_name::ChannelName,
    id::{ConnectionId, Subject},
};
use store::{DurableChannelRow, ErasureOrder, Store};

use super::authority::{Authority, Mandate, Right, beyond_role};
use crate::core::{
    caller::Caller,
    clock::{Clock, millis},
    cursor::{invalid_cursor, read_id},
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
    subject::account_of,
};

/// How long a request waits for a channel.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The largest number of batches that one request erases.
const MOST_BATCHES: usize = 50;

/// A page of the subscribers of a channel on this node, in the order of their connections.
#[derive(Clone, Debug)]
pub struct Subscribers {
    /// The subscribers.
    pub page: Page<Arc<ClientInfo>>,
    /// The number of all subscribers.
    pub total: usize,
}

/// The result of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasedMessages {
    /// The number of messages that were erased in the database.
    pub stored: u64,
    /// The number of messages that were erased in the memory of this node. Messages of durable channels may be in both.
    pub in_memory: u64,
    /// Whether there are more messages, so that the request must be repeated.
    pub more: bool,
}

/// Lists channels, and erases messages.
pub struct OperatorChannels {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    authority: Authority,
}

impl OperatorChannels {
    pub(crate) fn new(store: Store, realtime: Realtime, clock: Clock, authority: Authority) -> Self {
        Self { store, realtime, clock, authority }
    }

    /// A page of the channels that have subscribers on this node, in the order of their names, with the numbers of subscribers.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `Unavailable`.
    pub async fn occupied(
        &self,
        caller: &Caller,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<(ChannelName, usize)>, Failure> {
        self.may_read(caller, "channels.listed", None, meta).await?;
        let mut channels = in_time(async { Ok(self.realtime.channels().await) }).await?;
        let after = page.cursor.as_deref();
        channels.retain(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        channels.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        Ok(page.page(channels, |(name, _)| name.as_str().to_owned()))
    }

    /// A page of the durable channels, in the order of their names.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn durable(
        &self,
        caller: &Caller,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<DurableChannelRow>, Failure> {
        self.may_read(caller, "channels.listed", None, meta).await?;
        let name = |text: &str| if text.contains('\0') { Err(invalid_cursor()) } else { Ok(text.to_owned()) };
        let channels = self.store.durable_channels(page.after(name)?, page.one_more()).await?;
        Ok(page.page(channels, |last| last.name.clone()))
    }

    /// A page of the subscribers of a channel on this node, whether or not presence shows them.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn subscribers(
        &self,
        caller: &Caller,
        channel: ChannelName,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Subscribers, Failure> {
        let after: Option<ConnectionId> = page.after(read_id)?;
        self.may_read(caller, "channel.subscribers_read", Some(&channel), meta).await?;
        let mut all = in_time(self.realtime.members_of(channel)).await?;
        let total = all.len();
        all.retain(|info| after.is_none_or(|after| info.client > after));
        all.sort_by_key(|info| info.client);
        Ok(Subscribers { page: page.page(all, |last| last.client.to_string()), total })
    }

    /// The newest messages of a channel before the position `before`, newest first.
    ///
    /// # Errors
    /// The errors of `Authority::read`. `NotFound` for an unknown namespace. `Conflict` if the channel keeps no history.
    /// `BadRequest` for a position of another epoch. `Unavailable`.
    pub async fn history(
        &self,
        caller: &Caller,
        channel: ChannelName,
        limit: u32,
        before: Option<Position>,
        meta: &RequestMeta,
    ) -> Result<HistoryResult, Failure> {
        self.may_read(caller, "channel.history_read", Some(&channel), meta).await?;
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request =
            HistoryRequest { channel: channel.as_str().to_owned(), limit, since: before, reverse: true };
        in_time(self.realtime.history_of(channel, request)).await
    }

    /// Erases one message of a channel, in the database and in memory. The role must be allowed to act on the author.
    ///
    /// # Errors
    /// The errors of `Authority::change`; `NotFound` if the channel does not keep the message; `Unavailable`.
    pub async fn remove_message(
        &self,
        caller: &Caller,
        channel: ChannelName,
        offset: u64,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<ErasedMessages, Failure> {
        let event = self.authority.event(caller, "message.removed", meta).with("reason", reason);
        let event = event.with("channel", channel.as_str()).with("offset", offset);
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        let not_kept = || Failure::not_found("The channel keeps no message with this offset.");
        let before = offset.checked_sub(1).ok_or_else(not_kept)?;
        let since = Some(Position { offset: before, epoch: String::new() });
        let name = channel.as_str().to_owned();
        let request = HistoryRequest { channel: name, limit: 1, since, reverse: false };
        let found = in_time(self.realtime.history_of(channel.clone(), request)).await?;
        let message = found.publications.first().filter(|found| found.offset == offset);
        let message = message.ok_or_else(not_kept)?;
        if let Some(author) = message.info.as_ref().and_then(|info| account_of(&info.user))
            && let Some(author) = self.store.user_by_id(author).await?
        {
            mandate.act_on(&author).await?;
        }
        let order = self.order(&mandate);
        let stored = match self.store.erase_message(channel.clone(), offset, order).await {
            Ok(stored) => u64::from(stored),
            Err(error) => return Err(mandate.failure(error).await),
        };
        let erasure = Erasure::of_offset(offset, millis(self.clock.now()));
        let in_memory = in_time(self.realtime.erase(Some(channel), erasure)).await?;
        Ok(ErasedMessages { stored, in_memory, more: false })
    }

    /// Erases the messages of a user in all channels, in the database and in memory. Messages that the user sends meanwhile may
    /// remain, so the user's sessions should be ended first.
    ///
    /// # Errors
    /// The errors of `Authority::change`; `Forbidden` if the role may not act on the user; `Unavailable`.
    pub async fn erase_messages(
        &self,
        caller: &Caller,
        subject: Subject,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<ErasedMessages, Failure> {
        let account = account_of(&subject);
        let mut event = self.authority.event(caller, "messages.erased", meta).with("reason", reason);
        event.user = account;
        event.subject = Some(subject.to_string());
        let mandate = self.authority.change(caller, Right::Administer, event).await?;
        if let Some(user) = account
            && let Some(user) = self.store.user_by_id(user).await?
        {
            mandate.act_on(&user).await?;
        }
        let erasure = Erasure::of_user(subject.clone(), millis(self.clock.now()));
        let (stored, more) = self.erase_stored(&mandate, &subject).await?;
        let in_memory = in_time(self.realtime.erase(None, erasure)).await?;
        Ok(ErasedMessages { stored, in_memory, more })
    }

    async fn erase_stored(&self, mandate: &Mandate, subject: &Subject) -> Result<(u64, bool), Failure> {
        let account = account_of(subject).map(|user| user.0);
        let mut stored = 0;
        for _ in 0..MOST_BATCHES {
            let order = self.order(mandate);
            match self.store.erase_messages_of(subject.clone(), account, order).await {
                Ok(Some((erased, more))) => {
                    stored += erased;
                    if !more {
                        return Ok((stored, false));
                    }
                }
                Ok(None) => {
                    return Err(mandate.refuse(beyond_role()).await);
                }
                Err(error) => return Err(mandate.failure(error).await),
            }
        }
        Ok((stored, true))
    }

    fn order(&self, mandate: &Mandate) -> ErasureOrder {
        let mut event = mandate.event.clone();
        event.id = uuid::Uuid::new_v4();
        ErasureOrder {
            acting_session: mandate.acting_session,
            roles: mandate.roles(),
            now: self.clock.now(),
            event,
        }
    }

    async fn may_read(
        &self,
        caller: &Caller,
        name: &str,
        channel: Option<&ChannelName>,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let event = self.authority.event(caller, name, meta);
        let event = match channel {
            Some(channel) => event.with("channel", channel.as_str()),
            None => event,
        };
        self.authority.read(caller, Right::Read, event).await
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, ErrorCode>>) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(code)) => Err(failure(code)),
        Err(_) => Err(Failure::unavailable()),
    }
}

fn failure(code: ErrorCode) -> Failure {
    match code {
        ErrorCode::UnknownChannel => {
            Failure::not_found("The channel belongs to no namespace of this server.")
        }
        ErrorCode::NotAvailable => Failure::conflict("no_history", "The channel keeps no history."),
        ErrorCode::UnrecoverablePosition | ErrorCode::BadRequest => invalid_cursor(),
        _ => Failure::unavailable(),
    }
}
