//! The kinds of mails. The words are stored, shown to operators, and name the texts of a language file.

use std::{fmt, str::FromStr};

use super::link::LinkPurpose;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailKind {
    /// The user is asked to confirm the address of a new account.
    VerifyAddress,
    /// The user, or another client, has asked for a new password.
    ResetPassword,
    /// A client has tried to register an account with the address of this one.
    AddressRegistered,
    /// A sign-in on a new device, in a new country, or one that is unusual in another way.
    NewSignIn,
    /// The password was changed.
    PasswordChanged,
    /// The user has locked the account with a link of another mail.
    AccountLocked,
    /// The e-mail address was changed. The new address and the old one get it.
    AddressChanged,
    /// A passkey, an authenticator app or backup codes were added.
    FactorAdded,
    /// A passkey or an authenticator app was removed.
    FactorRemoved,
    /// A passkey may have been copied, and is suspended.
    PasskeySuspended,
    /// Second factors are refused for a while after many wrong answers.
    SecondFactorLocked,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::VerifyAddress,
        Self::ResetPassword,
        Self::AddressRegistered,
        Self::NewSignIn,
        Self::PasswordChanged,
        Self::AccountLocked,
        Self::AddressChanged,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::PasskeySuspended,
        Self::SecondFactorLocked,
    ];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::AddressRegistered => "address_registered",
            Self::NewSignIn => "new_sign_in",
            Self::PasswordChanged => "password_changed",
            Self::AccountLocked => "account_locked",
            Self::AddressChanged => "address_changed",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::PasskeySuspended => "passkey_suspended",
            Self::SecondFactorLocked => "second_factor_locked",
        }
    }

    /// What the link of the mail permits. `None` if the mail has no link.
    #[must_use]
    pub fn link(self) -> Option<LinkPurpose> {
        match self {
            Self::VerifyAddress => Some(LinkPurpose::Verify),
            Self::ResetPassword => Some(LinkPurpose::Reset),
            Self::NewSignIn
            | Self::PasswordChanged
            | Self::AddressChanged
            | Self::FactorAdded
            | Self::FactorRemoved
            | Self::PasskeySuspended
            | Self::SecondFactorLocked => Some(LinkPurpose::NotMe),
            // Nothing was done to the account, or all of its sessions have just ended.
            Self::AddressRegistered | Self::AccountLocked => None,
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no kind of mail.
#[derive(Debug, thiserror::Error)]
#[error("unknown kind of mail `{0}`")]
pub struct UnknownMailKind(String);

impl FromStr for MailKind {
    type Err = UnknownMailKind;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| UnknownMailKind(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in MailKind::ALL {
            assert_eq!(kind.as_str().parse::<MailKind>().ok(), Some(kind));
        }
        assert!("".parse::<MailKind>().is_err());
    }
}
