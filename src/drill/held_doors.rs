//! The open doors of a drill.

use std::time::Instant;

use domain::drill::{Door, Seen};
use service::{DoorFuture, HeldDoors};

use super::{asked_door::AskedDoor, watched_end::WatchedEnd};

/// The doors that were opened with the tokens of one session.
pub(super) struct OpenDoors {
    pub(super) websocket: WatchedEnd,
    pub(super) http_stream: WatchedEnd,
    pub(super) sse: WatchedEnd,
    pub(super) api: AskedDoor,
    pub(super) refresh: AskedDoor,
}

impl HeldDoors for OpenDoors {
    fn connections(&self) -> usize {
        [&self.websocket, &self.http_stream, &self.sse].into_iter().filter(|door| door.is_open()).count()
    }

    fn watch(self: Box<Self>, from: Instant) -> DoorFuture<Vec<(Door, Seen)>> {
        Box::pin(async move {
            let Self { websocket, http_stream, sse, api, refresh } = *self;
            let (websocket, http_stream, sse, api, refresh) = tokio::join!(
                websocket.seen(from),
                http_stream.seen(from),
                sse.seen(from),
                api.seen(from),
                refresh.seen(from),
            );
            vec![
                (Door::Websocket, websocket),
                (Door::HttpStream, http_stream),
                (Door::Sse, sse),
                (Door::Api, api),
                (Door::Refresh, refresh),
            ]
        })
    }
}
