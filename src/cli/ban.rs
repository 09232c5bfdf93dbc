//! `portcullis ban`: addresses that are refused for a while.
//!
//! A ban is a database row with the time of its end. An audit event records it. Within seconds, every running server refuses
//! those requests from the address that have a limit per address, such as sign-ins, refreshes and handshakes. A ban ends no
//! session and closes no socket.

use std::{net::IpAddr, time::Duration};

use clap::{Args, Subcommand};

use super::{
    error::CliError,
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
        /// The address.
        address: IpAddr,
        /// The length of the ban, in minutes.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        minutes: u32,
        /// The reason. It is kept with the ban and in the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lists the bans in force. The ban that ends last comes first.
    List,
    /// Lifts the ban of an address (IPv6: of its /64).
    Remove {
        /// The address.
        address: IpAddr,
    },
}

impl Ban {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let Self { database, command } = self;
        tool::with_services(&database, variables, async |services| {
            match command {
                Command::Add { address, minutes, reason } => {
                    let period = Duration::from_secs(60 * u64::from(minutes));
                    let ban = services.operators.bans.ban_address(address, period, reason).await?;
                    println!("{} is banned until {}", ban.key, seconds(ban.expires_at));
                }
                Command::List => {
                    println!("{:43}  {:20}  reason", "address", "until");
                    for ban in services.operators.bans.list().await? {
                        println!(
                            "{:43}  {:20}  {}",
                            ban.key,
                            seconds(ban.expires_at),
                            ban.reason.escape_debug()
                        );
                    }
                }
                Command::Remove { address } if services.operators.bans.lift(address).await? => {
                    println!("{address} is no longer banned");
                }
                Command::Remove { address } => println!("{address} was not banned"),
            }
            Ok(())
        })
    }
}
