//! Erases publications of durable channels. The content of a row is replaced, and its offset stays, so that clients with
//! positions recover as before.
//!
//! The same transaction notes the change in the row of the channel, where each node sees it (`erased_channels`).
//! `logic::erasure` says what remains of a publication; the statements here write the same.

use deadpool_postgres::Transaction;
use domain::account::role::Role;
use protocol::{audit::AuditEvent, channel_name::ChannelName, id::Subject};
use time::OffsetDateTime;

use super::{
    columns::{signed, unsigned},
    erased_channels::ANNOUNCED,
};
use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// The largest number of publications that one statement erases.
const BATCH: i64 = 2_000;

/// What remains of a publication.
const REMAINS: &str = "data = 'null'::bytea, subject = NULL, connection_id = NULL, conn_info = NULL, chan_info = NULL, \
     tags = '{\"removed\": \"true\"}'";

/// A change of an operator: the acting session, the time, and the event of the change.
#[derive(Clone, Debug)]
pub struct ErasureOrder {
    /// The acting session.
    pub acting_session: ActingSession,
    /// The roles of users with publications that may be erased.
    pub roles: Vec<Role>,
    /// The time of the change.
    pub now: OffsetDateTime,
    /// The event, without the number of publications.
    pub event: AuditEvent,
}

impl Store {
    /// Erases the publication with this offset of a durable channel. Returns whether the channel keeps the publication. The event
    /// is written in any case, because the publication may be in memory only.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change; `Unavailable` if the database cannot be reached.
    pub async fn erase_message(
        &self,
        channel: ChannelName,
        offset: u64,
        order: ErasureOrder,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &order.acting_session, order.now).await?;
                let sql = announced(&format!(
                    "UPDATE channel_messages m SET {REMAINS} FROM channels c
                     WHERE m.channel = $1 AND m.seq = $2 AND c.name = m.channel AND m.seq > c.gone"
                ));
                let row = transaction.query_one(&sql, &[&channel.as_str(), &signed(offset)?]).await?;
                let erased = unsigned(row.try_get(0)?);
                finish(transaction, order.event, erased).await?;
                Ok(erased > 0)
            })
        })
        .await
    }

    /// Erases a batch of the publications of this user in durable channels. Returns the number of publications, and whether
    /// there may be more. `None` if the user has an account, and its role is not one of those in the order.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change; `Unavailable` if the database cannot be reached.
    pub async fn erase_messages_of(
        &self,
        subject: Subject,
        account: Option<i64>,
        order: ErasureOrder,
    ) -> Result<Option<(u64, bool)>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &order.acting_session, order.now).await?;
                let roles: Vec<_> = order.roles.iter().map(|role| role.as_str()).collect();
                let sql = "SELECT EXISTS (SELECT FROM users WHERE id = $1 AND role <> ALL ($2::text[]))";
                if transaction.query_one(sql, &[&account, &roles]).await?.try_get(0)? {
                    return Ok(None);
                }
                let sql = announced(&format!(
                    "UPDATE channel_messages m SET {REMAINS} WHERE ctid = ANY (ARRAY(
                         SELECT ctid FROM channel_messages WHERE subject = $1 LIMIT $2 FOR UPDATE))"
                ));
                let row = transaction.query_one(&sql, &[&subject.as_str(), &BATCH]).await?;
                let erased = unsigned(row.try_get(0)?);
                finish(transaction, order.event, erased).await?;
                Ok(Some((erased, erased == BATCH.unsigned_abs())))
            })
        })
        .await
    }
}

/// A statement that changes publications `m`, and notes the change in their channels. The result is their number.
fn announced(update: &str) -> String {
    format!("WITH changed AS ({update} RETURNING m.channel), {ANNOUNCED} SELECT count(*) FROM changed")
}

async fn finish(transaction: Transaction<'_>, event: AuditEvent, erased: u64) -> Result<(), StoreError> {
    audit::insert(&transaction, &[event.with("messages", erased)]).await?;
    Ok(transaction.commit().await?)
}
