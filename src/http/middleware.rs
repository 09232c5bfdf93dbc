//! The one middleware: what happens to every request, in order.
//!
//! `routes` wraps it around the whole application. It stores the [`Arrival`], notes signs of a wrong proxy setting, and
//! redirects to HTTPS if the listener only redirects. It answers preflight requests and rejects tokens in queries. It renders
//! errors as problems, and adds cookies and the common headers. It writes the access log, which contains the path and never the
//! query.

use std::{net::IpAddr, time::Instant};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderValue},
    middleware::Next,
};
use domain::{
    client::address::is_in,
    request::SOCKET_PATHS,
    tokens::credential::{Door, Headers, find},
};

use super::{
    cookies::{CSRF_COOKIE, Jar},
    csrf::{CSRF_HEADER, RenewedToken},
    extractors::{
        arrival::{Arrival, REQUEST_ID},
        authenticated::LoggedCaller,
        client::services,
    },
    problem::Problem,
    request_span::RequestSpan,
    response_headers,
    settings::{HttpSettings, RedirectsToHttps, peer},
};

/// Serves one request. Use as `App::new().wrap(actix_web::middleware::from_fn(http::middleware))`.
///
/// # Errors
/// Only errors of actix-web itself. A rejected request gets an answer.
pub async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let settings = HttpSettings::of(request.request());
    let mut arrival = Arrival::of(request.request(), &settings);
    let span = RequestSpan::begin(&mut arrival.ids);
    request.extensions_mut().insert(arrival.clone());
    request.extensions_mut().insert(arrival.ids.clone());
    note_proxies(request.request(), &settings, arrival.address);
    let spans = span.clone();
    span.around(async move {
        let answer = match answer_early(request.request(), &settings) {
            Some(Ok(answer)) => request.into_response(answer),
            Some(Err(problem)) => request.error_response(problem),
            None => next.call(request).await?.map_into_boxed_body(),
        };
        let answer = finish(answer, &settings, &arrival);
        log(&answer, &arrival, began);
        spans.finish(&answer);
        Ok(answer)
    })
    .await
}

/// Notes that an untrusted peer forwarded the request, or that a trusted proxy names no client. A proxy may request `/health`
/// for itself, so a missing client is not noted for `/health`.
fn note_proxies(request: &HttpRequest, settings: &HttpSettings, client: IpAddr) {
    if let (Ok(services), Some(peer)) = (services(request), peer(request)) {
        let has = |name: &str| request.headers().contains_key(name);
        let trusted = &settings.live.load().trusted_proxies;
        services.proxy_notices.check_forwarding(peer, trusted, has);
        if is_in(client, trusted) && !request.path().starts_with("/health") {
            services.proxy_notices.note_unnamed_client(client);
        }
    }
}

/// The answer to a request that is not passed to a handler. It is the redirect to HTTPS if the listener only redirects, the
/// answer to a preflight request, or the refusal of a token in the query, because queries are written to logs. The queries on
/// the paths of WebSockets are not checked here.
fn answer_early(request: &HttpRequest, settings: &HttpSettings) -> Option<Result<HttpResponse, Problem>> {
    if let Some(answer) = redirect(request, settings) {
        return Some(Ok(answer));
    }
    if let Some(answer) = response_headers::preflight(request, settings) {
        return Some(answer);
    }
    if SOCKET_PATHS.contains(&request.path()) {
        return None;
    }
    let query = Headers { query: Some(request.query_string()), ..Headers::default() };
    find(query, Door::Rest).err().map(|error| Err(error.into()))
}

/// The redirect to HTTPS, if the listener of the connection only redirects. Health checks are answered, because load balancers do
/// not follow redirects. Open challenges of ACME are answered, because there may be no certificate yet.
fn redirect(request: &HttpRequest, settings: &HttpSettings) -> Option<HttpResponse> {
    request.conn_data::<RedirectsToHttps>()?;
    let path = request.path();
    if path == "/health" || path.starts_with("/health/") || settings.challenges.has(path) {
        return None;
    }
    let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
    let location = format!("https://{}{rest}", settings.domain);
    Some(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, location)).finish())
}

/// Renders an error as a problem, and adds the headers that every answer has.
fn finish(mut answer: ServiceResponse, settings: &HttpSettings, arrival: &Arrival) -> ServiceResponse {
    if let Some(problem) = problem_of(answer.response()) {
        let mut rendered = problem.render(&arrival.ids);
        keep_headers(answer.headers(), rendered.headers_mut());
        answer = answer.into_response(rendered);
    }
    let request = answer.request().clone();
    let response = answer.response_mut();
    let renewed = request.extensions_mut().remove::<RenewedToken>();
    if let Some(RenewedToken(token)) = renewed.filter(|_| !sets_csrf_cookie(response.headers())) {
        let cookie = Jar::of(&request).csrf(&token).to_string();
        for (name, value) in [(header::SET_COOKIE, cookie), (CSRF_HEADER, token)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
    }
    remove_stray_cookies(&request, response.headers_mut());
    response_headers::add_cors_headers(&request, settings, response.headers_mut());
    response_headers::add_security_headers(&request, settings, response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&arrival.ids.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

/// Copies the answer's existing headers, such as the removal of a cookie, to the rendered problem.
fn keep_headers(set: &HeaderMap, rendered: &mut HeaderMap) {
    for (name, value) in set {
        if *name == header::SET_COOKIE || !rendered.contains_key(name) {
            rendered.append(name.clone(), value.clone());
        }
    }
}

/// Whether the handler sets or removes the CSRF cookie itself. Clients search for the name of this cookie, and must find the
/// name only once.
fn sets_csrf_cookie(headers: &HeaderMap) -> bool {
    headers.get_all(header::SET_COOKIE).any(|cookie| is_named(cookie, CSRF_COOKIE))
}

fn is_named(cookie: &HeaderValue, name: &str) -> bool {
    cookie.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// For each session cookie that this answer sets or removes, removes cookies with the same name in other scopes. The removals
/// come first, because some clients distinguish cookies only by name and keep the last one.
fn remove_stray_cookies(request: &HttpRequest, headers: &mut HeaderMap) {
    let set: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).cloned().collect();
    let is_set = |name: &str| set.iter().any(|cookie| is_named(cookie, name));
    let removals = Jar::of(request).removals_elsewhere(request, is_set);
    if removals.is_empty() {
        return;
    }
    headers.remove(header::SET_COOKIE);
    let removals = removals.iter().filter_map(|cookie| HeaderValue::from_str(&cookie.to_string()).ok());
    for cookie in removals.chain(set) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// The problem of an answer that is an error. If the error comes from actix-web itself, only its status is used.
fn problem_of(answer: &HttpResponse) -> Option<Problem> {
    let error = answer.error()?;
    let problem = error.as_error::<Problem>().cloned();
    Some(problem.unwrap_or_else(|| Problem::of_status(error.as_response_error().status_code())))
}

/// Writes one access log line and two metrics. The label `route` is the route's pattern, so that ids do not become labels.
fn log(answer: &ServiceResponse, arrival: &Arrival, began: Instant) {
    let request = answer.request();
    let (status, took) = (answer.status().as_u16(), began.elapsed());
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let caller = request.extensions().get::<LoggedCaller>().copied();
    tracing::info!(
        target: "access",
        method = %request.method(),
        path = request.path(),
        status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        address = %arrival.address,
        user = caller.map(|caller| caller.user),
        session = caller.map(|caller| tracing::field::display(caller.session)),
    );
    let labels = [("method", method_label(request)), ("route", route), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// The label of the method. Unusual methods share one label, because a client can invent any number of them.
fn method_label(request: &HttpRequest) -> String {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    if known.contains(&method) { method.to_owned() } else { "OTHER".to_owned() }
}
