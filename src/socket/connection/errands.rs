//! What the driver does for its dialogue in the world outside: verifications, and what is said and asked in channels.
//!
//! Part of the driver, in a file of its own.

use std::{sync::Arc, time::Instant};

use actors::runtime::{ANSWER_BYTES, Gather as _, Join, JoinReply, LaneError};
use protocol::{ClientInfo, ErrorCode, Payload, channel_name::ChannelName, id::Subject};
use secrecy::SecretString;

use super::driver::{Driver, Outcome};
use crate::socket::{connection::connect_subscriptions::Gathering, shared::Arriving};
use logic::client::{ChannelQuery, JoinRequest, Purpose, SubscriptionRefusal};

impl Driver {
    pub(in crate::socket) fn verify(&mut self, purpose: Purpose, token: Option<SecretString>) {
        let (door, id, outbox) = (Arc::clone(&self.door), self.id, self.outbox.clone());
        let (address, transport) = (self.address, self.transport);
        let registered = self.place.as_ref().map(|place| place.who.clone());
        self.awaited = Some(Box::pin(async move {
            let verified = async {
                if let (Some(who), Some(token)) = (registered, &token) {
                    return door.identify(token, &who, id).await.map(|who| (who, None));
                }
                let arriving = Arriving { connection: id, outbox: &outbox, address, transport };
                let admitted = door.admit(token.as_ref(), &arriving).await?;
                Ok((admitted.identity.clone(), Some(admitted)))
            };
            Outcome::Proof(purpose, Box::new(verified.await))
        }));
    }

    pub(in crate::socket) fn verify_subscription(
        &mut self,
        purpose: Purpose,
        channel: ChannelName,
        token: SecretString,
    ) {
        let (door, id) = (Arc::clone(&self.door), self.id);
        let who = self.client.identity().cloned();
        self.awaited = Some(Box::pin(async move {
            let verified = match who {
                Some(who) => door.verify_subscription(&token, &who, id, &channel).await,
                None => Err(SubscriptionRefusal::Invalid),
            };
            Outcome::Subscription(purpose, verified)
        }));
    }

    pub(in crate::socket) fn join(&mut self, request: JoinRequest, id: Option<u32>) {
        let (channel, number) = (request.channel.clone(), request.number);
        let asked_by = self.asked_by.take();
        let reply = id.map_or_else(|| JoinReply::Push(asked_by), JoinReply::Command);
        if self.offer(request, reply).is_err() {
            let effects = self.client.on_busy(id, Some((&channel, number)));
            self.perform(effects);
        }
    }

    /// Makes subscriptions whose results go into the answer to `connect`; until that can be given, nothing leaves.
    pub(in crate::socket) fn gather(&mut self, requests: Vec<JoinRequest>) {
        self.outbox.hold();
        let channels: Vec<ChannelName> = requests.iter().map(|joining| request.channel.clone()).collect();
        let (gathering, results) = Gathering::of(requests.len());
        let gathering = Arc::new(gathering);
        for joining in requests {
            let channel = request.channel.clone();
            if self.offer(request, JoinReply::Gather(Arc::clone(&gathering) as _)).is_err() {
                gathering.joined(&channel, Err(ErrorCode::Internal));
            }
        }
        self.awaited = Some(Box::pin(async move {
            let lost = || channels.into_iter().map(|channel| (channel, Err(ErrorCode::Internal))).collect();
            Outcome::JoinResults(results.await.unwrap_or_else(|_| lost()))
        }));
    }

    fn offer(&self, request: JoinRequest, reply: JoinReply) -> Result<(), LaneError> {
        let JoinRequest { channel, number, info, terms, lifetime, data } = joining;
        let outbox = self.outbox.clone();
        let join = Join { channel, number, outbox, info, terms, lifetime, data, reply };
        self.door.realtime.join(join).map(drop)
    }

    pub(in crate::socket) fn publish(
        &mut self,
        channel: ChannelName,
        id: u32,
        data: Payload,
        info: Arc<ClientInfo>,
    ) {
        // Those without a name are not one user.
        let nobody = info.user.is_anonymous().then(|| Subject::new(&info.client.to_string()));
        if !self.door.publications.allow(nobody.as_ref().unwrap_or(&info.user), Instant::now()) {
            let effects = self.client.on_publish_limited(id);
            return self.perform(effects);
        }
        let outbox = self.outbox.clone();
        let published = self.door.realtime.publish(channel, data, info, outbox, id);
        self.answer_if_busy(id, published);
    }

    /// Waits until a large answer has room in the outbox: one that overflowed it would end a connection that only asked.
    pub(in crate::socket) fn make_room(&mut self) {
        let outbox = self.outbox.clone();
        self.awaited =
            Some(Box::pin(async move { Outcome::Room(outbox.reserve_in_turn(ANSWER_BYTES).await) }));
    }

    pub(in crate::socket) fn ask(&mut self, channel: ChannelName, id: u32, query: ChannelQuery) {
        let (realtime, outbox) = (&self.door.realtime, self.outbox.clone());
        let large = query.is_large();
        let asked = match (query, self.room.take()) {
            (ChannelQuery::PresenceStats, _) => realtime.presence_stats(channel, outbox, id),
            (ChannelQuery::Presence, Some(room)) => realtime.presence(channel, outbox, id, room),
            (ChannelQuery::History(request), room) if room.is_some() || !large => {
                realtime.history(channel, request, outbox, id, room)
            }
            // Nobody asks without; and if so, the client may try again.
            (ChannelQuery::Presence | ChannelQuery::History(_), _) => Err(LaneError::Full),
        };
        self.answer_if_busy(id, asked);
    }

    fn answer_if_busy(&mut self, id: u32, asked: Result<(), LaneError>) {
        if asked.is_err() {
            let effects = self.client.on_busy(Some(id), None);
            self.perform(effects);
        }
    }
}
