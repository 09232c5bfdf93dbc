//! Searching sign-in attempts of all accounts, for operators.

use std::net::IpAddr;

use domain::abuse::attempt::AttemptOutcome;
use ipnet::IpNet;
use protocol::id::UserId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::attempts::{Attempt, COLUMNS, attempt};
use crate::{error::StoreError, pool::Store};

/// Which attempts to list.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// Only attempts with this outcome.
    pub outcome: Option<AttemptOutcome>,
    /// Only attempts on this account.
    pub user: Option<UserId>,
    /// Only attempts from an address in this network.
    pub network: Option<IpNet>,
    /// Only attempts from this country: two letters.
    pub country: Option<String>,
    /// Only attempts at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Only attempts before this time.
    pub until: Option<OffsetDateTime>,
    /// Only attempts after this one in the list, given by its time and id. The list begins with the newest.
    pub before: Option<(OffsetDateTime, Uuid)>,
    /// Maximum number of attempts.
    pub limit: u32,
}

impl Store {
    /// Attempts of all accounts, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_attempts(&self, filter: AttemptFilter) -> Result<Vec<Attempt>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM device_login_attempts
             WHERE ($1::text IS NULL OR outcome = $1) AND ($2::bigint IS NULL OR user_id = $2)
               AND ($3::inet IS NULL OR address BETWEEN $3 AND $4) AND ($5::text IS NULL OR country = $5)
               AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
               AND ($8::timestamptz IS NULL OR at <= $8) AND ($8 IS NULL OR at < $8 OR id > $9)
             ORDER BY at DESC, id LIMIT $10"
        );
        self.run_slow(move |client| {
            Box::pin(async move {
                let AttemptFilter { outcome, user, network, country, since, until, before, limit } = filter;
                let outcome = outcome.map(AttemptOutcome::as_str);
                let user = user.map(|id| id.0);
                let (first, last): (Option<IpAddr>, Option<IpAddr>) =
                    network.map(|network| (network.network(), network.broadcast())).unzip();
                let (at, id) = before.unzip();
                let limit = i64::from(limit);
                // The statement is not cached, because each combination of filters needs its own plan.
                let rows = client
                    .query(
                        &sql,
                        &[&outcome, &user, &first, &last, &country, &since, &until, &at, &id, &limit],
                    )
                    .await?;
                rows.iter().map(attempt).collect()
            })
        })
        .await
    }
}
