//! Commands against a running server: its URL, the sign-in, and the table of commands.
//!
//! The server judges every request by the rights of the account that has signed in, and by nothing else: the command line has no
//! authority of its own. `command` calls this module for commands on a server.

mod accounts;
mod audit_tail;
mod column;
mod command_line;
mod database_list;
mod dispatch;
mod http_client;
mod listing;
mod login;
mod logout;
mod noun;
mod nouns;
mod order;
mod output;
mod problem;
mod profile;
mod profile_dir;
mod receipts;
mod rendering;
mod run;
mod sentence;
mod server_args;
mod signed_in;
mod stored_secret;
mod terminal;
mod top;
mod watch;
mod whoami;

pub(super) use command_line::with_servers;
pub(super) use database_list::{moment, print_list};
pub(super) use dispatch::dispatch;
pub(super) use login::Login;
pub(super) use logout::Logout;
pub(super) use output::Document;
pub(super) use top::Top;
pub(super) use whoami::Whoami;
