//! The only place where the parts of the server are put together.
//!
//! [`App::build`] binds the listeners and starts each part after the parts that it depends on. [`App::run`] serves until a stop
//! is requested, and then stops the parts in order (see `lifecycle`). The command line and the integration tests use these two
//! functions. `cli` is the only module that may use `app`.

mod database_role;
mod database_start;
mod demonstration;
mod error;
mod files;
mod listeners;
mod mail;
mod reload;
mod server;
mod store_ports;
mod wiring;

pub use database_role::{MissingRights, PowerfulRole, powerful_role};
pub use demonstration::{DemonstrationUsers, demonstration_users};
pub use error::StartError;
pub use files::open_files;
pub use reload::Reloader;
pub use server::App;
pub use wiring::replace_keys;
pub(crate) use wiring::{keys, service_settings, start_realtime};
