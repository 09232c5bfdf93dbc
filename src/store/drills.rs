//! Drills: the canary account, requests for drills, the sessions that nodes offer each other, and the reports.
//!
//! Called by `service::drill`. A node that holds its doors open with a session of the canary offers the session; another node
//! claims it, and revokes it. Times of claims are those of the database, because the clocks of nodes differ.

use domain::{
    account::{
        email::Email,
        password::NO_PASSWORD,
        role::{Role, Status},
    },
    drill::{DrillReport, DrillStarter},
};
use protocol::{
    audit::AuditEvent,
    id::{SessionId, UserId},
};
use time::{Duration, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{accounts::users::NewUser, error::StoreError, pool::Store};

/// How long nodes may answer a request for drills.
const REQUEST_SECONDS: f64 = 30.0;
/// How long an offered session may be claimed. The node that offers it waits less long.
const OFFER_SECONDS: f64 = 10.0;

/// The account that drills use to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryAccount {
    /// Its id.
    pub id: UserId,
}

/// A drill that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewDrill {
    /// Its id.
    pub id: Uuid,
    /// The node with the drilled doors.
    pub node: Uuid,
    /// The request of the command line that it answers.
    pub request: Option<Uuid>,
    /// The reason for the start.
    pub started_by: DrillStarter,
    /// The time.
    pub now: OffsetDateTime,
}

/// A session that another node has offered, and that this node has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedCanary {
    /// The drill.
    pub drill: Uuid,
    /// The session, which is to be revoked.
    pub session: SessionId,
}

/// The claim of an offered session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryClaim {
    /// How long ago it was claimed, by the clock of the database.
    pub ago: std::time::Duration,
}

/// The answer of a node to a request for drills.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestedDrill {
    /// The node.
    pub node: Uuid,
    /// The report; `None` while the drill runs.
    pub report: Option<DrillReport>,
}

impl Store {
    /// The canary account, if there is one.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn canary_account(&self) -> Result<Option<CanaryAccount>, StoreError> {
        let sql = "SELECT id FROM users WHERE role = 'canary'";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[]).await?;
                row.map(|row| Ok(CanaryAccount { id: UserId(row.try_get(0)?) })).transpose()
            })
        })
        .await
    }

    /// The canary account. The first call on a database creates it. Its address cannot be guessed by a registration, and it has
    /// no password.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn ensure_canary(
        &self,
        email: Email,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<CanaryAccount, StoreError> {
        if let Some(known) = self.canary_account().await? {
            return Ok(known);
        }
        let new = NewUser {
            email,
            display_name: Some("Canary of drills".to_owned()),
            password_hash: NO_PASSWORD.into(),
            role: Role::Canary,
            status: Status::Active,
            device: None,
            language: None,
            now,
        };
        match self.insert_user(new, event).await {
            Ok(user) => Ok(CanaryAccount { id: user.id }),
            // Another node was faster: there is one canary in a database.
            Err(StoreError::Conflict(_)) => {
                let found = self.canary_account().await?;
                found.ok_or_else(|| StoreError::internal("the canary account cannot be created"))
            }
            Err(error) => Err(error),
        }
    }

    /// Notes that a drill begins. `false` if this node has answered the request already.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn begin_drill(&self, new: NewDrill) -> Result<bool, StoreError> {
        let sql =
            "INSERT INTO drills (id, node, request_id, started_by, started_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT DO NOTHING";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let NewDrill { id, node, request, started_by, now } = new;
                let started_by = started_by.as_str();
                let written = client.execute(&statement, &[&id, &node, &request, &started_by, &now]).await?;
                Ok(written == 1)
            })
        })
        .await
    }

    /// Writes the report of a drill, which ends it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn end_drill(&self, report: &DrillReport, now: OffsetDateTime) -> Result<(), StoreError> {
        let sql = "UPDATE drills SET finished_at = $2, outcome = $3, report = $4 WHERE id = $1";
        let (drill, outcome) = (report.drill, report.outcome.as_str());
        let report = serde_json::to_value(report).map_err(StoreError::internal)?;
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                client.execute(&statement, &[&drill, &now, &outcome, &report]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Offers the session of a drill to other nodes, which are asked to revoke it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn offer_canary(&self, drill: Uuid, session: SessionId) -> Result<(), StoreError> {
        let sql = "UPDATE drills SET session_id = $2, offered_at = clock_timestamp() WHERE id = $1";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                client.execute(&statement, &[&drill, &session.0]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Claims a session that another node has offered. Only one node gets it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn claim_canary(&self, node: Uuid) -> Result<Option<OfferedCanary>, StoreError> {
        let sql = "UPDATE drills SET claimed_by = $1, claimed_at = clock_timestamp()
                   WHERE id = (SELECT d.id FROM drills d
                               WHERE d.offered_at > clock_timestamp() - make_interval(secs => $2)
                                 AND d.claimed_by IS NULL AND d.node <> $1 AND d.finished_at IS NULL
                               ORDER BY d.offered_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                   RETURNING id, session_id";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&node, &OFFER_SECONDS]).await?;
                let offered = |row: Row| {
                    Ok(OfferedCanary {
                        drill: row.try_get("id")?,
                        session: SessionId(row.try_get("session_id")?),
                    })
                };
                row.map(offered).transpose()
            })
        })
        .await
    }

    /// The claim of the session that a drill has offered; `None` if no node has claimed it yet.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn canary_claim(&self, drill: Uuid) -> Result<Option<CanaryClaim>, StoreError> {
        let sql = "SELECT extract(epoch FROM clock_timestamp() - claimed_at)::float8 AS ago FROM drills
                   WHERE id = $1 AND claimed_at IS NOT NULL";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&drill]).await?;
                row.map(|row| {
                    let ago = Duration::seconds_f64(row.try_get("ago")?);
                    Ok(CanaryClaim { ago: ago.try_into().unwrap_or_default() })
                })
                .transpose()
            })
        })
        .await
    }

    /// Takes an offered session back. `false` if a node has claimed it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn withdraw_canary(&self, drill: Uuid) -> Result<bool, StoreError> {
        let sql =
            "UPDATE drills SET session_id = NULL, offered_at = NULL WHERE id = $1 AND claimed_by IS NULL";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                Ok(client.execute(&statement, &[&drill]).await? == 1)
            })
        })
        .await
    }

    /// Asks every node for a drill.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn request_drills(&self, request: Uuid) -> Result<(), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                client.execute("INSERT INTO drill_requests (id) VALUES ($1)", &[&request]).await?;
                Ok(())
            })
        })
        .await
    }

    /// A request that this node has not answered yet.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn open_drill_request(&self, node: Uuid) -> Result<Option<Uuid>, StoreError> {
        let sql = "SELECT r.id FROM drill_requests r
                   WHERE r.requested_at > now() - make_interval(secs => $2)
                     AND NOT EXISTS (SELECT FROM drills d WHERE d.request_id = r.id AND d.node = $1)
                   ORDER BY r.requested_at LIMIT 1";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&node, &REQUEST_SECONDS]).await?;
                row.map(|row| Ok(row.try_get(0)?)).transpose()
            })
        })
        .await
    }

    /// The answers to a request, by node.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn requested_drills(&self, request: Uuid) -> Result<Vec<RequestedDrill>, StoreError> {
        let sql = "SELECT node, report FROM drills WHERE request_id = $1 ORDER BY node";
        self.run_quick(move |client| {
            Box::pin(async move {
                let rows = client.query(sql, &[&request]).await?;
                rows.iter().map(requested).collect()
            })
        })
        .await
    }
}

fn requested(row: &Row) -> Result<RequestedDrill, StoreError> {
    let report: Option<serde_json::Value> = row.try_get("report")?;
    let report = report.map(serde_json::from_value).transpose().map_err(StoreError::internal)?;
    Ok(RequestedDrill { node: row.try_get("node")?, report })
}
