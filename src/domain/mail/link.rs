//! Links in mails: what each permits, how long it is good for, and its token.
//!
//! A token is the id of the mail and a MAC over the id and the purpose, in hexadecimal. So the database does not contain what
//! opens a link, a forged token is refused without a look at the database, and a mail that is sent again has the same link. A
//! token stands in the fragment of a URL: browsers do not send fragments to servers.

use std::{fmt, str::FromStr};

use secrecy::{ExposeSecret as _, SecretString};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::crypto::{
    key::{hex, unhex},
    key_ring::KeyRing,
    secret_ring::SecretRing,
};

const LABEL: &str = "portcullis mailed link v1";
/// The bytes of the MAC in a token.
const TAG: usize = 16;

/// What a link permits. No link signs a user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// To confirm the address of a new account.
    Verify,
    /// To choose a new password.
    Reset,
    /// To end all sessions and lock the password: "this was not me".
    NotMe,
}

impl LinkPurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Verify, Self::Reset, Self::NotMe];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::NotMe => "not_me",
        }
    }

    /// The path of the page that the link opens.
    #[must_use]
    pub fn page(self) -> &'static str {
        match self {
            Self::Verify => "/verify",
            Self::Reset => "/reset",
            Self::NotMe => "/not-me",
        }
    }

    /// How long a link is good for.
    #[must_use]
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Verify => Duration::hours(24),
            Self::Reset => Duration::minutes(30),
            Self::NotMe => Duration::days(7),
        }
    }
}

impl fmt::Display for LinkPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no purpose of a link.
#[derive(Debug, thiserror::Error)]
#[error("unknown purpose of a link `{0}`")]
pub struct UnknownPurpose(String);

impl FromStr for LinkPurpose {
    type Err = UnknownPurpose;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.as_str() == word);
        found.ok_or_else(|| UnknownPurpose(word.to_owned()))
    }
}

/// A genuine link, which may be used, expired or void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailedLink {
    /// The mail.
    pub mail: Uuid,
    /// What the link permits.
    pub purpose: LinkPurpose,
}

/// The keys that make and judge tokens of links. A rotation of the secret keeps the links of mails that are on their way.
pub struct LinkKeys(KeyRing);

impl LinkKeys {
    /// The keys from `DATA_ENCRYPTION_KEY`.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        Self(KeyRing::derive(secrets, LABEL))
    }

    /// The token of the link in the mail with this id.
    #[must_use]
    pub fn token(&self, mail: Uuid, purpose: LinkPurpose) -> SecretString {
        let tag = self.0.mac(&[mail.as_bytes(), purpose.as_str().as_bytes()]);
        format!("{}{}", hex(mail.as_bytes()), hex(&tag[..TAG])).into()
    }

    /// The link of a genuine token for this purpose. Whether the link is still good, only the database knows.
    #[must_use]
    pub fn link(&self, token: &SecretString, purpose: LinkPurpose) -> Option<MailedLink> {
        let bytes = unhex(token.expose_secret()).filter(|bytes| bytes.len() == 16 + TAG)?;
        let (id, tag) = bytes.split_at(16);
        let mail = Uuid::from_slice(id).ok()?;
        self.0.verify(&[id, purpose.as_str().as_bytes()], tag).then_some(MailedLink { mail, purpose })
    }
}

/// The URL of a link: a page of this site, with the token in the fragment. `site` has no slash at its end.
#[must_use]
pub fn link_url(site: &str, purpose: LinkPurpose, token: &SecretString) -> SecretString {
    format!("{site}{}#token={}", purpose.page(), token.expose_secret()).into()
}

/// When the link of a mail that is written now ends.
#[must_use]
pub fn link_end(now: OffsetDateTime, purpose: LinkPurpose) -> OffsetDateTime {
    now.saturating_add(purpose.lifetime())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> LinkKeys {
        LinkKeys::new(&SecretRing::of(secret.into()))
    }

    #[test]
    fn a_token_names_its_mail_for_its_purpose_only() {
        let (keys, mail) = (keys("a secret"), Uuid::from_u128(7));
        for purpose in LinkPurpose::ALL {
            let token = keys.token(mail, purpose);
            for other in LinkPurpose::ALL {
                let expected = (other == purpose).then_some(MailedLink { mail, purpose });
                assert_eq!(keys.link(&token, other), expected);
            }
        }
    }

    #[test]
    fn a_token_that_was_altered_or_made_with_another_secret_is_refused() {
        let token = keys("a secret").token(Uuid::from_u128(7), LinkPurpose::Reset);
        let text = token.expose_secret();
        assert_eq!(keys("another").link(&token, LinkPurpose::Reset), None);
        let last = if text.ends_with('0') { "1" } else { "0" };
        let altered = format!("{}{last}", &text[..text.len() - 1]);
        for wrong in [altered, text.to_uppercase(), text[..62].to_owned(), format!("{text}00"), String::new()]
        {
            assert_eq!(keys("a secret").link(&wrong.clone().into(), LinkPurpose::Reset), None, "{wrong}");
        }
    }

    #[test]
    fn the_token_stands_in_the_fragment() {
        let token = "abc".into();
        let url = link_url("https://chat.example", LinkPurpose::NotMe, &token);
        assert_eq!(url.expose_secret(), "https://chat.example/not-me#token=abc");
    }
}
