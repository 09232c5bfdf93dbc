//! Where the subscriptions that the server makes at `connect` come together: shards hand their results in, from their own
//! threads; the connection's driver waits for all of them.

use actors::runtime::Gather;
use logic::history::PAGE_BYTES;
use parking_lot::Mutex;
use protocol::{ErrorCode, SubscribeResult, channel_name::ChannelName};
use tokio::sync::oneshot;

use logic::client::Gathered;

/// Some subscriptions, until all are made.
pub(in crate::socket) struct Gathering(Mutex<State>);

struct State {
    results: Gathered,
    /// Bytes of what the client missed that the answer can still carry.
    room: usize,
    expected: usize,
    sender: Option<oneshot::Sender<Gathered>>,
}

impl Gathering {
    /// Waits for so many.
    pub(in crate::socket) fn of(expected: usize) -> (Self, oneshot::Receiver<Gathered>) {
        let (sender, receiver) = oneshot::channel();
        let results = Vec::with_capacity(expected);
        (Self(Mutex::new(State { results, room: PAGE_BYTES, expected, sender: Some(sender) })), receiver)
    }
}

impl Gather for Gathering {
    fn takes(&self, bytes: usize) -> bool {
        let mut state = self.0.lock();
        let left = state.room.checked_sub(bytes);
        state.room = left.unwrap_or(state.room);
        left.is_some()
    }

    fn joined(&self, channel: &ChannelName, result: Result<SubscribeResult, ErrorCode>) {
        if result == Err(ErrorCode::LimitExceeded) {
            metrics::counter!("subscriptions_left_out_total").increment(1);
            tracing::debug!(channel = channel.as_str(), "a full channel is left out of a connection");
        }
        let mut state = self.0.lock();
        state.results.push((channel.clone(), result));
        if state.results.len() == state.expected
            && let Some(sender) = state.sender.take()
        {
            // If nobody waits any more, the connection has ended.
            let _ = sender.send(std::mem::take(&mut state.results));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_results_share_what_one_answer_carries() {
        let (gathering, _receiver) = Gathering::of(3);
        assert!(gathering.takes(PAGE_BYTES - 1));
        assert!(!gathering.takes(2));
        assert!(gathering.takes(1));
    }

    #[test]
    fn the_results_come_when_the_last_one_does() {
        let (gathering, mut receiver) = Gathering::of(2);
        let channel = ChannelName::parse("chat:a").unwrap();
        gathering.joined(&channel, Ok(SubscribeResult::default()));
        assert!(receiver.try_recv().is_err());
        gathering.joined(&channel, Err(ErrorCode::LimitExceeded));
        assert_eq!(receiver.try_recv().unwrap().len(), 2);
    }
}
