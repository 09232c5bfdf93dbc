//! The API key of a request, and whether it permits a method.

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use service::{ApiCaller, Services};

use super::method::Method;
use crate::http::{
    extractors::{client::Client, request_headers::header_values},
    problem::Problem,
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Verifies the API key of a request.
///
/// # Errors
/// 400 for a key in the query (proxies and clients may write queries to their logs), for two different keys, and for a header
/// that is not UTF-8. 401 without a valid key. 429 over a limit, 503 if the key cannot be looked up.
pub(crate) async fn authenticate(
    request: &HttpRequest,
    services: &Services,
    client: Client,
) -> Result<ApiCaller, Problem> {
    let named = |pair: &str| pair.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("api_key"));
    if request.query_string().split('&').any(named) {
        return Err(Problem::bad_request("key_in_query", "An API key in the query is not accepted."));
    }
    let key = api_key(request)?.ok_or_else(missing_key)?;
    services.access.api_keys.authenticate(key, client.0).await.map_err(Problem::from)
}

/// The key in `X-API-Key`, or in `Authorization: apikey`.
fn api_key(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let values = header_values(request, &API_KEY)?;
    let authorization = header_values(request, &header::AUTHORIZATION)?;
    let named = authorization.iter().filter_map(|value| {
        let (scheme, key) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("apikey").then(|| key.trim())
    });
    let mut keys = values.iter().map(|value| value.trim()).chain(named).filter(|key| !key.is_empty());
    let first = keys.next();
    if keys.any(|other| Some(other) != first) {
        let detail = "A credential is given more than once, with different values.";
        return Err(Problem::bad_request("repeated_credential", detail));
    }
    Ok(first)
}

/// Checks that the key has the scope of the method, and that this node may carry the method out now.
///
/// # Errors
/// 403 without the scope; 503 while the deliveries of this node are held back, if the method [needs
/// trust](Method::needs_trust).
pub(super) fn admit(services: &Services, caller: &ApiCaller, method: Method) -> Result<(), Problem> {
    if !caller.scopes.contains(method.scope()) {
        return Err(Problem::forbidden("insufficient_scope", "The API key does not permit this."));
    }
    if method.needs_trust() && services.server_api.holds_deliveries() {
        return Err(Problem::unavailable(1));
    }
    Ok(())
}

fn missing_key() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "The API key is missing: send it as X-API-Key.")
}
