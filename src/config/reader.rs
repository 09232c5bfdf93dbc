//! Reading settings one by one and gathering what is wrong with them.
//!
//! Used by `config` only. A reader never stops at the first problem. Messages show values of settings that are public by
//! nature (an origin, a network, a word), never of a secret.

use std::{fmt, fmt::Display, fs, str::FromStr};

use secrecy::{ExposeSecret, SecretString};

/// Words that stand in examples and must not guard anything.
const PLACEHOLDERS: [&str; 5] = ["changeme", "change-me", "your-secret", "secret-key", "example"];

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// One sentence per problem, each beginning with the variable's name.
    pub problems: Vec<String>,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigError {}

pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    pub(super) fn finish<T>(self, settings: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(settings) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// The variable, or the content of the file that `<name>_FILE` names. Empty counts as absent.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let direct =
            (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        // A name that ends so is itself the path of a file.
        if name.ends_with("_FILE") {
            return direct;
        }
        let path = (self.lookup)(&format!("{name}_FILE")).filter(|path| !path.is_empty());
        match (direct, path) {
            (Some(_), Some(_)) => {
                self.problem(format!("{name}: given twice, also as {name}_FILE"));
                None
            }
            (None, Some(path)) => self.file(name, &path),
            (direct, None) => direct,
        }
    }

    fn file(&mut self, name: &str, path: &str) -> Option<String> {
        #[cfg(unix)]
        if let Ok(metadata) = fs::metadata(path) {
            use std::os::unix::fs::PermissionsExt as _;
            if metadata.permissions().mode() & 0o007 != 0 {
                self.problem(format!("{name}_FILE: everyone on this machine may read the file"));
                return None;
            }
        }
        match fs::read_to_string(path) {
            Ok(value) => {
                Some(value.trim_end_matches(['\r', '\n']).to_owned()).filter(|value| !value.is_empty())
            }
            Err(error) => {
                self.problem(format!("{name}_FILE: the file cannot be read ({})", error.kind()));
                None
            }
        }
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> T {
        let Some(text) = self.text(name) else {
            return default;
        };
        text.parse().unwrap_or_else(|error| {
            self.problem(format!("{name}: {error}"));
            default
        })
    }

    /// A number with a lower bound.
    pub(super) fn at_least<T>(&mut self, name: &str, minimum: T, default: T) -> T
    where
        T: FromStr<Err: Display> + PartialOrd + Display + Copy,
    {
        let value = self.parsed(name, default);
        if value < minimum {
            self.problem(format!("{name}: must be at least {minimum}"));
        }
        value
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(_) => {
                self.problem(format!("{name}: neither `true` nor `false`"));
                default
            }
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn parsed_list<T: FromStr<Err: Display>>(&mut self, name: &str) -> Vec<T> {
        let mut values = Vec::new();
        for item in self.list(name) {
            match item.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.problem(format!("{name}: `{item}`: {error}")),
            }
        }
        values
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// A secret that must be there, long enough, and not out of an example.
    pub(super) fn strong_secret(&mut self, name: &str, minimum: usize) -> SecretString {
        let Some(secret) = self.secret(name) else {
            self.problem(format!("{name}: missing"));
            return SecretString::default();
        };
        self.check_strength(name, &secret, minimum);
        secret
    }

    /// Long enough, not out of an example, not uniform.
    pub(super) fn check_strength(&mut self, name: &str, secret: &SecretString, minimum: usize) {
        let value = secret.expose_secret();
        let lower = value.to_ascii_lowercase();
        let distinct = value.chars().collect::<std::collections::BTreeSet<_>>().len();
        if value.len() < minimum {
            self.problem(format!("{name}: shorter than {minimum} bytes"));
        } else if minimum > 1 && PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
            self.problem(format!("{name}: a placeholder out of an example"));
        } else if minimum > 1 && distinct < 8 {
            self.problem(format!("{name}: too uniform to be random"));
        }
    }
}
