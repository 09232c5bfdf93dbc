//! Reports variables that look like settings but are not, because a misspelt setting must not be ignored.
//!
//! A variable looks like a setting in three cases: its name has a prefix of settings, it consists of `PORTCULLIS_` and the name
//! of a setting, or it is similar to the name of a setting that is not given. All other variables belong to other programs.

use std::sync::LazyLock;

use domain::abuse::throttle::{self, Limits};

use super::{table::rows, variables::Variables};

/// The prefixes of settings. A variable with one of these prefixes is taken for a setting, except for [`NOT_SETTINGS`] and
/// service links.
const OUR_PREFIXES: [&str; 15] = [
    "ACME_",
    "CONNECTIONS_",
    "CONNECTION_",
    "CORS_",
    "CSRF_",
    "GEOIP_",
    "JWT_",
    "LIMIT_",
    "METRICS_",
    "POSTGRES_",
    "RISK_",
    "SESSIONS_",
    "SESSION_",
    "TLS_",
    "WEBAUTHN_",
];

/// Settings do not have this prefix. Clients and scripts use it for variables of their own, such as `PORTCULLIS_URL`. If the
/// prefix stands before the name of a setting, this is a mistake.
const PROGRAM_PREFIX: &str = "PORTCULLIS_";

/// Names that begin with one of the prefixes but belong to other programs: a desktop's session manager, and the `postgres`
/// image of Docker.
const NOT_SETTINGS: [&str; 4] =
    ["POSTGRES_HOST_AUTH_METHOD", "POSTGRES_INITDB_ARGS", "POSTGRES_INITDB_WALDIR", "SESSION_MANAGER"];

/// A variable without any of the prefixes is reported for its similarity alone only if the name of the similar setting has at
/// least this many characters. Variables that are similar to shorter names often belong to other programs.
const NEAR_MISS_MIN_LENGTH: usize = 10;

/// One problem for each variable that looks like a setting but is not.
pub(super) fn unknown(variables: &Variables) -> Vec<String> {
    variables.names().filter_map(|name| problem(name, variables)).collect()
}

/// The problem with a name that looks like a setting but is none.
pub(super) fn problem(name: &str, variables: &Variables) -> Option<String> {
    if gives_setting(name) || NOT_SETTINGS.contains(&name) || is_service_link(name) {
        return None;
    }
    let base = name.strip_suffix("_FILE").unwrap_or(name);
    if let Some(rest) = base.strip_prefix(PROGRAM_PREFIX) {
        return is_setting(rest).then(|| format!("{name}: there is no such setting; did you mean {rest}?"));
    }
    let nearest = nearest(base);
    if OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        let hint = nearest.map_or_else(String::new, |(setting, _)| format!("; did you mean {setting}?"));
        return Some(format!("{name}: there is no such setting{hint}"));
    }
    let (setting, distance) = nearest?;
    let is_given = variables.get(setting).is_some()
        || other_form(setting).is_some_and(|other| variables.get(&other).is_some())
        || !variables.credentials(setting).is_empty();
    let is_meant = is_near_miss(setting, distance) && !is_given;
    is_meant.then(|| format!("{name}: there is no such setting; did you mean {setting}?"))
}

/// Whether this is the name of a setting.
pub(super) fn is_setting(name: &str) -> bool {
    setting_names().iter().any(|setting| setting == name)
}

/// Whether a variable with this name gives a setting: `X`, or `X_FILE` with the path of a file that has the value.
pub(super) fn gives_setting(name: &str) -> bool {
    is_setting(name) || other_form(name).is_some()
}

/// `X_FILE` for the setting `X`, and `X` for `X_FILE`. `None` for other names, and for a setting with a name in `_FILE`,
/// because its value is a path already.
pub(super) fn other_form(name: &str) -> Option<String> {
    match name.strip_suffix("_FILE") {
        Some(base) => Some(base.to_owned()).filter(|base| is_setting(base) && !base.ends_with("_FILE")),
        None => is_setting(name).then(|| format!("{name}_FILE")),
    }
}

/// The names of all settings, including the limits.
fn setting_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let limits: Vec<String> =
            Limits::default().each_mut().map(|limit| throttle::setting(limit)).collect();
        rows().map(|row| row.name().to_owned()).chain(limits).collect()
    });
    &NAMES
}

/// The setting with the most similar name, and how many letters of `name` are missing, superfluous, wrong or swapped. `None` if no
/// name is similar.
fn nearest(name: &str) -> Option<(&'static str, usize)> {
    setting_names()
        .iter()
        .map(|setting| (setting.as_str(), strsim::osa_distance(name, setting)))
        .filter(|(setting, distance)| *distance <= 1 + setting.len() / 3)
        .min_by_key(|(_, distance)| *distance)
}

fn is_near_miss(setting: &str, distance: usize) -> bool {
    let allowed = if setting.len() >= 14 { 2 } else { 1 };
    setting.len() >= NEAR_MISS_MIN_LENGTH && distance <= allowed
}

/// Whether Kubernetes or Docker made the variable for a service with a name like a prefix of settings. Examples:
/// `POSTGRES_SERVICE_HOST` and `POSTGRES_PORT_5432_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    let is_port_link = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && (rest.contains("_TCP") || rest.contains("_UDP"))
    });
    is_port_link
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name == "PORTCULLIS_PORT"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(names: &[&str]) -> Vec<String> {
        unknown(&names.iter().map(|name| (*name, "1")).collect())
    }

    #[test]
    fn every_setting_is_known_by_both_of_its_names() {
        for name in setting_names() {
            let file = format!("{name}_FILE");
            assert_eq!(problems(&[name]), [""; 0]);
            assert_eq!(problems(&[&file]).is_empty(), !name.ends_with("_FILE"), "{file}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_reported_with_the_most_similar_setting() {
        for (name, meant) in [
            ("LIMIT_LOGIN_ADRESS", "LIMIT_LOGIN_ADDRESS"),
            ("SESSION_TIMEOUT_MINUTE", "SESSION_TIMEOUT_MINUTES"),
            ("SESION_TIMEOUT_MINUTES", "SESSION_TIMEOUT_MINUTES"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("DATABSE_URL_FILE", "DATABASE_URL"),
            ("BAN_MINUTE", "BAN_MINUTES"),
            ("TRUSTED_PROXYS", "TRUSTED_PROXIES"),
            ("TLS_CERT", "TLS_PORT"),
            ("PORTCULLIS_DOMAIN", "DOMAIN"),
            ("PORTCULLIS_JWT_SECRET_KEY_FILE", "JWT_SECRET_KEY"),
        ] {
            let found = problems(&[name]);
            let expected = format!("{name}: there is no such setting; did you mean {meant}");
            assert!(found.len() == 1 && found[0].starts_with(&name.to_owned()), "{name}: {found:?}");
            assert!(name == "TLS_CERT" || found[0].starts_with(&expected), "{found:?}");
        }
    }

    #[test]
    fn variables_of_other_programs_are_ignored() {
        let others = [
            "API_URL",
            "API_HOST",
            "APP_PORT",
            "API_TOKEN",
            "DOMAINS",
            "WORKER",
            "DEBUG_LEVEL",
            "PATH",
            "HOME",
            "SESSION_MANAGER",
            "XDG_SESSION_ID",
            "POSTGRES_SERVICE_HOST",
            "POSTGRES_PORT_5432_TCP_ADDR",
            "PORTCULLIS_SERVICE_PORT_HTTP",
            "PORTCULLIS_BIN",
            "PORTCULLIS_URL",
            "PORTCULLIS_HOME",
            "DATA_PATH",
            "RUST_LOG",
            "PG_BINDIR",
        ];
        assert_eq!(problems(&others), [""; 0]);
    }

    #[test]
    fn a_similar_name_is_ignored_when_the_setting_is_given() {
        assert_eq!(problems(&["DATABASE_URL", "DATABASE_URI"]), [""; 0]);
        assert_eq!(problems(&["DATABASE_URI"]).len(), 1);
    }
}
