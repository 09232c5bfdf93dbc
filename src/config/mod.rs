//! The settings of the server: one table, and the code that reads it.
//!
//! `table` names every setting with its type, unit, default, bounds and a short text. Everything else follows from this table:
//! the reading of the variables (`settings`), the report of misspelt names (`names`), `portcullis config check`, `config show`
//! (`shown`), `config init` (`template`) and `docs/settings.md` (`reference`). The variables come from the environment, from
//! files and from systemd credentials (`ranks`). `cli` reads the settings at the start, and `app` opens the files that the
//! settings name. No other module reads the settings from the environment. Bad settings stop the start with one message that
//! lists every problem.

mod acme;
mod assignment;
mod audit;
mod changes;
mod channels;
mod credentials;
mod database;
mod dev_start;
mod env_file;
mod environment;
mod error;
mod issuer_tokens;
mod issuers;
mod key_file;
mod listen;
mod mail;
mod names;
mod pages;
mod ranks;
mod reader;
mod reference;
mod row;
mod secrets;
mod setting;
mod settings;
mod shown;
mod source;
mod table;
mod template;
mod traces;
mod variables;
mod web;

pub use acme::{AcmeChallenge, AcmeSettings};
pub use assignment::Assignment;
pub use audit::{anchor_place, audit_log_settings};
pub use changes::{Changes, SettingValues};
pub use channels::check_channels;
pub use database::{audit_kept_days, database_from, owner_from};
pub use dev_start::{DevStart, data_dir};
pub use environment::Environment;
pub use error::ConfigError;
pub use issuer_tokens::issuer_token_life;
pub use key_file::{KeyFile, KeyFileError};
pub use listen::{Listen, LocalAddress, local_address, reachable};
pub use mail::MailSetup;
pub use pages::PageSettings;
pub use reference::reference;
pub use secrets::{KeyKind, Secrets, token_algorithm};
pub use settings::{Draft, GeoFiles, Settings, erasure_rules};
pub use shown::ShownSetting;
pub use source::Source;
pub use template::{template, to_fill_in};
pub use traces::TraceSettings;
pub use variables::Variables;
pub use web::WebSettings;
