//! REST: the outside of the use cases. It parses requests, calls a service, and words the answer; it decides nothing.
//!
//! The composition root takes [`app`]: the one route table ([`configure`]) inside the one [`middleware`](fn@middleware), with the application
//! data that both read. Whoever accepts connections says with [`Encrypted`] which of them are TLS.
//!
//! - one file per resource: [`auth`], [`refresh`], [`logout`], [`step_up`], [`two_factor`], [`profile`], [`sessions`],
//!   [`devices`], [`attempts`], [`admin`],
//!   [`ws_ticket`], [`health`]; the answer to a sign-in is [`grant`]
//! - what a request brings: [`client`] (who and from where), [`caller`] (signed in as whom), [`body`], [`csrf`]
//! - what an answer carries: [`problem`], [`cookies`], [`headers`]

mod api;
mod cookies;
mod csrf;
mod extractors;
mod middleware;
mod problem;
mod resources;
mod response_headers;
mod routes;
mod settings;
mod views;

pub use middleware::middleware;
pub use problem::Problem;
pub use routes::{app, configure};
pub use settings::HttpSettings;

pub use domain::client::address::Encrypted;
