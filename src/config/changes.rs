//! [`SettingValues`]: the values of all settings at one moment, so that a reload can report the changes. Secrets, and the
//! contents of files, are kept only as digests.

use std::{collections::BTreeMap, path::Path};

use aws_lc_rs::digest::{self, Digest};
use domain::abuse::throttle::{self, Limits, Rate};

use super::{
    reader::{Command, Reader},
    setting::Row,
    settings::Settings,
    table::{TOKEN_ISSUERS, rows},
    variables::Variables,
};

/// The longest value that a change shows. Longer values are cut.
const SHOWN_CHARACTERS: usize = 80;

/// The values of all settings, by name.
#[derive(Clone)]
pub struct SettingValues(BTreeMap<String, Value>);

#[derive(Clone)]
struct Value {
    /// The value for the log. `None` if there is no value, or if it must not be shown.
    shown: Option<String>,
    is_secret: bool,
    reloadable: bool,
    /// The digest of the value, or of the default.
    value: [u8; 32],
    /// The digest of the files that the value names; `None` if a reload applies the content of none of them.
    content: Option<[u8; 32]>,
}

/// What has changed between two moments. Each change is the name of the setting. If the values are not secret, they follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The changes that a reload applies.
    pub applied: Vec<String>,
    /// The changes that need a restart.
    pub need_restart: Vec<String>,
}

impl SettingValues {
    /// The values of these settings, which were read from these variables.
    #[must_use]
    pub fn of(variables: &Variables, settings: &Settings) -> Self {
        let mut values = BTreeMap::new();
        for row in rows() {
            values.insert(row.name().to_owned(), Value::of(row, variables, settings));
        }
        for limit in Limits::default().each_mut() {
            let name = throttle::setting(limit);
            let in_form = |rate: &Rate| format!("{}/{}", rate.burst, rate.period.as_secs());
            let given = Reader::new(variables, Command::Serve).value(&name);
            let given = given.map(|text| text.parse().as_ref().map_or_else(|_| text.clone(), in_form));
            let default = in_form(&Rate { burst: limit.burst, period: limit.period });
            let text = given.unwrap_or(default);
            let value = sha256(text.as_bytes());
            let shown = Some(text);
            values.insert(name, Value { shown, is_secret: false, reloadable: true, value, content: None });
        }
        Self(values)
    }

    /// What differs in `new`. `is_fixed` says which settings a reload cannot apply in this server, although it can in others.
    #[must_use]
    pub fn changes(&self, new: &Self, is_fixed: impl Fn(&str) -> bool) -> Changes {
        let mut changes = Changes::default();
        for (name, before) in &self.0 {
            let Some(after) = new.0.get(name).filter(|after| !before.is_same(after)) else { continue };
            let change = before.change(name, after);
            let is_applied = after.reloadable && !is_fixed(name);
            let changes = if is_applied { &mut changes.applied } else { &mut changes.need_restart };
            changes.push(change);
        }
        changes
    }

    /// Takes over the values that a reload has applied. The others stay: they are reported again until the restart.
    pub fn take_applied(&mut self, new: Self, is_fixed: impl Fn(&str) -> bool) {
        self.0.extend(new.0.into_iter().filter(|(name, value)| value.reloadable && !is_fixed(name)));
    }
}

impl Value {
    fn of(row: &dyn Row, variables: &Variables, settings: &Settings) -> Self {
        let given = Reader::new(variables, Command::Serve).value(row.name());
        let text = given.map(|value| row.canonical(&value)).or_else(|| row.default_value());
        let content = if row.name() == TOKEN_ISSUERS.name {
            Some(contents(settings.issuer_files.iter().map(AsRef::as_ref)))
        } else {
            let path = text.as_deref().filter(|_| row.is_path() && row.is_reloadable());
            path.map(|path| contents([Path::new(path)].into_iter()))
        };
        Self {
            value: sha256(text.as_deref().unwrap_or_default().as_bytes()),
            shown: text.filter(|_| !row.is_secret()),
            is_secret: row.is_secret(),
            reloadable: row.is_reloadable(),
            content,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.value == other.value && self.content == other.content
    }

    /// The change in words.
    fn change(&self, name: &str, after: &Self) -> String {
        if self.value == after.value {
            return format!("{name} (the content of the file)");
        }
        if self.is_secret || after.is_secret {
            return name.to_owned();
        }
        let in_words = |value: &Option<String>| {
            let text = value.as_deref().filter(|text| !text.is_empty()).unwrap_or("none");
            match text.char_indices().nth(SHOWN_CHARACTERS) {
                Some((end, _)) => format!("{}...", &text[..end]),
                None => text.to_owned(),
            }
        };
        format!("{name} from {} to {}", in_words(&self.shown), in_words(&after.shown))
    }
}

/// One digest of the contents of these files. A file that cannot be read counts as empty, because reading the settings reports
/// it.
fn contents<'p>(paths: impl Iterator<Item = &'p Path>) -> [u8; 32] {
    let each = paths.map(|path| sha256(&std::fs::read(path).unwrap_or_default()));
    sha256(&each.collect::<Vec<_>>().concat())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest: Digest = digest::digest(&digest::SHA256, bytes);
    let mut copied = [0; 32];
    copied.copy_from_slice(digest.as_ref());
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> SettingValues {
        let variables: Variables = pairs.iter().copied().collect();
        SettingValues::of(&variables, &Settings::read(&variables).settings)
    }

    fn changes(before: &[(&str, &str)], after: &[(&str, &str)]) -> Changes {
        values(before).changes(&values(after), |_| false)
    }

    #[test]
    fn changed_values_are_shown_and_secrets_are_not() {
        let before = [("API_KEY", "former"), ("JWT_SECRET_KEY", "former"), ("WORKERS", "2")];
        let after = [("API_KEY", "latter"), ("JWT_SECRET_KEY", "latter"), ("WORKERS", "3"), ("DEBUG", "yes")];
        let before = [&before[..], &[("LIMIT_LOGIN_ADDRESS", "30/60")]].concat();
        let changes = changes(&before, &after);
        let default = throttle::Limits::default().login_address;
        let default = format!("{}/{}", default.burst, default.period.as_secs());
        assert_eq!(
            changes.applied,
            ["DEBUG from false to true".to_owned(), "JWT_SECRET_KEY".to_owned()]
                .into_iter()
                .chain((default != "30/60").then(|| format!("LIMIT_LOGIN_ADDRESS from 30/60 to {default}")))
                .collect::<Vec<_>>()
        );
        assert_eq!(changes.need_restart, ["API_KEY", "WORKERS from 2 to 3"]);
    }

    #[test]
    fn another_spelling_of_a_value_is_no_change() {
        let before = [("DEBUG", "1"), ("CONNECTIONS", "0100"), ("LIMIT_LOGIN_ADDRESS", "07/60")];
        let after = [("DEBUG", "true"), ("CONNECTIONS", "100"), ("LIMIT_LOGIN_ADDRESS", "7/60")];
        assert_eq!(changes(&before, &after), Changes::default());
    }

    #[test]
    fn the_content_of_a_file_counts_if_a_reload_applies_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let path = path.to_str().expect("a path in UTF-8");
        let given = [("CHANNELS_FILE", path), ("GEOIP_DATABASE", path)];
        std::fs::write(path, "one").expect("a file");
        let before = values(&given);
        std::fs::write(path, "two").expect("a file");
        let changes = before.changes(&values(&given), |_| false);
        assert_eq!(changes.applied, ["CHANNELS_FILE (the content of the file)"]);
        assert_eq!(changes.need_restart, [""; 0]);
    }

    #[test]
    fn a_change_that_needs_a_restart_is_reported_until_then() {
        let (mut running, new) = (values(&[]), values(&[("WORKERS", "3"), ("DEBUG", "on")]));
        assert_eq!(running.changes(&new, |name| name == "DEBUG").need_restart.len(), 2);
        running.take_applied(new.clone(), |_| false);
        let again = running.changes(&new, |_| false);
        assert_eq!((again.applied.len(), again.need_restart.len()), (0, 1));
    }
}
