//! Lists of mails for operators and for the page of development, and mails that are sent again.

use domain::mail::{kind::MailKind, link::LinkPurpose};
use protocol::{audit::AuditEvent, id::UserId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::dispatch::{OUTGOING, OutgoingMail, outgoing};
use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
    row_mapping::word,
};

/// Where a mail is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It waits for an attempt.
    Waiting,
    /// An attempt is being made.
    Sending,
    /// The mail server has taken it.
    Sent,
    /// It was given up, because the mail server refuses it.
    Failed,
    /// It was given up, because it was not sent in time.
    Expired,
}

impl MailState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sending, Self::Sent, Self::Failed, Self::Expired];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A mail as operators see it: never its link.
#[derive(Clone, Debug)]
pub struct ListedMail {
    /// The id.
    pub id: Uuid,
    /// The user.
    pub user: UserId,
    /// What it is about.
    pub kind: MailKind,
    /// The address of the recipient.
    pub address: String,
    /// The language that the user reads, if it is known.
    pub language: Option<String>,
    /// When its cause happened.
    pub created_at: OffsetDateTime,
    /// Where it is on its way.
    pub state: MailState,
    /// Attempts since it was written, or since it was sent again.
    pub attempts: u32,
    /// How often an operator had it sent again.
    pub repetitions: u32,
    /// The next attempt is not before this time.
    pub due_at: OffsetDateTime,
    /// The last failure, in words.
    pub failure: Option<String>,
    /// When it was sent, or was given up.
    pub settled_at: Option<OffsetDateTime>,
    /// What its link permits.
    pub link: Option<LinkPurpose>,
    /// Until when the link is good.
    pub link_expires_at: Option<OffsetDateTime>,
    /// When the link was used.
    pub link_used_at: Option<OffsetDateTime>,
}

impl ListedMail {
    /// Whether the mail can be sent again: no attempt is being made or waits, and its link can still be used.
    #[must_use]
    pub fn may_be_sent_again(&self, now: OffsetDateTime) -> bool {
        let settled = self.settled_at.is_some();
        settled && self.link_used_at.is_none() && self.link_expires_at.is_none_or(|end| end > now)
    }
}

/// Which mails to list.
#[derive(Clone, Debug, Default)]
pub struct MailFilter {
    /// Only mails in this state.
    pub state: Option<MailState>,
    /// Only mails of this kind.
    pub kind: Option<MailKind>,
    /// Only mails to this user.
    pub user: Option<UserId>,
    /// Only mails to this address.
    pub address: Option<String>,
    /// Only mails after this one in the list.
    pub before: Option<(OffsetDateTime, Uuid)>,
    /// The most mails.
    pub limit: u32,
}

const LISTED: &str =
    "id, user_id, kind, address, language, created_at, state, attempts, repetitions, due_at, failure,
    settled_at, link, link_expires_at, link_used_at";

impl Store {
    /// Mails, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn mails(&self, filter: MailFilter) -> Result<Vec<ListedMail>, StoreError> {
        // Each filter has its own text, so that its plan uses the right index.
        let given = |is_given: bool, condition: &str, parameter: &str| {
            if is_given { condition.to_owned() } else { format!("{parameter} IS NULL") }
        };
        let sql = format!(
            "SELECT {LISTED} FROM mails WHERE {} AND {} AND {} AND {} AND {} ORDER BY created_at DESC, id LIMIT $7",
            given(filter.state.is_some(), "state = $1", "$1::text"),
            given(filter.kind.is_some(), "kind = $2", "$2::text"),
            given(filter.user.is_some(), "user_id = $3", "$3::bigint"),
            given(filter.address.is_some(), "address = $4", "$4::text"),
            given(
                filter.before.is_some(),
                "created_at <= $5 AND (created_at < $5 OR id > $6)",
                "$5::timestamptz IS NULL AND $6::uuid"
            ),
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let state = filter.state.map(MailState::as_str);
                let kind = filter.kind.map(MailKind::as_str);
                let user = filter.user.map(|user| user.0);
                let (at, id) = filter.before.unzip();
                let limit = i64::from(filter.limit);
                let arguments: [&(dyn ToSql + Sync); 7] =
                    [&state, &kind, &user, &filter.address, &at, &id, &limit];
                client.query(&statement, &arguments).await?.iter().map(listed).collect()
            })
        })
        .await
    }

    /// One mail.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn mail(&self, id: Uuid) -> Result<Option<ListedMail>, StoreError> {
        let sql = format!("SELECT {LISTED} FROM mails WHERE id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let row = client.query_opt(&sql, &[&id]).await?;
                row.as_ref().map(listed).transpose()
            })
        })
        .await
    }

    /// One mail, with what it says.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn mail_content(&self, id: Uuid) -> Result<Option<OutgoingMail>, StoreError> {
        let sql = format!("SELECT {OUTGOING} FROM mails WHERE id = $1");
        self.run_quick(move |client| {
            Box::pin(async move {
                let row = client.query_opt(&sql, &[&id]).await?;
                row.as_ref().map(outgoing).transpose()
            })
        })
        .await
    }

    /// Lets a mail wait again. It then has another Message-ID. `None` if it was not settled any more, or if its link has ended.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn send_mail_again(
        &self,
        id: Uuid,
        now: OffsetDateTime,
        acting: ActingSession,
        event: AuditEvent,
    ) -> Result<Option<ListedMail>, StoreError> {
        let sql = format!(
            "UPDATE mails SET state = 'waiting', settled_at = NULL, attempts = 0, repetitions = repetitions + 1, due_at = $2,
                    waiting_from = $2, failure = NULL
             WHERE id = $1 AND settled_at IS NOT NULL AND link_used_at IS NULL
               AND (link_expires_at IS NULL OR link_expires_at > $2)
             RETURNING {LISTED}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting, now).await?;
                let Some(row) = transaction.query_opt(&sql, &[&id, &now]).await? else { return Ok(None) };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(Some(listed(&row)?))
            })
        })
        .await
    }
}

fn listed(row: &Row) -> Result<ListedMail, StoreError> {
    let count = |column| Ok::<_, StoreError>(u32::try_from(row.try_get::<_, i32>(column)?).unwrap_or(0));
    let state = MailState::of(row.try_get("state")?);
    let link: Option<&str> = row.try_get("link")?;
    Ok(ListedMail {
        id: row.try_get("id")?,
        user: UserId(row.try_get("user_id")?),
        kind: word(row, "kind")?,
        address: row.try_get("address")?,
        language: row.try_get("language")?,
        created_at: row.try_get("created_at")?,
        state: state.ok_or_else(|| StoreError::internal("a mail has an unknown state"))?,
        attempts: count("attempts")?,
        repetitions: count("repetitions")?,
        due_at: row.try_get("due_at")?,
        failure: row.try_get("failure")?,
        settled_at: row.try_get("settled_at")?,
        link: link.map(|word| word.parse().map_err(StoreError::internal)).transpose()?,
        link_expires_at: row.try_get("link_expires_at")?,
        link_used_at: row.try_get("link_used_at")?,
    })
}
