//! `portcullis ban`: addresses that are refused for a while.
//!
//! A ban is a database row with the time of its end. An audit event records it. Within seconds, every running server refuses
//! those requests from the address that have a limit per address, such as sign-ins, refreshes and handshakes. A ban ends no
//! session and closes no socket.

use std::{net::IpAddr, time::Duration};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    error::CliError,
    remote,
    time_format::seconds,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// Bans addresses, lists bans and lifts them.
#[derive(Debug, Args)]
pub(super) struct Ban {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bans an address (IPv6: its whole /64). An existing ban is extended, never shortened.
    Add {
        /// The address, or on a server also a network.
        address: String,
        /// The length of the ban, in minutes.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        minutes: u32,
        /// The reason. It is kept with the ban and in the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lists the bans in force. The ban that ends last comes first.
    List {
        /// Prints the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lifts the ban of an address (IPv6: of its /64).
    Remove {
        /// The address, or on a server also a network, exactly as it is banned.
        address: String,
    },
}

impl Ban {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let Self { database, command } = self;
        tool::with_services(&database, variables, async |services| {
            match command {
                Command::Add { address, minutes, reason } => {
                    let period = Duration::from_secs(60 * u64::from(minutes));
                    let ban = services.operators.bans.ban_address(parsed(&address)?, period, reason).await?;
                    println!("{} is banned until {}", ban.key, seconds(ban.expires_at));
                }
                Command::List { json: as_json } => {
                    let entry = |ban: &service::Ban| {
                        json!({
                            "network": ban.key,
                            "reason": ban.reason,
                            "until": remote::moment(ban.expires_at),
                            "created_at": remote::moment(ban.created_at),
                        })
                    };
                    let bans: Vec<_> = services.operators.bans.list().await?.iter().map(entry).collect();
                    return remote::print_list("ban", &bans, as_json);
                }
                Command::Remove { address } if services.operators.bans.lift(parsed(&address)?).await? => {
                    println!("{address} is no longer banned");
                }
                Command::Remove { address } => println!("{address} was not banned"),
            }
            Ok(())
        })
    }
}

/// # Errors
/// `Usage` for a text that is no address.
fn parsed(address: &str) -> Result<IpAddr, CliError> {
    address.parse().map_err(|_| CliError::Usage(format!("{address}: this is no address")))
}
