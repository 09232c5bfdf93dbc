//! The server API: what an application's own servers ask of channels, connections and tokens.
//!
//! Called by `http::api` with typed questions; who asks, and whether the key permits it, has been settled there. What changes
//! something is written down before it is done, except publications, of which there are too many; errors are the protocol's.

use std::{sync::Arc, time::Duration};

use actors::runtime::{
    ConnectionRequest, ConnectionSelection, ListedConnection, RequestCounts, ServerPublication,
    SubscribeCounts,
};
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, HistoryResult, Payload, Position, PresenceStats, UnsubscribeCode,
    audit::{AuditEvent, Outcome},
    channel_name::ChannelName,
    close::CloseMessage,
    id::{ConnectionId, Subject},
    subscription::ServerSubscription,
};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{ApiCaller, DenialTerms, Failure, Services, Severed, revocation::denials::account};

/// How long anything may take that waits for a channel. Then nobody knows what became of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The server API in the name of one key.
#[derive(Clone, Copy)]
pub struct Api<'s> {
    pub(crate) services: &'s Services,
    caller: &'s ApiCaller,
}

impl Services {
    /// The server API in the name of this key.
    #[must_use]
    pub fn api<'s>(&'s self, caller: &'s ApiCaller) -> Api<'s> {
        Api { services: self, caller }
    }

    /// The connections of a user on this node.
    pub async fn connections_of(&self, subject: &Subject) -> Vec<ListedConnection> {
        self.realtime.connections_of(subject).await
    }
}

impl Api<'_> {
    // ---- channels ----

    /// Publishes. The position, where positions are counted.
    ///
    /// # Errors
    /// As `Realtime::publish_as_server`.
    pub async fn publish(
        &self,
        channel: ChannelName,
        publication: ServerPublication,
    ) -> Result<Option<Position>, ErrorCode> {
        in_time(self.services.realtime.publish_as_server(channel, publication)).await
    }

    /// Who is subscribed.
    ///
    /// # Errors
    /// As `Realtime::presence_of`.
    pub async fn presence(&self, channel: ChannelName) -> Result<Vec<Arc<ClientInfo>>, ErrorCode> {
        in_time(self.services.realtime.presence_of(channel)).await
    }

    /// How many are subscribed.
    ///
    /// # Errors
    /// As `Realtime::presence_stats_of`.
    pub async fn presence_stats(&self, channel: ChannelName) -> Result<PresenceStats, ErrorCode> {
        in_time(self.services.realtime.presence_stats_of(channel)).await
    }

    /// What was published.
    ///
    /// # Errors
    /// As `Realtime::history_of`.
    pub async fn history(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
    ) -> Result<HistoryResult, ErrorCode> {
        in_time(self.services.realtime.history_of(channel, request)).await
    }

    /// Forgets what was published.
    ///
    /// # Errors
    /// As `Realtime::remove_history`; 100 if it cannot be written down.
    pub async fn history_remove(&self, channel: ChannelName) -> Result<(), ErrorCode> {
        self.services.realtime.namespaces().with_history(&channel)?;
        self.record(self.event("api.history_removed").with("channel", channel.as_str())).await?;
        in_time(self.services.realtime.remove_history(channel)).await
    }

    /// Channels with subscribers here, and how many.
    ///
    /// # Errors
    /// 100 if they do not answer.
    pub async fn channels(&self) -> Result<Vec<(ChannelName, usize)>, ErrorCode> {
        in_time(async { Ok(self.services.realtime.channels().await) }).await
    }

    // ---- connections ----

    /// The connection of an emulated stream that is open here, by the secret that its client was told.
    #[must_use]
    pub fn connection_of_stream(&self, secret: &SecretString) -> Option<ConnectionId> {
        self.services.streams.find(secret)
    }

    /// Subscribes connections in the server's name.
    ///
    /// # Errors
    /// 102 unknown namespace, 100 if it cannot be written down; why no connection can be subscribed, if none can.
    pub async fn subscribe(
        &self,
        selection: &ConnectionSelection,
        subscription: ServerSubscription,
    ) -> Result<SubscribeCounts, ErrorCode> {
        self.services.realtime.namespaces().options(&subscription.channel)?;
        let event = self.about("api.subscribed", selection).with("channel", subscription.channel.as_str());
        self.record(event).await?;
        let made = self.services.realtime.subscribe(selection, subscription).await;
        match made.error {
            Some(error) if made.done == 0 && made.pending == 0 => Err(error),
            _ => Ok(made),
        }
    }

    /// Ends connections' subscriptions to a channel.
    ///
    /// # Errors
    /// 102 unknown namespace, 100 if it cannot be written down.
    pub async fn unsubscribe(
        &self,
        selection: &ConnectionSelection,
        channel: ChannelName,
    ) -> Result<RequestCounts, ErrorCode> {
        self.services.realtime.namespaces().options(&channel)?;
        let event = self.about("api.unsubscribed", selection).with("channel", channel.as_str());
        self.record(event).await?;
        let code = UnsubscribeCode::Server;
        let control = move |reply| ConnectionRequest::Unsubscribe { channel: channel.clone(), code, reply };
        Ok(self.services.realtime.request(selection, control).await)
    }

    /// Ends connections.
    ///
    /// # Errors
    /// 100 if it cannot be written down.
    pub async fn disconnect(
        &self,
        selection: &ConnectionSelection,
        goodbye: &CloseMessage,
    ) -> Result<Severed, ErrorCode> {
        self.record(self.about("api.disconnected", selection).with("code", goodbye.code())).await?;
        let closed = self.services.realtime.disconnect(selection, goodbye).await;
        Ok(Severed { closed: closed.sockets_closed, pending: closed.pending })
    }

    /// Says until when connections' identity holds, in seconds since the epoch (`None` for no end), and, if that is given,
    /// what members of channels see of them.
    ///
    /// # Errors
    /// 100 if it cannot be written down.
    pub async fn refresh(
        &self,
        selection: &ConnectionSelection,
        expires_at: Option<i64>,
        conn_info: Option<Payload>,
    ) -> Result<RequestCounts, ErrorCode> {
        self.record(self.about("api.refreshed", selection)).await?;
        let control =
            move |reply| ConnectionRequest::Refresh { expires_at, conn_info: conn_info.clone(), reply };
        Ok(self.services.realtime.request(selection, control).await)
    }

    /// A user's connections.
    pub async fn connections(&self, subject: &Subject) -> Vec<ListedConnection> {
        self.services.connections_of(subject).await
    }

    // ---- denials ----

    /// Blocks a user.
    ///
    /// # Errors
    /// 107 for an end that is past, 100 if it cannot be done now.
    pub async fn block_user(&self, subject: Subject, expire_at: Option<i64>) -> Result<Severed, ErrorCode> {
        let terms = self.terms(expire_at)?;
        self.services.block_user(subject, terms).await.map_err(|failure| code(&failure))
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// 100 if it cannot be done now.
    pub async fn unblock_user(&self, subject: Subject) -> Result<(), ErrorCode> {
        let terms = self.terms(None)?;
        self.services.unblock_user(subject, terms).await.map_err(|failure| code(&failure))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// 107 for an end that is past, 100 if it cannot be done now.
    pub async fn revoke_token(&self, id: &str, expire_at: Option<i64>) -> Result<Severed, ErrorCode> {
        let terms = self.terms(expire_at)?;
        self.services.revoke_token(id, terms).await.map_err(|failure| code(&failure))
    }

    /// Revokes a user's tokens that were issued before a moment, in seconds since the epoch; without one, until now.
    ///
    /// # Errors
    /// 107 for a moment that is to come, or an end that is past; 102 unknown namespace; 100 if it cannot be done now.
    pub async fn invalidate_user_tokens(
        &self,
        subject: Subject,
        issued_before: Option<i64>,
        channel: Option<ChannelName>,
        expire_at: Option<i64>,
    ) -> Result<Severed, ErrorCode> {
        let terms = self.terms(expire_at)?;
        if let Some(channel) = &channel {
            self.services.realtime.namespaces().options(channel)?;
        }
        let now = self.services.clock.now();
        let moment = match issued_before {
            None => now,
            Some(moment) => OffsetDateTime::from_unix_timestamp(moment)
                .ok()
                .filter(|at| *at <= now)
                .ok_or(ErrorCode::BadRequest)?,
        };
        let done = self.services.invalidate_tokens(subject, moment, channel, terms).await;
        done.map_err(|failure| code(&failure))
    }

    fn terms(&self, expire_at: Option<i64>) -> Result<DenialTerms, ErrorCode> {
        let now = self.services.clock.now();
        let end = |at| OffsetDateTime::from_unix_timestamp(at).ok().filter(|end| *end > now);
        let expires_at = match expire_at {
            None => None,
            Some(at) => Some(end(at).ok_or(ErrorCode::BadRequest)?),
        };
        Ok(DenialTerms { expires_at, reason: String::new(), event: self.event("") })
    }

    // ---- the trail ----

    fn event(&self, name: &str) -> AuditEvent {
        let event = self.services.event(name, Outcome::Success, &self.caller.meta);
        // The request's own device is that of a server.
        let event = AuditEvent { device: None, api_key: self.caller.key, ..event };
        event.with("key", self.caller.name.as_str())
    }

    fn about(&self, name: &str, selection: &ConnectionSelection) -> AuditEvent {
        let mut event = self.event(name);
        event.user = account(&selection.subject);
        event.subject = Some(selection.subject.to_string());
        event.connection = selection.connection;
        event.session = selection.session;
        if selection.except.is_empty() {
            return event;
        }
        let kept: Vec<String> = selection.except.iter().map(ConnectionId::to_string).collect();
        event.with("except", kept)
    }

    async fn record(&self, event: AuditEvent) -> Result<(), ErrorCode> {
        self.services.record(event).await.map_err(|failure| code(&failure))
    }
}

/// What keeps a use case from being carried out, in the protocol's words.
fn code(failure: &Failure) -> ErrorCode {
    match failure {
        Failure::BadRequest { .. } => ErrorCode::BadRequest,
        Failure::TooMany { .. } => ErrorCode::TooManyRequests,
        _ => ErrorCode::Internal,
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, ErrorCode>>) -> Result<T, ErrorCode> {
    tokio::time::timeout(ANSWER_WITHIN, answer).await.unwrap_or(Err(ErrorCode::Internal))
}
