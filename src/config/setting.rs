//! One setting: the name, the kind (type, unit, default, bounds), and a short text.
//!
//! `table` lists all settings, `reader` reads them, and `reference` describes them for the operator.

use std::time::Duration;

/// One setting of the table.
pub(super) struct Setting<K> {
    /// The name of the variable.
    pub(super) name: &'static str,
    /// A few sentences about the setting for the operator.
    pub(super) about: &'static str,
    /// The values that the setting accepts, and its default.
    pub(super) kind: K,
    /// Whether a reload applies a changed value. The other settings are only read at the start.
    pub(super) reloadable: bool,
}

/// What a number counts.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// A plain count.
    Count,
    Bytes,
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Unit {
    /// `amount` of this unit as a duration.
    pub(super) fn duration(self, amount: u64) -> Duration {
        let seconds = match self {
            Self::Minutes => 60,
            Self::Hours => 60 * 60,
            Self::Days => 24 * 60 * 60,
            Self::Count | Self::Bytes | Self::Seconds => 1,
        };
        // The bounds in the table exclude an overflow.
        Duration::from_secs(amount.saturating_mul(seconds))
    }

    /// A duration in this unit, rounded down.
    pub(super) fn amount(self, duration: Duration) -> u64 {
        duration.as_secs() / self.duration(1).as_secs()
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "number",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }
}

/// A whole number with bounds.
pub(super) struct Number {
    pub(super) unit: Unit,
    /// A function, because some defaults are defined in other modules and must not be repeated here.
    pub(super) default: fn() -> u64,
    /// The default of `portcullis dev`, if it differs.
    pub(super) dev: Option<u64>,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// A port that may be turned off: `off`, or a number from 0 to 65535.
pub(super) struct Port {
    pub(super) default: u16,
}

/// `true` or `false`.
pub(super) struct Flag {
    pub(super) default: bool,
}

/// One of a few words; the first is the default.
pub(super) struct Word(pub(super) &'static [&'static str]);

/// Text of a particular form, such as a URL or a domain.
pub(super) struct Text {
    /// The form, for the operator.
    pub(super) form: &'static str,
    pub(super) default: Option<&'static str>,
    /// What applies without a value, if there is no `default`.
    pub(super) without: &'static str,
    /// Whether the text may contain a password or a key.
    pub(super) secret: bool,
}

/// The path of a file or directory. Every setting `X` can also be given as `X_FILE`, the path of a file with the value, unless
/// `X` itself ends in `_FILE`.
pub(super) struct FilePath {
    pub(super) default: Option<&'static str>,
}

/// Items separated by commas.
pub(super) struct List {
    /// The form of one item, for the operator.
    pub(super) item: &'static str,
    /// What applies without a value.
    pub(super) without: &'static str,
}

/// A value that must not be shown.
pub(super) struct Secret {
    /// What applies without a value.
    pub(super) without: &'static str,
}

/// The parts of a setting that `docs/settings.md`, `config show` and `config init` need.
pub(super) trait Row: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    /// Type, unit and bounds.
    fn values(&self) -> String;
    /// The default, or what applies without a value.
    fn default(&self) -> String;
    /// The default as a value; `None` if the setting has no fixed default.
    fn default_value(&self) -> Option<String>;
    /// Whether the value must not be shown.
    fn is_secret(&self) -> bool;
    /// Whether a reload applies a changed value.
    fn is_reloadable(&self) -> bool;
    /// Whether the value is the path of a file or directory.
    fn is_path(&self) -> bool;
    /// The value in the form of a default, so that the two can be compared.
    fn canonical(&self, value: &str) -> String;
    /// The number, if the setting is a number. Tests check the bounds of all numbers.
    #[cfg(test)]
    fn number(&self) -> Option<&Number>;
}

/// The part of [`Row`] that depends on the kind of the setting.
pub(super) trait Kind: Sync {
    fn values(&self) -> String;
    fn default(&self) -> String;
    /// The default as a value; `None` if the setting has no fixed default.
    fn default_value(&self) -> Option<String>;
    fn is_secret(&self) -> bool {
        false
    }
    fn is_path(&self) -> bool {
        false
    }
    /// The value in the form of a default.
    fn canonical(&self, value: &str) -> String {
        value.to_owned()
    }
    /// The number, if the setting is a number.
    #[cfg(test)]
    fn number(&self) -> Option<&Number> {
        None
    }
}

impl<K: Kind> Row for Setting<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about.trim_start()
    }

    fn values(&self) -> String {
        self.kind.values()
    }

    fn default(&self) -> String {
        self.kind.default()
    }

    fn default_value(&self) -> Option<String> {
        self.kind.default_value()
    }

    fn is_secret(&self) -> bool {
        self.kind.is_secret()
    }

    fn is_reloadable(&self) -> bool {
        self.reloadable
    }

    fn is_path(&self) -> bool {
        self.kind.is_path()
    }

    fn canonical(&self, value: &str) -> String {
        self.kind.canonical(value)
    }

    #[cfg(test)]
    fn number(&self) -> Option<&Number> {
        self.kind.number()
    }
}

/// The meaning of a value of a flag; `None` if it has none.
pub(super) fn flag_of(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn or_without(default: Option<&str>, without: &str) -> String {
    default.map_or_else(|| without.to_owned(), |default| format!("`{default}`"))
}

impl Kind for Number {
    #[cfg(test)]
    fn number(&self) -> Option<&Number> {
        Some(self)
    }

    fn values(&self) -> String {
        format!("{}, {} to {}", self.unit.as_str(), self.least, self.most)
    }

    fn default(&self) -> String {
        let default = (self.default)();
        self.dev.map_or_else(|| default.to_string(), |dev| format!("{default} (`dev`: {dev})"))
    }

    fn default_value(&self) -> Option<String> {
        Some((self.default)().to_string())
    }

    fn canonical(&self, value: &str) -> String {
        value.parse::<u64>().map_or_else(|_| value.to_owned(), |number| number.to_string())
    }
}

impl Kind for Port {
    fn values(&self) -> String {
        "`off`, or number, 0 to 65535".to_owned()
    }

    fn default(&self) -> String {
        self.default.to_string()
    }

    fn default_value(&self) -> Option<String> {
        Some(self.default.to_string())
    }

    fn canonical(&self, value: &str) -> String {
        value.parse::<u16>().map_or_else(|_| value.to_owned(), |port| port.to_string())
    }
}

impl Kind for Flag {
    fn values(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn default(&self) -> String {
        format!("`{}`", self.default)
    }

    fn default_value(&self) -> Option<String> {
        Some(self.default.to_string())
    }

    fn canonical(&self, value: &str) -> String {
        flag_of(value).map_or_else(|| value.to_owned(), |flag| flag.to_string())
    }
}

impl Kind for Word {
    fn values(&self) -> String {
        self.0.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
    }

    fn default(&self) -> String {
        or_without(self.0.first().copied(), "none")
    }

    fn default_value(&self) -> Option<String> {
        self.0.first().map(|word| (*word).to_owned())
    }
}

impl Kind for Text {
    fn values(&self) -> String {
        self.form.to_owned()
    }

    fn default(&self) -> String {
        or_without(self.default, self.without)
    }

    fn default_value(&self) -> Option<String> {
        self.default.map(str::to_owned)
    }

    fn is_secret(&self) -> bool {
        self.secret
    }
}

impl Kind for FilePath {
    fn is_path(&self) -> bool {
        true
    }

    fn values(&self) -> String {
        "path".to_owned()
    }

    fn default(&self) -> String {
        or_without(self.default, "none")
    }

    fn default_value(&self) -> Option<String> {
        self.default.map(str::to_owned)
    }
}

impl Kind for List {
    fn values(&self) -> String {
        format!("list of {}, separated by commas", self.item)
    }

    fn default(&self) -> String {
        self.without.to_owned()
    }

    fn default_value(&self) -> Option<String> {
        None
    }
}

impl Kind for Secret {
    fn values(&self) -> String {
        "secret".to_owned()
    }

    fn default(&self) -> String {
        self.without.to_owned()
    }

    fn default_value(&self) -> Option<String> {
        None
    }

    fn is_secret(&self) -> bool {
        true
    }
}
