//! Renewing the tokens of a session: after a proof of presence, and after a change of credentials.
//!
//! Called within the transaction of that proof or change. The privilege epoch rises, so no earlier access token carries
//! privilege. The refresh counter rises, so no earlier refresh token leads to a privileged access token.

use deadpool_postgres::Transaction;
use domain::tokens::refresh_token::RENEWAL_STEP;
use protocol::id::SessionId;
use time::OffsetDateTime;

use super::session::{self, NOT_REVOKED, SESSION_COLUMNS, Session};
use crate::error::StoreError;

/// Renews the tokens of a session that is not revoked, and returns the session. This locks the row of the session.
pub(crate) async fn renew(
    transaction: &Transaction<'_>,
    id: SessionId,
    now: OffsetDateTime,
) -> Result<Option<Session>, StoreError> {
    let sql = format!(
        "UPDATE sessions s SET privilege_epoch = s.privilege_epoch + 1,
                refresh_counter = s.refresh_counter + {RENEWAL_STEP}, renewed_counter = s.refresh_counter + {RENEWAL_STEP},
                refresh_rotated_at = $2
         WHERE s.id = $1 AND {NOT_REVOKED}
         RETURNING {SESSION_COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let row = transaction.query_opt(&statement, &[&id.0, &now]).await?;
    row.map(|row| session::from_row(&row)).transpose()
}
