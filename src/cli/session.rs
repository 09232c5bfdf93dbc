//! `portcullis session`: lists and revokes sessions.
//!
//! A revocation goes through the one revocation function and is announced to every running server, which closes the sockets;
//! this process holds none, so it can only say how many sessions ended.

use clap::{ArgGroup, Args, Subcommand};
use portcullis_actors::{
    close::Cause,
    id::{DeviceId, SessionId, UserId},
};
use time::OffsetDateTime;

use super::{CliError, DatabaseArgs, tool};
use crate::store::{Order, SessionFilter, Store, Target};

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
        /// Only this user's (e-mail address).
        #[arg(long)]
        user: Option<String>,
        /// Also those that have ended.
        #[arg(long)]
        ended: bool,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Revokes sessions.
    #[command(group(ArgGroup::new("target").required(true)))]
    Revoke {
        /// One session.
        #[arg(long, group = "target")]
        session: Option<SessionId>,
        /// Every session on a device.
        #[arg(long, group = "target")]
        device: Option<DeviceId>,
        /// Every session of a user (e-mail address).
        #[arg(long, group = "target")]
        user: Option<String>,
        /// Every session.
        #[arg(long, group = "target")]
        all: bool,
        /// Why; kept with the revocation and in the audit trail.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

impl Session {
    pub(super) fn run(self) -> Result<(), CliError> {
        let now = OffsetDateTime::now_utc();
        match self.command {
            Command::List { user, ended, limit } => tool::with_store(&self.database, async |store| {
                let user = match user {
                    Some(email) => Some(user_of(&store, &email).await?),
                    None => None,
                };
                let active_at = (!ended).then_some(now);
                let filter = SessionFilter { user, active_at, limit, ..SessionFilter::default() };
                println!("{:36}  {:>8}  {:19}  {:19}  email", "session", "user", "opened", "last seen");
                for live in store.search_sessions(filter).await? {
                    let (session, user) = (live.session, live.user);
                    let (opened, seen) = (seconds(session.created_at), seconds(session.last_seen_at));
                    println!("{}  {:>8}  {opened}  {seen}  {}", session.id, user.id, user.email);
                }
                Ok(())
            }),
            Command::Revoke { session, device, user, all: _, reason } => {
                tool::with_services(&self.database, async |services| {
                    let target = match (session, device, user) {
                        (Some(session), _, _) => Target::Session(session),
                        (_, Some(device), _) => Target::Device(device),
                        (_, _, Some(email)) => Target::User(user_of(services.store(), &email).await?),
                        _ => Target::All,
                    };
                    let order = Order { reason, ..Order::new(target, Cause::Revoked, now) };
                    let revoked = services.revoke(order).await?;
                    println!("revocation {}: {} sessions ended", revoked.id, revoked.sessions);
                    Ok(())
                })
            }
        }
    }
}

async fn user_of(store: &Store, email: &str) -> Result<UserId, CliError> {
    let found = store.user_by_email(email.trim().to_lowercase()).await?;
    found
        .map(|candidate| candidate.user.id)
        .ok_or_else(|| CliError::Usage(format!("there is no user {email}")))
}

/// To the second, UTC, in a fixed width.
fn seconds(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}
