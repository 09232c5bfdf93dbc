//! The text of a new `.env`, made from the table. `portcullis config init` writes it.

use domain::abuse::throttle::{self, Limits};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    environment::Environment,
    reader::FILL_IN,
    setting::Row,
    table::{
        CSRF_SECRET_KEY, DATA_ENCRYPTION_KEY, DATABASE_URL, DOMAIN, ENVIRONMENT, JWT_SECRET_KEY, SECTIONS,
    },
};

/// The longest line of a comment, in characters.
const WIDTH: usize = 100;

/// The settings that a new file for this kind of installation leaves to the operator.
#[must_use]
pub fn to_fill_in(environment: Environment) -> &'static [&'static str] {
    match environment {
        Environment::Production => &["DOMAIN", "DATABASE_URL"],
        Environment::Development => &[],
    }
}

/// The text of a new file of settings. `secrets` are the values of `JWT_SECRET_KEY`, `CSRF_SECRET_KEY` and
/// `DATA_ENCRYPTION_KEY`.
#[must_use]
pub fn template(environment: Environment, secrets: &[SecretString; 3]) -> Zeroizing<String> {
    let word = environment.as_str();
    // The text is erased from memory, because it holds the secrets.
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    comment(
        &mut text,
        &format!(
            "Settings of Portcullis ({word}), made by `portcullis config init {word}`. Each line is NAME=value. \
             `portcullis config check` reports what is wrong or missing. docs/settings.md describes the settings."
        ),
    );
    comment(
        &mut text,
        "This file holds secrets: it must be readable by its owner only (mode 0600), and does not belong in version \
         control. Keep a copy of DATA_ENCRYPTION_KEY in a safe place: without it, encrypted data in the database \
         cannot be read.",
    );
    text.push_str(&format!("\n{}={word}\n", ENVIRONMENT.name));
    given(&mut text, environment, &DOMAIN, "localhost", "for example chat.example.com");
    given(
        &mut text,
        environment,
        &DATABASE_URL,
        "postgresql://postgres@localhost/portcullis",
        "for example postgresql://portcullis:PASSWORD@db.example.com/portcullis?sslmode=verify-full",
    );
    for (setting, secret) in
        [&JWT_SECRET_KEY, &CSRF_SECRET_KEY, &DATA_ENCRYPTION_KEY].into_iter().zip(secrets)
    {
        text.push('\n');
        comment(&mut text, setting.about());
        text.push_str(setting.name);
        text.push('=');
        text.push_str(secret.expose_secret());
        text.push('\n');
    }
    optional(&mut text);
    text
}

/// A setting that production leaves to the operator. Development has a value for it.
fn given(text: &mut String, environment: Environment, row: &dyn Row, development: &str, hint: &str) {
    text.push('\n');
    let value = match environment {
        Environment::Production => {
            comment(text, &format!(">>> Fill in: {} ({hint})", row.about()));
            FILL_IN
        }
        Environment::Development => {
            comment(text, row.about());
            if row.name() == DATABASE_URL.name {
                let advice = "`portcullis dev` has its own database and ignores this line. The tools (`portcullis user` \
                              and others) use this line: remove it if they are to use the database of `portcullis dev`.";
                comment(text, advice);
            }
            development
        }
    };
    text.push_str(&format!("{}={value}\n", row.name()));
}

/// All other settings, as comments with their defaults.
fn optional(text: &mut String) {
    text.push('\n');
    comment(
        text,
        "The other settings, with their defaults. To change one, remove the `#` in front of its name.",
    );
    for (section, rows) in SECTIONS {
        let rows = rows.iter().filter(|row| !is_above(row.name())).collect::<Vec<_>>();
        if rows.is_empty() {
            continue;
        }
        text.push_str(&format!("\n# --- {section} ---\n"));
        for row in rows {
            text.push('\n');
            comment(text, row.about());
            // The number of cores of this machine must not become the value for another machine.
            let default = row.default_value().filter(|_| row.name() != "WORKERS").unwrap_or_default();
            if default.is_empty() {
                comment(text, &format!("Values: {}. Default: {}.", row.values(), shown_default(*row)));
            } else {
                comment(text, &format!("Values: {}.", row.values()));
            }
            text.push_str(&format!("#{}={default}\n", row.name()));
        }
    }
    text.push_str("\n# --- Limits: <count>/<seconds> ---\n\n");
    for limit in Limits::default().each_mut() {
        text.push_str(&format!("#{}={}/{}\n", throttle::setting(limit), limit.burst, limit.period.as_secs()));
    }
}

fn shown_default(row: &dyn Row) -> String {
    if row.name() == "WORKERS" { "the number of cores".to_owned() } else { row.default() }
}

/// Whether the first part of the file gives the setting.
fn is_above(name: &str) -> bool {
    let above = [&ENVIRONMENT as &dyn Row, &DOMAIN, &DATABASE_URL, &JWT_SECRET_KEY, &CSRF_SECRET_KEY];
    above.iter().any(|row| row.name() == name) || name == DATA_ENCRYPTION_KEY.name
}

/// Adds lines of a comment, broken between words.
fn comment(text: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        if width > 0 && width + 1 + word.chars().count() > WIDTH {
            text.push('\n');
            width = 0;
        }
        if width == 0 {
            text.push('#');
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += 1 + word.chars().count();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{
        super::{settings::Settings, shown::ShownSetting, table::rows, variables::Variables},
        *,
    };

    fn secrets() -> [SecretString; 3] {
        ["aZ81kQ", "bY72jR", "cX63iS"]
            .map(|start| SecretString::from(format!("{start}{}", "0a9B8c7D".repeat(5))))
    }

    /// The variables of a file: dotenvy's reading of the text.
    fn variables(text: &str) -> Variables {
        dotenvy::from_read_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap().into_iter().collect()
    }

    #[test]
    fn production_leaves_only_the_marked_lines_to_the_operator() {
        let text = template(Environment::Production, &secrets());
        let problems =
            Settings::read(&variables(&text)).finish().expect_err("lines are to be filled in").problems;
        let expected: Vec<_> = to_fill_in(Environment::Production)
            .iter()
            .map(|name| format!("{name}: must be filled in"))
            .collect();
        assert_eq!(problems.iter().collect::<std::collections::BTreeSet<_>>(), expected.iter().collect());
        assert_eq!(text.matches(">>> Fill in").count(), expected.len());
    }

    #[test]
    fn development_needs_no_change() {
        let text = template(Environment::Development, &secrets());
        let settings = Settings::read(&variables(&text)).finish().unwrap();
        assert_eq!((settings.environment, settings.warnings.len()), (Environment::Development, 0));
    }

    #[test]
    fn every_setting_is_in_the_file_and_every_commented_line_has_the_default() {
        let text = template(Environment::Development, &secrets());
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let given = variables(&uncommented);
        for row in rows() {
            assert!(given.has(row.name()), "{}", row.name());
        }
        assert!(Settings::read(&given).finish().is_ok());
        let changed = |variables: &Variables| -> Vec<String> {
            let all = Settings::read(variables).settings.shown.into_iter();
            all.filter(ShownSetting::is_changed).map(|setting| setting.name).collect()
        };
        assert_eq!(changed(&given), changed(&variables(&text)));
    }

    #[test]
    fn every_line_has_at_most_120_bytes() {
        let text = template(Environment::Production, &secrets());
        let longest = text.lines().max_by_key(|line| line.len()).unwrap();
        assert!(longest.len() <= 120, "{longest}");
    }
}
