//! A WebSocket client that needs little memory, because a scenario opens thousands of clients. An idle client keeps at most 4
//! KiB of buffer, and all clients share one buffer for reading.

use std::{cell::RefCell, future::poll_fn, io, net::IpAddr, pin::Pin, task::Poll};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};

use crate::{
    frame::{self, Opcode},
    stream::Stream,
    target::Target,
};

/// The path of the WebSocket endpoint.
const PATH: &str = "/api/v1/ws/chat";
/// The example key of RFC 6455 and its answer. A random key would prove nothing here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MAX_HANDSHAKE: usize = 16 * 1024;
/// An empty buffer is kept if its capacity in bytes is at most this.
const KEEP: usize = 4096;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// Why a WebSocket or an emulated stream could not be opened, or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("the handshake was answered with {0}")]
    Refused(u16),
    #[error("the server does not speak WebSocket")]
    NoWebSocket,
    #[error("the server did not answer `connect` with the secret of a stream")]
    NoStream,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Unexpected(#[from] frame::Unexpected),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// A text frame, which consists of JSON objects separated by line feeds.
    Text(&'a [u8]),
    /// A close frame, which the socket has answered; from an emulated stream, the disconnect push.
    Close(Option<(u16, String)>),
    /// The stream ended without a close frame.
    End,
}

/// An open WebSocket.
pub(crate) struct Socket {
    io: Stream,
    buffer: Vec<u8>,
    /// How many bytes of `buffer` have been returned as messages.
    taken: usize,
}

impl Socket {
    /// Connects, with the token as bearer credential of the handshake.
    pub(crate) async fn open(
        target: &Target,
        source: Option<IpAddr>,
        token: &str,
    ) -> Result<Self, SocketError> {
        let io = Stream::connect(target, source).await?;
        let mut socket = Self { io, buffer: Vec::new(), taken: 0 };
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nAuthorization: Bearer {token}\r\n\r\n",
            target.authority
        );
        socket.io.write_all(request.as_bytes()).await?;
        socket.io.flush().await?;
        socket.read_handshake().await?;
        Ok(socket)
    }

    async fn read_handshake(&mut self) -> Result<(), SocketError> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > MAX_HANDSHAKE || self.read().await? == 0 {
                return Err(SocketError::NoWebSocket);
            }
        };
        check_handshake(&String::from_utf8_lossy(&self.buffer[..end]))?;
        self.taken = end;
        Ok(())
    }

    /// Sends one text frame.
    pub(crate) async fn send(&mut self, text: &[u8]) -> io::Result<()> {
        self.send_frame(Opcode::Text, text).await
    }

    async fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(payload.len() + 14);
        frame::append(&mut bytes, opcode, payload);
        self.io.write_all(&bytes).await?;
        self.io.flush().await
    }

    /// The next message. WebSocket pings are answered here. If the future is dropped while it waits for bytes, no message is
    /// lost.
    pub(crate) async fn next(&mut self) -> Result<Message<'_>, SocketError> {
        loop {
            let Some(bounds) = frame::first(&self.buffer[self.taken..])? else {
                self.compact();
                match self.read().await {
                    Ok(0) => return Ok(Message::End),
                    Ok(_) => continue,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Message::End),
                    Err(error) => return Err(error.into()),
                }
            };
            let payload = self.taken + bounds.start..self.taken + bounds.end;
            self.taken = payload.end;
            match bounds.opcode {
                Opcode::Text => return Ok(Message::Text(&self.buffer[payload])),
                Opcode::Pong => {}
                Opcode::Ping => {
                    let payload = self.buffer[payload].to_vec();
                    self.send_frame(Opcode::Pong, &payload).await?;
                }
                Opcode::Close => {
                    let payload = self.buffer[payload].to_vec();
                    // This fails if the server has closed the socket already.
                    let _ = self.send_frame(Opcode::Close, &payload).await;
                    return Ok(Message::Close(frame::close_reason(&payload)));
                }
            }
        }
    }

    fn compact(&mut self) {
        if self.taken == self.buffer.len() && self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..self.taken);
        }
        self.taken = 0;
    }

    /// Reads available bytes into the buffer. 0 means the end of the stream.
    async fn read(&mut self) -> io::Result<usize> {
        let Self { io, buffer, .. } = self;
        poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut into = ReadBuf::new(scratch);
                match Pin::new(&mut *io).poll_read(cx, &mut into) {
                    Poll::Ready(Ok(())) => {
                        buffer.extend_from_slice(into.filled());
                        Poll::Ready(Ok(into.filled().len()))
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Pending => Poll::Pending,
                }
            })
        })
        .await
    }
}

fn check_handshake(head: &str) -> Result<(), SocketError> {
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(SocketError::NoWebSocket)?;
    if status != 101 {
        return Err(SocketError::Refused(status));
    }
    let accepted = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT);
    if accepted { Ok(()) } else { Err(SocketError::NoWebSocket) }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncReadExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Socket { io: Stream::Plain(client), buffer: Vec::new(), taken: 0 }, server)
    }

    #[test]
    fn only_status_101_with_the_right_accept_header_opens_a_websocket() {
        let good = format!("HTTP/1.1 101 Switching Protocols\r\nSec-Websocket-Accept: {ACCEPT}\r\n\r\n");
        assert!(check_handshake(&good).is_ok());
        assert!(matches!(
            check_handshake("HTTP/1.1 401 Unauthorized\r\n\r\n"),
            Err(SocketError::Refused(401))
        ));
        assert!(matches!(check_handshake("HTTP/1.1 101 X\r\n\r\n"), Err(SocketError::NoWebSocket)));
        assert!(check_handshake("").is_err());
    }

    #[tokio::test]
    async fn messages_are_complete_however_the_bytes_are_split() {
        let (mut socket, mut server) = pair().await;
        let bytes = b"HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02{}\x81\x05hello";
        let (first, second) = bytes.split_at(bytes.len() - 3);
        server.write_all(first).await.unwrap();
        socket.read_handshake().await.unwrap();
        assert_eq!(socket.next().await.unwrap(), Message::Text(b"{}"));
        server.write_all(second).await.unwrap();
        assert_eq!(socket.next().await.unwrap(), Message::Text(b"hello"));
    }

    #[tokio::test]
    async fn pings_and_closes_are_answered() {
        let (mut socket, mut server) = pair().await;
        server.write_all(b"\x89\x01p\x88\x06\x11\x94gone").await.unwrap();
        assert_eq!(socket.next().await.unwrap(), Message::Close(Some((4500, "gone".to_owned()))));
        let mut answers = [0; 7 + 12];
        server.read_exact(&mut answers).await.unwrap();
        assert_eq!(answers[..7], [0x8a, 0x81, 0, 0, 0, 0, b'p']);
        assert_eq!(answers[7..9], [0x88, 0x86]);
        drop(server);
        assert_eq!(socket.next().await.unwrap(), Message::End);
    }
}
