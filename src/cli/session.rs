//! `portcullis session`: lists and revokes sessions.
//!
//! A revocation by this command uses the same function as every other revocation. It is announced to every running server,
//! which closes the sockets. This process has no sockets, so it can only print how many sessions ended.

use clap::{ArgGroup, Args, Subcommand};
use protocol::id::{DeviceId, SessionId};
use serde_json::json;
use service::{SessionFilter, Target};

use super::{
    error::CliError,
    remote,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// Lists and revokes sessions.
#[derive(Debug, Args)]
pub(super) struct Session {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists sessions, the newest first.
    List {
        /// Only the sessions of this user (e-mail address or number).
        #[arg(long)]
        user: Option<String>,
        /// Also sessions that have ended.
        #[arg(long)]
        ended: bool,
        /// The most sessions to list.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Prints the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revokes sessions.
    #[command(group(ArgGroup::new("target").required(true)))]
    Revoke {
        /// This session.
        #[arg(long, group = "target")]
        session: Option<SessionId>,
        /// Every session on a device.
        #[arg(long, group = "target")]
        device: Option<DeviceId>,
        /// Every session of a user (e-mail address or number).
        #[arg(long, group = "target")]
        user: Option<String>,
        /// Every session.
        #[arg(long, group = "target")]
        all: bool,
        /// The reason. It is kept with the revocation and in the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

impl Session {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        match self.command {
            Command::List { user, ended, limit, json: as_json } => {
                tool::with_services(&self.database, variables, async |services| {
                    let user = match user {
                        Some(name) => Some(services.operators.local_admin.find_user(&name).await?.id),
                        None => None,
                    };
                    let filter =
                        SessionFilter { user, active_only: !ended, limit, ..SessionFilter::default() };
                    let listed = services.operators.listings.account_sessions(filter).await?.sessions;
                    let entries: Vec<_> = listed.iter().map(|listed| entry(&listed.session)).collect();
                    remote::print_list("session", &entries, as_json)
                })
            }
            Command::Revoke { session, device, user, all: _, reason } => {
                tool::with_services(&self.database, variables, async |services| {
                    let target = match (session, device, user) {
                        (Some(session), _, _) => Target::Session(session),
                        (_, Some(device), _) => Target::Device(device),
                        (_, _, Some(name)) => {
                            Target::User(services.operators.local_admin.find_user(&name).await?.id)
                        }
                        _ => Target::All,
                    };
                    let revoked = services.operators.local_admin.revoke(target, reason).await?;
                    match revoked.id {
                        Some(id) => {
                            let sessions = tool::count(revoked.sessions);
                            println!("revocation {id}: {sessions} sessions ended");
                        }
                        None => println!("there was nothing to revoke"),
                    }
                    Ok(())
                })
            }
        }
    }
}

/// A session, with the names that the API for operators gives to its fields. How many sockets it has is known to the nodes only.
fn entry(session: &service::Session) -> serde_json::Value {
    json!({
        "id": session.id.to_string(),
        "kind": "account",
        "user_id": session.user.0,
        "device_id": session.device.to_string(),
        "address": session.address.map(|address| address.to_string()),
        "user_agent": session.user_agent,
        "created_at": remote::moment(session.created_at),
        "last_seen_at": remote::moment(session.last_seen_at),
        "expires_at": remote::moment(session.expires_at),
        "revoked_at": session.revoked.and_then(|revoked| remote::moment(revoked.at)),
    })
}
