//! Finishes a restore from a backup, so that the restored database revives no revoked session and no used code.
//!
//! The command line runs a [`Restoration`] while no server is in service. This module depends only on `core`.

use std::time::Duration;

use domain::factors::totp::newest_usable_step;
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
};
use store::{FinishRestore, FinishedRestore, RevocationRequest, Store, StoreError, Target};
use time::OffsetDateTime;

use crate::core::clock::{Clock, after};

/// The reason of the revocation that ends all sessions.
const REASON: &str = "the database was restored from a backup";

/// Kinds of data that stay usable after a restore, although they may have been used or revoked after the backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptAfterRestore {
    /// Backup codes that were not used when the backup was made.
    pub backup_codes: bool,
    /// Keys of the server API that were valid when the backup was made.
    pub api_keys: bool,
    /// Receivers of events that were enabled when the backup was made.
    pub event_receivers: bool,
    /// Tokens of other issuers that were issued before the restore.
    pub outside_tokens: bool,
}

/// Finishes restores of this database.
pub struct Restoration {
    store: Store,
    clock: Clock,
    /// The longest life of a token of another issuer.
    longest_token: Duration,
}

impl Restoration {
    /// For this database. `longest_token` is the longest life of a token of another issuer.
    #[must_use]
    pub fn new(store: Store, clock: Clock, longest_token: Duration) -> Self {
        Self { store, clock, longest_token }
    }

    /// The end of the time in which existing tokens of other issuers are refused.
    #[must_use]
    pub fn tokens_denied_until(&self) -> OffsetDateTime {
        after(self.clock.now(), self.longest_token)
    }

    /// Finishes the restore of this database: everything or nothing.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn finish(&self, kept: KeptAfterRestore) -> Result<FinishedRestore, StoreError> {
        let now = self.clock.now();
        let order = FinishRestore {
            now,
            revocation: RevocationRequest {
                reason: REASON.to_owned(),
                audit: self.event("session.revoked"),
                ..RevocationRequest::new(Target::All, Cause::Revoked, now)
            },
            last_totp_step: newest_usable_step(now),
            tokens_denied_until: (!kept.outside_tokens).then(|| self.tokens_denied_until()),
            keep_backup_codes: kept.backup_codes,
            keep_api_keys: kept.api_keys,
            keep_event_receivers: kept.event_receivers,
            event: self.event("database.restored"),
        };
        self.store.finish_restore(order).await
    }

    /// Takes the database into service as it is, because nothing is missing in it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn accept(&self) -> Result<(), StoreError> {
        self.store.accept_place(self.clock.now(), self.event("database.accepted")).await
    }

    fn event(&self, name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, self.clock.now_ms()).with("by", "command line")
    }
}
