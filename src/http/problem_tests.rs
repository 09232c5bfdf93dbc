//! Tests of the form of errors.

use std::time::Duration;

use actix_web::body::to_bytes;
use protocol::close::Cause;
use serde_json::{Value, json};

use super::*;

async fn rendered(problem: Problem) -> (header::HeaderMap, Value) {
    let ids = RequestIds {
        request_id: "request-1".to_owned(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        parent: None,
    };
    let answer = problem.render(&ids);
    let headers = answer.headers().clone();
    let body = to_bytes(answer.into_body()).await.unwrap();
    (headers, serde_json::from_slice(&body).unwrap())
}

#[actix_web::test]
async fn a_problem_has_a_type_a_title_a_status_a_detail_a_code_and_the_ids_of_the_request() {
    let (headers, body) = rendered(Problem::forbidden("step_up_required", "Prove it again.")).await;
    assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
    assert_eq!(
        body,
        json!({
            "type": "urn:portcullis:problem:step_up_required",
            "title": "Forbidden",
            "status": 403,
            "detail": "Prove it again.",
            "code": "step_up_required",
            "request_id": "request-1",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        })
    );
}

#[actix_web::test]
async fn problems_429_and_503_have_a_retry_after() {
    for (failure, expected) in [
        (Failure::TooMany { retry_after: Duration::from_millis(1200), policy: Policy::BAN }, "2"),
        (Failure::TooMany { retry_after: Duration::ZERO, policy: Policy::BAN }, "1"),
        (Failure::Unavailable { retry_after: Duration::from_secs(3) }, "3"),
    ] {
        let (headers, _) = rendered(failure.into()).await;
        assert_eq!(headers.get(header::RETRY_AFTER).unwrap(), expected);
    }
    let (headers, _) = rendered(Refusal::Unavailable.into()).await;
    assert_eq!(headers.get(header::RETRY_AFTER).unwrap(), "1");
}

#[actix_web::test]
async fn a_wrong_method_is_answered_with_the_allowed_methods() {
    let (headers, body) = rendered(Problem::method_not_allowed("GET, HEAD")).await;
    assert_eq!(headers.get(header::ALLOW).unwrap(), "GET, HEAD");
    assert_eq!(body["status"], 405);
}

#[actix_web::test]
async fn www_authenticate_names_an_error_only_for_a_refused_token() {
    let missing_key = Problem::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "The API key is missing.");
    for problem in [Problem::not_authenticated(), missing_key] {
        let (without, _) = rendered(problem).await;
        assert_eq!(without.get(header::WWW_AUTHENTICATE).unwrap(), r#"Bearer realm="portcullis""#);
    }
    let (with, _) = rendered(Refusal::Expired.into()).await;
    assert!(with.get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap().contains("invalid_token"));
}

#[test]
fn a_refusal_gives_the_status_and_the_code() {
    for (refusal, status, code) in [
        (Refusal::Invalid("invalid_token"), 401, "invalid_token"),
        (Refusal::Expired, 401, "token_expired"),
        (Refusal::Ended(Cause::SignedOut), 401, "session_revoked"),
        (Refusal::Forbidden("account_disabled"), 403, "account_disabled"),
        (Refusal::Unavailable, 503, "unavailable"),
    ] {
        let problem = Problem::from(refusal);
        assert_eq!((problem.status.as_u16(), problem.code), (status, code));
    }
}

#[test]
fn the_status_of_a_framework_error_gives_the_code() {
    for (status, code) in [
        (StatusCode::NOT_FOUND, "not_found"),
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        (StatusCode::URI_TOO_LONG, "bad_request"),
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (StatusCode::NOT_IMPLEMENTED, "internal"),
    ] {
        assert_eq!(Problem::of_status(status).code, code);
    }
}
