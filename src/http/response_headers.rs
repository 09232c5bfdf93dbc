//! Headers of every answer: security headers, and the rules for other origins (CORS).
//!
//! Called by the middleware only. A security header that a handler sets itself is kept.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use super::{
    extractors::request_headers::header_value,
    problem::Problem,
    settings::{HttpSettings, is_encrypted},
};

const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// By default there is no `includeSubDomains`, because hosts below the server's name may belong to other servers.
const HSTS: &str = "max-age=63072000";
const HSTS_SUBDOMAINS: &str = "max-age=63072000; includeSubDomains";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Headers that this server reads, and headers that monitoring scripts add to the requests of a page.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, x-csrf-token, x-request-id, traceparent, tracestate, baggage, sentry-trace";
const EXPOSED_HEADERS: &str =
    "idempotency-replayed, x-csrf-token, x-request-id, retry-after, ratelimit, ratelimit-policy";

/// Adds `Cache-Control: no-store` to an answer and, if the settings enable them, the security headers.
pub(super) fn add_security_headers(request: &HttpRequest, settings: &HttpSettings, headers: &mut HeaderMap) {
    set_default(headers, &header::CACHE_CONTROL, "no-store");
    if !settings.security_headers {
        return;
    }
    for (name, value) in &SECURITY_HEADERS {
        set_default(headers, name, value);
    }
    if is_encrypted(request)
        && let Some(value) = hsts(settings)
    {
        set_default(headers, &header::STRICT_TRANSPORT_SECURITY, value);
    }
}

/// The value of `Strict-Transport-Security` in answers over TLS. The header is not sent in development: a browser would use TLS
/// for every port of the developer's host for two years.
fn hsts(settings: &HttpSettings) -> Option<&'static str> {
    (!settings.development).then_some(if settings.hsts_subdomains { HSTS_SUBDOMAINS } else { HSTS })
}

/// Adds the CORS headers. Only pages of the listed origins may read the answer; their requests may have credentials.
pub(super) fn add_cors_headers(request: &HttpRequest, settings: &HttpSettings, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = allowed_origin(request, settings) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
}

/// The answer to a CORS preflight request (Fetch, 3.2.2), or `None` for another request.
pub(super) fn preflight(
    request: &HttpRequest,
    settings: &HttpSettings,
) -> Option<Result<HttpResponse, Problem>> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks || !request.headers().contains_key(header::ORIGIN) {
        return None;
    }
    if allowed_origin(request, settings).is_none() {
        return Some(Err(Problem::forbidden("origin_not_allowed", "This origin is not allowed.")));
    }
    let answer = HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(settings)))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .append_header((header::VARY, "Access-Control-Request-Method, Access-Control-Request-Headers"))
        .finish();
    Some(Ok(answer))
}

fn allowed_headers(settings: &HttpSettings) -> String {
    let more = settings.allowed_headers.iter().map(String::as_str);
    std::iter::once(ALLOWED_HEADERS).chain(more).collect::<Vec<_>>().join(", ")
}

fn allowed_origin(request: &HttpRequest, settings: &HttpSettings) -> Option<HeaderValue> {
    let origin = header_value(request, &header::ORIGIN)?;
    settings.origins.allows(origin).then(|| HeaderValue::from_str(origin).ok()).flatten()
}

fn set_default(headers: &mut HeaderMap, name: &HeaderName, value: &'static str) {
    if !headers.contains_key(name) {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use domain::client::origin::Origins;

    fn settings() -> HttpSettings {
        let origins = Origins::new(vec!["https://chat.example.com".to_owned()]);
        HttpSettings { origins, security_headers: true, ..HttpSettings::default() }
    }

    fn shared(origin: &str) -> HeaderMap {
        let request = TestRequest::default().insert_header((header::ORIGIN, origin)).to_http_request();
        let mut headers = HeaderMap::new();
        add_cors_headers(&request, &settings(), &mut headers);
        headers
    }

    #[test]
    fn a_listed_origin_may_read_with_credentials() {
        let headers = shared("https://chat.example.com");
        assert_eq!(headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "https://chat.example.com");
        assert_eq!(headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
        assert_eq!(headers.get(header::VARY).unwrap(), "Origin");
    }

    #[test]
    fn another_origin_may_not_read_and_the_answer_still_varies_by_origin() {
        for origin in ["https://evil.example", "null", "https://chat.example.com.evil.example"] {
            let headers = shared(origin);
            assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
            assert_eq!(headers.get(header::VARY).unwrap(), "Origin");
        }
    }

    #[test]
    fn a_preflight_is_answered_for_listed_origins_only() {
        let ask = |origin: &str| {
            let request =
                TestRequest::default().method(Method::OPTIONS).insert_header((header::ORIGIN, origin));
            let request =
                request.insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "PUT")).to_http_request();
            preflight(&request, &settings()).expect("a preflight")
        };
        assert_eq!(ask("https://chat.example.com").unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!(ask("https://evil.example").unwrap_err().code, "origin_not_allowed");
    }

    #[test]
    fn a_page_may_send_trace_headers_and_the_headers_of_the_settings() {
        let settings = HttpSettings { allowed_headers: vec!["x-tenant".to_owned()], ..settings() };
        let request = TestRequest::default().method(Method::OPTIONS);
        let request = request.insert_header((header::ORIGIN, "https://chat.example.com"));
        let request = request.insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "PUT")).to_http_request();
        let answer = preflight(&request, &settings).expect("a preflight").unwrap();
        let allowed = answer.headers().get(header::ACCESS_CONTROL_ALLOW_HEADERS).unwrap().to_str().unwrap();
        for name in [
            "authorization",
            "x-csrf-token",
            "traceparent",
            "tracestate",
            "baggage",
            "sentry-trace",
            "x-tenant",
        ] {
            assert!(allowed.split(", ").any(|listed| listed == name), "{name}: {allowed}");
        }
    }

    #[test]
    fn an_options_request_without_cors_headers_is_not_a_preflight() {
        let request = TestRequest::default().method(Method::OPTIONS).to_http_request();
        assert!(preflight(&request, &settings()).is_none());
    }

    #[test]
    fn an_answer_has_the_enabled_security_headers_and_is_not_cached() {
        let mut headers = HeaderMap::new();
        add_security_headers(&TestRequest::default().to_http_request(), &settings(), &mut headers);
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert!(
            headers
                .get(header::CONTENT_SECURITY_POLICY)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "plain HTTP has no HSTS");
    }

    #[test]
    fn hsts_covers_subdomains_only_by_setting_and_is_absent_in_development() {
        let value =
            |development, hsts_subdomains| hsts(&HttpSettings { development, hsts_subdomains, ..settings() });
        assert_eq!(value(false, false), Some("max-age=63072000"));
        assert_eq!(value(false, true), Some("max-age=63072000; includeSubDomains"));
        assert_eq!(value(true, true), None);
    }

    #[test]
    fn a_header_of_the_handler_is_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        add_security_headers(&TestRequest::default().to_http_request(), &settings(), &mut headers);
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "max-age=60");
    }
}
