//! REST: parses requests, calls the services, and builds the answers. It makes no decisions of its own.
//!
//! The module `app` serves [`app()`]: the one route table ([`configure`]) inside the one [`middleware`](fn@middleware), with
//! the application data that both read. The listener stores with each connection whether the connection uses TLS
//! ([`Encrypted`]), and the certificate that the client has shown ([`ShownCertificate`]).
//!
//! - [`routes`]: paths and methods; [`resources`]: the handlers, one file per resource; [`api`]: the server API
//! - [`extractors`]: what handlers read from a request; [`csrf`]: protection against forged requests; [`client_certificate`]:
//!   the paths that need a client certificate; [`compression`]: the paths with compressed long answers
//! - [`views`], [`problem`], [`cookies`], [`response_headers`]: what an answer contains
//! - [`openapi`](mod@openapi): the description of the interface
//! - [`settings`]: the part of the configuration that REST needs

mod acme_challenges;
mod api;
mod client_certificate;
mod compression;
mod cookies;
mod csrf;
mod extractors;
mod metrics;
mod middleware;
mod openapi;
mod problem;
mod request_span;
mod resources;
mod response_headers;
mod route_table;
mod routes;
mod settings;
mod views;

pub use acme_challenges::HttpChallenges;
pub use client_certificate::ShownCertificate;
pub use metrics::serve_metrics;
pub use middleware::middleware;
pub use openapi::document::{document as openapi_document, readable as readable_openapi_document};
pub use problem::Problem;
pub use routes::{app, configure, route_table};
pub use settings::{HttpSettings, RedirectsToHttps};

pub use domain::client::address::Encrypted;
