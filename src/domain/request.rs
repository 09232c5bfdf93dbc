//! Rules for every request: the paths of WebSockets, and the ids of a request.
//!
//! The REST layer and the WebSocket handshake use these rules.

use uuid::Uuid;

/// The path of WebSockets for the Centrifuge SDKs. SDKs send the token with `connect`, not with the handshake.
pub const SDK_SOCKET_PATH: &str = "/connection/websocket";
/// The paths of WebSockets: this server's own path, and the default path of the SDKs.
pub const SOCKET_PATHS: [&str; 2] = ["/api/v1/ws/chat", SDK_SOCKET_PATH];

/// The longest request id that a client may give, in bytes.
const MAX_ID: usize = 64;

/// The names of a request that find it in logs and traces. The REST middleware stores them with the request, and refusals of
/// emulated streams read them there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// The id of the request alone.
    pub request_id: String,
    /// The id of the trace that the request belongs to: 32 hexadecimal digits.
    pub trace_id: String,
    /// The step of the trace that has sent the request, if the request names one.
    pub parent: Option<TraceParent>,
}

/// The header `traceparent` of a request (W3C Trace Context, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; never 0.
    pub trace: u128,
    /// The step that has sent the request; never 0.
    pub span: u64,
}

impl RequestIds {
    /// `ids` are the header lines with the id that the client gave the request, and `parents` those of `traceparent`. `fresh`
    /// makes random ids.
    #[must_use]
    pub fn of<'a>(
        ids: impl IntoIterator<Item = &'a str>,
        parents: impl IntoIterator<Item = &'a str>,
        fresh: impl Fn() -> Uuid,
    ) -> Self {
        let parent = only(parents).and_then(TraceParent::parse);
        let trace = parent.map_or_else(|| fresh().as_u128(), |parent| parent.trace);
        Self { request_id: request_id(ids, &fresh), trace_id: format!("{trace:032x}"), parent }
    }
}

impl TraceParent {
    /// The parent in this form: version, trace, span and flags. A later version may have more fields. `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let [version, trace, span, flags] =
            [2, 32, 16, 2].map(|digits| fields.next().filter(|f| is_hex(f, digits)));
        let (version, trace, span, _) = (version?, trace?, span?, flags?);
        if version == "ff" || (version == "00" && fields.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        Some(Self { trace, span })
    }
}

/// Whether the text has this many lower-case hexadecimal digits, and nothing else.
fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The id of a request. The client's id is used if there is exactly one line with 1 to 64 visible ASCII characters. Such an id
/// is safe in a header, a log line and a database column. Otherwise the id is `fresh`.
fn request_id<'a>(given: impl IntoIterator<Item = &'a str>, fresh: impl FnOnce() -> Uuid) -> String {
    let safe = |id: &&str| (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    only(given).filter(safe).map_or_else(|| fresh().to_string(), str::to_owned)
}

/// The line, if there is exactly one.
fn only<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut lines = lines.into_iter();
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &[&str]) -> String {
        request_id(given.iter().copied(), Uuid::nil)
    }

    fn trace(parents: &[&str]) -> (String, Option<TraceParent>) {
        let ids = RequestIds::of([], parents.iter().copied(), Uuid::nil);
        (ids.trace_id, ids.parent)
    }

    #[test]
    fn a_request_belongs_to_the_trace_that_it_names() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent =
            TraceParent { trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7 };
        assert_eq!(trace(&[given]), ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), Some(parent)));
        let later = given.replacen("00", "cc", 1) + "-what-the-future-adds";
        assert_eq!(trace(&[&later]).1, Some(parent));
    }

    #[test]
    fn a_request_without_exactly_one_valid_parent_begins_a_trace() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for odd in [
            "",
            "00",
            &valid.to_uppercase(),
            &valid.replacen("00", "ff", 1),
            &format!("{valid}-more"),
            &valid.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &valid.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &valid.replace("4bf9", "é+9"),
        ] {
            assert_eq!(trace(&[odd]), ("0".repeat(32), None), "{odd}");
        }
        assert_eq!(trace(&[valid, valid]).1, None);
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
