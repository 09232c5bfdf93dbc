//! [`DrillClient`]: opens the doors of this node with the tokens of a canary session.

use std::{future::Future, time::Duration};

use actors::runtime::Live;
use domain::drill::Door;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::{CanaryTokens, DoorClosed, DoorFuture, HeldDoors, NodeDoors};

use super::{asked_door::AskedDoor, entrance::Entrance, held_doors::OpenDoors, stream_door, websocket_door};

/// How long it may take to open one door.
const OPENED_WITHIN: Duration = Duration::from_secs(5);

/// The client of drills. Each drill gets connections of its own.
pub struct DrillClient {
    entrance: Option<Entrance>,
    live: Live,
}

impl DrillClient {
    /// A client of this node. Without an entrance, no door can be opened.
    #[must_use]
    pub fn new(entrance: Option<Entrance>, live: Live) -> Self {
        Self { entrance, live }
    }
}

impl NodeDoors for DrillClient {
    fn open(&self, tokens: CanaryTokens) -> DoorFuture<Result<Box<dyn HeldDoors>, DoorClosed>> {
        let entrance = self.entrance.clone();
        let client = entrance.as_ref().map(|entrance| entrance.client(&self.live.load().trusted_proxies));
        Box::pin(async move {
            let (Some(entrance), Some(client)) = (entrance, client) else {
                return Err(DoorClosed("this node has no listener for clients".to_owned()));
            };
            let client = client.map_err(DoorClosed)?;
            let doors = open_each(&client, &entrance, tokens).await?;
            Ok(Box::new(doors) as Box<dyn HeldDoors>)
        })
    }
}

/// Opens one door after the other. The refresh token is exchanged last, because its retries are limited in time.
async fn open_each(
    client: &Client,
    entrance: &Entrance,
    tokens: CanaryTokens,
) -> Result<OpenDoors, DoorClosed> {
    let connect = json!({"id": 1, "connect": {"token": tokens.access.expose_secret(), "name": "drill"}});
    let websocket = opened(Door::Websocket, websocket_door::open(client, entrance, &connect)).await?;
    let http_stream =
        opened(Door::HttpStream, stream_door::open_http_stream(client, entrance, &connect)).await?;
    let sse = opened(Door::Sse, stream_door::open_sse(client, entrance, &connect)).await?;
    let api = AskedDoor::api(client, entrance, tokens.access);
    opened(Door::Api, api.check_open()).await?;
    let refresh = AskedDoor::refresh(client, entrance, tokens.refresh);
    opened(Door::Refresh, refresh.check_open()).await?;
    Ok(OpenDoors { websocket, http_stream, sse, api, refresh })
}

async fn opened<T>(door: Door, opening: impl Future<Output = Result<T, String>>) -> Result<T, DoorClosed> {
    let opened = tokio::time::timeout(OPENED_WITHIN, opening).await;
    let opened = opened.unwrap_or_else(|_| Err("no answer in time".to_owned()));
    opened.map_err(|reason| DoorClosed(format!("{}: {reason}", door.as_str())))
}
