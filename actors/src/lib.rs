//! The actor system of Portcullis, as a separate crate. It uses neither SQL nor HTTP.
//!
//! The rules are plain structs in the crate [`logic`] (`src/logic`); [`runtime`] wraps them in actors behind one handle,
//! [`Realtime`].

pub mod runtime;

pub use runtime::Realtime;

#[cfg(test)]
#[path = "../../protocol/tests/counting/mod.rs"]
mod counting;
