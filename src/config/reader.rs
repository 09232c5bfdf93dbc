//! Reads settings one by one and collects everything that is wrong with them.
//!
//! Only `config` uses this reader. A reader never stops at the first problem. Its messages may show values of settings that are
//! not secret (an origin, a network, a word), and never show a secret.

use std::{
    collections::BTreeSet,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};

use super::{
    assignment::Assignment,
    error::ConfigError,
    setting::{FilePath, Flag, List, Number, Port, Secret, Setting, Text, Word, flag_of},
    source::{Source, source_of},
    variables::Variables,
};
use crate::secrets::{self, SecretsError};

/// The shortest secret that production accepts, in bytes.
pub(super) const SECRET_MIN: usize = 32;
/// The remedy of an operator for a variable that Kubernetes or Docker has set.
pub(super) const SERVICE_LINK_ADVICE: &str =
    "set it in the container's own environment, or turn the links off (enableServiceLinks: false)";
/// Words from examples. Production refuses a secret that contains one of these words.
const PLACEHOLDERS: [&str; 14] = [
    "changeme",
    "change-me",
    "change_me",
    "your-secret",
    "your_secret",
    "secret-key",
    "secret_key",
    "example",
    "placeholder",
    "default-",
    "default_",
    "demo-secret",
    "demo_secret",
    "insecure",
];
/// The value of a line that `config init` leaves to the operator.
pub(super) const FILL_IN: &str = "FILL_IN";

/// Whether Kubernetes or Docker set the value. For a service named `postgres` or `api`, they set `POSTGRES_PORT` or `API_PORT`
/// to an address such as `tcp://10.0.0.2:5432`.
pub(super) fn is_service_link(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Which command reads the settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Serve,
    /// Some settings have other defaults under this command.
    Dev,
}

pub(super) struct Reader<'a> {
    variables: &'a Variables,
    command: Command,
    /// Whether the strict rules of production apply.
    pub(super) production: bool,
    problems: Vec<String>,
    warnings: Vec<String>,
    /// The settings that are given but cannot be read. They are not also reported as missing.
    unreadable: BTreeSet<String>,
    /// The files of variables with checked permissions.
    checked: BTreeSet<PathBuf>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variables: &'a Variables, command: Command) -> Self {
        let named = |problem: &String| problem.split(':').next().unwrap_or_default().to_owned();
        Self {
            variables,
            command,
            production: command == Command::Serve,
            problems: variables.problems.clone(),
            warnings: variables.warnings.clone(),
            unreadable: variables.problems.iter().map(named).collect(),
            checked: BTreeSet::new(),
        }
    }

    pub(super) fn variables(&self) -> &Variables {
        self.variables
    }

    /// Whether `portcullis dev` reads the settings.
    pub(super) fn is_dev(&self) -> bool {
        self.command == Command::Dev
    }

    /// Adds a problem: one sentence that begins with the name of the variable.
    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(self.variables.located(problem.into()));
    }

    /// Adds a problem, unless this setting is given and unreadable, because that is a problem already.
    pub(super) fn missing(&mut self, name: &str, problem: impl Into<String>) {
        if !self.is_unreadable(name) {
            self.problem(problem);
        }
    }

    /// Whether this setting is given and cannot be read.
    pub(super) fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.contains(name)
    }

    /// Adds a warning: the settings can be used, but the operator should check them.
    pub(super) fn warning(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// The problems so far.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The problems and the warnings.
    pub(super) fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.problems, self.warnings)
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(value) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// The value of the variable, or the content of the file that `<name>_FILE` or a credential gives. `None` if there is no
    /// value, or if there is a problem.
    pub(super) fn value(&mut self, name: &str) -> Option<String> {
        self.value_or_secret(name, false)
    }

    /// Like [`Reader::value`]. If the value is a secret from a file, the permissions of this file are checked, too.
    pub(super) fn value_or_secret(&mut self, name: &str, secret: bool) -> Option<String> {
        match source_of(name, self.variables) {
            Ok(None) => None,
            Ok(Some(Source::Variable(assignment))) => {
                if secret {
                    self.check_env_file(&assignment);
                }
                let value = self.variables.get(name).map(str::to_owned);
                if value.as_deref() == Some(FILL_IN) {
                    self.refuse(name, format!("{name}: must be filled in"));
                    return None;
                }
                value
            }
            Ok(Some(Source::File { path, .. })) => self.content(name, &format!("{name}_FILE"), &path, secret),
            // The setting is the path of a file, and the credential is this file.
            Ok(Some(Source::Credential(path))) if name.ends_with("_FILE") => {
                path.into_os_string().into_string().ok()
            }
            Ok(Some(Source::Credential(path))) => self.content(name, name, &path, secret),
            Err(problem) => {
                self.refuse(name, problem);
                None
            }
        }
    }

    fn refuse(&mut self, name: &str, problem: String) {
        self.problem(problem);
        self.unreadable.insert(name.to_owned());
    }

    fn content(&mut self, name: &str, label: &str, path: &Path, secret: bool) -> Option<String> {
        let wrong = match secrets::read_operators(path, secrets::LONGEST) {
            Ok(given) => {
                if secret && given.readable_by_others {
                    let path = path.display();
                    self.warning(format!("{label}: every user of this machine may read {path}"));
                }
                let text = given.text.trim_end_matches(['\r', '\n']);
                return Some(text.to_owned()).filter(|value| !value.is_empty());
            }
            Err(SecretsError::Io { source, .. }) => format!("the file cannot be read ({})", source.kind()),
            Err(SecretsError::Unusable(_)) => format!("the file has more than {} bytes", secrets::LONGEST),
            Err(error) => error.to_string(),
        };
        self.refuse(name, format!("{label}: {wrong}"));
        None
    }

    /// Checks the permissions of a file of variables that a secret comes from, once per file. Outside of production such a file
    /// may have any permissions, because editors and Git create files that the group may write.
    fn check_env_file(&mut self, assignment: &Assignment) {
        let Assignment::EnvFile { path, mode, .. } = assignment else { return };
        if !self.production || !self.checked.insert(path.to_path_buf()) {
            return;
        }
        let path = path.display();
        if mode & secrets::WRITABLE != 0 {
            let open = format!("holds a secret but others may change it (mode {mode:03o})");
            self.problems.push(format!("{path}: the file {open}: run chmod go-w {path}"));
        } else if mode & 0o004 != 0 {
            self.warning(format!(
                "{path}: the file holds a secret, and every user of this machine may read it"
            ));
        }
    }

    pub(super) fn text(&mut self, setting: &Setting<Text>) -> Option<String> {
        self.value(setting.name).or_else(|| setting.kind.default.map(str::to_owned))
    }

    pub(super) fn path(&mut self, setting: &Setting<FilePath>) -> Option<String> {
        self.value(setting.name).or_else(|| setting.kind.default.map(str::to_owned))
    }

    /// The value of a text setting, parsed. `None` if the text is absent or wrong.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, setting: &Setting<Text>) -> Option<T> {
        let text = self.text(setting)?;
        text.parse().map_err(|error| self.problem(format!("{}: {error}", setting.name))).ok()
    }

    /// The word that the setting has; it is one of the permitted words.
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

    /// A port. `None` if it is off.
    pub(super) fn port(&mut self, setting: &Setting<Port>) -> Option<u16> {
        let default = setting.kind.default;
        match self.value(setting.name).as_deref() {
            None => Some(default),
            Some("off") => None,
            Some(text) => {
                let port = self.bounded(setting.name, text, 0, u64::from(u16::MAX));
                Some(port.and_then(|port| u16::try_from(port).ok()).unwrap_or(default))
            }
        }
    }

    fn amount(&mut self, setting: &Setting<Number>) -> u64 {
        let Number { default, dev, least, most, .. } = &setting.kind;
        let default = dev.filter(|_| self.command == Command::Dev).unwrap_or_else(default);
        let Some(text) = self.value(setting.name) else { return default };
        self.bounded(setting.name, &text, *least, *most).unwrap_or(default)
    }

    /// The number in `text`. `None` if there is a problem.
    fn bounded(&mut self, name: &str, text: &str, least: u64, most: u64) -> Option<u64> {
        let wrong = match text.parse::<u64>() {
            Ok(value) if (least..=most).contains(&value) => return Some(value),
            Ok(value) if value < least => format!("must be at least {least}"),
            Ok(_) => format!("must be at most {most}"),
            Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
                format!("must be at most {most}")
            }
            Err(_) if is_service_link(text) => {
                format!("`{text}` looks like a Kubernetes service link, not a number: {SERVICE_LINK_ADVICE}")
            }
            Err(_) => format!("must be a whole number from {least} to {most}"),
        };
        self.problem(format!("{name}: {wrong}"));
        None
    }

    pub(super) fn flag(&mut self, setting: &Setting<Flag>) -> bool {
        let Some(value) = self.value(setting.name) else { return setting.kind.default };
        flag_of(&value).unwrap_or_else(|| {
            self.problem(format!("{}: neither `true` nor `false`", setting.name));
            setting.kind.default
        })
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

    /// A value from the table of limits, where the rows are not of the type [`Setting`].
    pub(super) fn limit<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.value(name)?;
        text.parse().map_err(|error| self.problem(format!("{name}: {error}"))).ok()
    }

    /// A required secret.
    pub(super) fn required_secret(&mut self, setting: &Setting<Secret>) -> Option<SecretString> {
        let secret = self.secret(setting);
        if secret.is_none() {
            self.missing(setting.name, format!("{}: missing", setting.name));
        }
        secret
    }

    /// Checks that a secret is long enough. If `minimum` is above 1, also checks that the secret is not from an example and has
    /// enough different characters.
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
