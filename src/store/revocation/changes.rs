//! Changes that are written together with a revocation: password, a locked password, address, role, status, a forgotten device, factors.
//!
//! Called by `commit`, within its transaction.

use deadpool_postgres::Transaction;
use domain::account::{email::Email, password::NO_PASSWORD};
use protocol::{audit::AuditEvent, id::UserId};
use secrecy::ExposeSecret;

use super::order::{Change, RevocationRequest, Target};
use crate::{
    error::StoreError,
    factors::second_factors,
    mail::outbox,
    personal_data::request,
    sessions::{renewal, session::Session},
};

/// Writes the change of a revocation for the users concerned. The transaction holds the locks of their rows. Returns the
/// session that is not ended (`except`) if the change has renewed its tokens.
pub(crate) async fn apply(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    change: &Change,
    users: &[i64],
) -> Result<Option<Session>, StoreError> {
    match change {
        Change::Password { hash } => {
            let sql = "UPDATE users SET password_hash = $2, password_changed_at = $3 WHERE id = ANY ($1)";
            transaction.execute(sql, &[&users, &hash.expose_secret(), &order.now]).await?;
            let kept = order.except.map(|kept| kept.0);
            let sql = "UPDATE sessions SET privileged_until = NULL WHERE id = $1 AND revoked_at IS NULL";
            transaction.execute(sql, &[&kept]).await?;
            distrust(transaction, users).await?;
            return renew(transaction, order).await;
        }
        Change::LockPassword => {
            let sql = "UPDATE users SET password_hash = $2, password_changed_at = $3 WHERE id = ANY ($1)";
            transaction.execute(sql, &[&users, &NO_PASSWORD, &order.now]).await?;
            distrust(transaction, users).await?;
        }
        Change::Email(email) => change_email(transaction, order, email, users).await?,
        Change::Role(role) => {
            let sql = "UPDATE users SET role = $2 WHERE id = ANY ($1)";
            transaction.execute(sql, &[&users, &role.as_str()]).await?;
        }
        Change::Status(status) => {
            let sql = "UPDATE users SET status = $2 WHERE id = ANY ($1)";
            transaction.execute(sql, &[&users, &status.as_str()]).await?;
        }
        Change::ForgetDevice => {
            let Target::Device(device) = order.target else {
                return Err(StoreError::internal("only a device can be forgotten"));
            };
            let sql =
                "UPDATE registered_devices SET forgotten_at = $3, fingerprint = NULL, user_agent = NULL,
                              address = NULL, label = NULL, trust = 'new', trusted_until = NULL, country = NULL,
                              city = NULL
                       WHERE user_id = ANY ($1) AND id = $2";
            transaction.execute(sql, &[&users, &device.0, &order.now]).await?;
        }
        Change::Erasure(new) => {
            for user in users {
                request::write(transaction, *user, new, order.now).await?;
            }
        }
        Change::Factor(change) => {
            for user in users {
                second_factors::apply(transaction, *user, change, order.now).await?;
            }
            distrust(transaction, users).await?;
            return renew(transaction, order).await;
        }
    }
    Ok(None)
}

/// Writes the new address, and tells the former one.
async fn change_email(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    email: &Email,
    users: &[i64],
) -> Result<(), StoreError> {
    let former = transaction.query("SELECT id, email FROM users WHERE id = ANY ($1)", &[&users]).await?;
    let sql = "UPDATE users SET email = $2, account_key = $3 WHERE id = ANY ($1)";
    transaction.execute(sql, &[&users, &email.as_str(), &email.key().as_str()]).await?;
    for row in &former {
        let (user, address) = (row.try_get("id")?, row.try_get("email")?);
        let event = AuditEvent { user: Some(UserId(user)), ..order.audit.clone() };
        outbox::tell_former_address(transaction, user, address, &event).await?;
    }
    Ok(())
}

/// Renews the tokens of the session that is not ended, if there is one.
async fn renew(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<Option<Session>, StoreError> {
    match order.except {
        Some(kept) => renewal::renew(transaction, kept, order.now).await,
        None => Ok(None),
    }
}

/// Removes the trust in all devices, because the trust was granted with the earlier credentials.
async fn distrust(transaction: &Transaction<'_>, users: &[i64]) -> Result<(), StoreError> {
    // Rows are locked in the order that `accounts::last_seen` uses.
    let sql = "WITH locked AS (SELECT user_id, id FROM registered_devices
                               WHERE user_id = ANY ($1) AND trust <> 'new'
                               ORDER BY user_id, id FOR NO KEY UPDATE)
               UPDATE registered_devices d SET trust = 'new', trusted_until = NULL
               FROM locked WHERE d.user_id = locked.user_id AND d.id = locked.id";
    transaction.execute(sql, &[&users]).await?;
    Ok(())
}
