//! `b64info` of an external token: any bytes about a connection or a subscription, which other members see.

use protocol::protobuf::requests::{ChannelRequest, Command, ConnectRequest, SubscribeRequest};
use serde_json::json;

use super::{ROUTE, connected};
use crate::harness::{
    App, ProtobufSocket,
    issuer::{self, signed},
};

const CHANNEL: &str = "chat:lobby";

/// A Protobuf connection of `bob` that is subscribed to the channel. The info of the connection has the bytes FF 00, and the
/// info of the subscription has the bytes 00 01.
async fn bob(app: &App) -> ProtobufSocket {
    let mut bob = ProtobufSocket::open(app.handshake(ROUTE)).await;
    let token = signed(&json!({"sub": "bob", "b64info": "/wA="}));
    let request = ConnectRequest { token, ..Default::default() };
    assert!(bob.ask(Command { connect: Some(request), ..Default::default() }).await.connect.is_some());
    let token = signed(&json!({"sub": "bob", "channel": CHANNEL, "b64info": "AAE="}));
    let request = SubscribeRequest { channel: CHANNEL.to_owned(), token, ..Default::default() };
    let command = Command { subscribe: Some(Box::new(request)), ..Default::default() };
    assert!(bob.ask(command).await.subscribe.is_some());
    bob
}

#[actix_web::test]
async fn protobuf_members_see_the_bytes() {
    let app = App::with(issuer::shared_with);
    let mut bob = bob(&app).await;
    let request = ChannelRequest { channel: CHANNEL.to_owned() };
    let reply = bob.ask(Command { presence: Some(request), ..Default::default() }).await;
    let presence = reply.presence.expect("a result").presence;
    let info = presence.values().next().expect("a member");
    assert_eq!((&info.conn_info[..], &info.chan_info[..]), (&[0xff, 0][..], &[0, 1][..]));
}

#[actix_web::test]
async fn json_members_see_the_bytes_in_base64() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    ann.subscribe(CHANNEL).await;
    let _bob = bob(&app).await;
    // The first push is the join of `ann`.
    let (_, join) = (ann.pushed().await, ann.pushed().await);
    assert_eq!(join["join"]["info"]["conn_info"], "/wA=", "{join}");
    assert_eq!(join["join"]["info"]["chan_info"], "AAE=", "{join}");
}
