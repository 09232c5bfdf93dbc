//! A subscriber and a publisher for a server that may be killed at any moment. The subscriber behaves like the SDKs: it
//! reconnects by itself, and recovers missed publications by offset and epoch.

use std::{net::SocketAddr, ops::ControlFlow, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// How long a connection may be silent before the client drops it.
const SILENCE: Duration = Duration::from_secs(10);

/// A connection that is subscribed to one channel.
struct Line {
    stream: WebSocketStream<TcpStream>,
    objects: std::collections::VecDeque<Value>,
}

/// The current address of the server, which a restart may change.
pub(crate) type Place = watch::Receiver<SocketAddr>;

/// A subscriber that collects all publications of a channel.
pub(crate) struct ReconnectingSubscriber {
    place: Place,
    token: String,
    channel: String,
    /// The position of the last received publication. `None` before the first subscription.
    pub(crate) position: Option<(u64, String)>,
    /// All publications with their offsets, in the order of arrival.
    pub(crate) got: Vec<(u64, Value)>,
    /// How often the subscriber subscribed again after the first time.
    pub(crate) returns: usize,
    /// How often the server answered that missed publications cannot be recovered.
    pub(crate) lost: usize,
}

/// A publisher of one channel.
pub(crate) struct Publisher {
    place: Place,
    token: String,
    channel: String,
    line: Option<Line>,
}

impl Line {
    /// Connects, and sends `connect` and `subscribe` with the ids 1 and 2. The caller must read the replies.
    async fn open(place: &Place, token: &str, subscribe: &Value) -> Option<Self> {
        let address = *place.borrow();
        let stream = TcpStream::connect(address).await.ok()?;
        let (stream, _) = client_async(format!("ws://{address}/connection/websocket"), stream).await.ok()?;
        let mut line = Self { stream, objects: std::collections::VecDeque::new() };
        let connect = json!({"id": 1, "connect": {"token": token}});
        line.send(format!("{connect}\n{}", json!({"id": 2, "subscribe": subscribe}))).await?;
        Some(line)
    }

    async fn send(&mut self, text: String) -> Option<()> {
        self.stream.send(Message::text(text)).await.ok()
    }

    /// The next reply or push; `None` when the connection has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.objects.pop_front() {
                Some(object) if object == json!({}) => self.send("{}".to_owned()).await?,
                Some(object) => return Some(object),
                None => match tokio::time::timeout(SILENCE, self.stream.next()).await.ok()??.ok()? {
                    Message::Text(text) => {
                        let lines = text.as_str().trim_end().split('\n');
                        self.objects
                            .extend(lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
                    }
                    Message::Close(_) => return None,
                    _ => {}
                },
            }
        }
    }
}

impl ReconnectingSubscriber {
    pub(crate) fn new(place: Place, token: &str, channel: &str) -> Self {
        Self {
            place,
            token: token.to_owned(),
            channel: channel.to_owned(),
            position: None,
            got: Vec::new(),
            returns: 0,
            lost: 0,
        }
    }

    /// Stays subscribed, and reconnects whenever the connection ends. When `hang_up` is ready, drops the connection without a
    /// close frame.
    pub(crate) async fn follow(&mut self, hang_up: impl Future<Output = ()>) {
        tokio::pin!(hang_up);
        loop {
            tokio::select! {
                () = &mut hang_up => return,
                () = self.stay() => {}
            }
            tokio::select! {
                () = &mut hang_up => return,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }

    /// Uses one connection until the connection or the subscription ends. The future may be dropped at any moment, because each
    /// publication is stored when it arrives.
    async fn stay(&mut self) {
        let mut subscribe = json!({"channel": self.channel});
        if let Some((offset, epoch)) = &self.position {
            subscribe["recover"] = true.into();
            subscribe["offset"] = (*offset).into();
            subscribe["epoch"] = epoch.clone().into();
        }
        let Some(mut line) = Line::open(&self.place, &self.token, &subscribe).await else { return };
        while let Some(object) = line.next().await {
            if self.handle(&object).is_break() {
                return;
            }
        }
    }

    fn handle(&mut self, object: &Value) -> ControlFlow<()> {
        if object.get("error").is_some() {
            return ControlFlow::Break(());
        }
        if let Some(subscribed) = object.get("subscribe") {
            self.subscribed(subscribed);
        }
        let push = &object["push"];
        if push["channel"] == self.channel.as_str() {
            if push.get("unsubscribe").is_some() {
                return ControlFlow::Break(());
            }
            if let Some(publication) = push.get("pub") {
                self.accept(publication);
            }
        }
        ControlFlow::Continue(())
    }

    fn subscribed(&mut self, result: &Value) {
        // The server omits the offset zero.
        let offset = result["offset"].as_u64().unwrap_or(0);
        let epoch = result["epoch"].as_str().expect("an epoch").to_owned();
        if self.position.is_some() {
            self.returns += 1;
            if result["recovered"] != true {
                self.lost += 1;
                self.position = None;
            }
        }
        if self.position.is_none() {
            self.position = Some((offset, epoch));
        }
        for publication in result["publications"].as_array().into_iter().flatten() {
            self.accept(publication);
        }
    }

    fn accept(&mut self, publication: &Value) {
        let offset = publication["offset"].as_u64().expect("an offset");
        let (position, _) = self.position.as_mut().expect("a subscription before its publications");
        *position = offset;
        self.got.push((offset, publication["data"].clone()));
    }
}

impl Publisher {
    pub(crate) fn new(place: Place, token: &str, channel: &str) -> Self {
        Self { place, token: token.to_owned(), channel: channel.to_owned(), line: None }
    }

    /// Publishes once, and returns whether the publication was acknowledged.
    pub(crate) async fn publish(&mut self, data: &Value) -> bool {
        let done = self.try_publish(data).await.is_some();
        if !done {
            self.line = None;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        done
    }

    async fn try_publish(&mut self, data: &Value) -> Option<()> {
        if self.line.is_none() {
            let mut line = Line::open(&self.place, &self.token, &json!({"channel": self.channel})).await?;
            reply(&mut line, 2, "subscribe").await?;
            self.line = Some(line);
        }
        let line = self.line.as_mut()?;
        let command = json!({"id": 3, "publish": {"channel": self.channel, "data": data}});
        line.send(command.to_string()).await?;
        reply(line, 3, "publish").await
    }
}

/// Waits for the reply to a command; `None` if it is an error, or does not arrive.
async fn reply(line: &mut Line, id: u32, result: &str) -> Option<()> {
    loop {
        let object = line.next().await?;
        if object["id"] == id {
            return object.get(result).map(drop);
        }
    }
}
