//! The operation of `Realtime` that subscribes open connections on behalf of the server, for the server API.
//!
//! The connection's own task begins the subscription. The channel completes it and answers the requester.

use std::time::Duration;

use protocol::{ErrorCode, subscription::ServerSubscription};

use crate::runtime::{
    connection::request::ConnectionRequest,
    realtime::Realtime,
    sessions::{
        answers::{collect, request_answers},
        types::ConnectionSelection,
    },
};

/// The longest wait for the subscriptions: a little longer than a channel waits for the database.
const SUBSCRIBE_WAIT: Duration = Duration::from_secs(5);

/// The result of subscribing several connections. A connection that ended during the wait is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeCounts {
    /// Connections that are newly subscribed.
    pub done: usize,
    /// Connections that received the request and had not answered when the wait ended.
    pub pending: usize,
    /// Connections that could not be subscribed.
    pub failed: usize,
    /// The error of the first connection that could not be subscribed.
    pub error: Option<ErrorCode>,
}

impl Realtime {
    /// Subscribes connections on behalf of the server, and waits, for a limited time, for the answers of the channel.
    pub async fn subscribe(
        &self,
        selection: &ConnectionSelection,
        subscription: ServerSubscription,
    ) -> SubscribeCounts {
        let control = move |reply| ConnectionRequest::Subscribe(Box::new(subscription.clone()), reply);
        let (answers, request) = request_answers(control);
        self.send_requests(selection, request).await;
        let mut made = SubscribeCounts::default();
        for said in collect(answers, SUBSCRIBE_WAIT).await {
            let ended = said.has_ended();
            let error = match said.answer {
                Some(Ok(Ok(done))) => {
                    made.done += usize::from(done);
                    continue;
                }
                // A connection that has ended needs no subscription.
                _ if ended => continue,
                None => {
                    made.pending += 1;
                    continue;
                }
                Some(Ok(Err(error))) => error,
                // The connection is still open, so the answer was lost with the channel's shard.
                Some(Err(_)) => ErrorCode::Internal,
            };
            made.failed += 1;
            made.error.get_or_insert(error);
        }
        made
    }
}
