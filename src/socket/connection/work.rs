//! [`Work`]: the asynchronous work that the client state of a connection has requested. The client state waits for its result.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use actors::runtime::{Reservation, TokenUse};
use logic::client::{Identity, JoinResults, Purpose, SubscriptionGrant, SubscriptionRefusal, VerifyRefusal};
use protocol::channel_name::ChannelName;

use crate::socket::admission::register::Admitted;

/// The result of the work.
pub(crate) enum WorkResult {
    /// The verification of the connection's first or newer token, or the registration of an anonymous connection, has ended.
    /// `Admitted` is the new registration; it is `None` if the connection was already registered.
    Identity { purpose: Purpose, outcome: Box<Result<(Identity, Option<Admitted>), VerifyRefusal>> },
    /// The verification of a subscription token has ended.
    SubscriptionToken {
        purpose: Purpose,
        channel: ChannelName,
        /// While this value exists, a denial of the token finds this connection.
        token_use: Option<TokenUse>,
        outcome: Result<SubscriptionGrant, SubscriptionRefusal>,
    },
    /// The subscriptions that the server makes at `connect` have their results.
    ConnectSubscriptions(JoinResults),
    /// The output queue has space for a large answer.
    AnswerSpace(Reservation),
}

/// The work in progress; at most one at a time.
#[derive(Default)]
pub(crate) struct Work(Option<Pin<Box<dyn Future<Output = WorkResult>>>>);

impl Work {
    pub(crate) fn begin(&mut self, work: impl Future<Output = WorkResult> + 'static) {
        self.0 = Some(Box::pin(work));
    }

    pub(crate) fn is_in_progress(&self) -> bool {
        self.0.is_some()
    }

    /// Ready with the result, once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<WorkResult> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let result = work.as_mut().poll(cx);
        if result.is_ready() {
            self.0 = None;
        }
        result
    }
}
