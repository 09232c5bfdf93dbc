//! The check of the database at the start of a server.
//!
//! `app` calls it before any other part uses the database.

use time::OffsetDateTime;

use super::origin::{Standing, Unfinished, standing, write};
use crate::{error::StoreError, pool::Store};

impl Store {
    /// Takes the database into service. Returns the reason if a server may not use the database yet.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn take_into_service(&self, now: OffsetDateTime) -> Result<Option<Unfinished>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let (standing, here) = standing(client).await?;
                match standing {
                    Standing::New => write(&***client, &here, now, true).await.map(|()| None),
                    Standing::Same => Ok(None),
                    Standing::Unfinished(reason) => Ok(Some(reason)),
                }
            })
        })
        .await
    }
}
