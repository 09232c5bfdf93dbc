//! The server under test: its address, and HTTP requests to it. `application.rs` and `talk.rs` use this module, which knows
//! neither tokens nor channels.

use std::{env, fs, path::Path};

use serde_json::Value;
use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};

use crate::talk::Failure;

/// The facts that the server wrote to `dev.json`.
pub(crate) fn facts() -> Value {
    let state = env::var("PORTCULLIS_STATE").expect("PORTCULLIS_STATE: use run.sh");
    let facts = fs::read_to_string(Path::new(&state).join("data/dev.json")).expect("the server's facts");
    serde_json::from_str(&facts).expect("JSON")
}

/// The host and port of plain HTTP.
pub(crate) fn host() -> String {
    let facts = facts();
    let url = facts["http"].as_str().expect("an address");
    url.trim_start_matches("http://").to_owned()
}

/// Sends a POST, with `sender` as a header line if there is one. Returns the status and the body of the answer.
pub(crate) async fn post(path: &str, sender: Option<String>, body: &Value) -> Result<(u16, Value), Failure> {
    let (host, body) = (host(), body.to_string());
    let sender = sender.map(|line| line + "\r\n").unwrap_or_default();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\n{sender}content-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(&host).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = exchange.await.map_err(|error| format!("{path}: {error}"))?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match (status, serde_json::from_str(if body.is_empty() { "null" } else { body })) {
        (Some(status), Ok(body)) => Ok((status, body)),
        _ => Err(format!("{path}: {answer}")),
    }
}
