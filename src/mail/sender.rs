//! The address that mails come from, and the id of each mail.

use std::{fmt, str::FromStr};

use lettre::message::Mailbox;
use uuid::Uuid;

/// The sender of mails: an address, perhaps with a name in front.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender(pub(crate) Mailbox);

/// The text is no address of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address, or a name and an address: `Example <no-reply@example.com>`")]
pub struct SenderError;

impl Sender {
    /// The name that mails show as that of the service: the name of the sender, or else `domain`.
    #[must_use]
    pub fn service_name<'s>(&'s self, domain: &'s str) -> &'s str {
        self.0.name.as_deref().unwrap_or(domain)
    }

    /// The Message-ID of a mail. It is the same in every attempt, so that a mail that arrives twice is recognised. A mail that an
    /// operator had sent again has another one, because it must not be taken for the first.
    #[must_use]
    pub fn message_id(&self, mail: Uuid, repetitions: u32) -> String {
        format!("<{}.{repetitions}@{}>", mail.simple(), self.0.email.domain())
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().parse().map(Self).map_err(|_| SenderError)
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let named: Sender = "Example Chat <no-reply@chat.example>".parse().expect("a sender");
        assert_eq!(named.service_name("chat.example"), "Example Chat");
        let bare: Sender = "no-reply@chat.example".parse().expect("a sender");
        assert_eq!(bare.service_name("chat.example"), "chat.example");
        for wrong in ["", "nobody", "a@b@c", "x <y>"] {
            assert_eq!(wrong.parse::<Sender>(), Err(SenderError), "{wrong}");
        }
    }

    #[test]
    fn the_message_id_is_the_same_until_the_mail_is_sent_again() {
        let sender: Sender = "no-reply@chat.example".parse().expect("a sender");
        let mail = Uuid::from_u128(7);
        assert_eq!(sender.message_id(mail, 0), "<00000000000000000000000000000007.0@chat.example>");
        assert_ne!(sender.message_id(mail, 1), sender.message_id(mail, 0));
    }
}
