//! A client of the Protobuf encoding over a WebSocket.

use std::collections::VecDeque;

use prost::Message as _;
use protocol::protobuf::{
    requests::Command,
    results::{Push, Reply},
};

use super::{Closed, Event, Handshake, Opcode, Socket, frame};

/// An open connection in the Protobuf encoding.
pub(crate) struct ProtobufSocket {
    pub(crate) socket: Socket,
    replies: VecDeque<Reply>,
    pushes: VecDeque<Push>,
    next_id: u32,
}

/// A message of the server, or the end of the connection.
pub(crate) enum Received {
    Reply(Box<Reply>),
    Closed(Closed),
}

impl ProtobufSocket {
    /// Opens a connection, and requests the encoding by its subprotocol.
    pub(crate) async fn open(handshake: Handshake) -> Self {
        let socket = handshake
            .header("sec-websocket-protocol", "centrifuge-protobuf")
            .open()
            .await
            .expect("the handshake is granted");
        Self::over(socket)
    }

    /// Uses an open connection.
    pub(crate) fn over(socket: Socket) -> Self {
        Self { socket, replies: VecDeque::new(), pushes: VecDeque::new(), next_id: 1 }
    }

    /// Sends a command and waits for its reply. Pushes that arrive before the reply are kept.
    pub(crate) async fn ask(&mut self, command: Command) -> Reply {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&Command { id, ..command }.encode_length_delimited_to_vec()).await;
        loop {
            match self.received().await {
                Received::Reply(mut reply) => match reply.push.take() {
                    Some(push) => self.pushes.push_back(push),
                    None if reply.id == id => return *reply,
                    None => panic!("an unexpected reply: {reply:?}"),
                },
                Received::Closed(closed) => panic!("closed while waiting for a reply: {closed:?}"),
            }
        }
    }

    /// The next push.
    pub(crate) async fn pushed(&mut self) -> Push {
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return push;
            }
            match self.received().await {
                Received::Reply(reply) => self.pushes.extend(reply.push),
                Received::Closed(closed) => panic!("closed while waiting for a push: {closed:?}"),
            }
        }
    }

    /// Sends these messages in one frame.
    pub(crate) async fn send(&mut self, messages: &[u8]) {
        self.socket.send(&frame(Opcode::Binary, true, messages)).await;
    }

    /// The next message, or the end of the connection.
    pub(crate) async fn received(&mut self) -> Received {
        loop {
            if let Some(reply) = self.replies.pop_front() {
                return Received::Reply(Box::new(reply));
            }
            match self.socket.event().await {
                Event::Binary(bytes) => {
                    let mut rest = bytes.as_slice();
                    assert!(!rest.is_empty(), "an empty frame");
                    while !rest.is_empty() {
                        let reply = Reply::decode_length_delimited(&mut rest).expect("a message");
                        self.replies.push_back(reply);
                    }
                }
                Event::Closed(closed) => return Received::Closed(closed),
                Event::Ping | Event::Pong(_) => {}
                Event::Object(object) => panic!("text on a binary connection: {object}"),
            }
        }
    }

    /// Waits until the server ends the connection. Messages before the end are skipped.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Received::Closed(closed) = self.received().await {
                return closed;
            }
        }
    }
}
