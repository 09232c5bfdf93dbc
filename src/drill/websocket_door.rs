//! The door of WebSockets: a connection in the Centrifuge protocol, whose first command is `connect` with the access token.

use std::time::Instant;

use domain::request::SOCKET_PATHS;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{
    Client, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use serde_json::Value;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::client::generate_key, protocol::Role},
};

use super::{
    entrance::Entrance,
    stream_door::connects,
    watched_end::{End, WatchedEnd},
};

type Socket = WebSocketStream<reqwest::Upgraded>;

/// Opens a WebSocket and connects with this command.
///
/// # Errors
/// The reason, in words.
pub(super) async fn open(
    client: &Client,
    entrance: &Entrance,
    connect: &Value,
) -> Result<WatchedEnd, String> {
    let [_, path] = SOCKET_PATHS;
    let request = client
        .get(entrance.url(path))
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key());
    let answer = request.send().await.map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("HTTP {}", answer.status().as_u16()));
    }
    let upgraded = answer.upgrade().await.map_err(|error| error.to_string())?;
    let mut socket = Socket::from_raw_socket(upgraded, Role::Client, None).await;
    socket.send(Message::text(connect.to_string())).await.map_err(|error| error.to_string())?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) if connects(&text) => {}
        Some(Ok(Message::Close(Some(frame)))) => return Err(format!("closed with {}", frame.code)),
        _ => return Err("no reply to `connect`".to_owned()),
    }
    Ok(WatchedEnd::spawn(until_closed(socket)))
}

/// Waits until the server closes the socket.
async fn until_closed(mut socket: Socket) -> End {
    loop {
        let code = match socket.next().await {
            Some(Ok(Message::Close(frame))) => frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => None,
        };
        return End { at: Instant::now(), code };
    }
}
