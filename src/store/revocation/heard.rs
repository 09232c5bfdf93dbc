//! A revocation as the feed delivers it, and its mapping from a row.

use protocol::{
    close::Cause,
    id::{RevocationId, SessionId},
};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::order::{CommittedRevocation, Ended, Left};
use crate::{error::StoreError, row_mapping};

/// A revocation as the feed delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardRevocation {
    /// The revocation.
    pub committed: CommittedRevocation,
    /// The unique id that the issuing node gave the revocation.
    pub origin: Uuid,
    /// The time of the revocation, by the clock of the issuing node.
    pub at: OffsetDateTime,
}

/// A row of the feed.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) user: Option<i64>,
    pub(super) heard: HeardRevocation,
}

/// Reads a row of the feed. The sessions that the revocation ended are filled in later.
pub(super) fn revocation(row: &Row) -> Result<Found, StoreError> {
    let id = row.try_get("id")?;
    let cause: Cause = row_mapping::word(row, "cause")?;
    let except = row.try_get::<_, Option<_>>("except_session_id")?.map(SessionId);
    let ended = match row.try_get::<_, &str>("scope")? {
        "all" => Ended::Everyone { sessions: None },
        _ => Ended::These(Vec::new()),
    };
    let committed = CommittedRevocation {
        id: Some(RevocationId(id)),
        cause,
        ended,
        except,
        left: Left {
            excluded: u32::try_from(row.try_get::<_, i32>("excluded")?).unwrap_or_default(),
            more: row.try_get("more")?,
        },
        renewed: None,
    };
    let heard = HeardRevocation { committed, origin: row.try_get("origin")?, at: row.try_get("created_at")? };
    Ok(Found { id, user: row.try_get("user_id")?, heard })
}
