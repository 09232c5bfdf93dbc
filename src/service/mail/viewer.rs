//! Shows mails to developers, with their links. Only the pages of development use this file.

use mail::Composed;
use secrecy::SecretString;
use store::{ListedMail, MailFilter, Store};
use uuid::Uuid;

use super::writer::MailWriter;
use crate::core::failure::Failure;

/// The most mails in the list.
const MOST: u32 = 100;

/// A mail in words.
pub struct ShownMail {
    /// The mail.
    pub mail: ListedMail,
    /// Its texts.
    pub composed: Composed,
    /// The URL of its link.
    pub link: Option<SecretString>,
}

/// Shows mails.
pub struct MailViewer {
    store: Store,
    writer: MailWriter,
}

impl MailViewer {
    pub(crate) fn new(store: Store, writer: MailWriter) -> Self {
        Self { store, writer }
    }

    /// The newest mails, to this address if one is given.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn newest(&self, address: Option<String>) -> Result<Vec<ShownMail>, Failure> {
        let filter = MailFilter { address, limit: MOST, ..MailFilter::default() };
        let mut shown = Vec::new();
        for mail in self.store.mails(filter).await? {
            shown.extend(self.shown(mail).await?);
        }
        Ok(shown)
    }

    /// One mail.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn one(&self, id: Uuid) -> Result<ShownMail, Failure> {
        let missing = || Failure::not_found("There is no such mail.");
        let mail = self.store.mail(id).await?.ok_or_else(missing)?;
        self.shown(mail).await?.ok_or_else(missing)
    }

    async fn shown(&self, mail: ListedMail) -> Result<Option<ShownMail>, Failure> {
        let Some(content) = self.store.mail_content(mail.id).await? else { return Ok(None) };
        let composed = self.writer.write(&content).map_err(|error| {
            tracing::error!(%error, "a template of mails cannot be used");
            Failure::Internal
        })?;
        Ok(Some(ShownMail { mail, composed, link: self.writer.link(&content) }))
    }
}
