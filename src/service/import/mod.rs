//! The import of accounts from the older authentication system. The source is the database of that system, and the target is
//! the database of this server.
//!
//! The command line runs an [`Import`]. Accounts are taken in the order of their ids, in batches. One transaction writes the
//! accounts of a batch and everything that belongs to them. There is no record of the progress: an account is not written again
//! if the target has it. So an import that was killed can be run again. All ids and nonces are derived from the rows, so the
//! result does not depend on how often the import was interrupted. This module depends only on `core`.

mod error;
mod layout;
mod observer;
mod options;
mod run;
mod summary;

use domain::{crypto::secret_ring::SecretRing, import::keys::ImportKeys};
use store::{DatabaseSettings, ImportSource, Store};

pub use domain::import::finding::Finding;
pub use error::ImportError;
pub use observer::ImportObserver;
pub use options::ImportOptions;
pub use summary::{Count, ImportSummary};

use crate::core::{
    clock::Clock,
    lasting_keys::{LastingKeysError, lasting_keys},
};
use layout::Layout;
use run::Run;

/// Imports accounts.
pub struct Import {
    store: Store,
    clock: Clock,
    data_encryption: SecretRing,
}

impl Import {
    /// An import into the database of `store`, for a server with these data encryption keys.
    #[must_use]
    pub fn new(store: Store, clock: Clock, data_encryption: SecretRing) -> Self {
        Self { store, clock, data_encryption }
    }

    /// Imports all accounts of the source. A dry run only reads, and reports what an import would do now.
    ///
    /// # Errors
    /// `Refused` for any of these. The source is not a database of the older system. It has columns that are neither understood
    /// nor left out. An id in it has an unusual form. The data encryption keys do not open the lasting keys of the target. An
    /// account of the source and another account in the target have the same id. After a refusal, nothing was written. A dry
    /// run only reports the columns that are not understood. `Source`, `Target` and `Report` if a database or the report fails;
    /// then the import can be run again.
    pub async fn run(
        &self,
        source: &DatabaseSettings,
        options: &ImportOptions,
        observer: &mut dyn ImportObserver,
    ) -> Result<ImportSummary, ImportError> {
        let source = ImportSource::open(source).await.map_err(ImportError::Source)?;
        let layout = Layout::of(source.tables().await.map_err(ImportError::Source)?, &options.leave_out)?;
        if !options.dry_run {
            layout.check_columns()?;
        }
        let lasting = lasting_keys(&self.store, &self.clock, &self.data_encryption, options.dry_run).await;
        let lasting = lasting.map_err(|error| match error {
            LastingKeysError::Store(error) => ImportError::Target(error),
            // With other keys, the ids of rows would differ from those of an earlier import.
            unopened @ LastingKeysError::Unopened { .. } => ImportError::Refused(unopened.to_string()),
        })?;
        let keys = ImportKeys::new(&lasting, &self.data_encryption);
        let parts = run::Parts { store: &self.store, clock: &self.clock, keys: &keys, source: &source };
        Run::new(parts, &layout, options.dry_run, observer).finish().await
    }
}
