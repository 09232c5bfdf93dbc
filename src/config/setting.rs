//! One setting: its name, its kind (type, unit, default, bounds), and one sentence about it.
//!
//! Used by `table`, which lists them, by `reader`, which reads them, and by `reference`, which describes them.

use std::time::Duration;

/// One setting of the table.
pub(super) struct Setting<K> {
    /// The name of the variable.
    pub(super) name: &'static str,
    /// One or more sentences for the operator.
    pub(super) about: &'static str,
    /// The values that it accepts.
    pub(super) kind: K,
}

/// What a number counts.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// A plain count.
    Count,
    Bytes,
    Seconds,
    Minutes,
    Days,
}

impl Unit {
    /// `amount` of this unit as a duration.
    pub(super) fn duration(self, amount: u64) -> Duration {
        let seconds = match self {
            Self::Minutes => 60,
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
            Self::Days => "days",
        }
    }
}

/// A whole number with bounds.
pub(super) struct Number {
    pub(super) unit: Unit,
    /// A function, because some defaults come from other rooms and must not be repeated here.
    pub(super) default: fn() -> u64,
    /// The default of `portcullis dev`, if it differs.
    pub(super) dev: Option<u64>,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// Yes or no.
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
}

/// The path of a file or directory. If its name ends in `_FILE`, there is no second variable that names a file.
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

/// What the reference says about one setting.
pub(super) trait Row: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    /// Type, unit and bounds.
    fn values(&self) -> String;
    /// The default, or what applies without a value.
    fn default(&self) -> String;
    /// The number, if the setting is a number. Tests check the bounds of all numbers.
    #[cfg(test)]
    fn number(&self) -> Option<&Number>;
}

/// What the reference says about one kind of setting.
pub(super) trait Kind: Sync {
    fn values(&self) -> String;
    fn default(&self) -> String;
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

    #[cfg(test)]
    fn number(&self) -> Option<&Number> {
        self.kind.number()
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
}

impl Kind for Flag {
    fn values(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn default(&self) -> String {
        format!("`{}`", self.default)
    }
}

impl Kind for Word {
    fn values(&self) -> String {
        self.0.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
    }

    fn default(&self) -> String {
        or_without(self.0.first().copied(), "none")
    }
}

impl Kind for Text {
    fn values(&self) -> String {
        self.form.to_owned()
    }

    fn default(&self) -> String {
        or_without(self.default, self.without)
    }
}

impl Kind for FilePath {
    fn values(&self) -> String {
        "path".to_owned()
    }

    fn default(&self) -> String {
        or_without(self.default, "none")
    }
}

impl Kind for List {
    fn values(&self) -> String {
        format!("list of {}, separated by commas", self.item)
    }

    fn default(&self) -> String {
        self.without.to_owned()
    }
}

impl Kind for Secret {
    fn values(&self) -> String {
        "secret".to_owned()
    }

    fn default(&self) -> String {
        self.without.to_owned()
    }
}
