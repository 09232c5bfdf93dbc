//! `portcullis keys`: shows, rotates and replaces the secrets from which the keys of tokens, cookies and data are derived.
//!
//! The command changes the file of settings that gives the secrets. Running servers use the new secrets after they have read the
//! settings again, so each step ends with a sentence that says what comes next. No secret is printed.

use std::io::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use domain::{
    crypto::{
        lasting_keys::LastingKeySealer,
        seal::{KeyState, Sealer},
        secret_ring::{DatedSecret, KeyRotationRefusal, KeyRotationStep, SecretRing, secret_name},
    },
    events::SEALED_RECEIVERS,
    factors::totp::TotpSealer,
    tokens::token_key::token_kid,
    transparency_log::keys::AuditKeySealer,
};
use secrecy::SecretString;
use service::Target;
use store::{SealedCount, SealedKind, Store};
use time::OffsetDateTime;

use super::{
    error::CliError,
    time_format::seconds,
    tool::{self, DatabaseArgs},
};
use crate::{
    config::{KeyFile, KeyFileError, KeyKind, Variables, token_algorithm},
    secrets,
};

/// Shows, rotates and replaces the keys of tokens, cookies and data.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the keys of each kind by their public names.
    Status {
        /// Also counts the rows in the database that each data key has sealed.
        #[arg(long)]
        database: bool,
    },
    /// Takes the next step of a rotation in the file of settings: adds a next key, or begins to use it.
    Rotate {
        /// The kind of keys.
        kind: Kind,
        /// Uses the next key even if it was added less than ten minutes ago. Every server must accept it already.
        #[arg(long)]
        now: bool,
    },
    /// Removes retired keys that nothing valid needs any more from the file of settings.
    Prune {
        /// The kind of keys.
        kind: Kind,
    },
    /// Replaces all keys of a kind at once, because one of them is known to others, and ends every session.
    Leaked {
        /// The kind of keys.
        kind: Kind,
    },
}

/// A kind of keys on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Access tokens and refresh tokens (`JWT_SECRET_KEY`).
    Tokens,
    /// CSRF tokens and signed cookies (`CSRF_SECRET_KEY`).
    Csrf,
    /// Encrypted and hashed data in the database (`DATA_ENCRYPTION_KEY`).
    Data,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Tokens => Self::Tokens,
            Kind::Csrf => Self::Csrf,
            Kind::Data => Self::Data,
        }
    }
}

impl From<KeyFileError> for CliError {
    fn from(error: KeyFileError) -> Self {
        Self::Failure(error.to_string())
    }
}

impl Keys {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let now = OffsetDateTime::now_utc();
        match self.command {
            Command::Status { database } => status(&self.database, variables, database, now),
            Command::Rotate { kind, now: at_once } => rotate(kind.into(), variables, now, at_once),
            Command::Prune { kind } => prune(&self.database, kind.into(), variables, now),
            Command::Leaked { kind } => leaked(&self.database, kind.into(), variables, now),
        }
    }
}

fn fresh() -> Result<SecretString, CliError> {
    Ok(SecretString::from(secrets::random_key()?.as_str()))
}

/// What the operator must do after each change of the file.
fn read_again(file: &KeyFile) -> &'static str {
    if file.is_file_for_each() {
        "restart every server (a reload is enough only if the server itself reads these files, and not copies of them: then `changed` in the log line of the reload names the settings)"
    } else {
        "every server must read the settings again (reload or restart); check that `changed` in the log line of a reload names the settings"
    }
}

fn rotate(kind: KeyKind, variables: &Variables, now: OffsetDateTime, at_once: bool) -> Result<(), CliError> {
    let (word, file) = (kind.as_str(), KeyFile::find(kind, variables)?);
    let life = kind.longest_life(variables)?;
    let (changed, step) = match file.secrets.rotated(fresh()?, now, life, at_once) {
        Ok(rotated) => rotated,
        Err(KeyRotationRefusal::TooEarly { from }) => {
            return Err(CliError::Failure(format!(
                "the next key of {word} is too new: some servers may not accept it yet. Rotate again at {} or later, or with --now if every server has read it",
                seconds(from)
            )));
        }
    };
    file.write(&changed)?;
    let (path, again) = (file.path().display(), read_again(&file));
    match step {
        KeyRotationStep::Prepared => println!(
            "{path}: a next key of {word} was added.\nNext: {again}. Ten minutes later, `portcullis keys rotate {word}` begins to use it."
        ),
        KeyRotationStep::Promoted => {
            let end = changed.previous.first().and_then(|retired| retired.at).unwrap_or(now);
            println!(
                "{path}: the next key of {word} is the current key now, and a new next key was added.\nNext: {again}. The retired key is needed until {}; then `portcullis keys prune {word}` removes it.",
                seconds(end)
            );
        }
    }
    Ok(())
}

fn prune(
    database: &DatabaseArgs,
    kind: KeyKind,
    variables: &Variables,
    now: OffsetDateTime,
) -> Result<(), CliError> {
    let (word, file) = (kind.as_str(), KeyFile::find(kind, variables)?);
    let pruned = file.secrets.pruned(now);
    let removed = file.secrets.previous.len() - pruned.previous.len();
    let path = file.path().display();
    let left = || {
        for retired in &pruned.previous {
            let end = retired.at.map_or_else(
                || "has no end in the settings: remove it by hand".to_owned(),
                |end| format!("is needed until {}", seconds(end)),
            );
            println!("the retired key {} {end}", secret_name(&retired.secret));
        }
    };
    if removed == 0 {
        println!("{path}: no retired key of {word} can be removed");
        left();
        return Ok(());
    }
    if kind == KeyKind::Data {
        tool::with_store(database, variables, async |store| {
            tool::require_ready(&store).await?;
            let counts = sealed_with(&file, &store, false).await?;
            let needed = rows(&counts, |count| state(&pruned, count) == KeyState::Unknown);
            if needed > 0 {
                return Err(CliError::Failure(format!(
                    "{needed} rows of the database still need a retired key: a running server seals them anew with the current key within minutes; the file was not changed"
                )));
            }
            Ok(())
        })?;
    }
    file.write(&pruned)?;
    let again = read_again(&file);
    println!("{path}: removed retired keys of {word}: {removed}.\nNext: {again}.");
    left();
    Ok(())
}

fn leaked(
    database: &DatabaseArgs,
    kind: KeyKind,
    variables: &Variables,
    now: OffsetDateTime,
) -> Result<(), CliError> {
    let (word, file) = (kind.as_str(), KeyFile::find(kind, variables)?);
    let mut replaced = file.secrets.replaced(fresh()?, fresh()?, now);
    if kind == KeyKind::Data {
        // Without these keys, no user could sign in with an authenticator app. They open, and they make nothing new.
        let end = Some(now + kind.longest_life(variables)?);
        let opening = |secret: &SecretString| DatedSecret { secret: secret.clone(), at: end };
        let SecretRing { current, next, previous } = &file.secrets;
        replaced.previous = std::iter::once(opening(current))
            .chain(next.iter().map(|next| opening(&next.secret)))
            // A secret without an end is removed by hand, and another end is not shortened.
            .chain(previous.iter().map(|old| DatedSecret { at: old.at.max(old.at.and(end)), ..old.clone() }))
            .collect();
        tool::with_store(database, variables, async |store| {
            tool::require_ready(&store).await?;
            // A leak must be ended, also if an app was sealed with a key that was lost long ago.
            sealed_with(&file, &store, true).await.map(drop)
        })?;
    }
    // Nothing is changed if the database cannot be reached: new keys alone end no session.
    tool::with_services(database, variables, async |services| {
        let path = file.path().display();
        file.write(&replaced).map_err(|error| {
            CliError::Failure(format!(
                "{error}; not all keys of {word} are replaced, and no session has ended: repeat the command, or replace the keys by hand and run `portcullis session revoke --all`"
            ))
        })?;
        let again = read_again(&file);
        println!("{path}: all keys of {word} were replaced.");
        let reason = format!("leaked key: {word}");
        let ended = async {
            if kind == KeyKind::Data {
                services.operators.local_admin.renew_lasting_keys(&replaced).await?;
            }
            services.operators.local_admin.revoke(Target::All, reason).await
        };
        let revoked = ended.await.map_err(|failure| {
            CliError::Failure(format!(
                "{failure}; the keys in {path} are replaced, but the sessions have not ended: run `portcullis session revoke --all`"
            ))
        })?;
        let sessions = tool::count(revoked.sessions);
        match revoked.id {
            Some(id) => println!("revocation {id}: {sessions} sessions ended."),
            None => println!("there was no session to end."),
        }
        println!("Next: {again}, at once.");
        match kind {
            KeyKind::Data => println!(
                "The replaced keys stay in the settings, only to open what they have sealed. A running server seals it anew; then `portcullis keys prune data` removes them."
            ),
            KeyKind::Tokens | KeyKind::Csrf => println!(
                "Until then a server uses the leaked key. When every server has read the settings, run `portcullis session revoke --all`: it ends the sessions that began meanwhile."
            ),
        }
        Ok(())
    })
}

fn status(
    database: &DatabaseArgs,
    variables: &Variables,
    counted: bool,
    now: OffsetDateTime,
) -> Result<(), CliError> {
    let algorithm = token_algorithm(variables)?;
    let mut out = std::io::stdout();
    for kind in KeyKind::ALL {
        let ring = kind.secrets(variables)?;
        let [setting, ..] = kind.settings();
        let line = |out: &mut std::io::Stdout, state: &str, secret: &SecretString, time: String| {
            let name = match kind {
                KeyKind::Tokens => format!("{}  kid {}", secret_name(secret), token_kid(secret, algorithm)),
                _ => secret_name(secret),
            };
            writeln!(out, "  {state:9} {name}{time}")
        };
        match kind {
            KeyKind::Tokens => writeln!(out, "{} ({setting}, {})", kind.as_str(), algorithm.as_str())?,
            _ => writeln!(out, "{} ({setting})", kind.as_str())?,
        }
        line(&mut out, "current", &ring.current, String::new())?;
        if let Some(next) = &ring.next {
            let since = next.at.map_or_else(String::new, |at| format!("  since {}", seconds(at)));
            line(&mut out, "next", &next.secret, since)?;
        }
        for retired in &ring.previous {
            let end = match retired.at {
                Some(_) if retired.is_over(now) => "  can be removed".to_owned(),
                Some(at) => format!("  until {}", seconds(at)),
                None => "  without an end".to_owned(),
            };
            line(&mut out, "previous", &retired.secret, end)?;
        }
    }
    if !counted {
        return Ok(());
    }
    let ring = tool::data_encryption_keys(database, variables)?;
    tool::with_store(database, variables, async |store| {
        tool::require_ready(&store).await?;
        let counts = store.sealed_counts().await?;
        println!("rows of the database, by the data key that sealed them");
        for (known, words) in [
            (KeyState::Current, "current"),
            (KeyState::Next, "next"),
            (KeyState::Previous, "previous"),
            (KeyState::Unknown, "unknown"),
        ] {
            let rows = rows(&counts, |count| state(&ring, count) == known);
            let advice = match known {
                KeyState::Previous if rows > 0 => "  (a running server seals them anew)",
                KeyState::Unknown if rows > 0 => "  (no key of the settings opens them)",
                _ => "",
            };
            println!("  {words:9} {rows}{advice}");
        }
        Ok(())
    })
}

/// The rows of this database, by the key that sealed them. With `unknown_rows`, the database may have rows that no key of the
/// file has sealed.
///
/// # Errors
/// The database does not belong to the secrets of this file.
async fn sealed_with(
    file: &KeyFile,
    store: &Store,
    unknown_rows: bool,
) -> Result<Vec<SealedCount>, CliError> {
    let counts = store.sealed_counts().await?;
    let path = file.path().display();
    let is_known = |count: &SealedCount| state(&file.secrets, count) != KeyState::Unknown;
    if !counts.iter().any(|count| count.kind == SealedKind::LastingKey && is_known(count)) {
        return Err(CliError::Failure(format!(
            "no key of {path} has sealed a lasting key of the database: is it the database of another server? Nothing was changed"
        )));
    }
    let unknown = rows(&counts, |count| !is_known(count));
    if unknown > 0 && !unknown_rows {
        return Err(CliError::Failure(format!(
            "{unknown} rows of the database were sealed with a key that is not in {path}: is it the database of another server, or is a retired key missing? Nothing was changed"
        )));
    }
    Ok(counts)
}

/// What these secrets are to the key that has sealed these rows.
fn state(secrets: &SecretRing, count: &SealedCount) -> KeyState {
    match count.kind {
        SealedKind::AuthenticatorApp => TotpSealer::new(secrets).key_state(&count.key_id),
        SealedKind::LastingKey => LastingKeySealer::new(secrets).key_state(&count.key_id),
        SealedKind::AuditKey => AuditKeySealer::new(secrets).key_state(&count.key_id),
        SealedKind::EventReceiver => Sealer::new(secrets, SEALED_RECEIVERS).key_state(&count.key_id),
    }
}

/// The number of rows that no key of these secrets opens.
pub(super) fn unopened(secrets: &SecretRing, counts: &[SealedCount]) -> u64 {
    rows(counts, |count| state(secrets, count) == KeyState::Unknown)
}

fn rows(counts: &[SealedCount], which: impl Fn(&SealedCount) -> bool) -> u64 {
    counts.iter().filter(|count| which(count)).map(|count| count.rows).sum()
}
