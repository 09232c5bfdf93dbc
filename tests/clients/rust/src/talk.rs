//! The clients and subscriptions of one scenario, with the events that they receive. The scenarios use this module and check
//! the events.

use std::{future::IntoFuture, sync::Arc, time::Duration};

use centrifuge::{Client, ClientBuilder, ConnectedEvent, ConnectingEvent, DisconnectedEvent, JoinEvent, LeaveEvent, Protocol, ProxyConfig, Publication, PublicationEvent, ServerPublicationEvent, ServerSubscribedEvent, ServerUnsubscribedEvent, SubscribedEvent, Subscription, SubscriptionBuilder, UnsubscribedEvent};
use serde_json::{Value, json};
use tokio::{sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel}, time::timeout};

use crate::{server, application::token, line::Line};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The reason why a scenario failed.
pub(crate) type Failure = String;
pub(crate) type Outcome = Result<(), Failure>;

pub(crate) async fn within<T>(what: &str, happens: impl IntoFuture<Output = T>) -> Result<T, Failure> {
    timeout(PATIENCE, happens.into_future()).await.map_err(|_| format!("no {what} within {PATIENCE:?}"))
}

/// Waits for an answer of the SDK. An error of the SDK is a failure.
pub(crate) async fn answered<T>(
    what: &str,
    answer: impl IntoFuture<Output = Result<T, centrifuge::Error>>,
) -> Result<T, Failure> {
    within(what, answer).await?.map_err(|error| format!("{what}: {error}"))
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
}

/// The events of one kind, in order.
pub(crate) struct EventQueue<T> {
    what: &'static str,
    receiver: UnboundedReceiver<T>,
}

impl<T> EventQueue<T> {
    /// Takes the next event, and waits for it if necessary.
    pub(crate) async fn next(&mut self) -> Result<T, Failure> {
        within(self.what, self.receiver.recv()).await?.ok_or_else(|| format!("no more {}", self.what))
    }

    /// The number of events that have not been taken.
    pub(crate) fn waiting(&self) -> usize {
        self.receiver.len()
    }
}

fn event_queue<T>(what: &'static str) -> (UnboundedSender<T>, EventQueue<T>) {
    let (sender, receiver) = unbounded_channel();
    (sender, EventQueue { what, receiver })
}

/// A handler that keeps the events. The queue may already be dropped.
fn keep<Owner, T: Send + 'static>(sender: UnboundedSender<T>) -> impl FnMut(&Owner, T) + Send + 'static {
    move |_, event| drop(sender.send(event))
}

/// An encoding and a transport: a WebSocket, or HTTP streaming with commands in separate requests.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    protocol: Protocol,
    streamed: bool,
}

pub(crate) static WAYS: [[Way; 2]; 2] = [
    [
        Way { name: "json", protocol: Protocol::Json, streamed: false },
        Way { name: "protobuf", protocol: Protocol::Protobuf, streamed: false },
    ],
    [
        Way { name: "http_stream, JSON", protocol: Protocol::Json, streamed: true },
        Way { name: "http_stream, Protobuf", protocol: Protocol::Protobuf, streamed: true },
    ],
];

/// A client with its network connection (`line`) and its events.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) line: Arc<Line>,
    pub(crate) connecting: EventQueue<ConnectingEvent>,
    pub(crate) connected: EventQueue<ConnectedEvent>,
    pub(crate) disconnected: EventQueue<DisconnectedEvent>,
    pub(crate) server_subscribed: EventQueue<ServerSubscribedEvent>,
    pub(crate) server_unsubscribed: EventQueue<ServerUnsubscribedEvent>,
    pub(crate) server_publications: EventQueue<ServerPublicationEvent>,
}

impl Peer {
    pub(crate) async fn connect(&mut self) -> Outcome {
        self.client.connect().map_err(|error| error.to_string())?;
        self.connected.next().await.map(drop)
    }

    /// Cuts the line and waits until the client has noticed the loss.
    pub(crate) async fn cut(&mut self) -> Outcome {
        self.line.cut();
        while self.connecting.next().await?.code == centrifuge::codes::connecting::CONNECT_CALLED {}
        Ok(())
    }

    pub(crate) async fn subscribed(&self, channel: &str) -> Result<ObservedSubscription, Failure> {
        self.subscribed_with(channel, |builder| builder).await
    }

    pub(crate) async fn subscribed_with(
        &self,
        channel: &str,
        options: impl FnOnce(SubscriptionBuilder) -> SubscriptionBuilder,
    ) -> Result<ObservedSubscription, Failure> {
        let mut observed = self.subscribing(channel, options)?;
        observed.subscribed.next().await?;
        Ok(observed)
    }

    /// Requests a subscription without waiting for the answer.
    pub(crate) fn subscribing(
        &self,
        channel: &str,
        options: impl FnOnce(SubscriptionBuilder) -> SubscriptionBuilder,
    ) -> Result<ObservedSubscription, Failure> {
        let (on_subscribed, subscribed) = event_queue("subscription");
        let (on_unsubscribed, unsubscribed) = event_queue("end of the subscription");
        let (on_publication, publications) = event_queue("publication");
        let ((on_join, joins), (on_leave, leaves)) = (event_queue("join"), event_queue("leave"));
        let subscription = options(self.client.new_subscription(channel))
            .min_resubscribe_delay(Duration::from_millis(50))
            .on_subscribed(keep(on_subscribed))
            .on_unsubscribed(keep(on_unsubscribed))
            .on_publication(keep(on_publication))
            .on_join(keep(on_join))
            .on_leave(keep(on_leave))
            .build()
            .map_err(|error| error.to_string())?;
        subscription.subscribe();
        Ok(ObservedSubscription { subscription, subscribed, unsubscribed, publications, joins, leaves })
    }
}

/// A subscription with its events.
pub(crate) struct ObservedSubscription {
    pub(crate) subscription: Subscription,
    pub(crate) subscribed: EventQueue<SubscribedEvent>,
    pub(crate) unsubscribed: EventQueue<UnsubscribedEvent>,
    pub(crate) publications: EventQueue<PublicationEvent>,
    pub(crate) joins: EventQueue<JoinEvent>,
    pub(crate) leaves: EventQueue<LeaveEvent>,
}

impl ObservedSubscription {
    pub(crate) async fn publish(&self, data: &Value) -> Outcome {
        answered("publish", self.subscription.publish(data.to_string())).await
    }

    /// Publishes the numbers from `first` to `last`, one after the other.
    pub(crate) async fn publish_numbers(&self, first: u32, last: u32) -> Outcome {
        for n in first..=last {
            self.publish(&json!({ "n": n })).await?;
        }
        Ok(())
    }

    /// The numbers of the next publications.
    pub(crate) async fn numbers(&mut self, count: usize) -> Result<Vec<u64>, Failure> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            let heard = self.publications.next().await?;
            numbers.push(number(&heard));
        }
        Ok(numbers)
    }
}

/// The data of a publication.
pub(crate) fn data_of(publication: &Publication) -> Value {
    serde_json::from_slice(&publication.data).unwrap_or_default()
}

/// The number that was published; 0 if it was something else.
pub(crate) fn number(publication: &Publication) -> u64 {
    data_of(publication)["n"].as_u64().unwrap_or_default()
}

/// The clients of one scenario. The clients and their lines are kept until the scenario ends.
pub(crate) struct Talk {
    way: &'static Way,
    clients: Vec<(Client, Arc<Line>)>,
}

impl Talk {
    pub(crate) fn new(way: &'static Way) -> Self {
        Self { way, clients: Vec::new() }
    }

    /// Whether commands are sent in separate requests.
    pub(crate) fn is_streamed(&self) -> bool {
        self.way.streamed
    }

    /// A client that has not connected.
    pub(crate) async fn peer(
        &mut self,
        options: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Peer, Failure> {
        let line = Arc::new(Line::open(server::host()).await.map_err(|error| error.to_string())?);
        let url = match self.way.streamed {
            true => format!("http://{}/connection/http_stream", line.address),
            false => format!("ws://{}/connection/websocket", line.address),
        };
        let (on_connecting, connecting) = event_queue("attempt to connect");
        let ((on_connected, connected), (on_disconnected, disconnected)) = (event_queue("connection"), event_queue("end"));
        let (on_subscribed, server_subscribed) = event_queue("subscription by the server");
        let (on_unsubscribed, server_unsubscribed) = event_queue("end of a subscription by the server");
        let (on_publication, server_publications) = event_queue("publication");
        let client = options(Client::builder(url))
            .protocol(self.way.protocol)
            .proxy(ProxyConfig::None)
            .min_reconnect_delay(Duration::from_millis(50))
            .max_reconnect_delay(Duration::from_millis(200))
            .on_connecting(keep(on_connecting))
            .on_connected(keep(on_connected))
            .on_disconnected(keep(on_disconnected))
            .on_subscribed(keep(on_subscribed))
            .on_unsubscribed(keep(on_unsubscribed))
            .on_publication(keep(on_publication))
            .build()
            .map_err(|error| error.to_string())?;
        self.clients.push((client.clone(), Arc::clone(&line)));
        Ok(Peer {
            client,
            line,
            connecting,
            connected,
            disconnected,
            server_subscribed,
            server_unsubscribed,
            server_publications,
        })
    }

    pub(crate) async fn connected_with(
        &mut self,
        options: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Peer, Failure> {
        let mut peer = self.peer(options).await?;
        peer.connect().await?;
        Ok(peer)
    }

    pub(crate) async fn connected(&mut self, user: &str) -> Result<Peer, Failure> {
        self.connected_with(|builder| builder.token(token(&json!({ "sub": user })))).await
    }

    pub(crate) async fn end(self) {
        for (client, _) in self.clients {
            client.close().await;
        }
    }
}
