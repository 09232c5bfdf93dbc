//! `portcullis restore`: restores a backup into an empty database, or finishes a restore that was made by other means.
//!
//! A backup does not know what was revoked or used after it was made. So the restore ends every session, and makes void what
//! may have been used. Until that is done, servers refuse the database.

use std::{
    ffi::OsStr,
    fmt::Display,
    path::{Path, PathBuf},
};

use clap::{ArgGroup, Args};
use domain::crypto::secret_ring::SecretRing;
use secrecy::SecretString;
use service::{AuditLog, AuditLogSettings, Clock, KeptAfterRestore, ReadEntry, Restoration};
use store::{DatabaseSettings, FinishedRestore, LostEvent, MigrateOrder, Store};
use time::OffsetDateTime;

use super::{
    audit_check,
    error::CliError,
    keys, migrate,
    time_format::seconds,
    tool::{self, DatabaseArgs},
};
use crate::{
    config::{Variables, audit_log_settings, issuer_token_life},
    postgres::ClientProgram,
};

/// What a restored database cannot know.
const UNKNOWN: &str = "\
The backup does not know what came after it. Repeat what still matters:
  bans, blocks of users, and denials by name   portcullis ban add, block_user
  changed or reset passwords                   portcullis user reset-password
  removed or replaced second factors           portcullis user reset-factors
  changed roles, statuses and addresses        portcullis user set-role, set-status, set-email
  a block that was lifted is in force again    unblock_user
  passkeys that were suspended as copied       portcullis user reset-factors
    after the backup work again
  a leak of the data key: the old key seals    portcullis keys leaked data
    the rows again, so run the command again
  webhooks and streams that were made, changed  /api/v1/admin/webhooks
    or deleted, and their new secrets
  requested and cancelled erasures of accounts  /api/v1/admin/erasures
    (erasures in ERASURES_FILE are repeated)
  accounts that were created are missing; their numbers are not given again";

/// Restores a backup into an empty database, and ends every session. No server may use the database meanwhile.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["file", "finish", "nothing_lost"]))]
pub(super) struct Restore {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The file that `portcullis backup` wrote.
    file: Option<PathBuf>,
    /// Finishes a restore that was made by other means: with `pg_restore`, from an archive, or from a snapshot.
    #[arg(long)]
    finish: bool,
    /// Takes a database into service that was moved while no server used it, and in which nothing is missing. Ends no session.
    #[arg(long, conflicts_with_all = ["keep_backup_codes", "keep_api_keys", "keep_event_receivers", "keep_outside_tokens", "compare_with"])]
    nothing_lost: bool,
    /// Keeps the backup codes that were unused when the backup was made. A code that was used after the backup works once more.
    #[arg(long)]
    keep_backup_codes: bool,
    /// Keeps the keys of the server API. A key that was revoked after the backup works again.
    #[arg(long)]
    keep_api_keys: bool,
    /// Keeps webhooks and streams of events enabled. A receiver that was deleted after the backup gets events again, signed with
    /// the secret of the backup.
    #[arg(long)]
    keep_event_receivers: bool,
    /// Accepts tokens of other issuers that were issued before the restore. A token that was revoked after the backup works
    /// again.
    #[arg(long)]
    keep_outside_tokens: bool,
    /// The URL of the lost database, if it can still be read. Lists what happened in it after the backup.
    #[arg(long, env = "RESTORE_COMPARE_WITH", hide_env_values = true, value_name = "URL")]
    compare_with: Option<String>,
    /// The role of the server in the restored database, which gets its rights [default: the user of `DATABASE_URL`].
    #[arg(long, value_name = "ROLE")]
    server_role: Option<String>,
}

impl Restore {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let life = issuer_token_life(variables)?;
        let lost =
            self.compare_with.as_ref().map(|url| DatabaseSettings::parse(&SecretString::from(url.as_str())));
        let lost = lost.transpose().map_err(|error| CliError::Usage(format!("--compare-with: {error}")))?;
        let (database, audit) = (self.database.clone(), audit_log_settings(variables)?);
        // A restore is possible without the data keys, but then it cannot say whether they fit.
        let data_keys = tool::data_encryption_keys(&database, variables);
        tool::as_owner(&database, variables, async |store, settings| {
            let order = tool::migrate_order(self.server_role.clone(), &database, variables, &settings)?;
            let lost = match &lost {
                Some(lost) => Some(readable(lost).await?),
                None => None,
            };
            if let Some(file) = &self.file {
                load(&store, &settings, file).await?;
            }
            let restoration = Restoration::new(store.clone(), Clock::default(), life);
            let done = self.finish(&store, order, restoration, &data_keys).await;
            match (done, &self.file) {
                (Ok(finished), _) => {
                    let keys = data_keys.as_ref().map(Clone::clone).unwrap_or_default();
                    if let Some(finished) = finished {
                        list_lost(lost.as_ref(), &finished, &audit, &keys).await?;
                    }
                    let keys = move || keys.clone();
                    let log = AuditLog::new(store, Clock::default(), audit.clone(), keys);
                    audit_check::after_restore(&log, audit.anchor.clone()).await
                }
                (Err(error), Some(_)) => Err(CliError::Failure(format!(
                    "the rows are restored, but the restore is not finished: {error}. No server uses the database until \
                     `portcullis restore --finish` succeeds"
                ))),
                (Err(error), None) => Err(error),
            }
        })
    }

    async fn finish(
        &self,
        store: &Store,
        order: MigrateOrder,
        restoration: Restoration,
        data_keys: &Result<SecretRing, CliError>,
    ) -> Result<Option<FinishedRestore>, CliError> {
        migrate::check_role(store, &order).await?;
        migrate::print(&store.migrate_with(order).await?)?;
        check_data_keys(store, data_keys).await?;
        if self.nothing_lost {
            restoration.accept().await?;
            println!("The database is in service here. Nothing was revoked.");
            return Ok(None);
        }
        let kept = KeptAfterRestore {
            backup_codes: self.keep_backup_codes,
            api_keys: self.keep_api_keys,
            event_receivers: self.keep_event_receivers,
            outside_tokens: self.keep_outside_tokens,
        };
        let until = restoration.tokens_denied_until();
        let finished = restoration.finish(kept).await?;
        print(&finished, kept, until);
        Ok(Some(finished))
    }
}

/// Restores the rows: all or none.
async fn load(store: &Store, database: &DatabaseSettings, file: &Path) -> Result<(), CliError> {
    let relations = store.some_relations().await?;
    if !relations.is_empty() {
        return Err(CliError::Failure(format!(
            "the database is not empty: it has {}. A backup is restored into an empty database only",
            relations.join(", ")
        )));
    }
    let program = ClientProgram::find("pg_restore", store.server_major().await?)?;
    let list = program.run(&["--list".as_ref(), file.as_os_str()], Vec::new())?;
    if !String::from_utf8_lossy(&list).contains("refinery_schema_history") {
        return Err(CliError::Usage(format!("{} is not a backup of Portcullis", file.display())));
    }
    let name = database.config.get_dbname().or(database.config.get_user()).unwrap_or_default();
    let arguments: [&OsStr; 8] = [
        "--single-transaction".as_ref(),
        "--exit-on-error".as_ref(),
        "--no-owner".as_ref(),
        // The roles of the backup may not exist here. The role of the server gets its rights when the restore is finished.
        "--no-privileges".as_ref(),
        "--no-password".as_ref(),
        "--dbname".as_ref(),
        name.as_ref(),
        file.as_os_str(),
    ];
    program.run(&arguments, database.libpq_environment(program.major()))?;
    println!("restored {}", file.display());
    Ok(())
}

fn print(finished: &FinishedRestore, kept: KeptAfterRestore, until: OffsetDateTime) {
    let newest = finished.newest_event.map_or_else(|| "none".to_owned(), seconds);
    println!("newest event of the backup: {newest}");
    let (id, sessions) = (finished.revocation.map_or(0, |id| id.0), tool::count(finished.sessions));
    println!("sessions ended: {sessions} (revocation {id})");
    println!("authenticator apps whose codes until now are refused: {}", finished.authenticator_apps);
    println!("devices that are no longer trusted: {}", finished.trusted_devices);
    println!("open challenges and tickets removed: {}", finished.open_proofs);
    if kept.backup_codes {
        println!("backup codes: KEPT; a code that was used after the backup works once more");
    } else {
        println!("backup codes void: {}", finished.backup_codes);
    }
    if kept.api_keys {
        println!("keys of the server API: KEPT; a key that was revoked after the backup works again");
    } else {
        println!("keys of the server API revoked: {}", finished.api_keys.len());
        for name in &finished.api_keys {
            println!("  {name}");
        }
    }
    if kept.event_receivers {
        println!("receivers of events: KEPT; a receiver that was deleted after the backup gets events again");
    } else {
        println!("receivers of events paused: {}", finished.event_receivers.len());
        for name in &finished.event_receivers {
            println!("  {name}");
        }
    }
    if kept.outside_tokens {
        println!("tokens of other issuers: KEPT; a token that was revoked after the backup works again");
    } else {
        println!("tokens of other issuers that were issued until now are refused until {}", seconds(until));
    }
    println!("{UNKNOWN}");
}

/// Says how many rows cannot be opened with the data keys of the settings.
async fn check_data_keys(store: &Store, data_keys: &Result<SecretRing, CliError>) -> Result<(), CliError> {
    let counts = store.sealed_counts().await?;
    match data_keys {
        Ok(data_keys) => match keys::unopened(data_keys, &counts) {
            0 => {}
            rows => println!(
                "WARNING: no data key of the settings opens {rows} rows of the backup. Their authenticator apps, or all backup \
                 codes, do not work until DATA_ENCRYPTION_KEY or DATA_ENCRYPTION_PREVIOUS_KEYS has the data key of the backup"
            ),
        },
        Err(_) if counts.is_empty() => {}
        Err(error) => {
            println!("It was not checked whether the data keys open the rows of the backup: {error}");
        }
    }
    Ok(())
}

fn unreadable(error: impl Display) -> CliError {
    CliError::Failure(format!("--compare-with: the lost database cannot be read: {error}"))
}

/// The lost database. It is read once before anything is changed, because a finished restore cannot be compared again: its own
/// events are newer than the backup.
async fn readable(lost: &DatabaseSettings) -> Result<Store, CliError> {
    let store = Store::connect(lost).map_err(unreadable)?;
    store.lost_events(OffsetDateTime::now_utc(), i64::MAX).await.map_err(unreadable)?;
    store.audit_log_head().await.map_err(unreadable)?;
    Ok(store)
}

fn logged_event(read: ReadEntry) -> LostEvent {
    let ReadEntry { entry, fields } = read;
    LostEvent {
        at: entry.at,
        event: entry.event,
        user: fields.subject.or(entry.user.map(|user| user.to_string())),
        detail: serde_json::Value::Object(fields.detail).to_string(),
    }
}

/// Lists what happened in the lost database after the backup.
async fn list_lost(
    lost: Option<&Store>,
    after: &FinishedRestore,
    audit: &AuditLogSettings,
    keys: &SecretRing,
) -> Result<(), CliError> {
    let Some(lost) = lost else { return Ok(()) };
    let since = after.newest_event.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let logged = lost.lost_entries(after.logged).await.map_err(unreadable)?;
    let keys = keys.clone();
    let log = AuditLog::new(lost.clone(), Clock::default(), audit.clone(), move || keys.clone());
    let mut events: Vec<_> =
        log.opened(logged).await.map_err(unreadable)?.into_iter().map(logged_event).collect();
    events.extend(lost.lost_events(since, after.newest_number).await.map_err(unreadable)?);
    let shown = events.len().min(LostEvent::LISTED);
    println!("events of the lost database after the backup: {shown}");
    if events.len() > shown {
        println!("  INCOMPLETE: the lost database has more events; these are the oldest {shown}");
    }
    for event in events.into_iter().take(shown) {
        let user = event.user.unwrap_or_default();
        println!("  {}  {:26}  {user:>8}  {}", seconds(event.at), event.event, event.detail);
    }
    Ok(())
}
