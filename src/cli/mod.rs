//! The command line: one file per command.
//!
//! Commands are thin: they read the settings, start what they need, call the same services as the server, and print.
//! Exit codes: 0 done, 1 failed, 2 wrong usage or settings. Only `main` may use this room.

mod ban;
mod command;
mod config;
mod demo_users;
mod dev;
mod env_file;
mod error;
mod key;
mod migrate;
mod serve;
mod session;
mod summary;
mod time_format;
mod tool;
mod user;

pub use command::run;
pub use error::CliError;
