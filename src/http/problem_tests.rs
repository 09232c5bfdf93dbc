//! The form of errors.

use std::time::Duration;

use actix_web::body::to_bytes;
use protocol::close::Cause;
use serde_json::{Value, json};

use super::*;

async fn rendered(problem: Problem) -> (header::HeaderMap, Value) {
    let answer = problem.render("request-1");
    let headers = answer.headers().clone();
    let body = to_bytes(answer.into_body()).await.unwrap();
    (headers, serde_json::from_slice(&body).unwrap())
}

#[actix_web::test]
async fn a_refusal_has_every_member() {
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
        })
    );
}

#[actix_web::test]
async fn too_many_and_unavailable_have_a_retry_after() {
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
async fn the_challenge_names_an_error_only_for_a_refused_token() {
    let (without, _) = rendered(Problem::not_authenticated()).await;
    assert_eq!(without.get(header::WWW_AUTHENTICATE).unwrap(), r#"Bearer realm="portcullis""#);
    let (with, _) = rendered(Refusal::Expired.into()).await;
    assert!(with.get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap().contains("invalid_token"));
}

#[test]
fn each_refusal_has_its_own_status_and_code() {
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
fn an_error_of_the_framework_keeps_only_its_status() {
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
