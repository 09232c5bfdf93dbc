//! The rules for commands to channels: which users may send them, and the terms of the subscriptions. Pure.
//!
//! The client state applies these rules to commands and to the subscriptions that the server makes. The client state itself
//! checks whether the connection is already subscribed (105), and whether it has too many channels (106).

use protocol::{
    Encoding, ErrorCode, Position, PublishRequest, SubscribeRequest, channel_name::ChannelName, id::Subject,
    subscription::Overrides,
};

use super::{
    Namespaces, Party,
    channel_rights::ChannelRights,
    options::{Options, Rights, Standing},
};

/// The user that sent the command.
#[derive(Clone, Copy, Debug)]
pub struct ChannelUser<'a> {
    /// The user's rank.
    pub party: Party,
    /// The user's name.
    pub subject: &'a Subject,
}

/// The terms of a subscription, after the rules have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The position from which missed publications are recovered; `None` for no recovery.
    pub recover: Option<Position>,
    /// Whether the subscription fails with error 112 if the missed publications cannot be recovered.
    pub must_recover: bool,
    /// Whether the subscription has a position, so that a gap is detected.
    pub positioned: bool,
    /// Whether the client may recover later.
    pub recoverable: bool,
    /// Whether the subscription is visible in presence.
    pub presence: bool,
    /// Whether the join and leave of the subscription are announced to subscribers.
    pub announce: bool,
    /// Whether the subscription receives joins and leaves, including its own join.
    pub join_leave: bool,
    /// Whether the subscription receives deltas.
    pub delta: bool,
}

impl Namespaces {
    /// The terms of the requested subscription, if this user may subscribe. `token` holds the overrides of a valid
    /// subscription token for this user and channel; with a token the rights of the namespace do not matter.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 103: not permitted. 107: the request has a tags filter. Filters are not supported, and
    /// without the filter, the client would get publications that it does not want. 108: this kind of subscription is not
    /// offered. 112: the request says that a recovery must succeed, but the subscription would not be recoverable.
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

    /// The terms of a subscription that the server makes. The rights of the namespace are not checked.
    ///
    /// # Errors
    /// 102: the namespace is unknown.
    pub fn admit_server(
        &self,
        channel: &ChannelName,
        overrides: Overrides,
        recover: Option<Position>,
    ) -> Result<Terms, ErrorCode> {
        let request = SubscribeRequest { recover, ..SubscribeRequest::default() };
        Ok(terms(self.options(channel)?, overrides, &request))
    }

    /// Checks whether a connection with this encoding may subscribe to the channel at all.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 440: the namespace is only for clients of the Protobuf protocol.
    pub fn admit_encoding(&self, channel: &ChannelName, encoding: Encoding) -> Result<(), ErrorCode> {
        let reaches = self.options(channel)?.data.reaches(encoding);
        if reaches { Ok(()) } else { Err(ErrorCode::BinaryChannel) }
    }

    /// Checks whether a connection may publish. `subscriber` says whether the connection is subscribed to the channel.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 103: not permitted. 107: no data, too much data, or data that is not JSON in a namespace
    /// that carries only JSON. 108: this kind of publication is not offered.
    pub fn admit_publish(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
        request: &PublishRequest,
    ) -> Result<(), ErrorCode> {
        let options = self.options(channel)?;
        permit(channel, options.publish, user, subscriber)?;
        if request.data.as_ref().is_none_or(|data| !options.admits(data)) {
            return Err(ErrorCode::BadRequest);
        }
        if request.kind != 0 {
            return Err(ErrorCode::NotAvailable);
        }
        Ok(())
    }

    /// Checks whether a connection may read presence.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 103: not permitted. 108: presence is not available in the namespace.
    pub fn admit_presence(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
    ) -> Result<(), ErrorCode> {
        let options = self.with_presence(channel)?;
        permit_to_look(channel, options.presence, user, subscriber)
    }

    /// Checks whether a connection may read the history.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 103: not permitted. 108: the namespace keeps no history.
    pub fn admit_history(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
        subscriber: bool,
    ) -> Result<(), ErrorCode> {
        let options = self.with_history(channel)?;
        permit_to_look(channel, options.history, user, subscriber)
    }

    /// What this user may do in the channel without a subscription token; `publish`, `presence` and `history` as a subscriber.
    ///
    /// # Errors
    /// 102: the namespace is unknown.
    pub fn rights_of(
        &self,
        channel: &ChannelName,
        user: ChannelUser<'_>,
    ) -> Result<ChannelRights, ErrorCode> {
        let options = self.options(channel)?;
        let subscription = SubscribeRequest::default();
        Ok(ChannelRights {
            subscribe: self.admit_subscribe(channel, user, None, &subscription).is_ok(),
            publish: permit(channel, options.publish, user, true).is_ok(),
            presence: self.admit_presence(channel, user, true).is_ok(),
            history: self.admit_history(channel, user, true).is_ok(),
        })
    }

    /// The options of a channel, if its presence is available.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 108: presence is not available in the namespace.
    pub fn with_presence(&self, channel: &ChannelName) -> Result<&Options, ErrorCode> {
        let options = self.options(channel)?;
        if options.presence_enabled { Ok(options) } else { Err(ErrorCode::NotAvailable) }
    }

    /// The options of a channel, if it keeps a history.
    ///
    /// # Errors
    /// 102: the namespace is unknown. 108: the namespace keeps no history.
    pub fn with_history(&self, channel: &ChannelName) -> Result<&Options, ErrorCode> {
        let options = self.options(channel)?;
        if options.keeps_history() { Ok(options) } else { Err(ErrorCode::NotAvailable) }
    }
}

fn standing(channel: &ChannelName, user: ChannelUser<'_>, subscriber: bool) -> Standing {
    Standing { party: user.party, owner: channel.is_owned_by(user.subject), subscriber }
}

/// Checks rights. In a private channel, only subscribers have rights.
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

/// Checks rights to history and presence. In a user-limited channel, only owners and subscribers have these rights. Publishing
/// is not restricted in this way.
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
    // A later recovery requires a position.
    let positioned = recoverable
        || history
            && overrides.force_positioning.unwrap_or_else(|| options.positioning.grants(request.positioned));
    let receives = options.join_leave && (options.force_join_leave || request.join_leave);
    Terms {
        recover: request.recover.clone().filter(|_| recoverable),
        must_recover: request.must_recover,
        positioned,
        recoverable,
        presence: options.presence_enabled && overrides.presence.unwrap_or(true),
        announce: overrides.join_leave.unwrap_or(options.join_leave),
        join_leave: overrides.force_push_join_leave.unwrap_or(receives),
        delta: options.delta && request.delta,
    }
}
