//! `portcullis receipt`: shows the receipt of a revocation from the database, and verifies a receipt without one. On a running server,
//! `remote` asks for the receipt or for the key, and uses [`hand_out`] and [`Verify`], too.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use domain::{
    receipt::{
        document::{NodeState, Receipt},
        signed::SignedReceipt,
        verification,
    },
    transparency_log::{entry::moment, note::NoteVerifier},
};
use protocol::id::RevocationId;
use service::{AuditLog, Clock, FoundReceipt};

use super::{
    error::CliError,
    harmless::{harmless, harmless_json},
    tool::{self, DatabaseArgs},
};
use crate::config::{Variables, audit_log_settings};

/// Shows and verifies receipts of revocations.
#[derive(Debug, Args)]
pub(super) struct Receipts {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows the receipt of a revocation. Fails while a node has not carried the revocation out, or while no checkpoint covers it.
    Show(Show),
    /// Verifies a receipt with the key of the audit log. The database is not needed. With `--url` or `--profile`, the key may be left
    /// out: it is then the one that the server publishes.
    Verify(Verify),
}

/// Shows the receipt of a revocation.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The id of the revocation.
    id: i64,
    /// Prints the receipt with its proofs, as one line of JSON that `portcullis receipt verify` reads.
    #[arg(long)]
    json: bool,
    /// Writes the receipt with its proofs into this file, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Verifies a receipt.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The file with the receipt; `-` for standard input.
    file: PathBuf,
    /// A key of the audit log, in the form that `portcullis audit key` prints. May be given several times, for example for earlier
    /// keys.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// A file with a key of the audit log. May be given several times.
    #[arg(long = "key-file", value_name = "FILE")]
    key_files: Vec<PathBuf>,
}

impl Receipts {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        match self.action {
            Action::Show(show) => show.run(variables),
            Action::Verify(verify) => verify.run(None),
        }
    }
}

impl Show {
    fn run(self, variables: &Variables) -> Result<(), CliError> {
        let settings = audit_log_settings(variables)?;
        // A receipt is read without the data keys. They are only needed to sign checkpoints, which servers do.
        let data_keys = tool::data_encryption_keys(&self.database, variables).unwrap_or_default();
        tool::with_store(&self.database.clone(), variables, async |store| {
            if !store.schema_is_current().await? {
                return Err(CliError::NotMigrated);
            }
            let log = AuditLog::new(store, Clock::default(), settings, move || data_keys.clone());
            let found = log.receipt(RevocationId(self.id), false).await;
            let found = found.map_err(|error| CliError::Failure(error.to_string()))?;
            self.print(found)
        })
    }

    fn print(&self, found: FoundReceipt) -> Result<(), CliError> {
        let id = self.id;
        let signed = match found {
            FoundReceipt::Signed(signed) => signed,
            FoundReceipt::Unknown => {
                return Err(CliError::Failure(format!(
                    "there is no revocation {id}, or it is no longer kept"
                )));
            }
            FoundReceipt::Never => {
                let text = format!("revocation {id} was made before the server wrote receipts");
                return Err(CliError::Failure(text));
            }
            waiting => {
                let reason = waiting.reason().unwrap_or_default();
                return Err(CliError::Failure(format!("revocation {id} has no receipt yet: {reason}")));
            }
        };
        hand_out(&signed, self.json, self.out.as_deref())
    }
}

/// Prints the receipt, or writes it into this file, which must not exist.
pub(super) fn hand_out(signed: &SignedReceipt, as_json: bool, out: Option<&Path>) -> Result<(), CliError> {
    let line = signed.encoded();
    if let Some(path) = out {
        write_new(path, &line)?;
    }
    if as_json {
        println!("{}", harmless_json(&line));
    } else if out.is_none() {
        print(&signed.receipt, signed.reason.as_ref().map(|reason| &reason.text[..]));
    }
    Ok(())
}

fn write_new(path: &Path, line: &str) -> Result<(), CliError> {
    let named = |error: std::io::Error| CliError::Failure(format!("{}: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(named)?;
    writeln!(file, "{line}").map_err(named)
}

impl Verify {
    /// Whether the command line has a key, so that none is needed from elsewhere.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty() || !self.key_files.is_empty()
    }

    /// Verifies the receipt with the keys of the command line, or else with the key of this server: its name, and the key.
    ///
    /// # Errors
    /// What does not hold; `Usage` without a key.
    pub(super) fn run(self, of_server: Option<(&str, &str)>) -> Result<(), CliError> {
        let mut keys = self.keys()?;
        if let Some((server, text)) = of_server {
            keys.push(key(server, text)?);
        }
        if keys.is_empty() {
            return Err(CliError::Usage(
                "this needs a key of the audit log: give --key or --key-file, or the server that has it with --url or --profile"
                    .to_owned(),
            ));
        }
        let verified = verification::verify(&self.text()?, &keys);
        let verified = verified.map_err(|error| CliError::Failure(error.to_string()))?;
        println!("The receipt is valid.");
        println!(
            "entry {} of the log {}, in its checkpoint of {} entries",
            verified.index,
            harmless(&verified.checkpoint.origin),
            verified.checkpoint.size
        );
        print(&verified.receipt, verified.reason.as_deref());
        Ok(())
    }

    fn text(&self) -> Result<String, CliError> {
        let mut text = String::new();
        let read = if self.file.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text).map(drop)
        } else {
            std::fs::read_to_string(&self.file).map(|read| text = read)
        };
        read.map_err(|error| CliError::Failure(format!("{}: {error}", self.file.display())))?;
        Ok(text)
    }

    fn keys(&self) -> Result<Vec<NoteVerifier>, CliError> {
        let mut keys = self
            .keys
            .iter()
            .map(|text| key(&format!("--key: {text}"), text))
            .collect::<Result<Vec<_>, _>>()?;
        for file in &self.key_files {
            let place = format!("--key-file: {}", file.display());
            let text = std::fs::read_to_string(file)
                .map_err(|error| CliError::Usage(format!("{place}: {error}")))?;
            keys.push(key(&place, &text)?);
        }
        Ok(keys)
    }
}

/// The key in this text, which comes from this place.
fn key(place: &str, text: &str) -> Result<NoteVerifier, CliError> {
    NoteVerifier::parse(text).ok_or_else(|| CliError::Usage(format!("{place}: this is no key")))
}

/// Prints a receipt for people.
fn print(receipt: &Receipt, reason: Option<&str>) {
    let number =
        |number: Option<u32>| number.map_or_else(|| "not counted".to_owned(), |number| number.to_string());
    println!("revocation: {}", receipt.revocation);
    println!("target: {}", target(receipt));
    println!("cause: {}", receipt.cause.as_str());
    println!("reason: {}", reason.map_or_else(|| "(erased)".to_owned(), harmless));
    match receipt.actor {
        Some(actor) => println!("requested by: user {actor}"),
        None => println!("requested by: the server or its command line"),
    }
    println!("committed at: {}", moment(receipt.committed_at));
    println!("sessions ended: {}", number(receipt.sessions));
    if receipt.excluded > 0 {
        println!("sessions that the role of the actor may not end: {}", receipt.excluded);
    }
    if receipt.more {
        println!("the target covered more sessions than one revocation ends");
    }
    println!("sockets closed: {}", receipt.sockets_closed);
    for node in &receipt.nodes {
        let at = node.at.map(moment).unwrap_or_default();
        let after = node.after_ms.unwrap_or(0);
        match node.state {
            NodeState::Applied => println!(
                "node {}: applied at {at}, after {after} ms, sockets closed: {}",
                node.node,
                number(node.sockets_closed)
            ),
            NodeState::Lapsed => println!("node {}: lease lapsed at {at}, after {after} ms", node.node),
            NodeState::Pending => println!("node {}: pending", node.node),
        }
    }
    if let Some(slowest) = receipt.slowest {
        println!("slowest: node {}, after {} ms", slowest.node, slowest.after_ms);
    }
}

/// What was revoked, in words.
fn target(receipt: &Receipt) -> String {
    let target = &receipt.target;
    let facts = [
        target.session.map(|session| format!("session {session}")),
        target.device.map(|device| format!("device {device}")),
        target.user.map(|user| format!("user {user}")),
        target.users.map(|users| format!("{users} users")),
        target
            .within
            .as_ref()
            .zip(target.prefix)
            .map(|(within, prefix)| format!("/{prefix} within {within}")),
        target.opened_since.map(|since| format!("opened since {}", moment(since))),
        target.subject.as_ref().map(|subject| format!("subject {}", harmless(subject))),
        receipt.except_session.map(|session| format!("except session {session}")),
    ];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    let colon = if facts.is_empty() { "" } else { ": " };
    format!("{}{colon}{}", harmless(&target.kind), facts.join(", "))
}
