//! The audit log of a database, with the keys and checkpoints that this process has in memory. The other files of this folder
//! have its methods.

use std::sync::Arc;

use domain::{
    crypto::secret_ring::SecretRing,
    transparency_log::{checkpoint::Checkpoint, note::NoteSigner, personal::PersonalSealer},
};
use parking_lot::Mutex;
use store::{Store, StoredCheckpoint};

use super::settings::AuditLogSettings;
use crate::core::{Core, clock::Clock};

/// The keys of the log, opened.
pub(crate) struct OpenedKeys {
    pub(crate) signer: NoteSigner,
    pub(crate) personal: Arc<PersonalSealer>,
}

/// A checkpoint in memory.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) stored: StoredCheckpoint,
    pub(crate) read: std::time::Instant,
}

/// The secrets of data encryption at the moment.
type DataKeys = Arc<dyn Fn() -> SecretRing + Send + Sync>;

/// The audit log of a database.
pub struct AuditLog {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: AuditLogSettings,
    pub(super) data_keys: DataKeys,
    pub(super) opened: Mutex<Option<Arc<OpenedKeys>>>,
    pub(super) signed: Mutex<Option<Published>>,
    pub(super) published: Mutex<Option<Published>>,
    pub(super) anchored: Mutex<Option<Checkpoint>>,
}

impl AuditLog {
    /// The log of this database. `data_keys` gives the secrets that open its keys.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        settings: AuditLogSettings,
        data_keys: impl Fn() -> SecretRing + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            clock,
            settings,
            data_keys: Arc::new(data_keys),
            opened: Mutex::default(),
            signed: Mutex::default(),
            published: Mutex::default(),
            anchored: Mutex::default(),
        }
    }

    /// Whether this process moves events into the log.
    pub(crate) fn takes_events(&self) -> bool {
        self.settings.sequencing
    }

    pub(crate) fn of(core: &Core, settings: AuditLogSettings) -> Self {
        let keys = core.keys.clone();
        let data_keys = move || keys.live().data_encryption.clone();
        Self::new(core.store.clone(), core.clock.clone(), settings, data_keys)
    }
}
