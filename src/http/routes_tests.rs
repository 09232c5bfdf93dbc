//! Tests of the route table and the middleware. The application has no services.

use actix_web::{
    App, Error,
    body::BoxBody,
    dev::{Service, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap},
    },
    middleware::from_fn,
    test::{self, TestRequest},
};
use domain::client::origin::Origins;
use serde_json::Value;

use super::*;
use crate::http::HttpSettings;

async fn app() -> impl Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error> {
    let settings = HttpSettings {
        origins: Origins::new(vec!["https://chat.example.com".to_owned()]),
        security_headers: true,
        ..HttpSettings::default()
    };
    let app = App::new()
        .app_data(web::Data::new(settings))
        .wrap(from_fn(crate::http::middleware))
        .configure(configure);
    test::init_service(app).await
}

async fn ask(request: TestRequest) -> (StatusCode, HeaderMap, Value) {
    let answer = test::call_service(&app().await, request.to_request()).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = test::read_body(answer).await;
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[actix_web::test]
async fn an_unknown_path_is_a_problem() {
    for path in [
        "/",
        "/api",
        "/api/v1/auth",
        "/api/v1/auth/nothing",
        "/api/v1/profile/",
        "/api/v1/admin/nothing",
        "/%ff",
    ] {
        let (status, headers, body) = ask(TestRequest::with_uri(path)).await;
        assert_eq!((status.as_u16(), &body["code"]), (404, &Value::from("not_found")), "{path}");
        assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        assert_eq!(
            headers.get("x-request-id").unwrap().to_str().unwrap(),
            body["request_id"].as_str().unwrap()
        );
    }
}

#[actix_web::test]
async fn a_wrong_method_is_a_problem_with_the_allowed_methods() {
    for (method, path, allow) in [
        (Method::GET, "/api/v1/auth/jwt/login", "POST"),
        (Method::PUT, "/api/v1/auth/logout", "POST, DELETE"),
        (Method::PATCH, "/api/v1/profile", "GET, HEAD, PUT, DELETE"),
        (Method::POST, "/api/v1/profile/export", "GET"),
        (Method::POST, "/api/v1/sessions", "GET, HEAD, DELETE"),
        (Method::GET, "/api/v1/sessions/7", "DELETE"),
        (Method::POST, "/api/v1/devices", "GET, HEAD"),
        (Method::GET, "/api/v1/devices/7", "PATCH, DELETE"),
        (Method::POST, "/api/v1/profile/attempts", "GET, HEAD"),
        (Method::DELETE, "/health", "GET, HEAD"),
        (Method::POST, "/.well-known/jwks.json", "GET, HEAD"),
        (Method::OPTIONS, "/health", "GET, HEAD"),
    ] {
        let (status, headers, body) = ask(TestRequest::with_uri(path).method(method)).await;
        assert_eq!((status.as_u16(), &body["code"]), (405, &Value::from("method_not_allowed")), "{path}");
        assert_eq!(headers.get(header::ALLOW).unwrap(), allow, "{path}");
    }
}

#[actix_web::test]
async fn liveness_does_not_need_a_database() {
    for path in ["/health", "/health/live"] {
        let (status, headers, body) = ask(TestRequest::with_uri(path)).await;
        assert_eq!((status.as_u16(), &body["status"]), (200, &Value::from("ok")));
        assert_eq!(headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
    }
    let (status, ..) = ask(TestRequest::with_uri("/health").method(Method::HEAD)).await;
    assert_eq!(status, 200);
}

#[actix_web::test]
async fn the_answer_has_the_request_id_of_the_client() {
    let (_, headers, _) =
        ask(TestRequest::with_uri("/health").insert_header(("x-request-id", "trace-7"))).await;
    assert_eq!(headers.get("x-request-id").unwrap(), "trace-7");
}

#[actix_web::test]
async fn a_token_in_the_query_is_refused_except_on_socket_paths() {
    for path in ["/health?token=x", "/api/v1/profile?access_token=x", "/nowhere?a=b&ticket=x"] {
        let (status, _, body) = ask(TestRequest::with_uri(path)).await;
        assert_eq!((status.as_u16(), &body["code"]), (400, &Value::from("token_in_query")), "{path}");
    }
}

#[actix_web::test]
async fn a_socket_path_without_an_upgrade_is_426() {
    for path in ["/api/v1/ws/chat?token=x", "/connection/websocket"] {
        let (status, _, body) = ask(TestRequest::with_uri(path)).await;
        assert_eq!((status.as_u16(), &body["code"]), (426, &Value::from("upgrade_required")), "{path}");
    }
}

#[actix_web::test]
async fn only_the_preflight_of_a_listed_origin_is_granted() {
    let ask_as = |origin: &'static str| {
        TestRequest::with_uri("/api/v1/profile")
            .method(Method::OPTIONS)
            .insert_header((header::ORIGIN, origin))
            .insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "PUT"))
    };
    let (status, headers, _) = ask(ask_as("https://chat.example.com")).await;
    assert_eq!(status, 204);
    assert_eq!(headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "https://chat.example.com");
    let (status, headers, body) = ask(ask_as("https://evil.example")).await;
    assert_eq!((status.as_u16(), &body["code"]), (403, &Value::from("origin_not_allowed")));
    assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[actix_web::test]
async fn the_debug_route_does_not_exist_outside_development() {
    let (status, _, body) = ask(TestRequest::with_uri("/api/v1/profile/debug")).await;
    assert_eq!((status.as_u16(), &body["code"]), (404, &Value::from("not_found")));
}

#[actix_web::test]
async fn the_text_of_a_framework_error_does_not_reach_the_client() {
    // This application has no services, so actix-web fails with an explanation of its own.
    let (status, _, body) = ask(TestRequest::with_uri("/api/v1/auth/status")).await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &Value::from("internal")));
    assert_eq!(body["detail"], "Something went wrong on the server.");
}
