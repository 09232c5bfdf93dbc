//! [`ConnectSubscriptions`]: collects the results of the subscriptions that the server makes at `connect`.
//!
//! Channel shards report results from their own threads. The driver of the connection waits until all results have arrived.

use std::time::Duration;

use actors::runtime::JoinCollector;
use logic::{client::JoinResults, history::PAGE_BYTES};
use parking_lot::Mutex;
use protocol::{ErrorCode, SubscribeResult, channel_name::ChannelName};
use tokio::sync::oneshot;

/// Maximum time for all results. During this time the outbox holds back all new frames, so publications accumulate in it.
const WITHIN: Duration = Duration::from_secs(5);

/// All results, or `None` if they do not come in time. Without all results the connection is closed, and its client may connect
/// again.
pub(crate) async fn all(results: oneshot::Receiver<JoinResults>) -> Option<JoinResults> {
    tokio::time::timeout(WITHIN, results).await.ok().and_then(Result::ok)
}

/// The results so far.
pub(crate) struct ConnectSubscriptions(Mutex<State>);

struct State {
    results: JoinResults,
    /// Space for recovered publications that is left in the reply, in bytes.
    space_left: usize,
    expected: usize,
    sender: Option<oneshot::Sender<JoinResults>>,
}

impl ConnectSubscriptions {
    /// A collector of `expected` results, and the receiver of all of them.
    pub(crate) fn of(expected: usize) -> (Self, oneshot::Receiver<JoinResults>) {
        let (sender, receiver) = oneshot::channel();
        let results = Vec::with_capacity(expected);
        (
            Self(Mutex::new(State { results, space_left: PAGE_BYTES, expected, sender: Some(sender) })),
            receiver,
        )
    }
}

impl JoinCollector for ConnectSubscriptions {
    fn takes(&self, bytes: usize) -> bool {
        let mut state = self.0.lock();
        let left = state.space_left.checked_sub(bytes);
        state.space_left = left.unwrap_or(state.space_left);
        left.is_some()
    }

    fn joined(&self, channel: &ChannelName, result: Result<SubscribeResult, ErrorCode>) {
        if result == Err(ErrorCode::LimitExceeded) {
            metrics::counter!("subscriptions_left_out_total").increment(1);
            tracing::debug!(
                channel = channel.as_str(),
                "channel is full; the connection continues without this subscription"
            );
        }
        let mut state = self.0.lock();
        state.results.push((channel.clone(), result));
        if state.results.len() == state.expected
            && let Some(sender) = state.sender.take()
        {
            // If there is no receiver, the connection has ended.
            let _ = sender.send(std::mem::take(&mut state.results));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_results_share_the_space_of_one_reply() {
        let (collector, _receiver) = ConnectSubscriptions::of(3);
        assert!(collector.takes(PAGE_BYTES - 1));
        assert!(!collector.takes(2));
        assert!(collector.takes(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_missing_results_is_limited() {
        let (_collector, receiver) = ConnectSubscriptions::of(1);
        let began = tokio::time::Instant::now();
        assert!(all(receiver).await.is_none());
        assert_eq!(began.elapsed(), WITHIN);
    }

    #[test]
    fn the_results_are_sent_when_the_last_one_arrives() {
        let (collector, mut receiver) = ConnectSubscriptions::of(2);
        let channel = ChannelName::parse("chat:a").unwrap();
        collector.joined(&channel, Ok(SubscribeResult::default()));
        assert!(receiver.try_recv().is_err());
        collector.joined(&channel, Err(ErrorCode::LimitExceeded));
        assert_eq!(receiver.try_recv().unwrap().len(), 2);
    }
}
