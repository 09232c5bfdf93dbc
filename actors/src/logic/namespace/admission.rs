//! Admission: which users may do what in a channel, and the terms of a subscription. Pure.
//!
//! Asked by the client's state machine for its commands, and by the server API for subscriptions in the
//! server's name. Not asked: whether the connection is subscribed already (105) or has too many channels (106); the
//! client's state machine knows that.

use protocol::{
    ErrorCode, Position, PublishRequest, SubscribeRequest, channel_name::ChannelName, id::Subject,
    subscription::Overrides,
};

use super::{
    Namespaces, Party,
    options::{Options, Rights, Standing},
};

/// The user that asks.
#[derive(Clone, Copy, Debug)]
pub struct ChannelUser<'a> {
    /// What the user is.
    pub party: Party,
    /// The user's name.
    pub subject: &'a Subject,
}

/// What a subscription is, after the rules have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What the client has, if it is to get what it missed since.
    pub recover: Option<Position>,
    /// Whether it would rather have error 112 than a subscription that missed something.
    pub must_recover: bool,
    /// Whether the server watches for holes.
    pub positioned: bool,
    /// Whether it may recover later.
    pub recoverable: bool,
    /// Whether others see it in the presence.
    pub presence: bool,
    /// Whether its coming and going is announced.
    pub announce: bool,
    /// Whether it hears of others' coming and going.
    pub join_leave: bool,
    /// Whether it is sent deltas.
    pub delta: bool,
}

impl Namespaces {
    /// Whether this user may subscribe as asked, and what the subscription is. `token` is what a valid subscription token
    /// for this user and this channel says; it stands in for the rights of the namespace.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 107 a tags filter (ignoring it would deliver what was filtered out),
    /// 108 a kind that is not offered, 112 a position to recover from where nothing can be recovered.
    pub fn admit_subscribe(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        token: Option<&Overrides>,
        request: &SubscribeRequest,
    ) -> Result<Terms, ErrorCode> {
        let options = self.options(channel)?;
        let foreign = channel.is_user_limited() && !channel.is_owned_by(user.subject);
        let admitted = token.is_some()
            || (!channel.is_private() && options.subscribe.cover(standing(channel, user, false)));
        if foreign || !admitted {
            return Err(ErrorCode::PermissionDenied);
        }
        if request.tags_filter {
            return Err(ErrorCode::BadRequest);
        }
        if request.kind != 0 {
            return Err(ErrorCode::NotAvailable);
        }
        let overrides = token.copied().unwrap_or_default();
        let terms = terms(options, overrides, request);
        if request.must_recover && request.recover.is_some() && !terms.recoverable {
            return Err(ErrorCode::UnrecoverablePosition);
        }
        Ok(terms)
    }

    /// What a subscription is that the server makes; the rights of the namespace are no matter then.
    ///
    /// # Errors
    /// 102 unknown namespace.
    pub fn admit_server(
        &self,
        channel: &ChannelName,
        overrides: Overrides,
        recover: Option<Position>,
    ) -> Result<Terms, ErrorCode> {
        let request = SubscribeRequest { recover, ..SubscribeRequest::default() };
        Ok(terms(self.options(channel)?, overrides, &request))
    }

    /// Whether a connection may publish as asked. `subscriber`: whether it is subscribed.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 107 no data or too much of it, 108 a kind that is not offered.
    pub fn admit_publish(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
        request: &PublishRequest,
    ) -> Result<(), ErrorCode> {
        let options = self.options(channel)?;
        permit(channel, options.publish, user, subscriber)?;
        let bytes = request.data.as_ref().map(|data| data.as_bytes().len());
        if bytes.is_none_or(|bytes| bytes > options.max_publication_bytes) {
            return Err(ErrorCode::BadRequest);
        }
        if request.kind != 0 {
            return Err(ErrorCode::NotAvailable);
        }
        Ok(())
    }

    /// Whether a connection may read presence.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 108 presence is not available in the namespace.
    pub fn admit_presence(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
    ) -> Result<(), ErrorCode> {
        let options = self.with_presence(channel)?;
        permit_to_look(channel, options.presence, user, subscriber)
    }

    /// Whether a connection may read the history.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 108 the namespace keeps nothing.
    pub fn admit_history(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
    ) -> Result<(), ErrorCode> {
        let options = self.with_history(channel)?;
        permit_to_look(channel, options.history, user, subscriber)
    }

    /// The options of a channel whose presence is available.
    ///
    /// # Errors
    /// 102 unknown namespace, 108 presence is not available in the namespace.
    pub fn with_presence(&self, channel: &ChannelName) -> Result<&Options, ErrorCode> {
        let options = self.options(channel)?;
        if options.presence_enabled { Ok(options) } else { Err(ErrorCode::NotAvailable) }
    }

    /// The options of a channel that keeps what is published.
    ///
    /// # Errors
    /// 102 unknown namespace, 108 the namespace keeps nothing.
    pub fn with_history(&self, channel: &ChannelName) -> Result<&Options, ErrorCode> {
        let options = self.options(channel)?;
        if options.keeps_history() { Ok(options) } else { Err(ErrorCode::NotAvailable) }
    }
}

fn standing(channel: &ChannelName, user: ChannelUser<'_>, subscriber: bool) -> Standing {
    Standing { party: user.party, owner: channel.is_owned_by(user.subject), subscriber }
}

/// In a private channel only subscribers are permitted anything.
fn permit(
    channel: &ChannelName,
    rights: Rights,
    user: ChannelUser<'_>,
    subscriber: bool,
) -> Result<(), ErrorCode> {
    let outside = channel.is_private() && !subscriber;
    if outside || !rights.cover(standing(channel, user, subscriber)) {
        return Err(ErrorCode::PermissionDenied);
    }
    Ok(())
}

/// History and presence of a user-limited channel are for its owners or subscribers only. Publishing is not restricted here.
fn permit_to_look(
    channel: &ChannelName,
    rights: Rights,
    user: ChannelUser<'_>,
    subscriber: bool,
) -> Result<(), ErrorCode> {
    if channel.is_user_limited() && !subscriber && !channel.is_owned_by(user.subject) {
        return Err(ErrorCode::PermissionDenied);
    }
    permit(channel, rights, user, subscriber)
}

fn terms(options: &Options, overrides: Overrides, request: &SubscribeRequest) -> Terms {
    let history = options.keeps_history();
    let recoverable = history
        && overrides
            .force_recovery
            .unwrap_or_else(|| options.recovery.grants(request.recoverable || request.recover.is_some()));
    // A client that may recover needs a position.
    let positioned = recoverable
        || history
            && overrides.force_positioning.unwrap_or_else(|| options.positioning.grants(request.positioned));
    let told = options.join_leave && (options.force_join_leave || request.join_leave);
    Terms {
        recover: request.recover.clone().filter(|_| recoverable),
        must_recover: request.must_recover,
        positioned,
        recoverable,
        presence: options.presence_enabled && overrides.presence.unwrap_or(true),
        announce: overrides.join_leave.unwrap_or(options.join_leave),
        join_leave: overrides.force_push_join_leave.unwrap_or(told),
        delta: options.delta && request.delta,
    }
}
