//! The application behind the clients: it issues their tokens and uses the server API.

use std::{env, fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SECRET: &[u8] = b"what only the scenarios know";
const API_KEY: &str = "a-key-that-only-the-scenarios-know";

/// Host and port of the server, from the facts that it wrote down.
fn server() -> String {
    let state = env::var("PORTCULLIS_STATE").expect("PORTCULLIS_STATE: use run.sh");
    let facts = fs::read_to_string(Path::new(&state).join("data/dev.json")).expect("the server's facts");
    let facts: Value = serde_json::from_str(&facts).expect("JSON");
    let url = facts["http"].as_str().expect("an address");
    url.trim_start_matches("http://").to_owned()
}

pub(crate) fn socket_url() -> String {
    format!("ws://{}/connection/websocket", server())
}

/// What the server calls a user of this issuer.
pub(crate) fn name_of(user: &str) -> String {
    format!("s:{user}")
}

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any key does");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// One call of the server API; its result.
pub(crate) async fn api(method: &str, params: &Value) -> Result<Value, String> {
    let (server, body) = (server(), params.to_string());
    let head = format!(
        "POST /api/{method} HTTP/1.1\r\nhost: {server}\r\nx-api-key: {API_KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&server).await.map_err(|error| error.to_string())?;
    stream.write_all(format!("{head}{body}").as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(|error| error.to_string())?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let answer: Value = serde_json::from_str(body).map_err(|_| format!("{method}: {answer}"))?;
    match answer.get("result") {
        Some(result) => Ok(result.clone()),
        None => Err(format!("{method}: {answer}")),
    }
}
