//! What the server does of its own accord: subscriptions at `connect`, and what others ask of the connection meanwhile.

use std::{sync::Arc, time::Duration, time::Instant};

use crate::{
    denials::TokenMark,
    subscription::{Described, Source, Subscribed},
};
use protocol::{
    ClientInfo, ErrorCode, Payload, Position, Push, SubscribeResult, UnsubscribeCode,
    channel_name::ChannelName,
    close::CloseReason,
    id::Subject,
    subscription::{Overrides, ServerSubscription},
};

use super::{
    connect::lifetime,
    effects::{Effect, Farewell, Gathered, Joining, Order, after},
    state::{Dialogue, Pending, Phase},
    subscription_table::{Subscription, with_info},
};

impl Dialogue {
    /// What the server subscribes the connection to, once it is known who speaks. `wanted`: where the client stands in
    /// channels that it was subscribed to before.
    pub(super) fn subscriptions_at_connect(
        &mut self,
        now: Instant,
        wanted: &[(String, Position)],
    ) -> Result<Vec<Joining>, ErrorCode> {
        let Some(who) = self.speaker.as_mut().map(|speaker| &mut speaker.who) else { return Ok(Vec::new()) };
        let personal = self.config.namespaces.personal(&who.subject).map(in_servers_name);
        let listed = std::mem::take(&mut who.subscriptions);
        // A token is its issuer's word, and that does not reach into channels of other users.
        if listed.iter().any(|listed| is_others(&listed.channel, &who.subject)) {
            return Err(ErrorCode::PermissionDenied);
        }
        let mut joinings = Vec::new();
        // What is there already is made anew, so that the answer says where it stands; its channel notices nothing else.
        let early = self.subscriptions.take_early(now).into_iter().map(|early| (Source::ServerApi, early));
        let personal = personal.into_iter().map(|personal| (Source::UserPersonal, personal));
        let listed = listed.into_iter().map(|listed| (Source::ConnectionToken, listed));
        for (source, mut subscription) in early.chain(personal).chain(listed) {
            if subscription.recover.is_none() {
                let known = wanted.iter().find(|(channel, _)| **channel == *subscription.channel);
                subscription.recover = known.map(|(_, position)| position.clone());
            }
            joinings.extend(self.server_joining(now, source, subscription)?);
        }
        Ok(joinings)
    }

    /// Enters a subscription of the server's. `None` if there is nothing to be done: it is there already, or over.
    fn server_joining(
        &mut self,
        now: Instant,
        source: Source,
        subscription: ServerSubscription,
    ) -> Result<Option<Joining>, ErrorCode> {
        let ServerSubscription { channel, chan_info, data, recover, expires_at, overrides } = subscription;
        let Some(speaker) = &self.speaker else { return Ok(None) };
        let ends = expires_at.map(|at| self.instant_of(now, at));
        if self.subscriptions.contains(&channel) || ends.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        let terms = self.config.namespaces.admit_server(&channel, overrides, recover)?;
        let info = with_info(&speaker.info, chan_info);
        let entry = Subscription::new(Arc::clone(&info), ends, source);
        let number = self.subscriptions.insert(channel.clone(), entry);
        let lifetime = ends.map(|at| lifetime(now, at));
        Ok(Some(Joining { channel, number, info, terms, lifetime, data }))
    }

    /// The subscriptions that [`Effect::Gather`] asked for are made, or cannot be.
    pub fn on_gathered(&mut self, now: Instant, gathered: Gathered, accepting: bool) -> Vec<Effect> {
        let id = match self.pending.as_deref() {
            Some(Pending::Gather { id }) if !self.is_closed() => *id,
            _ => return Vec::new(),
        };
        self.pending = None;
        let (full, rest): (Vec<_>, Vec<_>) =
            gathered.into_iter().partition(|(_, result)| *result == Err(ErrorCode::LimitExceeded));
        // A channel that is full is left out; nothing is wrong with the connection.
        full.iter().for_each(|(channel, _)| drop(self.subscriptions.remove(channel)));
        let made: Result<Vec<_>, _> = rest.into_iter().map(named).collect();
        match made {
            Ok(subs) => {
                for (channel, _) in &subs {
                    self.subscriptions.confirm(channel, None);
                }
                let answer = self.connected(now, subs);
                self.effects.push(Effect::Release(self.encoding.reply(id, &answer)));
            }
            // An error in reply would leave the others behind. What may be tried again lets the client come back.
            Err(error) if error.temporary() => self.close(CloseReason::InternalError),
            Err(_) => self.close(CloseReason::PermissionDenied),
        }
        self.go_on(now, accepting);
        self.take_effects()
    }

    /// Whether [`Dialogue::on_order`] may be called: not in the midst of `connect`, where who speaks is not known yet, or
    /// what they are subscribed to.
    #[must_use]
    pub fn takes_orders(&self) -> bool {
        !matches!(self.pending.as_deref(), Some(Pending::Connect { .. } | Pending::Gather { .. }))
    }

    /// Somebody asks something of the connection. Says besides whether it was done (a subscription: begun), or why it cannot
    /// be.
    pub fn on_order(&mut self, now: Instant, order: Order) -> (Vec<Effect>, Result<bool, ErrorCode>) {
        if self.is_closed() || self.phase == Phase::Refused {
            return (Vec::new(), Ok(false));
        }
        let done = match order {
            Order::Confirm(channel, number) => Ok(self.subscriptions.confirm(&channel, Some(number))),
            Order::Forget(channel, number) => Ok(self.subscriptions.forget(&channel, number)),
            Order::Subscribe(subscription) => self.subscribe_for_server(now, *subscription),
            Order::Unsubscribe(channel, code) => Ok(self.end_for_server(&channel, code)),
            Order::Refresh { expires_at, conn_info } => {
                Ok(self.refresh_for_server(now, expires_at, conn_info))
            }
        };
        (self.take_effects(), done)
    }

    /// The subscriptions whose tokens are these.
    pub fn subscriptions_by(
        &self,
        mut is_meant: impl FnMut(&ChannelName, &TokenMark) -> bool,
    ) -> Vec<ChannelName> {
        let by_token =
            self.subscriptions.iter().filter_map(|(channel, it)| Some((channel, it.token.as_deref()?)));
        by_token
            .filter(|(channel, token)| is_meant(channel, token))
            .map(|(channel, _)| channel.clone())
            .collect()
    }

    /// How the connection is to be seen in each of its channels.
    pub fn shown(&self) -> impl Iterator<Item = (&ChannelName, &Arc<ClientInfo>)> {
        self.subscriptions.iter().map(|(channel, subscription)| (channel, &subscription.info))
    }

    /// What the connection is.
    #[must_use]
    pub fn describe(&self) -> Described {
        let program = self.program.as_deref();
        let subscriptions = self.subscriptions.iter().map(|(channel, subscription)| Subscribed {
            channel: channel.clone(),
            source: subscription.source,
            token: subscription.token.as_deref().cloned(),
        });
        Described {
            name: program.map(|program| program.name.clone()).unwrap_or_default(),
            version: program.map(|program| program.version.clone()).unwrap_or_default(),
            meta: self.speaker().and_then(|who| who.meta.clone()),
            subscriptions: subscriptions.collect(),
        }
    }

    fn subscribe_for_server(
        &mut self,
        now: Instant,
        subscription: ServerSubscription,
    ) -> Result<bool, ErrorCode> {
        // There are as many as there may be: of what the server asks for later, too.
        let full = self.subscriptions.len() >= self.config.max_channels;
        if full && !self.subscriptions.contains(&subscription.channel) {
            return Err(ErrorCode::LimitExceeded);
        }
        // What was missed is pushed now, and not told once more.
        let early = (self.phase == Phase::Opening)
            .then(|| Box::new(ServerSubscription { recover: None, ..subscription.clone() }));
        let Some(joining) = self.server_joining(now, Source::ServerApi, subscription)? else {
            return Ok(false);
        };
        self.subscriptions.keep_early(&joining.channel, early);
        self.effects.push(Effect::Join { joining: Box::new(joining), id: None });
        Ok(true)
    }

    fn end_for_server(&mut self, channel: &str, code: UnsubscribeCode) -> bool {
        let Some((channel, _)) = self.subscriptions.remove(channel) else { return false };
        self.effects.push(Effect::Leave { channel, told: Farewell::Push(code) });
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
        let Some(speaker) = &mut self.speaker else { return false };
        speaker.expires_at = ends;
        if conn_info.is_some() {
            speaker.who.conn_info.clone_from(&conn_info);
            speaker.info = Arc::new(ClientInfo { conn_info, ..ClientInfo::clone(&speaker.info) });
            self.subscriptions.show(&speaker.info);
        }
        if self.phase == Phase::Connected {
            let push = Push::Refresh(self.lifetime(now));
            self.effects.push(Effect::Reply(self.encoding.push(&push)));
        }
        true
    }

    /// A moment of the calendar; one that is past is now.
    fn instant_of(&self, now: Instant, unix_seconds: i64) -> Instant {
        let left = unix_seconds.saturating_sub(self.unix(now));
        after(now, Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }
}

/// Whether a channel is limited to users who are not this one.
fn is_others(channel: &ChannelName, user: &Subject) -> bool {
    channel.is_user_limited() && !channel.is_owned_by(user)
}

fn in_servers_name(channel: ChannelName) -> ServerSubscription {
    ServerSubscription {
        channel,
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

fn named(
    (channel, result): (ChannelName, Result<SubscribeResult, ErrorCode>),
) -> Result<(String, SubscribeResult), ErrorCode> {
    result.map(|result| (channel.as_str().to_owned(), result))
}
