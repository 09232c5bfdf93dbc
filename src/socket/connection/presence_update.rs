//! [`PresenceUpdate`]: shows the members of channels what a connection's info is now.

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

/// How soon the info is sent again if a channel could not take it.
const RETRY: Duration = Duration::from_secs(1);

/// The update that is still to be sent, if there is one.
#[derive(Default)]
pub(crate) struct PresenceUpdate(Option<Pin<Box<Sleep>>>);

impl PresenceUpdate {
    /// Sends the info to all channels of the connection. A channel that cannot take the message now shows the old info until
    /// the next try.
    pub(crate) fn send(&mut self, realtime: &Realtime, client: &ClientState) {
        let sent = client.channel_infos().map(|(channel, info)| realtime.show(channel, Arc::clone(info)));
        // To all channels, also after a failure.
        let all = sent.fold(true, |all, one| all & one.is_ok());
        self.0 = (!all).then(|| Box::pin(sleep(RETRY)));
    }

    /// Ready if the info has to be sent again.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(retry) => retry.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
