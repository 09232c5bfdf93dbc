//! Reads settings one by one and collects everything that is wrong with them.
//!
//! Used by `config` only. A reader never stops at the first problem. Its messages may show values of settings that are not
//! secret (an origin, a network, a word), and never show a secret.

use std::{fmt::Display, path::Path, str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{
    error::ConfigError,
    setting::{FilePath, Flag, List, Number, Secret, Setting, Text, Word},
    variables::Variables,
};
use crate::secrets::{self, SecretsError};

/// The shortest secret that production accepts, in bytes.
pub(super) const SECRET_MIN: usize = 32;
/// What to do about a variable that Kubernetes has made.
pub(crate) const SERVICE_LINK_ADVICE: &str =
    "set it in the container's own environment, or turn the links off (enableServiceLinks: false)";
/// Words from examples. A secret that contains one of them is refused.
const PLACEHOLDERS: [&str; 5] = ["changeme", "change-me", "your-secret", "secret-key", "example"];

/// Whether Kubernetes or Docker set the value. For a service named `postgres` or `api`, they set `POSTGRES_PORT` or `API_PORT` to
/// an address such as `tcp://10.0.0.2:5432`.
pub(crate) fn is_service_link(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Which command reads the settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Serve,
    /// Has other defaults for some settings.
    Dev,
}

pub(super) struct Reader<'a> {
    variables: &'a Variables,
    command: Command,
    /// Whether the strict rules of production apply.
    pub(super) production: bool,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables, command: Command) -> Self {
        Self {
            variables,
            command,
            production: command == Command::Serve,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whether `portcullis dev` reads the settings.
    pub(super) fn is_dev(&self) -> bool {
        self.command == Command::Dev
    }

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Adds a warning: the settings can be used, but the operator should check them.
    pub(super) fn warning(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// The problems and the warnings.
    pub(super) fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.problems, self.warnings)
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(value) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// The value of the variable, or the content of the file that `<name>_FILE` names.
    fn value(&mut self, name: &str) -> Option<String> {
        self.value_or_secret(name, false)
    }

    fn value_or_secret(&mut self, name: &str, secret: bool) -> Option<String> {
        let direct = self.variables.get(name).map(str::to_owned);
        // The value of a setting with this ending is itself a path.
        if name.ends_with("_FILE") {
            return direct;
        }
        let path = self.variables.get(&format!("{name}_FILE"));
        match (direct, path) {
            (Some(_), Some(_)) => {
                self.problem(format!("{name}: given twice, also as {name}_FILE"));
                None
            }
            (None, Some(path)) => self.content(name, path, secret),
            (direct, None) => direct,
        }
    }

    fn content(&mut self, name: &str, path: &str, secret: bool) -> Option<String> {
        match secrets::read_operators(Path::new(path), secrets::LONGEST) {
            Ok(given) => {
                if secret && given.readable_by_others {
                    self.warning(format!("{name}_FILE: every user of this machine may read {path}"));
                }
                Some(given.text.trim_end_matches(['\r', '\n']).to_owned()).filter(|value| !value.is_empty())
            }
            Err(SecretsError::Io { source, .. }) => {
                self.problem(format!("{name}_FILE: the file cannot be read ({})", source.kind()));
                None
            }
            Err(SecretsError::Unusable(_)) => {
                self.problem(format!("{name}_FILE: the file has more than {} bytes", secrets::LONGEST));
                None
            }
            Err(error) => {
                self.problem(format!("{name}_FILE: {error}"));
                None
            }
        }
    }

    pub(super) fn text(&mut self, setting: &Setting<Text>) -> Option<String> {
        self.value(setting.name).or_else(|| setting.kind.default.map(str::to_owned))
    }

    pub(super) fn path(&mut self, setting: &Setting<FilePath>) -> Option<String> {
        self.value(setting.name).or_else(|| setting.kind.default.map(str::to_owned))
    }

    /// Text that is parsed. `None` if the text is absent or wrong.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, setting: &Setting<Text>) -> Option<T> {
        let text = self.text(setting)?;
        text.parse().map_err(|error| self.problem(format!("{}: {error}", setting.name))).ok()
    }

    /// One of the words of the setting.
    pub(super) fn word(&mut self, setting: &Setting<Word>) -> &'static str {
        let words = setting.kind.0;
        let default = words.first().copied().unwrap_or_default();
        let Some(text) = self.value(setting.name) else { return default };
        words.iter().copied().find(|word| *word == text).unwrap_or_else(|| {
            let wrong = match words {
                [only] => format!("only {only} is offered"),
                [first, second] => format!("`{text}` is neither `{first}` nor `{second}`"),
                _ => format!("`{text}` is none of {}", words.join(", ")),
            };
            self.problem(format!("{}: {wrong}", setting.name));
            default
        })
    }

    /// A number within its bounds.
    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, setting: &Setting<Number>) -> T {
        T::try_from(self.amount(setting)).unwrap_or_else(|_| {
            self.problem(format!("{}: too large for this machine", setting.name));
            T::default()
        })
    }

    /// A number of seconds, minutes or days.
    pub(super) fn duration(&mut self, setting: &Setting<Number>) -> Duration {
        setting.kind.unit.duration(self.amount(setting))
    }

    fn amount(&mut self, setting: &Setting<Number>) -> u64 {
        let Number { default, dev, least, most, .. } = &setting.kind;
        let default = dev.filter(|_| self.command == Command::Dev).unwrap_or_else(default);
        let Some(text) = self.value(setting.name) else { return default };
        let wrong = match text.parse::<u64>() {
            Ok(value) if (*least..=*most).contains(&value) => return value,
            Ok(value) if value < *least => format!("must be at least {least}"),
            Ok(_) => format!("must be at most {most}"),
            Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
                format!("must be at most {most}")
            }
            Err(_) if is_service_link(&text) => {
                format!("`{text}` looks like a Kubernetes service link, not a number: {SERVICE_LINK_ADVICE}")
            }
            Err(_) => format!("must be a whole number from {least} to {most}"),
        };
        self.problem(format!("{}: {wrong}", setting.name));
        default
    }

    pub(super) fn flag(&mut self, setting: &Setting<Flag>) -> bool {
        match self.value(setting.name).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => setting.kind.default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(_) => {
                self.problem(format!("{}: neither `true` nor `false`", setting.name));
                setting.kind.default
            }
        }
    }

    pub(super) fn list(&mut self, setting: &Setting<List>) -> Vec<String> {
        let text = self.value(setting.name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn secret(&mut self, setting: &Setting<Secret>) -> Option<SecretString> {
        self.value_or_secret(setting.name, true).map(SecretString::from)
    }

    /// Text that may hold a password, such as a URL.
    pub(super) fn secret_text(&mut self, setting: &Setting<Text>) -> Option<SecretString> {
        self.value_or_secret(setting.name, true).map(SecretString::from)
    }

    /// A value from the table of limits, which has rows of another type than [`Setting`].
    pub(super) fn limit<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.value(name)?;
        text.parse().map_err(|error| self.problem(format!("{name}: {error}"))).ok()
    }

    /// A required secret, which must be strong.
    pub(super) fn strong_secret(&mut self, setting: &Setting<Secret>, minimum: usize) -> SecretString {
        let Some(secret) = self.secret(setting) else {
            self.problem(format!("{}: missing", setting.name));
            return SecretString::default();
        };
        self.check_strength(setting.name, &secret, minimum);
        secret
    }

    /// Checks that a secret is long enough, is not from an example, and has enough different characters.
    pub(super) fn check_strength(&mut self, name: &str, secret: &SecretString, minimum: usize) {
        let value = secret.expose_secret();
        let lower = value.to_ascii_lowercase();
        let distinct = value.chars().collect::<std::collections::BTreeSet<_>>().len();
        if value.len() < minimum {
            self.problem(format!("{name}: shorter than {minimum} bytes"));
        } else if minimum > 1 && PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
            self.problem(format!("{name}: a placeholder from an example"));
        } else if minimum > 1 && distinct < 8 {
            self.problem(format!("{name}: too few different characters to be random"));
        }
    }
}
