//! The rules of erasing a person: how long a request waits, and what happens to the person's messages.

use std::{path::PathBuf, str::FromStr, time::Duration};

use crate::account::role::UnknownWord;

/// The shortest time between a request and the erasure. Every node must have read the revocation of the sessions before their rows
/// are deleted.
pub const SHORTEST_GRACE: Duration = Duration::from_secs(60 * 60);
/// For this long after an erasure, late rows are searched, such as audit events of a node that had lost its database.
pub const SWEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The fate of an erased person's messages in channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessagesOfErased {
    /// The content is replaced by [`ERASED_MESSAGE`]. The offset stays, so that other clients recover without a gap.
    #[default]
    Erase,
    /// The messages stay as they are.
    Keep,
    /// The content stays. The person is replaced by a random name, the same in all messages.
    Pseudonymise,
}

/// The content of an erased message.
pub const ERASED_MESSAGE: &str = r#"{"erased":true}"#;

impl MessagesOfErased {
    /// The words in the settings.
    pub const WORDS: [&str; 3] = ["erase", "keep", "pseudonymise"];

    /// The meaning of a word in the settings.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        match word {
            "keep" => Self::Keep,
            "pseudonymise" => Self::Pseudonymise,
            _ => Self::Erase,
        }
    }
}

/// The settings of erasures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRules {
    /// How long a request waits before it is carried out.
    pub grace: Duration,
    /// What happens to messages.
    pub messages: MessagesOfErased,
    /// The file outside of the database that records each erasure.
    pub records: Option<PathBuf>,
}

impl Default for ErasureRules {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(14 * 24 * 60 * 60),
            messages: MessagesOfErased::default(),
            records: None,
        }
    }
}

impl ErasureRules {
    /// The time from a request to the erasure.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.grace.max(SHORTEST_GRACE)
    }
}

/// The requester of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureRequester {
    /// The person. Only such a request is cancelled by a sign-in.
    User,
    /// An operator.
    Operator,
    /// The command line.
    CommandLine,
    /// This server: the account was erased before, and came back with a backup.
    Restore,
}

impl ErasureRequester {
    /// Every requester.
    pub const ALL: [Self; 4] = [Self::User, Self::Operator, Self::CommandLine, Self::Restore];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::CommandLine => "command_line",
            Self::Restore => "restore",
        }
    }
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// It waits, and can be cancelled.
    Pending,
    /// It has begun, and cannot be cancelled.
    Erasing,
    /// It is done.
    Erased,
}

impl ErasureState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Erasing, Self::Erased];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Erasing => "erasing",
            Self::Erased => "erased",
        }
    }
}

impl FromStr for ErasureRequester {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|requester| requester.as_str() == text);
        found.ok_or_else(|| UnknownWord { kind: "requester of an erasure", word: text.to_owned() })
    }
}

impl FromStr for ErasureState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownWord { kind: "state of an erasure", word: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_erased_before_every_node_has_read_the_revocation() {
        let rules = ErasureRules { grace: Duration::ZERO, ..ErasureRules::default() };
        assert_eq!(rules.wait(), SHORTEST_GRACE);
        assert_eq!(ErasureRules::default().wait(), Duration::from_secs(14 * 24 * 60 * 60));
    }

    #[test]
    fn each_word_of_the_settings_has_its_meaning() {
        let meant = MessagesOfErased::WORDS.map(MessagesOfErased::of_word);
        assert_eq!(meant, [MessagesOfErased::Erase, MessagesOfErased::Keep, MessagesOfErased::Pseudonymise]);
    }
}
