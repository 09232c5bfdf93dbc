//! The commands `subscribe`, `unsubscribe` and `sub_refresh`: client-side subscriptions, their tokens and their expiry.

use std::{sync::Arc, time::Instant};

use protocol::{
    Answer, ErrorCode, SubRefreshRequest, SubscribeRequest, UnsubscribeCode, channel_name::ChannelName,
    close::CloseReason,
};
use secrecy::SecretString;

use super::{
    commands::Requester,
    deadlines::{after, lifetime},
    effects::{Effect, JoinRequest, Purpose, UnsubscribeNotice},
    identity::{SubscriptionGrant, SubscriptionRefusal},
    state::{ClientState, Pending},
    subscription_table::{Subscription, with_info},
};
use crate::{denials::TokenMark, namespace::Terms, subscription::SubscriptionSource};

impl ClientState {
    /// Handles the result of the verification that [`Effect::VerifySubscription`] requested. `is_denied` judges the token once
    /// more, because it may have been denied since it was verified. A denied token grants nothing.
    pub fn on_subscription_verified(
        &mut self,
        now: Instant,
        purpose: Purpose,
        outcome: Result<SubscriptionGrant, SubscriptionRefusal>,
        is_denied: impl FnOnce(&TokenMark) -> bool,
        accepting: bool,
    ) -> Vec<Effect> {
        let Some(pending) = self.take_verified(purpose) else { return Vec::new() };
        let outcome = match outcome {
            Ok(grant) if is_denied(&grant.token) => Err(SubscriptionRefusal::Invalid),
            outcome => outcome,
        };
        match (pending, outcome) {
            // This node may have missed a revocation while the token was being verified.
            (Pending::Subscribe { id, .. } | Pending::SubRefresh { id, .. }, Ok(_)) if !accepting => {
                self.refuse(id, ErrorCode::Internal);
            }
            (Pending::Subscribe { id, channel, request }, Ok(grant)) => {
                self.subscribe_granted(now, id, channel, &request, grant);
            }
            (Pending::SubRefresh { id, channel }, Ok(grant)) => {
                self.subscription_refreshed(now, id, &channel, grant);
            }
            (Pending::SubRefresh { id, channel }, Err(SubscriptionRefusal::Expired)) => {
                self.subscription_token_expired(id, &channel);
            }
            (Pending::Subscribe { id, .. } | Pending::SubRefresh { id, .. }, Err(refusal)) => {
                self.refuse_token(id, refusal);
            }
            _ => {}
        }
        self.run_queue(now, accepting);
        self.take_effects()
    }

    pub(super) fn subscribe(
        &mut self,
        now: Instant,
        id: u32,
        mut request: Box<SubscribeRequest>,
        requester: &Requester,
    ) {
        let channel = match self.check_subscribe(&request) {
            Ok(channel) => channel,
            Err(error) => return self.refuse(id, error),
        };
        if let Some(token) = request.token.take() {
            self.set_pending(Pending::Subscribe { id, channel: channel.clone(), request });
            return self.verify_subscription(Purpose::Subscribe { id }, channel, token);
        }
        match self.config.namespaces.admit_subscribe(&channel, requester.channel_user(), None, &request) {
            Ok(terms) => {
                let limited = channel.is_user_limited();
                let source =
                    if limited { SubscriptionSource::UserLimited } else { SubscriptionSource::ClientAllowed };
                let subscription = Subscription::new(Arc::clone(&requester.info), None, source);
                self.join(now, id, channel, subscription, terms);
            }
            Err(error) => self.refuse(id, error),
        }
    }

    /// The checks before a token is verified, or before the rights of the user are checked.
    fn check_subscribe(&self, request: &SubscribeRequest) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(&request.channel)?;
        self.check_place(&channel)?;
        self.config.namespaces.admit_encoding(&channel, self.encoding)?;
        Ok(channel)
    }

    /// Checks that the client may have one more subscription, and that it has no subscription to this channel.
    fn check_place(&self, channel: &ChannelName) -> Result<(), ErrorCode> {
        if self.subscriptions.contains(channel) {
            Err(ErrorCode::AlreadySubscribed)
        } else if self.subscriptions.len() >= self.config.max_channels {
            Err(ErrorCode::LimitExceeded)
        } else {
            Ok(())
        }
    }

    fn verify_subscription(&mut self, purpose: Purpose, channel: ChannelName, token: SecretString) {
        self.effects.push(Effect::VerifySubscription { purpose, channel, token });
    }

    fn subscribe_granted(
        &mut self,
        now: Instant,
        id: u32,
        channel: ChannelName,
        request: &SubscribeRequest,
        grant: SubscriptionGrant,
    ) {
        // The server may have subscribed the client meanwhile.
        if let Err(error) = self.check_place(&channel) {
            return self.refuse(id, error);
        }
        let Some(requester) = self.requester() else { return };
        let overrides = Some(&grant.overrides);
        match self.config.namespaces.admit_subscribe(&channel, requester.channel_user(), overrides, request) {
            Ok(terms) => {
                let ends = grant.expires_in.map(|left| after(now, left));
                let info = with_info(&requester.info, grant.chan_info);
                let token = Some(Box::new(grant.token));
                let subscription = Subscription {
                    token,
                    ..Subscription::new(info, ends, SubscriptionSource::SubscriptionToken)
                };
                self.join(now, id, channel, subscription, terms);
            }
            Err(error) => self.refuse(id, error),
        }
    }

    fn join(
        &mut self,
        now: Instant,
        id: u32,
        channel: ChannelName,
        subscription: Subscription,
        terms: Terms,
    ) {
        let (info, ends) = (Arc::clone(&subscription.info), subscription.ends);
        let number = self.subscriptions.insert(channel.clone(), subscription);
        let lifetime = ends.map(|at| lifetime(now, at));
        let request = Box::new(JoinRequest { channel, number, info, terms, lifetime, data: None });
        self.effects.push(Effect::Join { request, id: Some(id) });
    }

    fn refuse_token(&mut self, id: u32, refusal: SubscriptionRefusal) {
        match refusal {
            SubscriptionRefusal::Expired => self.refuse(id, ErrorCode::TokenExpired),
            SubscriptionRefusal::Invalid => self.refuse(id, ErrorCode::PermissionDenied),
            SubscriptionRefusal::Unavailable => self.refuse(id, ErrorCode::Internal),
            SubscriptionRefusal::Foreign => self.close(CloseReason::InvalidToken),
        }
    }

    pub(super) fn unsubscribe(&mut self, id: u32, channel: &str) {
        match self.subscriptions.remove(channel) {
            Some((channel, _)) => {
                self.effects.push(Effect::Leave { channel, notice: UnsubscribeNotice::Reply(id) });
            }
            None => self.answer(id, &Answer::Unsubscribe),
        }
    }

    pub(super) fn refresh_subscription(&mut self, id: u32, request: SubRefreshRequest) {
        let Some(token) = request.token else {
            return self.close(CloseReason::BadRequest);
        };
        match self.may_refresh(&request.channel) {
            Ok(channel) => {
                self.set_pending(Pending::SubRefresh { id, channel: channel.clone() });
                self.verify_subscription(Purpose::SubRefresh { id }, channel, token);
            }
            Err(error) => self.refuse(id, error),
        }
    }

    fn may_refresh(&self, channel: &str) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(channel)?;
        match self.subscriptions.get(&channel) {
            None => Err(ErrorCode::PermissionDenied),
            // A client cannot change the expiry of a server-side subscription.
            Some(subscription) if subscription.source.is_server_side() => Err(ErrorCode::BadRequest),
            Some(_) => Ok(channel),
        }
    }

    fn subscription_refreshed(&mut self, now: Instant, id: u32, channel: &str, grant: SubscriptionGrant) {
        let ends = grant.expires_in.map(|left| after(now, left));
        // During the verification of the token, the subscription may have ended, and the server may have made another
        // subscription to the channel.
        let refreshable = self.may_refresh(channel).is_ok();
        if refreshable && self.subscriptions.refresh(channel, ends, grant.token) {
            self.answer(id, &Answer::SubRefresh(ends.map(|at| lifetime(now, at))));
        } else {
            self.refuse(id, ErrorCode::PermissionDenied);
        }
    }

    /// Handles a `sub_refresh` with an expired token. After error 109, a client would end the subscription permanently. So the
    /// reply is a temporary error, and an unsubscribe push ends the subscription. With the code of this push, the client
    /// subscribes again with a new token.
    fn subscription_token_expired(&mut self, id: u32, channel: &str) {
        self.refuse(id, ErrorCode::Internal);
        // The subscription may have ended while the token was being verified.
        if self.may_refresh(channel).is_ok() {
            self.end_expired(channel);
        }
    }

    fn end_expired(&mut self, channel: &str) {
        if let Some((channel, _)) = self.subscriptions.remove(channel) {
            let notice = UnsubscribeNotice::Push(UnsubscribeCode::Expired);
            self.effects.push(Effect::Leave { channel, notice });
        }
    }

    /// Ends the subscriptions that were not refreshed within the grace period. The client then subscribes again. A server-side
    /// subscription cannot be refreshed: after the grace period the connection is closed, and the client reconnects.
    pub(super) fn end_subscriptions(&mut self, now: Instant) {
        let Some(until) = now.checked_sub(self.config.expired_grace) else { return };
        for (channel, server_side) in self.subscriptions.ended(until) {
            if server_side {
                return self.close(CloseReason::SubscriptionExpired);
            }
            self.end_expired(&channel);
        }
    }
}
