//! Tests of reading bodies and queries.

use actix_web::{body::MessageBody as _, test::TestRequest};
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Point {
    x: i64,
    y: Option<i64>,
}

impl Shape for Point {
    const FIELDS: &'static str = "x, y (optional)";
}

#[derive(Debug, Deserialize, PartialEq)]
struct Words {
    word: String,
}

impl Shape for Words {
    const FIELDS: &'static str = "word";
    const FORM: bool = true;
}

async fn body<T: Shape>(media: &str, bytes: impl Into<bytes::Bytes>) -> Result<T, Problem> {
    let request = TestRequest::post().insert_header((header::CONTENT_TYPE, media)).set_payload(bytes.into());
    let (request, mut payload) = request.to_http_parts();
    Body::<T>::from_request(&request, &mut payload).await.map(|body| body.0)
}

async fn code<T: Shape>(media: &str, bytes: impl Into<bytes::Bytes>) -> (u16, &'static str) {
    let read = body::<T>(media, bytes).await;
    read.map_or_else(|problem| (problem.status.as_u16(), problem.code), |_| (200, ""))
}

#[actix_web::test]
async fn json_is_read_with_several_labels_of_utf8() {
    for media in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; charset=utf8",
        "application/json;charset=UTF8",
        "application/json; charset='unicode-1-1-utf-8'",
    ] {
        assert_eq!(body::<Point>(media, r#"{"x": 1}"#).await.unwrap(), Point { x: 1, y: None });
    }
}

#[actix_web::test]
async fn another_media_type_is_415() {
    for media in [
        "text/plain",
        "",
        "application/xml",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(code::<Point>(media, r#"{"x": 1}"#).await, (415, "unsupported_media_type"), "{media}");
    }
}

#[actix_web::test]
async fn malformed_json_is_400() {
    for text in ["", "{", r#"{"x": 1"#, "not json", r#"{"x": 1} trailing"#, r#"{"x": 01}"#] {
        assert_eq!(code::<Point>("application/json", text).await, (400, "malformed_json"), "{text}");
    }
    assert_eq!(
        code::<Words>("application/json", b"{\"word\": \"\xff\xfe\"}".to_vec()).await,
        (400, "malformed_json")
    );
}

#[actix_web::test]
async fn wrong_unknown_and_repeated_fields_are_422() {
    for text in
        [r#"{}"#, r#"{"x": "1"}"#, r#"{"x": 1, "z": 2}"#, r#"{"x": 1, "x": 2}"#, "[]", "[1, 2]", "null", "1"]
    {
        let problem = body::<Point>("application/json", text).await.unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.code), (422, "invalid_body"), "{text}");
        assert_eq!(problem.detail, "The body must be an object with: x, y (optional).");
    }
}

#[actix_web::test]
async fn a_body_above_64_kib_is_413() {
    let large = format!(r#"{{"word": "{}"}}"#, "x".repeat(MAX_BODY));
    assert_eq!(code::<Words>("application/json", large.clone()).await, (413, "body_too_large"));
    // The same body as a stream, without a `Content-Length`. So the bytes are counted while they arrive.
    let stream =
        futures_util::stream::iter([Ok::<_, actix_web::error::PayloadError>(bytes::Bytes::from(large))]);
    let stream: Pin<Box<dyn futures_util::Stream<Item = _>>> = Box::pin(stream);
    let payload = Payload::Stream { payload: stream };
    assert_eq!(read(payload, None, READ_WITHIN, MAX_BODY).await.unwrap_err().code, "body_too_large");
}

#[actix_web::test]
async fn an_announced_length_above_64_kib_is_413_before_the_body_is_read() {
    let announced = async |length: usize| {
        let request = TestRequest::post().insert_header((header::CONTENT_TYPE, "application/json"));
        // `set_payload` sets `Content-Length`, too, so the announced length is set afterwards.
        let request = request.set_payload(r#"{"word": "small"}"#);
        let request = request.insert_header((header::CONTENT_LENGTH, length));
        let (request, mut payload) = request.to_http_parts();
        let read = Body::<Words>::from_request(&request, &mut payload).await;
        read.map_or_else(|problem| (problem.status.as_u16(), problem.code), |_| (200, ""))
    };
    assert_eq!(announced(MAX_BODY + 1).await, (413, "body_too_large"));
    assert_eq!(announced(MAX_BODY).await, (200, ""));
}

#[actix_web::test]
async fn a_form_is_read_where_forms_are_accepted() {
    let form = "application/x-www-form-urlencoded";
    assert_eq!(body::<Words>(form, "word=a%20b").await.unwrap(), Words { word: "a b".to_owned() });
    assert_eq!(code::<Words>(form, "words=a").await, (422, "invalid_body"));
    assert_eq!(code::<Words>(form, "word=a&word=b").await, (422, "invalid_body"));
    assert_eq!(code::<Words>(form, b"word=\xff".to_vec()).await, (400, "malformed_form"));
}

#[actix_web::test]
async fn a_multipart_form_is_read_where_forms_are_accepted() {
    let media = "multipart/form-data; boundary=x";
    let form = "--x\r\nContent-Disposition: form-data; name=\"word\"\r\n\r\na&b=c%20\r\n--x--\r\n";
    assert_eq!(body::<Words>(media, form).await.unwrap(), Words { word: "a&b=c%20".to_owned() });
    assert_eq!(code::<Words>(media, "word=a").await, (400, "malformed_form"));
    assert_eq!(code::<Words>("multipart/form-data", form).await, (400, "malformed_form"));
    assert_eq!(code::<Point>(media, form).await, (415, "unsupported_media_type"));
}

#[actix_web::test]
async fn a_byte_order_mark_before_json_is_ignored() {
    assert_eq!(
        body::<Point>("application/json", "\u{feff}{\"x\": 1}").await.unwrap(),
        Point { x: 1, y: None }
    );
}

#[actix_web::test]
async fn an_optional_body_may_be_missing() {
    let (request, mut payload) = TestRequest::post().to_http_parts();
    assert!(MaybeBody::<Point>::from_request(&request, &mut payload).await.unwrap().0.is_none());
    let (request, mut payload) = TestRequest::post().set_payload("{").to_http_parts();
    assert_eq!(MaybeBody::<Point>::from_request(&request, &mut payload).await.err().unwrap().status, 415);
}

#[actix_web::test]
async fn an_unknown_query_field_is_422() {
    let ask = |query: &str| {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        Query::<Point>::from_request(&request, &mut Payload::None)
            .into_inner()
            .map(|query| query.0)
            .map_err(|problem| problem.code)
    };
    assert_eq!(ask("x=1&y=2"), Ok(Point { x: 1, y: Some(2) }));
    assert_eq!(ask("x=1&z=2"), Err("invalid_query"));
    assert_eq!(ask("x=one"), Err("invalid_query"));
}

#[actix_web::test]
async fn an_error_does_not_quote_the_body() {
    let problem = body::<Point>("application/json", r#"{"x": "secret-looking value"}"#).await.unwrap_err();
    let text = problem.render(&domain::request::RequestIds::default()).into_body().try_into_bytes().unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("secret-looking"));
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let stalled = futures_util::stream::pending::<Result<bytes::Bytes, actix_web::error::PayloadError>>();
    let problem =
        read(Payload::Stream { payload: Box::pin(stalled) }, None, Duration::from_millis(5), MAX_BODY).await;
    let problem = problem.unwrap_err();
    assert_eq!((problem.status.as_u16(), problem.code), (408, "request_timeout"));
}
