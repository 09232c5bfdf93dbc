//! Links in mails: asking for one, and using one.
//!
//! A link is spent by one conditional statement, in the transaction of the act that it permits. It is void if the account has
//! another address or another password than when the mail was written.

use deadpool_postgres::Transaction;
use domain::{
    account::{account_key::AccountKey, role::Status},
    mail::link::{LinkPurpose, MailedLink},
};
use protocol::{audit::AuditEvent, id::UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{audit, error::StoreError, pool::Store};

/// The condition that the link of a change is still good.
pub const LINK_SPENT: &str = "mailed_link";

/// A link is good if it has not ended and was not used, and if the account is as it was. The parameters are the mail, the purpose
/// and the time.
const GOOD: &str = "m.id = $1 AND m.link = $2 AND m.link_used_at IS NULL AND m.link_expires_at > $3
    AND u.id = m.user_id AND u.account_key = m.bound_key
    AND sha256(convert_to(u.password_hash, 'UTF8')) = m.bound_password AND u.status = ANY ($4)";

/// The statuses of accounts for which a link is good. A link that only revokes is good for every account.
fn statuses(purpose: LinkPurpose) -> &'static [&'static str] {
    match purpose {
        LinkPurpose::Verify => &["pending"],
        LinkPurpose::Reset => &["active", "pending"],
        LinkPurpose::NotMe => &["active", "pending", "suspended", "deactivated"],
    }
}

/// Spends a link. `false` if it is not good any more. The row of the account must be locked, so that the account does not change
/// meanwhile. A used link of a reset also confirms the address of a pending account.
pub(crate) async fn spend(
    transaction: &Transaction<'_>,
    link: MailedLink,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let sql = format!("UPDATE mails m SET link_used_at = $3 FROM users u WHERE {GOOD} RETURNING u.id");
    let statement = transaction.prepare_cached(&sql).await?;
    let purpose = link.purpose.as_str();
    let found =
        transaction.query_opt(&statement, &[&link.mail, &purpose, &now, &statuses(link.purpose)]).await?;
    let Some(row) = found else { return Ok(false) };
    if matches!(link.purpose, LinkPurpose::Verify | LinkPurpose::Reset) {
        let user: i64 = row.try_get("id")?;
        let sql = "UPDATE users SET status = 'active', updated_at = $2 WHERE id = $1 AND status = 'pending'";
        transaction.execute(sql, &[&user, &now]).await?;
    }
    Ok(true)
}

impl Store {
    /// The account of a link that is good, and its e-mail address. `None` if the link is not good any more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn account_of_link(
        &self,
        link: MailedLink,
        now: OffsetDateTime,
    ) -> Result<Option<(UserId, String)>, StoreError> {
        let sql = format!("SELECT u.id, u.email FROM mails m, users u WHERE {GOOD}");
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let (purpose, statuses) = (link.purpose.as_str(), statuses(link.purpose));
                let found = client.query_opt(&statement, &[&link.mail, &purpose, &now, &statuses]).await?;
                found.map(|row| Ok((UserId(row.try_get("id")?), row.try_get("email")?))).transpose()
            })
        })
        .await
    }

    /// Confirms the address of a pending account with a link, and activates the account. `None` if the link is not good any
    /// more.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn verify_address(
        &self,
        mail: Uuid,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<UserId>, StoreError> {
        let sql = "SELECT u.id FROM users u WHERE u.id = (SELECT user_id FROM mails WHERE id = $1)
                   FOR NO KEY UPDATE";
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let Some(row) = transaction.query_opt(sql, &[&mail]).await? else { return Ok(None) };
                let user = UserId(row.try_get("id")?);
                if !spend(&transaction, MailedLink { mail, purpose: LinkPurpose::Verify }, now).await? {
                    return Ok(None);
                }
                audit::insert(&transaction, &[AuditEvent { user: Some(user), ..event }]).await?;
                transaction.commit().await?;
                Ok(Some(user))
            })
        })
        .await
    }

    /// Records that a mail was asked for with the address of an account, if there is an account with this key and one of these
    /// statuses. The audit event causes the mail. Returns whether there is such an account.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn request_mail(
        &self,
        key: AccountKey,
        statuses: Vec<Status>,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM users WHERE account_key = $1 AND status = ANY ($2) AND role <> 'canary'";
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(sql).await?;
                let statuses: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
                let found = transaction.query_opt(&statement, &[&key.as_str(), &statuses]).await?;
                let Some(row) = found else { return Ok(false) };
                let user = Some(UserId(row.try_get("id")?));
                audit::insert(&transaction, &[AuditEvent { user, ..event }]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }
}
