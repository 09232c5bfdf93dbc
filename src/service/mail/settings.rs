//! The settings of mails.

use std::{fmt, time::Duration};

use mail::{Composer, Sender, SmtpServer};

/// How mails are sent.
#[derive(Clone)]
pub struct MailSettings {
    /// The mail server. Without one, a development server only shows mails, and a production server sends none.
    pub server: Option<SmtpServer>,
    /// The sender.
    pub from: Sender,
    /// The texts.
    pub composer: Composer,
    /// How long a mail waits before it is given up.
    pub max_age: Duration,
    /// Whether this is a development server.
    pub development: bool,
    /// Shows a mail in the terminal, in short: the recipient, the subject, and the link.
    pub show: Option<fn(&str)>,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "MailSettings(from {}, {} a server)",
            self.from,
            if self.server.is_some() { "with" } else { "without" }
        )
    }
}
