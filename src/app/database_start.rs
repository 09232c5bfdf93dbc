//! What a server does with its database first: it checks its role and the schema. Called by `server`, before any other part uses the
//! database.

use store::{MigrateOrder, RoleStanding, Store};

use super::{
    database_role::{MissingRights, PowerfulRole},
    error::StartError,
};
use crate::config::{Environment, Settings};

/// Checks the role of the server, and that the schema is up to date. Returns the standing of the role if it can change the audit log,
/// which only development and `DATABASE_SINGLE_ROLE` permit. If such a role has the rights of the owner of the tables, the server
/// migrates the database itself.
///
/// In development, the owner of the settings migrates the database first, and makes the role of the server.
pub(super) async fn prepare(settings: &Settings, store: &Store) -> Result<Option<RoleStanding>, StartError> {
    let production = settings.environment == Environment::Production;
    if let (false, Some(owner)) = (production, &settings.database_owner) {
        let server_role = settings.database.role().map(str::to_owned);
        let order = MigrateOrder { server_role, create_role: true, audit_kept_days: kept_days(settings) };
        Store::connect(owner)?.migrate_with(order).await?;
    }
    let standing = store.role_standing().await?;
    let is_powerful = !standing.excess.is_empty();
    if is_powerful && production && !settings.single_role {
        return Err(PowerfulRole(standing).into());
    }
    if is_powerful && store.table_owner().await?.is_none_or(|owner| owner.is_held) {
        let order = MigrateOrder { audit_kept_days: kept_days(settings), ..MigrateOrder::default() };
        store.migrate_with(order).await?;
        return Ok(Some(standing));
    }
    if !standing.missing.is_empty() {
        return Err(MissingRights::of(standing).into());
    }
    if !store.schema_is_current().await? {
        return Err(StartError::NotMigrated);
    }
    compare_retention(settings, store).await?;
    Ok(is_powerful.then_some(standing))
}

/// How many days entries of the audit log are kept, by the settings.
fn kept_days(settings: &Settings) -> Option<i32> {
    Some(settings.kept.audit_days())
}

/// Warns if the database has noted another retention of the audit log than the settings have. Of the two, the longer one counts.
async fn compare_retention(settings: &Settings, store: &Store) -> Result<(), StartError> {
    let (days, noted) = (settings.kept.audit_days(), store.noted_audit_days().await?);
    if days != noted {
        tracing::warn!(
            setting_days = days,
            database_days = noted,
            "AUDIT_RETENTION_DAYS of this server and the time that the database has noted differ; months of the audit log are \
             dropped after the longer one: run `portcullis migrate` with AUDIT_RETENTION_DAYS={days}, or give this server the \
             noted number of days"
        );
    }
    Ok(())
}
