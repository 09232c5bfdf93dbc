//! Rules for every request: the paths of WebSockets, and request ids.
//!
//! The REST layer and the WebSocket handshake use them.

use uuid::Uuid;

/// The path at which the Centrifuge SDKs expect a WebSocket. Their token comes with `connect`, not with the
/// handshake.
pub const SDK_SOCKET_PATH: &str = "/connection/websocket";
/// The paths of WebSockets: this server's own, and the default of the SDKs.
pub const SOCKET_PATHS: [&str; 2] = ["/api/v1/ws/chat", SDK_SOCKET_PATH];

/// The id of a request, which the layers pass on.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The longest request id that a client may give, in bytes.
const MAX_ID: usize = 64;

/// The client's own id for its request, if these header lines contain exactly one, of visible ASCII and not too long.
/// Such an id is safe in a header, a log line and a database column. Otherwise the id is `fresh`.
#[must_use]
pub fn request_id<'a>(given: impl IntoIterator<Item = &'a str>, fresh: impl FnOnce() -> Uuid) -> String {
    let sane = |id: &&str| (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let mut given = given.into_iter();
    match (given.next().filter(sane), given.next()) {
        (Some(id), None) => id.to_owned(),
        _ => fresh().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &[&str]) -> String {
        request_id(given.iter().copied(), Uuid::nil)
    }

    #[test]
    fn one_acceptable_id_is_kept() {
        assert_eq!(id(&["abc-123"]), "abc-123");
        assert_eq!(id(&[&"x".repeat(MAX_ID)]), "x".repeat(MAX_ID));
    }

    #[test]
    fn a_missing_a_malformed_and_a_repeated_id_are_replaced() {
        for odd in ["", "with space", "tab\there", "é", &"x".repeat(MAX_ID + 1)] {
            assert_eq!(id(&[odd]), Uuid::nil().to_string(), "{odd:?}");
        }
        assert_eq!(id(&[]), Uuid::nil().to_string());
        assert_eq!(id(&["a", "b"]), Uuid::nil().to_string());
    }
}
