//! The doors of the emulated transports: an `http_stream`, and a stream of server-sent events. Both begin with `connect`.

use std::time::Instant;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::{
    entrance::Entrance,
    watched_end::{End, WatchedEnd},
};

/// The most bytes of a message. A drill subscribes to nothing, so its messages are short.
const MESSAGE_BYTES: usize = 64 * 1024;

/// Opens an `http_stream`.
///
/// # Errors
/// The reason, in words.
pub(super) async fn open_http_stream(
    client: &Client,
    entrance: &Entrance,
    connect: &Value,
) -> Result<WatchedEnd, String> {
    open(client.post(entrance.url("/connection/http_stream")).body(connect.to_string())).await
}

/// Opens a stream of server-sent events.
///
/// # Errors
/// The reason, in words.
pub(super) async fn open_sse(
    client: &Client,
    entrance: &Entrance,
    connect: &Value,
) -> Result<WatchedEnd, String> {
    open(client.get(entrance.url("/connection/sse")).query(&[("cf_connect", connect.to_string())])).await
}

async fn open(request: RequestBuilder) -> Result<WatchedEnd, String> {
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    if response.status() != StatusCode::OK {
        return Err(format!("HTTP {}", response.status().as_u16()));
    }
    let mut stream = Stream { response, unread: Vec::new() };
    match stream.message().await {
        Some(text) if connects(&text) => Ok(WatchedEnd::spawn(stream.until_ended())),
        Some(text) => {
            let code = disconnect_code(&text);
            Err(code.map_or_else(|| "no reply to `connect`".to_owned(), |code| format!("closed with {code}")))
        }
        None => Err("no reply to `connect`".to_owned()),
    }
}

/// Whether this message is the reply to a `connect` that succeeded.
pub(super) fn connects(message: &str) -> bool {
    let reply: Option<Value> = message.lines().next().and_then(|line| serde_json::from_str(line).ok());
    reply.is_some_and(|reply| reply["connect"]["client"].is_string())
}

/// The code of the push with which a stream ends, if this message is one.
fn disconnect_code(message: &str) -> Option<u16> {
    let message: Value = serde_json::from_str(message).ok()?;
    u16::try_from(message["push"]["disconnect"]["code"].as_u64()?).ok()
}

/// The body of an answer, as lines.
struct Stream {
    response: Response,
    unread: Vec<u8>,
}

impl Stream {
    /// The next message; `None` at the end.
    async fn message(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                let line = line.trim();
                // Server-sent events have the message after the name of its field; empty lines stand between messages.
                let text = line.strip_prefix("data:").unwrap_or(line).trim_start();
                if !text.is_empty() {
                    return Some(text.to_owned());
                }
            }
            let part = self.response.chunk().await.ok().flatten()?;
            if self.unread.len() + part.len() > MESSAGE_BYTES {
                return None;
            }
            self.unread.extend_from_slice(&part);
        }
    }

    /// Waits until the answer has ended.
    async fn until_ended(mut self) -> End {
        let mut code = None;
        while let Some(message) = self.message().await {
            code = disconnect_code(&message).or(code);
        }
        End { at: Instant::now(), code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_to_connect_and_disconnect_pushes_are_told_apart() {
        assert!(connects(r#"{"id":1,"connect":{"client":"a","version":"1"}}"#));
        assert!(!connects(r#"{"id":1,"error":{"code":101,"message":"unauthorized"}}"#));
        assert!(!connects("{}") && !connects("nonsense"));
        let push = r#"{"push":{"disconnect":{"code":4500,"reason":"session revoked"}}}"#;
        assert_eq!(disconnect_code(push), Some(4500));
        assert_eq!(disconnect_code(r#"{"push":{"pub":{"data":1}}}"#), None);
        assert_eq!(disconnect_code(r#"{"push":{"disconnect":{"code":99999}}}"#), None);
    }
}
