//! REST: parses requests, calls the services, and builds the answers. It makes no decisions of its own.
//!
//! The room `app` serves [`app()`]: the one route table ([`configure`]) inside the one [`middleware`](fn@middleware), with the
//! application data that both read. The listener stores with each connection whether it is TLS ([`Encrypted`]).
//!
//! - [`routes`]: paths and methods; [`resources`]: the handlers, one file per resource; [`api`]: the server API
//! - [`extractors`]: what handlers take from a request; [`csrf`]: protection against forged requests
//! - [`views`], [`problem`], [`cookies`], [`response_headers`]: what an answer contains
//! - [`settings`]: the part of the configuration that REST needs

mod api;
mod cookies;
mod csrf;
mod extractors;
mod metrics;
mod middleware;
mod problem;
mod resources;
mod response_headers;
mod routes;
mod settings;
mod views;

pub use metrics::serve_metrics;
pub use middleware::middleware;
pub use problem::Problem;
pub use routes::{app, configure};
pub use settings::HttpSettings;

pub use domain::client::address::Encrypted;
