//! Changes of an operator to the account or the device of another user that end no session: a new account, an activation, the
//! end of trust in a device.
//!
//! Changes that end sessions are revocations (`revocation::commit`).

use domain::account::role::Role;
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, UserId},
};
use time::OffsetDateTime;

use super::{
    devices::{self, Device},
    user::{self, USER_COLUMNS, User},
    users::{self, NewUser},
};
use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

impl Store {
    /// Creates an account on behalf of the acting session.
    ///
    /// # Errors
    /// `Conflict` if another account has this address, `Lapsed` if the acting session may no longer do this, `Unavailable`.
    pub async fn insert_user_for(
        &self,
        acting: ActingSession,
        new: NewUser,
        event: AuditEvent,
    ) -> Result<User, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                acting_session::require(&transaction, &acting, new.now).await?;
                let user = users::insert(&transaction, &new).await?;
                audit::insert(&transaction, &[AuditEvent { user: Some(user.id), ..event }]).await?;
                transaction.commit().await?;
                Ok(user)
            })
        })
        .await
    }

    /// Activates the account of a user with one of these roles. `None` if there is no such user.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer do this, `Unavailable`.
    pub async fn activate_user_for(
        &self,
        acting: ActingSession,
        id: UserId,
        roles: Vec<Role>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<User>, StoreError> {
        let sql = format!(
            "UPDATE users u SET status = 'active', updated_at = $2 WHERE u.id = $1 RETURNING {USER_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if !acting_session::require_over(&transaction, &acting, id, &roles, now).await? {
                    return Ok(None);
                }
                let row = transaction.query_one(&sql, &[&id.0, &now]).await?;
                audit::insert(&transaction, &[AuditEvent { user: Some(id), ..event }]).await?;
                transaction.commit().await?;
                user::from_row(&row).map(Some)
            })
        })
        .await
    }

    /// Ends the trust in a device of a user with one of these roles. `None` if there is no such user or device.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer do this, `Unavailable`.
    pub async fn distrust_device_for(
        &self,
        acting: ActingSession,
        owner: (UserId, DeviceId),
        roles: Vec<Role>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Device>, StoreError> {
        let sql = format!(
            "UPDATE registered_devices d SET trust = 'new', trusted_until = NULL
             WHERE d.user_id = $1 AND d.id = $2 AND d.forgotten_at IS NULL RETURNING {}",
            devices::COLUMNS
        );
        self.run(move |client| {
            Box::pin(async move {
                let (user, device) = owner;
                let transaction = client.transaction().await?;
                if !acting_session::require_over(&transaction, &acting, user, &roles, now).await? {
                    return Ok(None);
                }
                let Some(row) = transaction.query_opt(&sql, &[&user.0, &device.0]).await? else {
                    return Ok(None);
                };
                let event = AuditEvent { user: Some(user), device: Some(device), ..event };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                devices::device(&row).map(Some)
            })
        })
        .await
    }
}
