//! Tickets for one WebSocket handshake each: stored as a hash, consumed by one DELETE.

use domain::account::role::Scopes;
use logic::denials::TokenMark;
use protocol::id::SessionId;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use crate::{error::StoreError, pool::Store};

/// What a consumed ticket permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The session that may connect.
    pub session: SessionId,
    /// The scopes of the access token that requested the ticket.
    pub scopes: Scopes,
    /// The identity of this access token, in case the token is denied before the ticket is used.
    pub token: TokenMark,
}

impl Store {
    /// Stores a ticket under the SHA-256 of its secret.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_ticket(
        &self,
        hash: [u8; 32],
        ticket: Ticket,
        expires_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "INSERT INTO ws_tickets (hash, session_id, scopes, expires_at, token_id, token_issued_ms)
                         VALUES ($1, $2, $3, $4, $5, $6)",
                    )
                    .await?;
                let (scopes, token) = (ticket.scopes.to_strings(), &ticket.token);
                let arguments: [&(dyn ToSql + Sync); 6] = [
                    &&hash[..],
                    &ticket.session.0,
                    &scopes,
                    &expires_at,
                    &token.id.as_deref(),
                    &token.issued_at_ms,
                ];
                client.execute(&statement, &arguments).await?;
                Ok(())
            })
        })
        .await
    }

    /// Consumes a ticket. Only one of several concurrent callers gets the ticket. An expired ticket is deleted and not
    /// returned.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn consume_ticket(
        &self,
        hash: [u8; 32],
        now: OffsetDateTime,
    ) -> Result<Option<Ticket>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "DELETE FROM ws_tickets WHERE hash = $1
                         RETURNING session_id, scopes, token_id, token_issued_ms, expires_at > $2 AS good",
                    )
                    .await?;
                let Some(row) = client.query_opt(&statement, &[&&hash[..], &now]).await? else {
                    return Ok(None);
                };
                let scopes = Scopes::parse(&row.try_get::<_, Vec<String>>("scopes")?);
                let token = TokenMark {
                    id: row.try_get::<_, Option<&str>>("token_id")?.map(Into::into),
                    issued_at_ms: row.try_get("token_issued_ms")?,
                };
                let ticket = Ticket { session: SessionId(row.try_get("session_id")?), scopes, token };
                Ok(row.try_get::<_, bool>("good")?.then_some(ticket))
            })
        })
        .await
    }
}
