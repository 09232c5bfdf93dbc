//! The only place where the parts of the server are put together.
//!
//! [`App::build`] binds the listeners and starts each part after the parts that it depends on; [`App::run`] serves
//! until a stop is requested, and stops in the reverse order. The command line and every test use these two functions.
//! `cli` is the only room that may use this one.

mod error;
mod files;
mod listeners;
mod server;
mod store_ports;
mod wiring;

pub use error::StartError;
pub use files::open_files;
pub use server::App;
pub(crate) use wiring::{keys, service_settings, start_realtime};
