//! The part of `Realtime` that subscribes living connections in the server's name, for the server API.
//!
//! The connection's own task begins the subscription, its channel makes it and answers the requester.

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
    /// Connections that have it now, and did not before.
    pub done: usize,
    /// Connections that were asked and had not answered when the wait ended.
    pub pending: usize,
    /// Connections that cannot have it.
    pub failed: usize,
    /// Why the first of those cannot.
    pub error: Option<ErrorCode>,
}

impl Realtime {
    /// Subscribes connections in the server's name, and waits, bounded, until the channel has taken them in or has not.
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
                // Whatever it could not have, it does not need it any more.
                _ if ended => continue,
                None => {
                    made.pending += 1;
                    continue;
                }
                Some(Ok(Err(error))) => error,
                // What was to answer is gone, and the connection is not: it was the channel's shard.
                Some(Err(_)) => ErrorCode::Internal,
            };
            made.failed += 1;
            made.error.get_or_insert(error);
        }
        made
    }
}
