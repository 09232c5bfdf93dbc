//! Requests while the lane of a channel shard is full.

use std::sync::{Arc, Mutex, mpsc};

use actors::runtime::{ChannelJoin, JoinCollector, JoinReply};
use logic::namespace::{Namespaces, Options, Right, Rights, Terms};
use protocol::{
    ClientInfo, Encoding, ErrorCode, SubscribeResult,
    channel_name::ChannelName,
    id::{ConnectionId, Subject},
};
use secrecy::SecretString;
use serde_json::json;

use crate::harness::{API_KEY, App, eventually};

const ROOM: &str = "memory:room";

/// A collector that blocks the shard when the shard reports the result of a join. The shard continues when the sender of
/// `released` is dropped.
struct Blocker {
    entered: mpsc::Sender<()>,
    released: Mutex<mpsc::Receiver<()>>,
}

impl JoinCollector for Blocker {
    fn takes(&self, _: usize) -> bool {
        true
    }

    fn joined(&self, _: &ChannelName, _: Result<SubscribeResult, ErrorCode>) {
        self.entered.send(()).unwrap();
        let _ = self.released.lock().unwrap().recv();
    }
}

fn app() -> App {
    let rights = Rights::of(&[Right::User]);
    let memory =
        Options { subscribe: rights, presence: rights, presence_enabled: true, ..Options::default() };
    App::with(move |settings| {
        settings.realtime.namespaces = Arc::new(Namespaces::default().with("memory", memory));
        (settings.realtime.channel_shards, settings.realtime.channel_arbiters) = (1, 1);
        settings.realtime.shard_mailbox = 4;
        settings.api_key = Some(SecretString::from(API_KEY));
    })
}

/// Blocks the only shard, until the returned sender is dropped.
fn block(app: &App) -> mpsc::Sender<()> {
    let ((entered, has_entered), (release, released)) = (mpsc::channel(), mpsc::channel());
    let (outbox, _reader) = app.realtime().outbox(1024, Encoding::Json);
    let (user, client) = (Subject::new("blocker"), ConnectionId::random());
    let join = ChannelJoin {
        channel: ChannelName::parse("ephemeral:blocked").unwrap(),
        number: 1,
        outbox,
        info: Arc::new(ClientInfo { user, client, conn_info: None, chan_info: None }),
        terms: Terms::default(),
        lifetime: None,
        data: None,
        reply: JoinReply::Collect(Arc::new(Blocker { entered, released: Mutex::new(released) })),
    };
    app.realtime().join(join).unwrap();
    has_entered.recv().unwrap();
    release
}

#[tokio::test]
async fn a_refresh_is_done_even_if_a_channel_shows_the_new_info_only_later() {
    let app = app();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe(ROOM).await;
    let room = ChannelName::parse(ROOM).unwrap();
    let shown = app.realtime().presence_of(room.clone()).await.unwrap()[0].clone();
    let release = block(&app);
    // Fills the lane.
    while app.realtime().show(&room, Arc::clone(&shown)).is_ok() {}
    let parameters = json!({"user": session.person.id.to_string(), "info": {"name": "new"}});
    assert_eq!(app.api_result("refresh", parameters).await, json!({"done": 1, "pending": 0}));
    drop(release);
    eventually("the channel shows the new info", async || {
        let infos = app.realtime().presence_of(room.clone()).await.unwrap_or_default();
        infos.iter().any(|info| info.conn_info.is_some())
    })
    .await;
}
