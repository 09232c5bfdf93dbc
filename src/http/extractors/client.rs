//! The client that sent a request: request id, address, certificate, device, and the headers that describe the client.
//!
//! Handlers take [`Client`] and hand it to the services.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use domain::client::device::{self, FINGERPRINT_HEADERS};
use service::{RequestMeta, Services};

use super::{
    arrival::Arrival,
    request_headers::{FETCH_SITE, cookie_values, header_lossy},
};
use crate::http::{client_certificate::ShownCertificate, cookies::Jar, problem::Problem};

/// The longest part of a `User-Agent` that is kept, in bytes.
const MAX_USER_AGENT: usize = 512;

/// The facts about the client of a request that the services need.
pub(crate) struct Client(pub(crate) RequestMeta);

impl FromRequest for Client {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(meta(request).map(Self))
    }
}

/// Collects [`RequestMeta`]. A device cookie that this server did not seal counts as absent.
fn meta(request: &HttpRequest) -> Result<RequestMeta, Problem> {
    let services = services(request)?;
    let Arrival { ids, address } = Arrival::stored(request);
    let described: Vec<(&str, String)> = FINGERPRINT_HEADERS
        .into_iter()
        .filter_map(|name| Some((name, header_lossy(request, name)?)))
        .collect();
    let described: Vec<(&str, &str)> =
        described.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(RequestMeta {
        request_id: ids.request_id,
        address,
        user_agent: header_lossy(request, "user-agent").map(|mut agent| {
            agent.truncate(agent.floor_char_boundary(MAX_USER_AGENT));
            agent
        }),
        fingerprint: device::fingerprint(&described),
        device: cookie_values(request, Jar::of(request).device_name())
            .iter()
            .rev()
            .find_map(|value| services.access.keys.live().cookies.open(value)),
        browser: request.headers().contains_key(&FETCH_SITE),
        certificate: ShownCertificate::of(request),
    })
}

/// The services of the application.
///
/// # Errors
/// 500 if the application was built without services.
pub(crate) fn services(request: &HttpRequest) -> Result<&web::Data<Services>, Problem> {
    request.app_data::<web::Data<Services>>().ok_or_else(|| {
        tracing::error!("the application was built without its services");
        Problem::internal()
    })
}
