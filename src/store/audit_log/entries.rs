//! Reading entries of the log.

use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    entry_row::{COLUMNS, LoggedEntry, of},
    number::signed,
};
use crate::{error::StoreError, pool::Store};

/// Which entries are listed. An empty field does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Entries from this number on.
    pub from: Option<u64>,
    /// Entries before this number.
    pub before: Option<u64>,
    /// The name of the event.
    pub event: Option<String>,
    /// `success`, `failure` or `denied`.
    pub outcome: Option<String>,
    /// The account that the act concerns.
    pub user: Option<i64>,
    /// The account that performed the act.
    pub actor: Option<i64>,
    /// The session that the act concerns.
    pub session: Option<Uuid>,
    /// The id of the event.
    pub id: Option<Uuid>,
    /// Events from this time on.
    pub since: Option<OffsetDateTime>,
    /// Events before this time.
    pub until: Option<OffsetDateTime>,
}

impl Store {
    /// At most `limit` entries, in the order of their numbers, or the newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_entries(
        &self,
        filter: LogFilter,
        newest_first: bool,
        limit: u32,
    ) -> Result<Vec<LoggedEntry>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let bounds = (filter.from.map(signed).transpose()?, filter.before.map(signed).transpose()?);
                let mut conditions = Conditions::default();
                conditions.add("leaf_index >=", bounds.0.as_ref());
                conditions.add("leaf_index <", bounds.1.as_ref());
                conditions.add("event =", filter.event.as_ref());
                conditions.add("outcome =", filter.outcome.as_ref());
                conditions.add("user_id =", filter.user.as_ref());
                conditions.add("actor_id =", filter.actor.as_ref());
                conditions.add("session_id =", filter.session.as_ref());
                conditions.add("id =", filter.id.as_ref());
                conditions.add("at >=", filter.since.as_ref());
                conditions.add("at <", filter.until.as_ref());
                let order = if newest_first { "DESC" } else { "ASC" };
                let sql = format!(
                    "SELECT {COLUMNS} FROM audit_log WHERE true{} ORDER BY leaf_index {order} LIMIT {limit}",
                    conditions.sql
                );
                let statement = client.prepare_cached(&sql).await?;
                client.query(&statement, &conditions.values).await?.iter().map(of).collect()
            })
        })
        .await
    }
}

impl Store {
    /// An entry that should not be there: behind the end of the log, before its first number, or with the number of another
    /// entry. `first` and `size` are those of an earlier look at the head.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_surplus_entry(
        &self,
        first: u64,
        size: u64,
    ) -> Result<Option<(u64, Uuid)>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let (first, size) = (signed(first)?, signed(size)?);
                let outside = "SELECT l.leaf_index, l.id FROM audit_log l, audit_log_head h
                               WHERE l.leaf_index >= h.size OR l.leaf_index < h.first_index
                               ORDER BY l.leaf_index LIMIT 1";
                let mut found = client.query_opt(outside, &[]).await?;
                if found.is_none() {
                    let count = "SELECT count(*) FROM audit_log WHERE leaf_index >= $1 AND leaf_index < $2";
                    if client.query_one(count, &[&first, &size]).await?.try_get::<_, i64>(0)? > size - first {
                        let twice = "SELECT leaf_index, (array_agg(id))[1] FROM audit_log
                                     GROUP BY leaf_index HAVING count(*) > 1 ORDER BY leaf_index LIMIT 1";
                        found = client.query_opt(twice, &[]).await?;
                    }
                }
                let found = found.map(|row| Ok((row.try_get::<_, i64>(0)?.unsigned_abs(), row.try_get(1)?)));
                found.transpose()
            })
        })
        .await
    }
}

/// Conditions that are combined with AND.
#[derive(Default)]
struct Conditions<'a> {
    sql: String,
    values: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Conditions<'a> {
    fn add<T: ToSql + Sync>(&mut self, comparison: &str, value: Option<&'a T>) {
        if let Some(value) = value {
            self.values.push(value);
            self.sql += &format!(" AND {comparison} ${}", self.values.len());
        }
    }
}
