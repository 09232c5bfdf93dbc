//! Metrics, on a listener of their own (`METRICS_ADDR`). Metrics reveal much about a server and its users, so the public
//! listeners do not serve them.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use metrics_exporter_prometheus::PrometheusHandle;

/// The largest number of connections. No scraper needs as many.
const CONNECTIONS: usize = 64;
const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(5);

/// A server that serves only `/metrics`, to GET and HEAD. The server runs while it is awaited.
///
/// # Errors
/// If the listener cannot be used.
pub fn serve_metrics(listener: TcpListener, metrics: PrometheusHandle) -> io::Result<Server> {
    let metrics = web::Data::new(metrics);
    let app = move || {
        let resource = web::resource("/metrics").route(web::get().to(show)).route(web::head().to(show));
        App::new().app_data(metrics.clone()).service(resource)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(CONNECTIONS)
        .client_request_timeout(REQUEST_HEAD_WITHIN)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The metrics in the text format of Prometheus.
async fn show(metrics: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics.render())
}
