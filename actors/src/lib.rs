//! The actor system of Portcullis, a crate of its own: it knows neither SQL nor HTTP.
//!
//! Inside, one direction only: [`id`], [`close`] and [`audit`] are vocabulary, [`protocol`] speaks Centrifuge,
//! [`logic`] holds the rules as plain structs with `now` passed in, and `runtime` wraps them in actors behind one handle,
//! `Realtime`. Without the feature `runtime` nothing here needs an executor.

pub mod audit;
pub mod close;
pub mod id;
pub mod logic;
pub mod protocol;
#[cfg(feature = "runtime")]
pub mod runtime;

#[cfg(feature = "runtime")]
pub use runtime::Realtime;
