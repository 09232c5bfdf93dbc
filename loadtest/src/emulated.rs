//! A client of the emulated transports: the stream of an HTTP response, and commands in separate requests.
//!
//! This client replaces a WebSocket when the cost of a stream is measured. The connection of each request with commands is
//! closed at once, so that the server holds only the streams.

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{
    socket::{Message, SocketError},
    target::Target,
};

/// Time limit of a request with commands.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const CONNECT: &str = r#"{"id":1,"connect":{}}"#;

/// How messages are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `http_stream`: one message per line.
    Lines,
    /// `sse`: one message per event.
    Events,
}

/// An open stream.
pub(crate) struct Emulated {
    client: Client,
    url: String,
    response: Response,
    framing: Framing,
    unread: Vec<u8>,
    /// The message that `next` returned last.
    message: Vec<u8>,
    /// The secret and the node of the stream, which each request with commands must name.
    session: Value,
    node: Value,
}

/// An HTTP client for streams, which connects from this local address.
pub(crate) fn client(source: Option<IpAddr>) -> reqwest::Result<Client> {
    Client::builder()
        .local_address(source)
        .pool_max_idle_per_host(0)
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
}

impl Emulated {
    /// Opens a stream with the token as bearer credential and `connect` as its first command.
    pub(crate) async fn open(
        target: &Target,
        client: Client,
        framing: Framing,
        token: &str,
    ) -> Result<Self, SocketError> {
        let response = opening(target, &client, framing).bearer_auth(token).send().await?;
        if response.status() != 200 {
            return Err(SocketError::Refused(response.status().as_u16()));
        }
        let url = format!("{}/emulation", target.base);
        let (session, node) = (Value::Null, Value::Null);
        let mut stream =
            Self { client, url, response, framing, unread: Vec::new(), message: Vec::new(), session, node };
        stream.connected().await?;
        Ok(stream)
    }

    async fn connected(&mut self) -> Result<(), SocketError> {
        let Message::Text(text) = self.next().await? else { return Err(SocketError::NoStream) };
        let reply: Value = serde_json::from_slice(text).map_err(|_| SocketError::NoStream)?;
        let connected = reply.get("connect").ok_or(SocketError::NoStream)?;
        (self.session, self.node) = (connected["session"].clone(), connected["node"].clone());
        if self.session.is_string() && self.node.is_string() { Ok(()) } else { Err(SocketError::NoStream) }
    }

    /// Sends commands in a separate request.
    pub(crate) async fn send(&mut self, commands: &[u8]) -> Result<(), SocketError> {
        let data = String::from_utf8_lossy(commands);
        let body = json!({"session": self.session, "node": self.node, "data": data});
        let sent = self.client.post(&self.url).timeout(ANSWER_WITHIN).json(&body).send().await?;
        if sent.status() == 204 { Ok(()) } else { Err(SocketError::Refused(sent.status().as_u16())) }
    }

    /// The next message. No message is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Message<'_>, SocketError> {
        while !self.framing.take(&mut self.unread, &mut self.message) {
            match self.response.chunk().await? {
                Some(chunk) => self.unread.extend_from_slice(&chunk),
                None => return Ok(Message::End),
            }
        }
        Ok(match disconnect_reason(&self.message) {
            Some(reason) => Message::Close(Some(reason)),
            None => Message::Text(&self.message),
        })
    }
}

fn opening(target: &Target, client: &Client, framing: Framing) -> RequestBuilder {
    let base = &target.base;
    match framing {
        Framing::Lines => client.post(format!("{base}/connection/http_stream")).body(CONNECT),
        Framing::Events => client.get(format!("{base}/connection/sse")).query(&[("cf_connect", CONNECT)]),
    }
}

impl Framing {
    /// Moves the first complete message from `unread` to `message`. False if there is none.
    fn take(self, unread: &mut Vec<u8>, message: &mut Vec<u8>) -> bool {
        let (end, prefix): (&[u8], &[u8]) = match self {
            Self::Lines => (b"\n", b""),
            Self::Events => (b"\n\n", b"data: "),
        };
        // The server sends these two bytes before the first event, so that clients know that the stream is open.
        if self == Self::Events && unread.starts_with(b"\r\n") {
            unread.drain(..2);
        }
        let Some(at) = unread.windows(end.len()).position(|bytes| bytes == end) else { return false };
        message.clear();
        message.extend_from_slice(unread[..at].strip_prefix(prefix).unwrap_or(&unread[..at]));
        unread.drain(..at + end.len());
        if unread.is_empty() {
            // Free the buffer, so that idle streams need little memory.
            *unread = Vec::new();
        }
        true
    }
}

/// Code and reason of a disconnect push, which is the last message of a stream.
fn disconnect_reason(message: &[u8]) -> Option<(u16, String)> {
    if !message.starts_with(b"{\"push\"") {
        return None;
    }
    let message: Value = serde_json::from_slice(message).ok()?;
    let disconnect = message["push"].get("disconnect")?;
    let code = disconnect["code"].as_u64().and_then(|code| u16::try_from(code).ok())?;
    Some((code, disconnect["reason"].as_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(framing: Framing, parts: &[&str]) -> Vec<String> {
        let (mut unread, mut message, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            unread.extend_from_slice(part.as_bytes());
            while framing.take(&mut unread, &mut message) {
                all.push(String::from_utf8(message.clone()).unwrap());
            }
        }
        assert!(unread.is_empty());
        all
    }

    #[test]
    fn messages_are_complete_however_the_bytes_are_split() {
        assert_eq!(taken(Framing::Lines, &["{\"id\":1}\n{", "}\n"]), ["{\"id\":1}", "{}"]);
        let events = ["\r\n", "data: {\"id\":1}\n", "\ndata: {}\n\n"];
        assert_eq!(taken(Framing::Events, &events), ["{\"id\":1}", "{}"]);
    }

    #[test]
    fn a_disconnect_push_is_the_end_of_a_stream() {
        let last = br#"{"push":{"disconnect":{"code":4500,"reason":"session revoked"}}}"#;
        assert_eq!(disconnect_reason(last), Some((4500, "session revoked".to_owned())));
        assert_eq!(disconnect_reason(br#"{"push":{"channel":"a","pub":{"data":{}}}}"#), None);
        assert_eq!(disconnect_reason(b"{}"), None);
    }
}
