//! The server API: operations on channels, connections and tokens for an application's own servers.
//!
//! `http::api` calls this file with typed requests. Before that, it authenticates the caller and checks that the key permits
//! the request. The audit event of a change is recorded before the change; the event of a denial is written together with the
//! denial. Publications have no audit events, because there are too many of them. Errors are error codes of the protocol: for
//! example, 100 is an internal error.

use std::{sync::Arc, time::Duration};

use actors::{
    Realtime,
    runtime::{
        ConnectionRequest, ConnectionSelection, ListedConnection, RequestCounts, ServerPublication,
        SubscribeCounts,
    },
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

use super::{emulated_streams::EmulatedStreams, external_sessions::ExternalSessions};
use crate::{
    access::{api_keys::ApiCaller, feed_state::FeedState},
    core::{
        Core,
        audit::AuditTrail,
        clock::Clock,
        failure::Failure,
        node_info::{NodeInfo, NodeStatistics},
        subject::account_of,
    },
    revocation::{
        Revocation,
        denials::{DenialTerms, Denials, DisconnectCount},
    },
    settings::OnStale,
};

/// How long a request waits for a channel. After that time, the result of the request is unknown.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The capability of applications to manage channels, connections and tokens. This struct also has the external sessions, and
/// the emulated streams of this node.
pub struct ServerApi {
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    denials: Denials,
    feed: Arc<FeedState>,
    on_stale: OnStale,
    node: Arc<NodeStatistics>,
    /// Sessions of connections with a token of an external issuer or without a token.
    pub external_sessions: ExternalSessions,
    /// Emulated streams that are open on this node.
    pub emulated_streams: Arc<EmulatedStreams>,
}

/// The server API for requests with one key.
#[derive(Clone, Copy)]
pub struct Api<'s> {
    server: &'s ServerApi,
    caller: &'s ApiCaller,
}

impl ServerApi {
    pub(crate) fn new(
        core: &Core,
        revocation: &Revocation,
        external_sessions: ExternalSessions,
        on_stale: OnStale,
    ) -> Self {
        Self {
            realtime: core.realtime.clone(),
            clock: core.clock.clone(),
            audit: core.audit.clone(),
            denials: revocation.denials.clone(),
            feed: Arc::clone(&revocation.feed),
            on_stale,
            node: Arc::clone(&core.node),
            external_sessions,
            emulated_streams: Arc::default(),
        }
    }

    /// Whether this node must hold deliveries back, because it is stale. The gate alone is not enough: after a pause of the
    /// process, requests may come before the gate is closed.
    #[must_use]
    pub fn holds_deliveries(&self) -> bool {
        let stale = self.on_stale == OnStale::Hold && self.feed.remaining().is_zero();
        stale || self.realtime.holds_deliveries()
    }

    /// The server API for requests with this key.
    #[must_use]
    pub fn for_key<'s>(&'s self, caller: &'s ApiCaller) -> Api<'s> {
        Api { server: self, caller }
    }
}

impl Api<'_> {
    // ---- channels ----

    /// Publishes a message. Returns its position if the channel has positions.
    ///
    /// # Errors
    /// The errors of `Realtime::publish_as_server`.
    pub async fn publish(
        &self,
        channel: ChannelName,
        publication: ServerPublication,
    ) -> Result<Option<Position>, ErrorCode> {
        in_time(self.server.realtime.publish_as_server(channel, publication)).await
    }

    /// The clients that are subscribed to the channel.
    ///
    /// # Errors
    /// The errors of `Realtime::presence_of`.
    pub async fn presence(&self, channel: ChannelName) -> Result<Vec<Arc<ClientInfo>>, ErrorCode> {
        in_time(self.server.realtime.presence_of(channel)).await
    }

    /// The numbers of clients and of users that are subscribed to the channel.
    ///
    /// # Errors
    /// The errors of `Realtime::presence_stats_of`.
    pub async fn presence_stats(&self, channel: ChannelName) -> Result<PresenceStats, ErrorCode> {
        in_time(self.server.realtime.presence_stats_of(channel)).await
    }

    /// The channel's history.
    ///
    /// # Errors
    /// The errors of `Realtime::history_of`.
    pub async fn history(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
    ) -> Result<HistoryResult, ErrorCode> {
        in_time(self.server.realtime.history_of(channel, request)).await
    }

    /// Removes the channel's history.
    ///
    /// # Errors
    /// The errors of `Realtime::remove_history`; 100 if the event cannot be recorded.
    pub async fn history_remove(&self, channel: ChannelName) -> Result<(), ErrorCode> {
        self.server.realtime.namespaces().with_history(&channel)?;
        self.record(self.event("api.history_removed").with("channel", channel.as_str())).await?;
        in_time(self.server.realtime.remove_history(channel)).await
    }

    /// The channels with subscribers on this node, each with the number of these subscribers.
    ///
    /// # Errors
    /// 100 if the channels do not answer.
    pub async fn channels(&self) -> Result<Vec<(ChannelName, usize)>, ErrorCode> {
        in_time(async { Ok(self.server.realtime.channels().await) }).await
    }

    // ---- connections ----

    /// The connection of an emulated stream that is open on this node. `secret` is the secret of its client.
    #[must_use]
    pub fn connection_of_stream(&self, secret: &SecretString) -> Option<ConnectionId> {
        self.server.emulated_streams.find(secret)
    }

    /// Subscribes connections to a channel.
    ///
    /// # Errors
    /// 102 for an unknown namespace. 100 if the event cannot be recorded. If no connection can be subscribed, the reason.
    pub async fn subscribe(
        &self,
        selection: &ConnectionSelection,
        subscription: ServerSubscription,
    ) -> Result<SubscribeCounts, ErrorCode> {
        self.server.realtime.namespaces().options(&subscription.channel)?;
        let event = self.about("api.subscribed", selection).with("channel", subscription.channel.as_str());
        self.record(event).await?;
        let made = self.server.realtime.subscribe(selection, subscription).await;
        match made.error {
            Some(error) if made.done == 0 && made.pending == 0 => Err(error),
            _ => Ok(made),
        }
    }

    /// Ends the selected connections' subscriptions to a channel.
    ///
    /// # Errors
    /// 102 for an unknown namespace, 100 if the event cannot be recorded.
    pub async fn unsubscribe(
        &self,
        selection: &ConnectionSelection,
        channel: ChannelName,
    ) -> Result<RequestCounts, ErrorCode> {
        self.server.realtime.namespaces().options(&channel)?;
        let event = self.about("api.unsubscribed", selection).with("channel", channel.as_str());
        self.record(event).await?;
        let code = UnsubscribeCode::Server;
        let control = move |reply| ConnectionRequest::Unsubscribe { channel: channel.clone(), code, reply };
        Ok(self.server.realtime.request(selection, control).await)
    }

    /// Ends connections.
    ///
    /// # Errors
    /// 100 if the event cannot be recorded.
    pub async fn disconnect(
        &self,
        selection: &ConnectionSelection,
        goodbye: &CloseMessage,
    ) -> Result<DisconnectCount, ErrorCode> {
        self.record(self.about("api.disconnected", selection).with("code", goodbye.code())).await?;
        let closed = self.server.realtime.disconnect(selection, goodbye).await;
        Ok(DisconnectCount { closed: closed.sockets_closed, pending: closed.pending })
    }

    /// Sets the expiry of connections, in seconds since the epoch. With `None`, they never expire. If `conn_info` is given,
    /// also sets the connection info that subscribers see.
    ///
    /// # Errors
    /// 100 if the event cannot be recorded.
    pub async fn refresh(
        &self,
        selection: &ConnectionSelection,
        expires_at: Option<i64>,
        conn_info: Option<Payload>,
    ) -> Result<RequestCounts, ErrorCode> {
        self.record(self.about("api.refreshed", selection)).await?;
        let control =
            move |reply| ConnectionRequest::Refresh { expires_at, conn_info: conn_info.clone(), reply };
        Ok(self.server.realtime.request(selection, control).await)
    }

    /// A user's connections.
    pub async fn connections(&self, subject: &Subject) -> Vec<ListedConnection> {
        self.server.realtime.connections_of(subject).await
    }

    // ---- denials ----

    /// Blocks a user.
    ///
    /// # Errors
    /// 107 for an expiry in the past, 100 if the denial cannot be written now.
    pub async fn block_user(
        &self,
        subject: Subject,
        expire_at: Option<i64>,
    ) -> Result<DisconnectCount, ErrorCode> {
        let terms = self.terms(expire_at)?;
        self.server.denials.block_user(subject, terms).await.map_err(|failure| code(&failure))
    }

    /// Lifts the block of a user.
    ///
    /// # Errors
    /// 100 if the block cannot be lifted now.
    pub async fn unblock_user(&self, subject: Subject) -> Result<(), ErrorCode> {
        let terms = self.terms(None)?;
        self.server.denials.unblock_user(subject, terms).await.map_err(|failure| code(&failure))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// 107 for an expiry in the past, 100 if the denial cannot be written now.
    pub async fn revoke_token(&self, id: &str, expire_at: Option<i64>) -> Result<DisconnectCount, ErrorCode> {
        let terms = self.terms(expire_at)?;
        self.server.denials.revoke_token(id, terms).await.map_err(|failure| code(&failure))
    }

    /// Revokes the tokens of a user that were issued before a moment: `issued_before`, in seconds since the epoch. With `None`,
    /// the moment is now.
    ///
    /// # Errors
    /// 107 for a moment in the future or an expiry in the past; 102 for an unknown namespace; 100 if the denial cannot be
    /// written now.
    pub async fn invalidate_user_tokens(
        &self,
        subject: Subject,
        issued_before: Option<i64>,
        channel: Option<ChannelName>,
        expire_at: Option<i64>,
    ) -> Result<DisconnectCount, ErrorCode> {
        let terms = self.terms(expire_at)?;
        if let Some(channel) = &channel {
            self.server.realtime.namespaces().options(channel)?;
        }
        let now = self.server.clock.now();
        let moment = match issued_before {
            None => now,
            Some(moment) => OffsetDateTime::from_unix_timestamp(moment)
                .ok()
                .filter(|at| *at <= now)
                .ok_or(ErrorCode::BadRequest)?,
        };
        let done = self.server.denials.invalidate_tokens(subject, moment, channel, terms).await;
        done.map_err(|failure| code(&failure))
    }

    fn terms(&self, expire_at: Option<i64>) -> Result<DenialTerms, ErrorCode> {
        let now = self.server.clock.now();
        let end = |at| OffsetDateTime::from_unix_timestamp(at).ok().filter(|end| *end > now);
        let expires_at = match expire_at {
            None => None,
            Some(at) => Some(end(at).ok_or(ErrorCode::BadRequest)?),
        };
        Ok(DenialTerms { expires_at, reason: String::new(), event: self.event("") })
    }

    // ---- this node ----

    /// Figures of this node.
    ///
    /// # Errors
    /// 100 if the channels do not answer.
    pub async fn info(&self) -> Result<NodeInfo, ErrorCode> {
        let channels = self.channels().await?;
        Ok(self.server.node.info(&channels, self.server.realtime.counts()))
    }

    // ---- the audit trail ----

    fn event(&self, name: &str) -> AuditEvent {
        let event = self.server.audit.event(name, Outcome::Success, &self.caller.meta);
        // The request comes from a server, not from a user's device.
        let event = AuditEvent { device: None, api_key: self.caller.key, ..event };
        event.with("key", self.caller.name.as_str())
    }

    fn about(&self, name: &str, selection: &ConnectionSelection) -> AuditEvent {
        let mut event = self.event(name);
        event.user = account_of(&selection.subject);
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
        self.server.audit.record(event).await.map_err(|failure| code(&failure))
    }
}

/// The protocol's error code for a failure.
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
