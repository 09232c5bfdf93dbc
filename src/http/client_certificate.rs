//! Paths that need a client certificate if `CLIENT_CA_FILE` is set: those of operators and of the server API.
//!
//! `routes` puts [`require`] around these paths, behind the matching of paths, so that no spelling of a path avoids it. The TLS
//! handshake has verified the certificate. A request over a listener without TLS never has one, also behind a proxy. A
//! connection or a resumed TLS session can outlive the certificate. So each request asks whether the certificate still counts.

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};
use domain::client::certificate::ClientCertificate;

use super::{problem::Problem, settings::HttpSettings};

/// The certificate that the client of a connection has shown. The listener stores it with the connection.
pub struct ShownCertificate {
    certificate: ClientCertificate,
    counts: Box<dyn Fn() -> bool + Send + Sync>,
}

impl ShownCertificate {
    /// A certificate with this subject. `counts` says whether the certificate is still valid and not revoked.
    #[must_use]
    pub fn new(subject: String, counts: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { certificate: ClientCertificate { subject }, counts: Box::new(counts) }
    }

    /// The certificate of the connection of this request, if it counts now.
    pub(super) fn of(request: &HttpRequest) -> Option<ClientCertificate> {
        let shown = request.conn_data::<Self>()?;
        (shown.counts)().then(|| shown.certificate.clone())
    }
}

/// Answers 403 to a request that needs a client certificate and has none. Without settings, every request needs one.
///
/// # Errors
/// Only errors of actix-web itself.
pub(super) async fn require(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let settings = request.app_data::<web::Data<HttpSettings>>();
    let needed = settings.is_none_or(|settings| settings.client_certificate_required);
    if needed && ShownCertificate::of(request.request()).is_none() {
        let detail = "This path needs TLS and a client certificate of the server's authority.";
        return Ok(request.error_response(Problem::forbidden("client_certificate_required", detail)));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        http::StatusCode,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    async fn status(settings: Option<HttpSettings>) -> StatusCode {
        let mut app = App::new();
        if let Some(settings) = settings {
            app = app.app_data(web::Data::new(settings));
        }
        let path = web::resource("/path").to(async || "reached").wrap(from_fn(require));
        let app = init_service(app.service(path)).await;
        call_service(&app, TestRequest::with_uri("/path").to_request()).await.status()
    }

    #[actix_web::test]
    async fn without_settings_the_certificate_is_required() {
        let with = |client_certificate_required| {
            Some(HttpSettings { client_certificate_required, ..HttpSettings::default() })
        };
        assert_eq!(status(None).await, StatusCode::FORBIDDEN);
        assert_eq!(status(with(true)).await, StatusCode::FORBIDDEN);
        assert_eq!(status(with(false)).await, StatusCode::OK);
    }
}
