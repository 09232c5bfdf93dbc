//! `portcullis audit`: verifies, proves, shows and exports the audit log. The command works on the database.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use domain::transparency_log::{entry::moment, hash::Hash, note::NoteVerifier};
use service::{
    AcceptedLosses, AuditLog, AuditLogError, AuditLogSettings, Clock, EntryName, LogFilter, ReadEntry,
    VerifyOptions,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    audit_check,
    error::CliError,
    harmless::{harmless, harmless_json},
    remote::Document,
    tool::{self, DatabaseArgs},
};
use crate::config::{Variables, anchor_place, audit_log_settings};

/// The entries that are read at once.
const PAGE: u32 = 1_000;
/// How often `tail --follow` looks for new entries.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Verifies, proves, shows and exports the audit log.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Verifies every entry and every checkpoint, and names the first entry that is wrong or missing.
    Verify(Verify),
    /// Proves that an entry is in the log.
    Prove {
        /// The number of the entry, or the id of the event.
        entry: String,
        /// The number of entries of the tree. Without it, that of the newest checkpoint.
        #[arg(long)]
        size: Option<u64>,
    },
    /// Proves that the log continues an earlier state of it.
    Consistency {
        /// The number of entries of the earlier state.
        from: u64,
        /// The number of entries of the later state. Without it, the whole log.
        to: Option<u64>,
    },
    /// Shows the newest entries.
    Tail {
        /// How many entries.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        lines: u32,
        /// Waits for further entries.
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// Writes entries to standard output, one line of JSON per entry: the leaves of the tree.
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Writes the personal fields in the clear. Such a line is no leaf of the tree.
        #[arg(long)]
        readable: bool,
    },
    /// Prints the newest checkpoint.
    Checkpoint,
    /// Prints the key with which checkpoints are verified.
    Key,
}

/// Verifies every entry and every checkpoint.
#[derive(Debug, Args)]
struct Verify {
    /// The anchor: the path of a file, the URL of a database, or `s3://BUCKET/PREFIX` of the object store in the settings. Without it,
    /// the setting AUDIT_ANCHOR.
    #[arg(long, value_name = "PLACE")]
    anchor: Option<String>,
    /// A key that verifies checkpoints, in the form that `portcullis audit key` prints. May be given several times, for example
    /// for earlier keys. With a key, the secrets of the server are not needed.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Accepts that a restore of the database has lost these entries, for example `300-339`, as `portcullis restore` has printed
    /// them. May be given several times. No other loss is accepted.
    #[arg(long, value_name = "FIRST-LAST", value_parser = loss_of)]
    accept_restored: Vec<(u64, u64)>,
}

/// Which entries are shown.
#[derive(Debug, Args)]
struct Filter {
    /// The name of the event, for example `session.opened`.
    #[arg(long)]
    event: Option<String>,
    /// How the act ended.
    #[arg(long, value_parser = ["success", "failure", "denied"])]
    outcome: Option<String>,
    /// The number of the account that the act concerns.
    #[arg(long)]
    user: Option<i64>,
    /// The number of the account that performed the act.
    #[arg(long)]
    actor: Option<i64>,
    /// Events from this time on (RFC 3339).
    #[arg(long, value_parser = time_of)]
    since: Option<OffsetDateTime>,
    /// Events before this time (RFC 3339).
    #[arg(long, value_parser = time_of)]
    until: Option<OffsetDateTime>,
}

impl Filter {
    fn of(&self) -> LogFilter {
        LogFilter {
            event: self.event.clone(),
            outcome: self.outcome.clone(),
            user: self.user,
            actor: self.actor,
            since: self.since,
            until: self.until,
            ..LogFilter::default()
        }
    }
}

/// The number of entries that were kept, and the number that the anchor knows.
fn loss_of(text: &str) -> Result<(u64, u64), String> {
    let read = || {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse::<u64>().ok()?);
        (first <= last).then_some((first, last.checked_add(1)?))
    };
    read().ok_or_else(|| "give the first and the last lost entry, for example 300-339".to_owned())
}

fn time_of(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())
}

impl Audit {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let settings = audit_log_settings(variables)?;
        // With a verifier key, the log can be verified without the data keys.
        let data_keys = tool::data_encryption_keys(&self.database, variables).unwrap_or_default();
        tool::with_store(&self.database.clone(), variables, async |store| {
            // An auditor may have a role that only reads, so no rights of a server are needed.
            if !store.schema_is_current().await? {
                return Err(CliError::NotMigrated);
            }
            let log = AuditLog::new(store, Clock::default(), settings.clone(), move || data_keys.clone());
            self.action.run(&log, &settings, variables).await
        })
    }
}

impl Action {
    async fn run(
        &self,
        log: &AuditLog,
        settings: &AuditLogSettings,
        variables: &Variables,
    ) -> Result<(), CliError> {
        match self {
            Self::Verify(verify) => verify.run(log, settings, variables).await,
            Self::Prove { entry, size } => prove(log, entry, *size).await,
            Self::Consistency { from, to } => consistency(log, *from, *to).await,
            Self::Tail { lines, follow, filter } => tail(log, *lines, *follow, filter.of()).await,
            Self::Export { filter, readable } => export(log, filter.of(), *readable).await,
            Self::Checkpoint => match log.newest_checkpoint().await.map_err(failed)? {
                Some(checkpoint) => {
                    print!("{checkpoint}");
                    Ok(())
                }
                None => Err(CliError::Failure("the log has no checkpoint yet".to_owned())),
            },
            Self::Key => {
                println!("{}", log.verifier_key().await.map_err(failed)?);
                Ok(())
            }
        }
    }
}

impl Verify {
    async fn run(
        &self,
        log: &AuditLog,
        settings: &AuditLogSettings,
        variables: &Variables,
    ) -> Result<(), CliError> {
        let anchor = self.anchor.as_deref().map(|text| anchor_place(variables, text)).transpose();
        let anchor = anchor.map_err(|error| CliError::Usage(error.problems.join("; ")))?;
        let key = |text: &String| {
            NoteVerifier::parse(text).ok_or_else(|| CliError::Usage(format!("--key: {text}: this is no key")))
        };
        let options = VerifyOptions {
            keys: self.keys.iter().map(key).collect::<Result<_, _>>()?,
            anchor: anchor.or_else(|| settings.anchor.clone()),
            accepted: AcceptedLosses::Named(self.accept_restored.clone()),
        };
        let verified = audit_check::verified(log, &options).await.map_err(failed)?;
        println!("The audit log is whole.");
        audit_check::print(&verified);
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failure(error.to_string())
}

async fn prove(log: &AuditLog, entry: &str, size: Option<u64>) -> Result<(), CliError> {
    let name = match (entry.parse::<u64>(), Uuid::try_parse(entry)) {
        (Ok(index), _) => EntryName::Index(index),
        (_, Ok(id)) => EntryName::Id(id),
        _ => {
            return Err(CliError::Usage(format!(
                "{entry}: give the number of an entry or the id of an event"
            )));
        }
    };
    let proof = log.prove_inclusion(name, size).await.map_err(failed)?;
    // The leaf has the texts of others, and a hash is over its bytes.
    Document::begin().part(&[proof.entry.entry.encoded(), b"\n".to_vec()].concat())?;
    println!("index {}", proof.entry.entry.index);
    println!("size {}", proof.size);
    println!("root {}", STANDARD.encode(proof.root));
    print_hashes(&proof.hashes);
    if let Some(checkpoint) = proof.checkpoint {
        print!("\n{checkpoint}");
    }
    Ok(())
}

async fn consistency(log: &AuditLog, from: u64, to: Option<u64>) -> Result<(), CliError> {
    let proof = log.prove_consistency(from, to).await.map_err(failed)?;
    println!("from {} {}", proof.from, STANDARD.encode(proof.from_root));
    println!("to {} {}", proof.to, STANDARD.encode(proof.to_root));
    print_hashes(&proof.hashes);
    Ok(())
}

fn print_hashes(hashes: &[Hash]) {
    for hash in hashes {
        println!("{}", STANDARD.encode(hash));
    }
}

async fn tail(log: &AuditLog, lines: u32, follow: bool, filter: LogFilter) -> Result<(), CliError> {
    // The size is read before the entries that are shown. So an entry that comes meanwhile is among these, or further on.
    let mut from = log.size().await.map_err(failed)?;
    let mut newest = log.read(filter.clone(), true, lines).await.map_err(failed)?;
    newest.reverse();
    newest.iter().for_each(print_entry);
    from = newest.last().map_or(from, |last| from.max(last.entry.index + 1));
    if !follow {
        return Ok(());
    }
    loop {
        let further = LogFilter { from: Some(from), ..filter.clone() };
        match log.read(further, false, PAGE).await {
            Ok(entries) => {
                entries.iter().for_each(print_entry);
                from = entries.last().map_or(from, |last| last.entry.index + 1);
                if !entries.is_empty() {
                    continue;
                }
            }
            // A database that starts again is away for a while.
            Err(AuditLogError::Store(error)) if error.is_unavailable() => eprintln!("portcullis: {error}"),
            Err(error) => return Err(failed(error)),
        }
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}

fn print_entry(read: &ReadEntry) {
    let ReadEntry { entry, fields } = read;
    let user = fields.subject.clone().or_else(|| entry.user.map(|user| user.to_string())).unwrap_or_default();
    let address = fields.address.as_deref().unwrap_or(if fields.erased { "(erased)" } else { "" });
    let detail = harmless_json(&serde_json::Value::Object(fields.detail.clone()).to_string());
    let (user, address) = (harmless(&user), harmless(address));
    println!(
        "{:>8}  {}  {:7}  {:28}  {user:>8}  {address:15}  {detail}",
        entry.index,
        moment(entry.at),
        entry.outcome,
        entry.event
    );
}

async fn export(log: &AuditLog, filter: LogFilter, readable: bool) -> Result<(), CliError> {
    let (mut out, mut from) = (Document::begin(), 0);
    let before = Some(log.size().await.map_err(failed)?);
    loop {
        let page = LogFilter { from: Some(from), before, ..filter.clone() };
        let lines: Vec<(u64, Vec<u8>)> = if readable {
            let entries = log.read(page, false, PAGE).await.map_err(failed)?;
            entries.into_iter().map(|read| (read.entry.index, read.readable().into_bytes())).collect()
        } else {
            log.encoded(page, PAGE).await.map_err(failed)?
        };
        let Some((last, _)) = lines.last() else { return Ok(()) };
        from = last + 1;
        let lines: Vec<u8> = lines.into_iter().flat_map(|(_, line)| [line, vec![b'\n']].concat()).collect();
        out.part(&lines)?;
    }
}
