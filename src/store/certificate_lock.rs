//! [`CertificateLock`]: of several nodes with one database, only one orders a certificate at a time.

use tokio_postgres::Client;

use crate::{Store, StoreError};

/// While this value exists, no other process holds the lock of the same name. The lock belongs to a connection of its own, so it
/// ends with this process at the latest.
pub struct CertificateLock {
    _client: Client,
}

impl Store {
    /// Takes the lock for ordering a certificate with this name. `None` if another process holds it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn try_lock_certificate(&self, name: &str) -> Result<Option<CertificateLock>, StoreError> {
        let (connector, name) = (self.connector().clone(), name.to_owned());
        self.spawn(async move {
            let (client, connection) = connector.connect().await?;
            tokio::spawn(connection);
            let sql = "SELECT pg_try_advisory_lock(hashtextextended('certificate ' || $1, 0))";
            let is_held: bool = client.query_one(sql, &[&name]).await?.try_get(0)?;
            Ok(is_held.then_some(CertificateLock { _client: client }))
        })
        .await
    }
}
