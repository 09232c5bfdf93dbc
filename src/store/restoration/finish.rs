//! Finishes a restore: one transaction makes void everything that may have been revoked or used after the backup.
//!
//! Called by `service::Restoration`. No server is in service meanwhile: servers refuse an unfinished database. After the commit,
//! the database is in service in its new place.

use deadpool_postgres::Transaction;
use logic::denials::Denial;
use protocol::{audit::AuditEvent, id::RevocationId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::origin::{self, Place};
use crate::{
    audit,
    audit_log::head,
    error::StoreError,
    events::receiver_stops,
    pool::Store,
    revocation::{
        commit,
        denials::{self, NewDenial},
        order::{Ended, RevocationRequest},
    },
    row_mapping::millis_up,
};

/// How many numbers each sequence skips. The numbers of rows from after the backup may be known elsewhere, so they are not
/// given again.
const SKIPPED_NUMBERS: i64 = 1_000_000;
/// The tables with an `id` from a sequence, and the audit log, where the number is called `seq`.
const SEQUENCES: [(&str, &str); 4] =
    [("users", "id"), ("revocations", "id"), ("denials", "id"), ("audit_events", "seq")];

/// How a restore is finished.
#[derive(Clone, Debug)]
pub struct FinishRestore {
    /// The time of the restore.
    pub now: OffsetDateTime,
    /// The revocation of all sessions, with its reason and its audit event.
    pub revocation: RevocationRequest,
    /// The last step with a code that an authenticator app may have shown, and a server may have accepted, until now.
    pub last_totp_step: i64,
    /// The end of the time in which tokens of other issuers from before the restore are refused. `None` to accept them.
    pub tokens_denied_until: Option<OffsetDateTime>,
    /// Whether backup codes stay usable.
    pub keep_backup_codes: bool,
    /// Whether keys of the server API stay usable.
    pub keep_api_keys: bool,
    /// Whether receivers of events stay enabled.
    pub keep_event_receivers: bool,
    /// The audit event of the restore. The counts are added to its detail.
    pub event: AuditEvent,
}

/// What finishing a restore has changed.
#[derive(Clone, Debug)]
pub struct FinishedRestore {
    /// The revocation of all sessions.
    pub revocation: Option<RevocationId>,
    /// The sessions that ended, if they were counted.
    pub sessions: Option<usize>,
    /// Authenticator apps with codes that are refused until now.
    pub authenticator_apps: u64,
    /// Backup codes that are void.
    pub backup_codes: u64,
    /// Devices that are no longer trusted.
    pub trusted_devices: u64,
    /// Open challenges and tickets, authenticator apps that were being set up, and mails with links or not sent yet, that were
    /// removed.
    pub open_proofs: u64,
    /// The names of the keys of the server API that were revoked.
    pub api_keys: Vec<String>,
    /// The names of the receivers of events that were paused.
    pub event_receivers: Vec<String>,
    /// The newest audit event of the backup.
    pub newest_event: Option<OffsetDateTime>,
    /// The largest number of an audit event in the inbox of the backup.
    pub newest_number: i64,
    /// The number of entries of the audit log of the backup.
    pub logged: u64,
}

impl Store {
    /// Finishes a restore: everything or nothing.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn finish_restore(&self, order: FinishRestore) -> Result<FinishedRestore, StoreError> {
        self.run_unbounded(move |client| {
            Box::pin(async move {
                let here = origin::here(client).await?;
                let transaction = client.transaction().await?;
                transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
                let finished = finish(&transaction, order, &here).await?;
                transaction.commit().await?;
                Ok(finished)
            })
        })
        .await
    }

    /// Takes the database into service in its new place, without making anything void: nothing is missing in it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn accept_place(&self, now: OffsetDateTime, event: AuditEvent) -> Result<(), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let here = origin::here(client).await?;
                let transaction = client.transaction().await?;
                origin::write(&*transaction, &here, now, false).await?;
                forget_service_time(&transaction).await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(())
            })
        })
        .await
    }
}

async fn finish(
    transaction: &Transaction<'_>,
    order: FinishRestore,
    here: &Place,
) -> Result<FinishedRestore, StoreError> {
    let head = head::begin_generation(transaction, order.now).await?;
    let sql = "SELECT greatest((SELECT max(at) FROM audit_events), (SELECT max(at) FROM audit_log)),
                      (SELECT coalesce(max(seq), 0) FROM audit_events)";
    let newest = transaction.query_one(sql, &[]).await?;
    skip_numbers(transaction).await?;
    let revoked = commit::write(transaction, &order.revocation).await?;
    let Ended::Everyone { sessions } = revoked.ended else {
        return Err(StoreError::internal("a restore ends all sessions"));
    };
    if let Some(until) = order.tokens_denied_until {
        deny_older_tokens(transaction, order.now, until).await?;
    }
    let (authenticator_apps, open_proofs) = spend_proofs(transaction, order.last_totp_step).await?;
    let mut finished = FinishedRestore {
        revocation: revoked.id,
        sessions,
        authenticator_apps,
        backup_codes: 0,
        trusted_devices: distrust_devices(transaction).await?,
        open_proofs,
        api_keys: Vec::new(),
        event_receivers: Vec::new(),
        newest_event: newest.try_get(0)?,
        newest_number: newest.try_get(1)?,
        logged: head.size(),
    };
    if !order.keep_backup_codes {
        let sql = "UPDATE backup_codes SET used_at = $1 WHERE used_at IS NULL";
        finished.backup_codes = transaction.execute(sql, &[&order.now]).await?;
    }
    if !order.keep_api_keys {
        let sql = "UPDATE api_keys SET revoked_at = $1 WHERE revoked_at IS NULL RETURNING id, name";
        let rows = transaction.query(sql, &[&order.now]).await?;
        finished.api_keys = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
        let keys = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<Uuid>, _>>()?;
        receiver_stops::disable_of_keys(transaction, &keys, order.now, &order.event).await?;
    }
    if !order.keep_event_receivers {
        finished.event_receivers = receiver_stops::pause_all(transaction, order.now).await?;
    }
    begin_epoch(transaction).await?;
    forget_service_time(transaction).await?;
    origin::write(&**transaction, here, order.now, false).await?;
    transaction.execute("UPDATE database_origin SET restored_at = $1", &[&order.now]).await?;
    let event = order
        .event
        .with("revocation", finished.revocation.map_or(0, |id| id.0))
        .with("authenticator_apps", finished.authenticator_apps)
        .with("backup_codes", finished.backup_codes)
        .with("trusted_devices", finished.trusted_devices)
        .with("api_keys", finished.api_keys.len())
        .with("event_receivers", finished.event_receivers.len())
        .with("tokens_denied", order.tokens_denied_until.is_some());
    audit::insert(transaction, &[event]).await?;
    Ok(finished)
}

async fn skip_numbers(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    for (table, column) in SEQUENCES {
        let sequence = format!("pg_get_serial_sequence('{table}', '{column}')");
        let sql = format!("SELECT setval({sequence}, nextval({sequence}) + {SKIPPED_NUMBERS})");
        transaction.execute(&sql, &[]).await?;
    }
    Ok(())
}

/// Denies every token that was issued before the restore, because the denials after the backup are lost. A token that was
/// issued in the same second is denied, too, if its time of issue is in whole seconds.
async fn deny_older_tokens(
    transaction: &Transaction<'_>,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<(), StoreError> {
    let new = NewDenial {
        origin: Uuid::new_v4(),
        denial: Denial::AllIssuedBefore { moment_ms: millis_up(now) },
        expires_at: Some(until),
        reason: "the database was restored from a backup".to_owned(),
        now,
    };
    denials::write(transaction, &new).await?;
    Ok(())
}

/// Makes proofs void that may have been used after the backup. Returns the number of authenticator apps, and the number of
/// removed rows.
async fn spend_proofs(transaction: &Transaction<'_>, last_step: i64) -> Result<(u64, u64), StoreError> {
    let sql = "UPDATE user_two_factor SET last_step = greatest(last_step, $1) WHERE confirmed_at IS NOT NULL";
    let apps = transaction.execute(sql, &[&last_step]).await?;
    let mut removed = 0;
    for sql in [
        "DELETE FROM user_two_factor WHERE confirmed_at IS NULL",
        "DELETE FROM two_factor_challenges",
        "DELETE FROM ws_tickets",
        // Their links may have been used since, and mails that wait may have been sent.
        "DELETE FROM mails WHERE link IS NOT NULL OR settled_at IS NULL",
    ] {
        removed += transaction.execute(sql, &[]).await?;
    }
    Ok((apps, removed))
}

/// Trust in a device may have been withdrawn after the backup. It must not return, because it replaces a second factor.
async fn distrust_devices(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
    let sql = "UPDATE registered_devices SET trust = 'new', trusted_until = NULL WHERE trust <> 'new'";
    Ok(transaction.execute(sql, &[]).await?)
}

/// Begins a new epoch of durable channels. The offsets after the backup are given again, so clients must not confuse the new
/// publications with those that they know.
async fn begin_epoch(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "UPDATE channel_epoch SET epoch =
                   (SELECT string_agg(chr(97 + get_byte(uuid_send(gen_random_uuid()), 0) % 26), '')
                    FROM generate_series(1, 8))";
    transaction.execute(sql, &[]).await?;
    Ok(())
}

/// The time since the backup is no outage of the servers.
async fn forget_service_time(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "UPDATE service_time SET seen_at = NULL, outage_from = NULL, outage_until = NULL,
                      written_by = pg_current_xact_id()";
    transaction.execute(sql, &[]).await?;
    Ok(())
}
