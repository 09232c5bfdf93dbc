//! Every setting with its effective value and its source. `portcullis config show` prints them, and
//! operators read them from a running server. Secrets are not in the result.

use domain::{
    abuse::throttle::{self, Limits, Rate},
    factors::passkey::RelyingPartyNames,
};
use serde_json::{Value, json};
use store::DatabaseSettings;

use super::{
    assignment::Assignment,
    reader::{Command, Reader},
    source::{Source, source_of},
    table::{DATABASE_OWNER_URL, DATABASE_URL, DOMAIN, SECTIONS, WEBAUTHN_ORIGINS, WEBAUTHN_RP_ID},
    variables::Variables,
};

/// A setting with its effective value.
#[derive(Clone, Debug)]
pub struct ShownSetting {
    /// The name of the setting.
    pub name: String,
    /// The section of `docs/settings.md` that describes the setting.
    pub section: &'static str,
    /// The effective value. `None` if there is none, or if it must not be shown.
    pub value: Option<String>,
    /// Whether the setting has a value that must not be shown. The URL of the database is shown without its password.
    pub redacted: bool,
    /// The default as a value; `None` if the setting has no fixed default.
    pub default: Option<String>,
    /// The source of the value; `None` for the default.
    pub source: Option<Source>,
    /// The reason why the value cannot be read; `None` if it can be read.
    pub problem: Option<String>,
    /// Whether a reload applies a change of the setting.
    pub reloadable: bool,
}

impl ShownSetting {
    /// Whether the effective value is not the default.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.problem.is_some() || (self.source.is_some() && (self.redacted || self.value != self.default))
    }

    /// The setting in JSON: name, section, value, default, source and problem. A secret value is not in it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "section": self.section,
            "value": self.value,
            "redacted": self.redacted,
            "default": self.default,
            "changed": self.is_changed(),
            "source": self.source.as_ref().map_or_else(|| json!({"kind": "default"}), source_as_json),
            "problem": self.problem,
        })
    }
}

fn source_as_json(source: &Source) -> Value {
    match source {
        Source::Variable(assignment) => assignment_as_json(assignment),
        Source::File { path, named_in } => {
            json!({"kind": "file", "path": path.display().to_string(), "named_in": assignment_as_json(named_in)})
        }
        Source::Credential(path) => json!({"kind": "systemd_credential", "path": path.display().to_string()}),
    }
}

fn assignment_as_json(assignment: &Assignment) -> Value {
    match assignment {
        Assignment::Environment => json!({"kind": "environment"}),
        Assignment::EnvFile { path, line, .. } => {
            json!({"kind": "env_file", "path": path.display().to_string(), "line": line})
        }
    }
}

/// Every setting, in the order of `docs/settings.md`, as `serve` reads it from these variables. `domain` and `names` are the
/// name of the server and the names of the relying party. Some values follow from them.
pub(super) fn shown_of(variables: &Variables, domain: &str, names: &RelyingPartyNames) -> Vec<ShownSetting> {
    let mut shown = Vec::new();
    for (section, rows) in SECTIONS {
        for row in *rows {
            let canonical = |value: &str| row.canonical(value);
            let setting = Described {
                name: row.name(),
                section,
                secret: row.is_secret(),
                default: row.default_value(),
                derived: derived(row.name(), domain, names),
                reloadable: row.is_reloadable(),
            };
            shown.push(setting.read(variables, canonical));
        }
    }
    for limit in Limits::default().each_mut() {
        let in_form = |rate: &Rate| format!("{}/{}", rate.burst, rate.period.as_secs());
        let default = Some(in_form(&Rate { burst: limit.burst, period: limit.period }));
        let name = throttle::setting(limit);
        let canonical = |value: &str| value.parse().as_ref().map_or_else(|_| value.to_owned(), in_form);
        let setting = Described {
            name: &name,
            section: "Limits",
            secret: false,
            default,
            derived: None,
            reloadable: true,
        };
        shown.push(setting.read(variables, canonical));
    }
    shown
}

/// What the table says about a setting.
struct Described<'a> {
    name: &'a str,
    section: &'static str,
    secret: bool,
    default: Option<String>,
    /// The value that follows from other settings, for a setting without a fixed default.
    derived: Option<String>,
    reloadable: bool,
}

impl Described<'_> {
    fn read(self, variables: &Variables, canonical: impl Fn(&str) -> String) -> ShownSetting {
        let Self { name, section, secret, default, derived, reloadable } = self;
        let mut read = Reader::new(variables, Command::Serve);
        let known = read.problems().len();
        let given = read.value(name);
        let problem = read.problems().get(known).cloned();
        let redacted = secret && given.is_some();
        let value = match given {
            Some(url) if [DATABASE_URL.name, DATABASE_OWNER_URL.name].contains(&name) => {
                DatabaseSettings::parse(&url.into()).ok().map(|database| database.to_string())
            }
            Some(_) if secret => None,
            Some(value) => Some(canonical(&value)),
            None if problem.is_some() => None,
            None => default.clone().or(derived),
        };
        // If the value cannot be read, its source is shown nevertheless.
        let is_given = redacted || value.is_some() || problem.is_some();
        let source = source_of(name, variables).ok().flatten().filter(|_| is_given);
        ShownSetting { name: name.to_owned(), section, value, redacted, default, source, problem, reloadable }
    }
}

/// The value of a setting that is not given, if this value follows from other settings.
fn derived(name: &str, domain: &str, names: &RelyingPartyNames) -> Option<String> {
    let value = match name {
        _ if domain.is_empty() || name == DOMAIN.name => return None,
        _ if name == WEBAUTHN_RP_ID.name => names.id.clone(),
        _ if name == WEBAUTHN_ORIGINS.name => names.origins.join(","),
        _ => return None,
    };
    Some(value)
}
