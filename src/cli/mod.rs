//! The command line: one file per command.
//!
//! Commands are thin: they read the settings, start what they need, call the same services as the server, and print. Commands
//! with `--url` or `--profile` are requests to a running server instead (`remote/`). Exit codes: 0 done, 1 failed, 2 wrong usage,
//! 3 a sign-in or a proof of presence is missing, 4 the server cannot be reached, 78 settings that cannot be used, 130 ended by
//! Ctrl-C at a question or by a second signal. Only `main` may use this module.

mod audit;
mod audit_check;
mod backup;
mod ban;
mod cert;
mod cert_inspect;
mod command;
mod config;
mod config_init;
mod config_show;
mod demo_users;
mod dev;
mod drill;
mod error;
mod harmless;
mod health;
mod import;
mod key;
mod keys;
mod manual;
mod migrate;
mod openapi;
mod receipt;
mod remote;
mod restore;
mod serve;
mod session;
mod summary;
mod text_table;
mod time_format;
mod tool;
mod user;

pub use command::run;
pub use error::CliError;
