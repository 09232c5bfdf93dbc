//! A client of the Protobuf encoding over a WebSocket: commands as messages, and what comes back.

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

/// What came from the server.
pub(crate) enum Received {
    Reply(Box<Reply>),
    Closed(Closed),
}

impl ProtobufSocket {
    /// Opens a connection and offers the encoding by its name.
    pub(crate) async fn open(handshake: Handshake) -> Self {
        let socket = handshake
            .header("sec-websocket-protocol", "centrifuge-protobuf")
            .open()
            .await
            .expect("the handshake is granted");
        Self::over(socket)
    }

    /// Speaks over a connection that is open.
    pub(crate) fn over(socket: Socket) -> Self {
        Self { socket, replies: VecDeque::new(), pushes: VecDeque::new(), next_id: 1 }
    }

    /// Sends a command and waits for its reply. What is pushed meanwhile is kept.
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

    /// What is pushed next.
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

    /// Sends the messages of one frame.
    pub(crate) async fn send(&mut self, messages: &[u8]) {
        self.socket.send(&frame(Opcode::Binary, true, messages)).await;
    }

    /// What comes next.
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

    /// How the server ends the connection. What comes before the end is passed over.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Received::Closed(closed) = self.received().await {
                return closed;
            }
        }
    }
}
