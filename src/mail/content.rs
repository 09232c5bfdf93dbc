//! What a mail says, before it is put into words.

use domain::mail::{kind::MailKind, language::Language};
use secrecy::SecretString;
use time::OffsetDateTime;

/// What a mail says.
#[derive(Clone, Debug)]
pub struct Content {
    /// What it is about.
    pub kind: MailKind,
    /// The language that the user reads, if it is known. Without templates in this language, the mail is in English.
    pub language: Option<Language>,
    /// The address of the recipient.
    pub to: String,
    /// The URL of the link, if the mail has one.
    pub link: Option<SecretString>,
    /// When its cause happened.
    pub at: OffsetDateTime,
    /// The browser and the system of the device.
    pub device: Option<String>,
    /// The city and the country.
    pub place: Option<String>,
    /// The network address.
    pub network: Option<String>,
    /// Whether an operator did it, and not a client with the user's name.
    pub by_operator: bool,
    /// The factor of a change: `app`, `passkey`, `backup_codes` or `all`.
    pub factor: Option<String>,
    /// Why a sign-in is unusual, as words of `domain::risk`.
    pub reasons: Vec<String>,
}
