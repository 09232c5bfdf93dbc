//! The texts of one language: a file in TOML with a section for each kind of mail, and sections for dates and other words.
//!
//! Each text is a template, too: it may use the names that `templates` lists.

use std::collections::BTreeMap;

use domain::mail::kind::MailKind;
use serde::Deserialize;

/// The texts of one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageFile {
    /// Words around the texts of all kinds.
    pub(crate) words: Words,
    /// The names of factors: `app`, `passkey`, `backup_codes`, `all`.
    pub(crate) factors: BTreeMap<String, String>,
    /// Reasons why a sign-in is unusual, by the words of `domain::risk`. A reason without a text is not mentioned.
    pub(crate) reasons: BTreeMap<String, String>,
    /// The texts of the kinds of mails.
    pub(crate) mails: BTreeMap<String, Texts>,
}

/// Words around the texts of all kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// The form of a moment, with `day`, `month`, `year` and `time`.
    pub(crate) moment: String,
    /// The names of the twelve months.
    pub(crate) months: [String; 12],
    /// In front of the moment.
    pub(crate) when: String,
    /// In front of the device.
    pub(crate) device: String,
    /// In front of the place.
    pub(crate) place: String,
    /// In front of the network address.
    pub(crate) network: String,
    /// In front of the reasons.
    pub(crate) reasons: String,
    /// In front of the URL of the link, for programs that show no buttons.
    pub(crate) link: String,
    /// Above the button of "this was not me".
    pub(crate) not_me: String,
    /// On the button of "this was not me".
    pub(crate) not_me_button: String,
    /// What the link of "this was not me" does.
    pub(crate) not_me_note: String,
    /// At the end of each mail.
    pub(crate) footer: String,
}

/// The texts of one kind of mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    /// The subject.
    pub(crate) subject: String,
    /// The heading.
    pub(crate) title: String,
    /// The paragraphs.
    pub(crate) text: Vec<String>,
    /// The paragraphs in place of `text` if an operator did it.
    #[serde(default)]
    pub(crate) by_operator: Vec<String>,
    /// On the button. A kind whose link means "this was not me" has none.
    pub(crate) button: Option<String>,
    /// Paragraphs below the button.
    #[serde(default)]
    pub(crate) after: Vec<String>,
}

impl LanguageFile {
    /// Reads a file, and checks that it has every kind of mail.
    ///
    /// # Errors
    /// What is wrong, without the name of the file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        for kind in MailKind::ALL {
            if !file.mails.contains_key(kind.as_str()) {
                return Err(format!("the section mails.{kind} is missing"));
            }
        }
        match file.mails.keys().find(|name| name.parse::<MailKind>().is_err()) {
            Some(unknown) => Err(format!("there is no kind of mail `{unknown}`")),
            None => Ok(file),
        }
    }
}
