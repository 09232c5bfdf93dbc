//! Makes a mail in words from a row of the outbox: what it says, and its link, whose token only this process can compute.

use domain::{
    client::user_agent::Described,
    mail::{link::link_url, retry},
};
use mail::{Composed, Composer, Content, Sender, TemplateError};
use secrecy::SecretString;
use serde_json::Value;
use store::OutgoingMail;
use time::OffsetDateTime;

use super::settings::MailSettings;
use crate::core::{keys::LiveKeys, random::random_bytes};

/// Writes mails. Clones are cheap.
#[derive(Clone)]
pub(crate) struct MailWriter {
    composer: Composer,
    from: Sender,
    keys: LiveKeys,
}

impl MailWriter {
    pub(crate) fn new(settings: &MailSettings, keys: LiveKeys) -> Self {
        Self { composer: settings.composer.clone(), from: settings.from.clone(), keys }
    }

    /// The mail in words.
    ///
    /// # Errors
    /// A template cannot be used. All templates are tried at the start.
    pub(crate) fn write(&self, mail: &OutgoingMail) -> Result<Composed, TemplateError> {
        self.composer.compose(&self.content(mail))
    }

    /// The URL of the link, if the mail has one.
    pub(crate) fn link(&self, mail: &OutgoingMail) -> Option<SecretString> {
        let (purpose, _) = mail.link?;
        let token = self.keys.live().links.token(mail.id, purpose);
        Some(link_url(self.composer.site(), purpose, &token))
    }

    /// The sender.
    pub(crate) fn from(&self) -> &Sender {
        &self.from
    }

    /// The Message-ID, the same in every attempt.
    pub(crate) fn message_id(&self, mail: &OutgoingMail) -> String {
        self.from.message_id(mail.id, mail.repetitions)
    }

    fn content(&self, mail: &OutgoingMail) -> Content {
        let text = |key: &str| mail.detail.get(key).and_then(Value::as_str).map(str::to_owned);
        let at = mail.detail.get("at_ms").and_then(Value::as_i64);
        let at = at.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok());
        let places: Vec<_> = [text("city"), text("country")].into_iter().flatten().collect();
        let reasons = mail.detail.get("reasons").and_then(Value::as_array).into_iter().flatten();
        Content {
            kind: mail.kind,
            language: mail.language.as_deref().and_then(|language| language.parse().ok()),
            to: mail.address.clone(),
            link: self.link(mail),
            at: at.unwrap_or(mail.created_at),
            device: text("user_agent").map(|agent| Described::of(Some(&agent)).label()),
            place: Some(places.join(", ")).filter(|place| !place.is_empty()),
            network: text("address"),
            by_operator: text("by").is_some_and(|by| by == "operator"),
            factor: text("factor"),
            reasons: reasons.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }
}

/// The pause after this many failed attempts.
pub(crate) fn pause(attempts: u32) -> std::time::Duration {
    // Without random bytes, the pause has its full length.
    retry::pause(attempts, random_bytes().map_or(0, u32::from_ne_bytes))
}
