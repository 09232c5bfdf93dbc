//! The settings of the server: one table, and the code that reads it.
//!
//! `table` names every setting with its type, unit, default, bounds and one sentence. Everything else follows from it: how
//! the variables are read (`settings`), which misspelt names are reported (`names`), `portcullis config check`, and
//! `docs/settings.md` (`reference`). The settings are read once, at the start, by `app` and `cli`; no other room reads the
//! environment. Bad settings stop the start with one message that lists every problem.

mod channels;
mod database;
mod environment;
mod error;
mod issuers;
mod names;
mod reader;
mod reference;
mod setting;
mod settings;
mod table;
mod variables;
mod web;

pub use channels::check_channels;
pub use database::database_from;
pub use environment::Environment;
pub use error::ConfigError;
pub(crate) use reader::{SERVICE_LINK_ADVICE, is_service_link};
pub use reference::reference;
pub use settings::{Draft, GeoFiles, Listen, Secrets, Settings};
pub(crate) use table::{DATA_DIRECTORY, HTTP_PORT, HTTPS_PORT};
pub use variables::Variables;
pub use web::WebSettings;
