//! Server-side subscriptions at `connect`, and requests of the server to an open connection.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ClientInfo, ErrorCode, Payload, Position, Push, SubscribeResult, UnsubscribeCode,
    channel_name::ChannelName,
    close::CloseReason,
    id::Subject,
    subscription::{Overrides, ServerSubscription},
};

use super::{
    deadlines::{after, lifetime},
    effects::{Effect, JoinRequest, JoinResults, ServerRequest, UnsubscribeNotice},
    state::{ClientState, Pending, Phase},
    subscription_table::{Subscription, with_info},
};
use crate::{
    denials::TokenMark,
    subscription::{ConnectionDescription, SubscriptionDescription, SubscriptionSource},
};

impl ClientState {
    /// The subscriptions that the server makes at `connect`. `positions` are the client's last positions in channels to which
    /// it was subscribed before.
    pub(super) fn subscriptions_at_connect(
        &mut self,
        now: Instant,
        positions: &[(String, Position)],
    ) -> Result<Vec<JoinRequest>, ErrorCode> {
        let Some(identity) = self.authenticated.as_mut().map(|authenticated| &mut authenticated.identity)
        else {
            return Ok(Vec::new());
        };
        // The client did not request its personal channel. So if the client's encoding cannot carry the channel, the client is
        // connected without it.
        let namespaces = &self.config.namespaces;
        let personal = namespaces
            .personal(&identity.subject)
            .filter(|channel| namespaces.admit_encoding(channel, self.encoding).is_ok())
            .map(personal_subscription);
        let listed = std::mem::take(&mut identity.subscriptions);
        // A token may not subscribe its user to a channel that is limited to other users.
        if listed.iter().any(|listed| is_limited_to_others(&listed.channel, &identity.subject)) {
            return Err(ErrorCode::PermissionDenied);
        }
        let mut requests = Vec::new();
        // Subscriptions that the server API requested before `connect` are made again, so that the reply contains their
        // positions. The other members of the channel receive no second join.
        let early = self
            .subscriptions
            .take_requested_early(now)
            .into_iter()
            .map(|early| (SubscriptionSource::ServerApi, early));
        let personal = personal.into_iter().map(|personal| (SubscriptionSource::UserPersonal, personal));
        let listed = listed.into_iter().map(|listed| (SubscriptionSource::ConnectionToken, listed));
        for (source, mut subscription) in early.chain(personal).chain(listed) {
            if subscription.recover.is_none() {
                let known = positions.iter().find(|(channel, _)| **channel == *subscription.channel);
                subscription.recover = known.map(|(_, position)| position.clone());
            }
            requests.extend(self.server_join_request(now, source, subscription)?);
            if self.subscriptions.len() > self.config.max_channels {
                return Err(ErrorCode::LimitExceeded);
            }
        }
        Ok(requests)
    }

    /// Adds a server-side subscription to the table. `None` if the client is already subscribed, or if the subscription has
    /// expired.
    fn server_join_request(
        &mut self,
        now: Instant,
        source: SubscriptionSource,
        subscription: ServerSubscription,
    ) -> Result<Option<JoinRequest>, ErrorCode> {
        let ServerSubscription { channel, chan_info, data, recover, expires_at, overrides } = subscription;
        let Some(authenticated) = &self.authenticated else { return Ok(None) };
        let ends = expires_at.map(|at| self.instant_of(now, at));
        if self.subscriptions.contains(&channel) || ends.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        self.config.namespaces.admit_encoding(&channel, self.encoding)?;
        let terms = self.config.namespaces.admit_server(&channel, overrides, recover)?;
        let info = with_info(&authenticated.info, chan_info);
        let entry = Subscription::new(Arc::clone(&info), ends, source);
        let number = self.subscriptions.insert(channel.clone(), entry);
        let lifetime = ends.map(|at| lifetime(now, at));
        Ok(Some(JoinRequest { channel, number, info, terms, lifetime, data }))
    }

    /// Handles the results of the subscriptions that [`Effect::ConnectSubscriptions`] requested.
    pub fn on_connect_subscriptions(
        &mut self,
        now: Instant,
        results: JoinResults,
        accepting: bool,
    ) -> Vec<Effect> {
        let id = match self.pending.as_deref() {
            Some(Pending::ConnectSubscriptions { id }) if !self.is_closed() => *id,
            _ => return Vec::new(),
        };
        self.pending = None;
        if !accepting {
            // This node may have missed a revocation, so it holds deliveries back. The result of `connect` would be held back,
            // too. After an error reply, the accepted subscriptions would remain. So the connection is closed with a reason
            // that makes the client reconnect.
            self.close(CloseReason::InsufficientState);
            return self.take_effects();
        }
        let (full, rest): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|(_, result)| *result == Err(ErrorCode::LimitExceeded));
        // A full channel is left out, and the connection continues without it.
        full.iter().for_each(|(channel, _)| drop(self.subscriptions.remove(channel)));
        let accepted: Result<Vec<_>, _> = rest.into_iter().map(with_channel_name).collect();
        match accepted {
            Ok(subs) => {
                for (channel, _) in &subs {
                    self.subscriptions.confirm(channel, None);
                }
                let answer = self.connected(now, subs);
                self.effects.push(Effect::Release(self.encoding.reply(id, &answer)));
            }
            // After an error reply to `connect` the accepted subscriptions would remain, so the connection is closed instead.
            // After a temporary error the client may reconnect.
            Err(error) if error.temporary() => self.close(CloseReason::InternalError),
            Err(_) => self.close(CloseReason::PermissionDenied),
        }
        self.run_queue(now, accepting);
        self.take_effects()
    }

    /// Whether [`ClientState::on_server_request`] may be called. While `connect` is pending it may not be called, because the
    /// identity or the subscriptions are not known yet.
    #[must_use]
    pub fn takes_server_requests(&self) -> bool {
        !matches!(
            self.pending.as_deref(),
            Some(Pending::Connect { .. } | Pending::ConnectSubscriptions { .. })
        )
    }

    /// Handles a request of the server. The second value says whether the request had an effect, or why the request is refused.
    /// For a subscription, it says whether the join was requested.
    pub fn on_server_request(
        &mut self,
        now: Instant,
        server_request: ServerRequest,
    ) -> (Vec<Effect>, Result<bool, ErrorCode>) {
        if self.is_closed() || self.phase == Phase::Refused {
            return (Vec::new(), Ok(false));
        }
        let done = match server_request {
            ServerRequest::Confirm(channel, number) => Ok(self.subscriptions.confirm(&channel, Some(number))),
            ServerRequest::Forget(channel, number) => Ok(self.subscriptions.forget(&channel, number)),
            ServerRequest::Subscribe(subscription) => self.subscribe_for_server(now, *subscription),
            ServerRequest::Unsubscribe(channel, code) => Ok(self.end_for_server(&channel, code)),
            ServerRequest::Refresh { expires_at, conn_info } => {
                Ok(self.refresh_for_server(now, expires_at, conn_info))
            }
            ServerRequest::Probe => Ok(self.probe(now)),
        };
        (self.take_effects(), done)
    }

    /// The channels of the subscriptions with a token, if `matches` is true for the token.
    pub fn subscriptions_by(
        &self,
        mut matches: impl FnMut(&ChannelName, &TokenMark) -> bool,
    ) -> Vec<ChannelName> {
        let by_token =
            self.subscriptions.iter().filter_map(|(channel, it)| Some((channel, it.token.as_deref()?)));
        by_token
            .filter(|(channel, token)| matches(channel, token))
            .map(|(channel, _)| channel.clone())
            .collect()
    }

    /// The connection as members of each of its channels see it.
    pub fn channel_infos(&self) -> impl Iterator<Item = (&ChannelName, &Arc<ClientInfo>)> {
        self.subscriptions.iter().map(|(channel, subscription)| (channel, &subscription.info))
    }

    /// A description of the connection for the server API.
    #[must_use]
    pub fn describe(&self) -> ConnectionDescription {
        let program = self.program.as_deref();
        let subscriptions =
            self.subscriptions.iter().map(|(channel, subscription)| SubscriptionDescription {
                channel: channel.clone(),
                source: subscription.source,
                token: subscription.token.as_deref().cloned(),
            });
        ConnectionDescription {
            name: program.map(|program| program.name.clone()).unwrap_or_default(),
            version: program.map(|program| program.version.clone()).unwrap_or_default(),
            meta: self.identity().and_then(|identity| identity.meta.clone()),
            subscriptions: subscriptions.collect(),
            ping_round_trip: self.heartbeat.round_trip(),
        }
    }

    fn subscribe_for_server(
        &mut self,
        now: Instant,
        subscription: ServerSubscription,
    ) -> Result<bool, ErrorCode> {
        // The limit also applies to subscriptions that the server API requests.
        let full = self.subscriptions.len() >= self.config.max_channels;
        if full && !self.subscriptions.contains(&subscription.channel) {
            return Err(ErrorCode::LimitExceeded);
        }
        // The missed publications are pushed now, before `connect`. The reply to `connect` must not repeat them, so the copy of
        // the request for `connect` has no position.
        let requested_early = (self.phase == Phase::Connecting)
            .then(|| Box::new(ServerSubscription { recover: None, ..subscription.clone() }));
        let Some(request) = self.server_join_request(now, SubscriptionSource::ServerApi, subscription)?
        else {
            return Ok(false);
        };
        self.subscriptions.remember_requested_early(&request.channel, requested_early);
        self.effects.push(Effect::Join { request: Box::new(request), id: None });
        Ok(true)
    }

    fn end_for_server(&mut self, channel: &str, code: UnsubscribeCode) -> bool {
        let Some((channel, _)) = self.subscriptions.remove(channel) else { return false };
        self.effects.push(Effect::Leave { channel, notice: UnsubscribeNotice::Push(code) });
        true
    }

    fn refresh_for_server(
        &mut self,
        now: Instant,
        expires_at: Option<i64>,
        conn_info: Option<Payload>,
    ) -> bool {
        let ends = expires_at.map(|at| self.instant_of(now, at));
        if ends.is_some_and(|end| end <= now) {
            self.close(CloseReason::Expired);
            return true;
        }
        let Some(authenticated) = &mut self.authenticated else { return false };
        authenticated.expires_at = ends;
        if conn_info.is_some() {
            authenticated.identity.conn_info.clone_from(&conn_info);
            authenticated.info = Arc::new(ClientInfo { conn_info, ..ClientInfo::clone(&authenticated.info) });
            self.subscriptions.update_info(&authenticated.info);
        }
        if self.phase == Phase::Connected {
            let push = Push::Refresh(self.lifetime(now));
            self.effects.push(Effect::Reply(self.encoding.push(&push)));
        }
        true
    }

    /// Converts seconds since the Unix epoch to an `Instant`. A moment in the past becomes `now`.
    fn instant_of(&self, now: Instant, unix_seconds: i64) -> Instant {
        let left = unix_seconds.saturating_sub(self.unix(now));
        after(now, Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }
}

/// Whether a channel is user-limited and does not admit this user.
fn is_limited_to_others(channel: &ChannelName, user: &Subject) -> bool {
    channel.is_user_limited() && !channel.is_owned_by(user)
}

fn personal_subscription(channel: ChannelName) -> ServerSubscription {
    ServerSubscription {
        channel,
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

fn with_channel_name(
    (channel, result): (ChannelName, Result<SubscribeResult, ErrorCode>),
) -> Result<(String, SubscribeResult), ErrorCode> {
    result.map(|result| (channel.as_str().to_owned(), result))
}
