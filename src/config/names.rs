//! Reports variables that look like settings but are not, because a misspelt name must not be ignored.
//!
//! A variable looks like a setting if it has a prefix of settings, or if its name is similar to a setting that is not given. All
//! other variables belong to other programs.

use domain::abuse::throttle::{self, Limits};

use super::{table::rows, variables::Variables};

/// The prefixes of settings.
const OUR_PREFIXES: [&str; 14] = [
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

/// Settings do not have this prefix. Clients and scripts use it for variables of their own, such as `PORTCULLIS_URL`. In front of
/// the name of a setting it is a mistake.
const PROGRAM_PREFIX: &str = "PORTCULLIS_";

/// Names with these prefixes that belong to other programs: a desktop's session manager, and the `postgres` image of Docker.
const NOT_SETTINGS: [&str; 4] =
    ["POSTGRES_HOST_AUTH_METHOD", "POSTGRES_INITDB_ARGS", "POSTGRES_INITDB_WALDIR", "SESSION_MANAGER"];

/// Variables similar to a shorter setting are not reported: too often they belong to other programs.
const NEAR_MISS_MIN_LENGTH: usize = 10;

/// One problem for each variable that looks like a setting but is not.
pub(super) fn unknown(variables: &Variables) -> Vec<String> {
    let settings = setting_names();
    let known = |name: &str| settings.iter().any(|setting| setting == name);
    let mut problems = Vec::new();
    for name in variables.names() {
        // `X_FILE` gives the setting `X`.
        let base = name.strip_suffix("_FILE").unwrap_or(name);
        if known(name) || known(base) || NOT_SETTINGS.contains(&name) || is_service_link(name) {
            continue;
        }
        if let Some(rest) = base.strip_prefix(PROGRAM_PREFIX) {
            if known(rest) {
                problems.push(format!("{name}: there is no such setting; did you mean {rest}?"));
            }
            continue;
        }
        let nearest = nearest(base, &settings);
        if OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            let hint = nearest.map_or_else(String::new, |(setting, _)| format!("; did you mean {setting}?"));
            problems.push(format!("{name}: there is no such setting{hint}"));
        } else if let Some((setting, distance)) = nearest
            && is_near_miss(setting, distance)
            && variables.get(setting).is_none()
            && variables.get(&format!("{setting}_FILE")).is_none()
        {
            problems.push(format!("{name}: there is no such setting; did you mean {setting}?"));
        }
    }
    problems
}

/// The names of all settings, including the limits.
fn setting_names() -> Vec<String> {
    let limits: Vec<String> = Limits::default().each_mut().map(|limit| throttle::setting(limit)).collect();
    rows().map(|row| row.name().to_owned()).chain(limits).collect()
}

/// The setting with the most similar name, and how many letters are missing, superfluous, wrong or swapped.
fn nearest<'a>(name: &str, settings: &'a [String]) -> Option<(&'a str, usize)> {
    settings
        .iter()
        .map(|setting| (setting.as_str(), strsim::osa_distance(name, setting)))
        .filter(|(setting, distance)| *distance <= 1 + setting.len() / 3)
        .min_by_key(|(_, distance)| *distance)
}

fn is_near_miss(setting: &str, distance: usize) -> bool {
    let allowed = if setting.len() >= 14 { 2 } else { 1 };
    setting.len() >= NEAR_MISS_MIN_LENGTH && distance <= allowed
}

/// Whether Kubernetes or Docker made the variable for a service whose name is like a prefix of settings. Examples:
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
            assert_eq!(problems(&[&name]), [""; 0]);
            assert_eq!(problems(&[&file]), [""; 0]);
        }
    }

    #[test]
    fn a_misspelt_setting_is_reported_with_the_most_similar_one() {
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
