//! Sends the mails of the outbox, and shows them to developers.
//!
//! The store writes the mails in the transactions of what causes them, and `upkeep` runs the delivery. The use cases behind links
//! are in `sign_in::mailed_links`, the lists of operators in `operators::mails`. This module depends only on `core`.

pub(crate) mod delivery;
pub(crate) mod settings;
pub(crate) mod viewer;
pub(crate) mod writer;

use std::sync::Arc;

use delivery::MailDelivery;
use domain::mail::language::Language;
use settings::MailSettings;
use viewer::MailViewer;
use writer::MailWriter;

use crate::core::{Core, failure::Failure};

/// The capability to send mails.
pub struct Mails {
    /// Shows mails, in development only.
    pub viewer: MailViewer,
    pub(crate) delivery: Arc<MailDelivery>,
    languages: Vec<Language>,
    sends: bool,
}

impl Mails {
    pub(crate) fn new(core: &Core, settings: &MailSettings) -> Self {
        let writer = MailWriter::new(settings, core.keys.clone());
        Self {
            viewer: MailViewer::new(core.store.clone(), writer.clone()),
            delivery: Arc::new(MailDelivery::new(
                core.store.clone(),
                core.clock.clone(),
                writer,
                settings.clone(),
            )),
            languages: settings.composer.languages(),
            sends: settings.server.is_some() || settings.development,
        }
    }

    /// The languages that there are mails in, English first.
    #[must_use]
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Checks that this server sends mails.
    ///
    /// # Errors
    /// `Conflict` if it does not.
    pub(crate) fn require(&self) -> Result<(), Failure> {
        if self.sends { Ok(()) } else { Err(Failure::no_mail()) }
    }
}
