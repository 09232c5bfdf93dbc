//! Demonstration users in the database of a production server: the password of one of them is publicly known.

use domain::account::demonstration;
use store::{Store, StoreError};

/// The addresses of the demonstration users that can sign in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database has demonstration users of `portcullis dev`: {}; production refuses them, because their passwords may be known: \
     `portcullis user set-status {} suspended`",
    .0.join(", "), .0.first().map_or("ADDRESS", String::as_str)
)]
pub struct DemonstrationUsers(pub Vec<String>);

/// The demonstration users in the database, if there are any that can sign in.
///
/// # Errors
/// The database cannot be used.
pub async fn demonstration_users(store: &Store) -> Result<Option<DemonstrationUsers>, StoreError> {
    let found = store.usable_accounts(&[demonstration::USER, demonstration::ADMIN]).await?;
    Ok(Some(found).filter(|found| !found.is_empty()).map(DemonstrationUsers))
}
