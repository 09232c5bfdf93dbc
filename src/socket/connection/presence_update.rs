//! [`PresenceUpdate`]: shows the current info of a connection to the members of its channels.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Sleep, sleep};
use actors::Realtime;
use logic::client::ClientState;

/// How soon the info is sent again after a channel could not accept it.
const RETRY: Duration = Duration::from_secs(1);

/// The timer of the next attempt, if the last update did not reach all channels.
#[derive(Default)]
pub(crate) struct PresenceUpdate(Option<Pin<Box<Sleep>>>);

impl PresenceUpdate {
    /// Sends the info to all channels of the connection. If a channel cannot accept the message, it shows the old info until
    /// the next attempt.
    pub(crate) fn send(&mut self, realtime: &Realtime, client: &ClientState) {
        let sent = client.channel_infos().map(|(channel, info)| realtime.show(channel, Arc::clone(info)));
        // `&` instead of `&&`: after a failure, the info must still go to the other channels.
        let all = sent.fold(true, |all, one| all & one.is_ok());
        self.0 = (!all).then(|| Box::pin(sleep(RETRY)));
    }

    /// Ready if the info must be sent again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(retry) => retry.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
