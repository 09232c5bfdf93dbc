//! Why the role of a server in its database does not fit. A production server uses a role that cannot change the audit log.

use store::{RoleStanding, Store, StoreError};

/// Where the manual describes the two roles.
const MANUAL: &str = "docs/deployment.md, \"The roles of the database\"";

/// The role of a production server can change the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database role {} can change the audit log: {}. A production server uses a role that cannot. A role that may create roles makes it:\n  \
     CREATE ROLE portcullis_server LOGIN PASSWORD '…';\n\
     The owner of the tables gives it its rights:\n  \
     portcullis migrate --database-url URL_OF_THE_OWNER --server-role portcullis_server\n\
     Then DATABASE_URL names the new role. DATABASE_SINGLE_ROLE=true permits a server with the present role. See {MANUAL}",
    .0.role, .0.excess.join("; ")
)]
pub struct PowerfulRole(pub RoleStanding);

/// The role of a server or a tool lacks rights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database role {role} lacks rights of a server: {missing}. The owner of the tables gives them:\n  \
     portcullis migrate --database-url URL_OF_THE_OWNER --server-role {role}\n\
     See {MANUAL}"
)]
pub struct MissingRights {
    role: String,
    missing: String,
}

impl MissingRights {
    /// The error about this role.
    #[must_use]
    pub fn of(standing: RoleStanding) -> Self {
        Self { role: standing.role, missing: standing.missing.join(", ") }
    }
}

/// Why a production server refuses the role of this store, if it does.
///
/// # Errors
/// The database cannot be used.
pub async fn powerful_role(store: &Store) -> Result<Option<PowerfulRole>, StoreError> {
    let standing = store.role_standing().await?;
    Ok(Some(standing).filter(|standing| !standing.excess.is_empty()).map(PowerfulRole))
}
