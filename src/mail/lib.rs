//! The texts of mails, and their way to an SMTP server.
//!
//! `service::mail` calls this crate: [`Composer`] makes the subject and both forms of a mail from templates, [`SmtpServer`]
//! hands a mail to the configured server. The configuration reads [`SmtpSettings`] and [`Sender`]. This crate knows neither
//! the database nor HTTP, and decides nothing about retries.

mod composer;
mod content;
mod language_file;
mod sender;
mod smtp_server;
mod smtp_settings;
mod template_error;
mod templates;

pub use composer::{Composed, Composer};
pub use content::Content;
pub use sender::{Sender, SenderError};
pub use smtp_server::{SendError, SmtpError, SmtpServer};
pub use smtp_settings::{Encryption, SmtpSettings, SmtpUrlError};
pub use template_error::TemplateError;
pub use templates::Templates;
