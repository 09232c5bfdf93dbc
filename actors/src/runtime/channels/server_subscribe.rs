//! The operation of `Realtime` that subscribes open connections on behalf of the server, for the server API.
//!
//! The connection's own task begins the subscription. The channel's shard completes the subscription and answers the requester.

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

/// The longest wait for the subscriptions. It is longer than the journal's wait for a database connection.
const SUBSCRIBE_WAIT: Duration = Duration::from_secs(5);

/// The result of subscribing several connections. Connections that had the subscription already, or that ended before they got
/// it, are not counted.
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
    /// Subscribes connections on behalf of the server, and waits, for a limited time, for the results.
    pub async fn subscribe(
        &self,
        selection: &ConnectionSelection,
        subscription: ServerSubscription,
    ) -> SubscribeCounts {
        let control = move |reply| ConnectionRequest::Subscribe(Box::new(subscription.clone()), reply);
        let (answers, request) = request_answers(control);
        self.send_requests(selection, request).await;
        let mut counts = SubscribeCounts::default();
        for collected in collect(answers, SUBSCRIBE_WAIT).await {
            let ended = collected.has_ended();
            let error = match collected.answer {
                Some(Ok(Ok(done))) => {
                    counts.done += usize::from(done);
                    continue;
                }
                // A connection that has ended needs no subscription.
                _ if ended => continue,
                None => {
                    counts.pending += 1;
                    continue;
                }
                Some(Ok(Err(error))) => error,
                // The connection is still open, so the answer was lost with the channel's shard.
                Some(Err(_)) => ErrorCode::Internal,
            };
            counts.failed += 1;
            counts.error.get_or_insert(error);
        }
        counts
    }
}
