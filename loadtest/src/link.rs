//! One connection over any transport: a WebSocket, or a stream with separate requests.

use std::{cell::RefCell, collections::HashMap, net::IpAddr};

use clap::ValueEnum;
use reqwest::Client;

use crate::{
    emulated::{self, Emulated, Framing},
    session::Session,
    socket::{Message, Socket, SocketError},
    target::Target,
};

/// The transport of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// WebSockets.
    Websocket,
    /// Streams of HTTP responses, with one message per line.
    #[value(name = "http_stream")]
    HttpStream,
    /// Server-sent events.
    Sse,
}

/// Opens connections over one transport.
pub(crate) struct Opener {
    transport: Transport,
    /// One HTTP client per local address.
    clients: RefCell<HashMap<Option<IpAddr>, Client>>,
}

/// An open connection.
pub(crate) enum Link {
    Socket(Socket),
    Emulated(Box<Emulated>),
}

impl Transport {
    /// The name in flags and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::HttpStream => "http_stream",
            Self::Sse => "sse",
        }
    }
}

impl Opener {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, clients: RefCell::default() }
    }

    /// Opens a connection with `connect` as its first command, followed by `commands`. Also returns the number of replies that
    /// are still to come.
    pub(crate) async fn open(
        &self,
        target: &Target,
        session: &Session,
        commands: &str,
    ) -> Result<(Link, usize), SocketError> {
        let token = &session.tokens.access_token;
        let framing = match self.transport {
            Transport::Websocket => {
                let mut socket = Socket::open(target, session.source, token).await?;
                let opening = format!("{{\"id\":1,\"connect\":{{}}}}\n{commands}");
                socket.send(opening.as_bytes()).await?;
                return Ok((Link::Socket(socket), 1 + commands.lines().count()));
            }
            Transport::HttpStream => Framing::Lines,
            Transport::Sse => Framing::Events,
        };
        let mut stream = Emulated::open(target, self.client(session.source)?, framing, token).await?;
        stream.send(commands.as_bytes()).await?;
        Ok((Link::Emulated(Box::new(stream)), commands.lines().count()))
    }

    fn client(&self, source: Option<IpAddr>) -> Result<Client, SocketError> {
        let mut clients = self.clients.borrow_mut();
        if let Some(client) = clients.get(&source) {
            return Ok(client.clone());
        }
        let client = emulated::client(source)?;
        clients.insert(source, client.clone());
        Ok(client)
    }
}

impl Link {
    /// Sends one text, which consists of JSON objects separated by line feeds.
    pub(crate) async fn send(&mut self, text: &[u8]) -> Result<(), SocketError> {
        match self {
            Self::Socket(socket) => Ok(socket.send(text).await?),
            Self::Emulated(stream) => stream.send(text).await,
        }
    }

    /// The next message. No message is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Message<'_>, SocketError> {
        match self {
            Self::Socket(socket) => socket.next().await,
            Self::Emulated(stream) => stream.next().await,
        }
    }
}
