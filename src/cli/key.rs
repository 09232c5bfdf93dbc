//! `portcullis key`: keys of the server API.
//!
//! A running server reads the key of every request from the database, so every change takes effect at once.

use std::time::Duration;

use clap::{Args, Subcommand};
use domain::tokens::api_key::ApiScopes;
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::ApiKey;
use time::OffsetDateTime;

use super::{
    error::CliError,
    remote,
    time_format::seconds,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

const DAY: u64 = 24 * 60 * 60;
/// The longest life of a key: a hundred years. A longer one is probably a mistake, because a key that must not expire is
/// created without `--days`.
const LONGEST_LIFE_DAYS: i64 = 36_500;

/// Creates, lists and revokes keys of the server API.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates a key and prints it once. Only the hash of the key is stored, so the key cannot be shown again.
    Create {
        /// A name that says what the key is for.
        name: String,
        /// What the key may do: `publish`, `channels`, `history`, `connections`, `tokens`, or `*` for all; may be repeated.
        #[arg(long = "scope", required = true, value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<ApiScopes>,
        /// The number of days after which the key expires. Without this option, the key does not expire.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=LONGEST_LIFE_DAYS))]
        days: Option<u32>,
    },
    /// Lists keys, the newest first.
    List {
        /// Prints the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a key: from then on it is refused.
    Revoke {
        /// The id or the name of the key.
        key: String,
    },
}

impl Key {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let Self { database, command } = self;
        tool::with_services(&database, variables, async |services| {
            match command {
                Command::Create { name, scopes, days } => {
                    let scopes = ApiScopes::joined(scopes);
                    let lifetime = days.map(|days| Duration::from_secs(u64::from(days) * DAY));
                    let (key, made) = services.access.api_keys.create(&name, scopes, lifetime).await?;
                    let end = made.expires_at.map_or_else(
                        || "does not expire".to_owned(),
                        |end| format!("expires {}", seconds(end)),
                    );
                    eprintln!(
                        "key {} ({}): {}; {end}; it is not shown again",
                        made.id, made.name, made.scopes
                    );
                    println!("{}", key.expose_secret());
                }
                Command::List { json: as_json } => {
                    let now = services.clock.now();
                    let entry = |key: &ApiKey| {
                        json!({
                            "id": key.id.to_string(),
                            "name": key.name,
                            "state": state(key, now),
                            "scopes": key.scopes.words(),
                            "created_at": remote::moment(key.created_at),
                            "expires_at": key.expires_at.and_then(remote::moment),
                            "last_used_at": key.last_used_at.and_then(remote::moment),
                            "revoked_at": key.revoked_at.and_then(remote::moment),
                        })
                    };
                    let keys: Vec<_> = services.access.api_keys.list().await?.iter().map(entry).collect();
                    return remote::print_list("key", &keys, as_json);
                }
                Command::Revoke { key } => match services.access.api_keys.revoke(&key).await? {
                    Some(id) => println!("key {id} is revoked"),
                    None => {
                        return Err(CliError::Failure(
                            "there is no such key, or it is already revoked".to_owned(),
                        ));
                    }
                },
            }
            Ok(())
        })
    }
}

fn state(key: &ApiKey, now: OffsetDateTime) -> &'static str {
    match (key.revoked_at, key.works(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "valid",
        (None, false) => "expired",
    }
}
