//! What a server does with its database first: it checks its role and the schema. Called by `server`, before any other part uses the
//! database.

use store::{MigrateOrder, RoleStanding, Store};

use super::{
    database_role::{MissingRights, PowerfulRole},
    error::StartError,
};
use crate::config::{Environment, Settings};

/// Checks the role of the server, and that the schema is up to date. Returns the standing of the role if it can change the audit log,
/// which only development and `DATABASE_SINGLE_ROLE` permit; the server then migrates the database itself.
///
/// In development, the owner of the settings migrates the database first, and makes the role of the server.
pub(super) async fn prepare(settings: &Settings, store: &Store) -> Result<Option<RoleStanding>, StartError> {
    let production = settings.environment == Environment::Production;
    if let (false, Some(owner)) = (production, &settings.database_owner) {
        let server_role = settings.database.role().map(str::to_owned);
        let order = MigrateOrder { server_role, create_role: true, audit_kept_days: None };
        Store::connect(owner)?.migrate_with(order).await?;
    }
    let standing = store.role_standing().await?;
    if !standing.excess.is_empty() {
        if production && !settings.single_role {
            return Err(PowerfulRole(standing).into());
        }
        store.migrate().await?;
        return Ok(Some(standing));
    }
    if !standing.missing.is_empty() {
        return Err(MissingRights::of(standing).into());
    }
    if store.schema_is_current().await? { Ok(None) } else { Err(StartError::NotMigrated) }
}
