//! The operators' list of users: by number, by address or by name, with filters for role and status.
//!
//! Each order has an index that begins with role and status. A page reads, for each pair of role and status that the filter
//! permits, at most as many rows as the page has. So every list and every search uses an index.

use domain::account::role::{Role, Status};
use protocol::id::UserId;

use super::user::{self, USER_COLUMNS, User};
use crate::{error::StoreError, pool::Store};

/// The last code point. No text with a prefix comes after the prefix with this character.
const LAST: &str = "\u{10FFFF}";
/// The most rows that are counted for a user.
const COUNTED: i64 = 1_000;

/// The order of a list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// By number, which is the order of creation.
    Id,
    /// By the account key.
    Email,
    /// By the display name in lower case. Users without a name come first.
    Name,
}

impl UserOrder {
    /// The text that orders a row `x`, as in the indexes. Rows with the same text are ordered by number.
    fn key(self) -> &'static str {
        match self {
            Self::Id => "''::text",
            Self::Email => "coalesce(x.account_key, lower(x.email)) COLLATE \"C\"",
            Self::Name => "lower(coalesce(x.display_name, '')) COLLATE \"C\"",
        }
    }
}

/// Which users to list, and their order.
#[derive(Clone, Debug)]
pub struct UserSearch {
    /// Only users with one of these roles.
    pub roles: Vec<Role>,
    /// Only users with one of these statuses.
    pub statuses: Vec<Status>,
    /// The order.
    pub order: UserOrder,
    /// Whether the list begins with the last user of the order.
    pub descending: bool,
    /// Only users with an ordering text that begins with this.
    pub prefix: String,
    /// Only users after this one, given by its ordering text and its number.
    pub after: Option<(String, UserId)>,
    /// Maximum number of users.
    pub limit: u32,
}

/// A user in a list.
#[derive(Clone, Debug)]
pub struct FoundUser {
    /// The user.
    pub user: User,
    /// The text that orders the list.
    pub key: String,
}

/// How much belongs to a user. Each number is at most 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Sessions that are neither revoked nor past their end.
    pub sessions: i64,
    /// Devices that are not forgotten.
    pub devices: i64,
}

impl UserSearch {
    fn sql(&self) -> String {
        let (than, way) = if self.descending { ("<", "DESC") } else { (">", "ASC") };
        let key = self.order.key();
        let (place, order) = match self.order {
            UserOrder::Id => (self.place_by_id(), format!("x.role {way}, x.status {way}, x.id {way}")),
            UserOrder::Email | UserOrder::Name => (
                format!(
                    "x.role = r.role AND x.status = t.status
                     AND ({key}, x.id) {than} ($3::text COLLATE \"C\", $4::bigint)
                     AND {key} >= lower($5::text) COLLATE \"C\" AND {key} < lower($6::text) COLLATE \"C\""
                ),
                format!("{key} {way}, x.id {way}"),
            ),
        };
        format!(
            "SELECT {USER_COLUMNS}, u.sort_key
             FROM unnest($1::text[]) AS r (role) CROSS JOIN unnest($2::text[]) AS t (status)
             CROSS JOIN LATERAL (
                 SELECT x.*, {key} AS sort_key FROM users x
                 WHERE {place} ORDER BY {order} LIMIT $7) u
             ORDER BY u.sort_key COLLATE \"C\" {way}, u.id {way} LIMIT $7"
        )
    }

    /// The place of a row in the list by number. It is a comparison of rows: only the index that begins with role and status
    /// can serve it. With separate conditions, the planner may read the primary key from its end instead. If few users have the
    /// role, this reads the whole table. The parameters for texts are not used, but need a type.
    fn place_by_id(&self) -> String {
        let row = "ROW(x.role, x.status, x.id)";
        let bound = |number: &str| format!("ROW(r.role, t.status, {number})");
        let (begin, end) = (
            bound("$4::bigint"),
            bound(if self.descending { "-9223372036854775808" } else { "9223372036854775807" }),
        );
        let range = if self.descending {
            format!("{row} < {begin} AND {row} >= {end}")
        } else {
            format!("{row} > {begin} AND {row} <= {end}")
        };
        format!("{range} AND $3::text IS NOT NULL AND $5::text IS NOT NULL AND $6::text IS NOT NULL")
    }
}

impl Store {
    /// A page of users.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_users(&self, search: UserSearch) -> Result<Vec<FoundUser>, StoreError> {
        let sql = search.sql();
        self.run_quick(move |client| {
            Box::pin(async move {
                let roles: Vec<_> = search.roles.iter().map(|role| role.as_str()).collect();
                let statuses: Vec<_> = search.statuses.iter().map(|status| status.as_str()).collect();
                let begin = if search.descending { (LAST, i64::MAX) } else { ("", i64::MIN) };
                let (key, id) = search.after.as_ref().map_or(begin, |(key, id)| (key.as_str(), id.0));
                let end = format!("{}{LAST}", search.prefix);
                let limit = i64::from(search.limit);
                let statement = client.prepare_cached(&sql).await?;
                let rows = client
                    .query(&statement, &[&roles, &statuses, &key, &id, &search.prefix, &end, &limit])
                    .await?;
                let found = |row| Ok(FoundUser { user: user::from_row(row)?, key: row.try_get("sort_key")? });
                rows.iter().map(found).collect()
            })
        })
        .await
    }

    /// How much belongs to a user at `now`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn user_counts(&self, id: UserId, now: time::OffsetDateTime) -> Result<UserCounts, StoreError> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM (SELECT FROM sessions s WHERE s.user_id = $1 AND s.revoked_at IS NULL
                       AND s.revoked_all >= newest_revocation_of_all() AND s.expires_at > $2 LIMIT {COUNTED}) s) AS sessions,
                    (SELECT count(*) FROM (SELECT FROM registered_devices d WHERE d.user_id = $1
                       AND d.forgotten_at IS NULL LIMIT {COUNTED}) d) AS devices"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let row = client.query_one(&sql, &[&id.0, &now]).await?;
                Ok(UserCounts { sessions: row.try_get("sessions")?, devices: row.try_get("devices")? })
            })
        })
        .await
    }
}
