//! Where the secrets of one kind are written down: lines of a file of settings, or a file for each setting (`X_FILE`).
//! `portcullis keys` changes them.
//!
//! A change of lines is checked before it is written: the changed text must give the new secrets, and every other variable as
//! before. The file is replaced at once. With several files, each is replaced at once. The order ensures that a server that
//! reads the files meanwhile refuses no valid credential.

use std::path::{Path, PathBuf};

use domain::crypto::secret_ring::{DatedSecret, SecretRing};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{
    assignment::Assignment,
    env_file,
    error::ConfigError,
    secrets::KeyKind,
    source::{Source, source_of},
    variables::Variables,
};
use crate::secrets::{self, SecretsError};

/// Why the secrets in a file were not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The text of the file cannot be changed safely.
    #[error("{path}: {reason}; the file was not changed")]
    Text {
        /// The file.
        path: PathBuf,
        /// The reason. It shows no value.
        reason: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] SecretsError),
}

/// The secrets of one kind, and where they are written down.
pub struct KeyFile {
    kind: KeyKind,
    place: Place,
    /// The secrets that are written there.
    pub secrets: SecretRing,
}

/// Where the secrets of one kind are written down.
enum Place {
    /// In lines of this file of settings.
    Lines(PathBuf),
    /// In a file each: the current secret, the next secret, the previous secrets.
    Files([PathBuf; 3]),
}

impl KeyFile {
    /// Finds the secrets of this kind.
    ///
    /// # Errors
    /// A secret is missing or too weak, or the secrets are not given in one file of settings or in a file each.
    pub fn find(kind: KeyKind, variables: &Variables) -> Result<Self, ConfigError> {
        let secrets = kind.secrets(variables)?;
        let names = kind.settings();
        let mut sources = Vec::with_capacity(names.len());
        for name in names {
            sources.push(source_of(name, variables).map_err(one)?);
        }
        let place = match sources.as_slice() {
            [
                Some(Source::File { path, .. }),
                Some(Source::File { path: next, .. }),
                Some(Source::File { path: previous, .. }),
            ] => Place::Files([path, next, previous].map(Clone::clone)),
            [Some(Source::File { .. }), next, previous] => {
                let [_, next_name, previous_name] = names;
                let lacking =
                    if matches!(next, Some(Source::File { .. })) { previous_name } else { next_name };
                let instead = if lacking == next_name { next } else { previous };
                let found = instead.as_ref().map_or_else(
                    || "not given".to_owned(),
                    |source| format!("given in {}", in_words(source)),
                );
                return Err(one(format!(
                    "{lacking}: {found}, but {} is in a file: name a file in {lacking}_FILE, which may be empty, so that this command can write it",
                    names[0]
                )));
            }
            [Some(Source::Variable(Assignment::EnvFile { path, .. })), others @ ..] => {
                let elsewhere = |source: &Option<Source>| source.is_some() && !is_in(source.as_ref(), path);
                match others.iter().position(elsewhere) {
                    Some(at) => return Err(by_hand(names[at + 1], others[at].as_ref())),
                    None => Place::Lines(path.to_path_buf()),
                }
            }
            [current, ..] => return Err(by_hand(names[0], current.as_ref())),
            [] => return Err(by_hand(names[0], None)),
        };
        Ok(Self { kind, place, secrets })
    }

    /// The file, for messages. Of several files, the one with the current secret.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Lines(path) | Place::Files([path, ..]) => path,
        }
    }

    /// Whether each secret is in a file of its own. A server may see only a copy of such a file.
    #[must_use]
    pub fn is_file_for_each(&self) -> bool {
        matches!(self.place, Place::Files(_))
    }

    /// Writes other secrets. Each file keeps its owner and permissions.
    ///
    /// # Errors
    /// See [`KeyFileError`]. Then the file of settings is as it was. Of several files, some may have been written. The secrets
    /// in them can be used, and the command can be repeated.
    pub fn write(&self, secrets: &SecretRing) -> Result<(), KeyFileError> {
        let wrong = |reason: String| KeyFileError::Text { path: self.path().to_owned(), reason };
        let [current, next, previous] = self.kind.settings();
        if secrets.previous.iter().any(|dated| dated.secret.expose_secret().contains(',')) {
            return Err(wrong(format!(
                "{current} contains a comma, which separates the secrets in {previous}"
            )));
        }
        let current_text = Zeroizing::new(secrets.current.expose_secret().to_owned());
        let next_text =
            secrets.next.as_ref().map(|dated| Zeroizing::new(dated.text().expose_secret().to_owned()));
        let mut list = Zeroizing::new(String::new());
        for dated in &secrets.previous {
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(dated.text().expose_secret());
        }
        match &self.place {
            Place::Lines(path) => {
                let changes = [
                    (current, Some(current_text)),
                    (next, next_text),
                    (previous, Some(list).filter(|list| !list.is_empty())),
                ];
                let text = secrets::read_operators(path, env_file::MAX_BYTES)?.text;
                let changed = changed(&text, &changes, current).map_err(wrong)?;
                Ok(secrets::replace_alike(path, &changed)?)
            }
            // A retired secret is listed before it is replaced. A next secret that becomes the current one is the current one
            // before it is replaced. If all secrets are replaced, the current one comes last. Until then the command can be
            // repeated, and a server that reads the files does not mix old and new secrets.
            Place::Files([current, next, previous]) => {
                let next_text = next_text.unwrap_or_default();
                let is_next = |known: &DatedSecret| known.secret.expose_secret() == *current_text;
                let promoted = self.secrets.next.as_ref().is_some_and(is_next);
                secrets::replace_alike(previous, &list)?;
                let (first, second) = ((current, &current_text), (next, &next_text));
                for (file, text) in if promoted { [first, second] } else { [second, first] } {
                    secrets::replace_alike(file, text)?;
                }
                Ok(())
            }
        }
    }
}

/// Whether a line of this file is the source.
fn is_in(source: Option<&Source>, file: &Path) -> bool {
    matches!(source, Some(Source::Variable(Assignment::EnvFile { path, .. })) if **path == *file)
}

fn by_hand(name: &str, source: Option<&Source>) -> ConfigError {
    let place =
        source.map_or_else(|| "not given".to_owned(), |source| format!("given in {}", in_words(source)));
    one(format!(
        "{name}: {place}, and this command changes only one file of settings, or a file for each secret: change the secrets by hand, as docs/operation/keys.md describes"
    ))
}

fn one(problem: String) -> ConfigError {
    ConfigError { problems: vec![problem] }
}

fn in_words(source: &Source) -> String {
    let file = |path: &Path| format!("the file {}", path.display());
    match source {
        Source::Variable(Assignment::Environment) => "the environment".to_owned(),
        Source::Variable(Assignment::EnvFile { path, .. }) => file(path),
        Source::File { path, .. } => file(path),
        Source::Credential(path) => format!("the systemd credential {}", path.display()),
    }
}

/// The text with other values for some variables. A variable without a value loses its line. A new line comes after the
/// comment that shows the variable, or after the line of `beside`.
fn changed(
    text: &str,
    changes: &[(&str, Option<Zeroizing<String>>)],
    beside: &str,
) -> Result<Zeroizing<String>, String> {
    let before = parsed(text)?;
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<Zeroizing<String>> =
        text.split_inclusive('\n').map(|line| Zeroizing::new(line.to_owned())).collect();
    for (name, value) in changes {
        let now = Zeroizing::new(lines.iter().map(|line| line.as_str()).collect::<String>());
        let line_of = |name: &str| {
            let found = parsed(&now).map(|given| given.into_iter().find(|(known, ..)| known == name));
            found.map(|found| found.map(|(_, _, line)| line - 1))
        };
        match (line_of(name)?, value) {
            (Some(at), Some(value)) => {
                let export = if lines[at].trim_start().starts_with("export ") { "export " } else { "" };
                lines[at] = Zeroizing::new(format!("{export}{name}={}{end}", &*quoted(name, value)?));
            }
            (Some(at), None) => drop(lines.remove(at)),
            (None, Some(value)) => {
                let comment = format!("#{name}=");
                let shown = lines.iter().position(|line| line.trim_start().starts_with(&comment));
                let at = shown.or(line_of(beside)?).ok_or_else(|| format!("{beside} has no line"))?;
                if !lines[at].ends_with('\n') {
                    lines[at].push_str(end);
                }
                lines.insert(at + 1, Zeroizing::new(format!("{name}={}{end}", &*quoted(name, value)?)));
            }
            (None, None) => {}
        }
    }
    let after = Zeroizing::new(lines.iter().map(|line| line.as_str()).collect::<String>());
    let values = |given: Vec<(String, String, usize)>| -> Vec<(String, Zeroizing<String>)> {
        given.into_iter().map(|(name, value, _)| (name, Zeroizing::new(value))).collect()
    };
    let mut expected = values(before);
    for (name, value) in changes {
        expected.retain(|(known, _)| known != name);
        expected.extend(value.iter().map(|value| ((*name).to_owned(), value.clone())));
    }
    let mut found = values(parsed(&after)?);
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    if expected == found {
        Ok(after)
    } else {
        Err(format!("a value is spread over several lines, or another line uses {beside}"))
    }
}

/// The variables: name, value, number of the line.
fn parsed(text: &str) -> Result<Vec<(String, String, usize)>, String> {
    let (variables, mistakes) = env_file::parse(text.strip_prefix('\u{feff}').unwrap_or(text));
    mistakes.into_iter().next().map_or(Ok(variables), Err)
}

/// The value as it is written in a file. In single quotes nothing has a special meaning.
fn quoted(name: &str, value: &str) -> Result<Zeroizing<String>, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@:,+/=".contains(&byte);
    if value.bytes().all(plain) {
        Ok(Zeroizing::new(value.to_owned()))
    } else if !value.contains(['\'', '\n', '\r']) {
        Ok(Zeroizing::new(format!("'{value}'")))
    } else {
        Err(format!("{name} has a single quote or a line break in its value"))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn change(text: &str, changes: &[(&str, Option<&str>)]) -> Result<String, String> {
        let changes: Vec<_> = changes
            .iter()
            .map(|(name, value)| (*name, value.map(|v| Zeroizing::new(v.to_owned()))))
            .collect();
        changed(text, &changes, "JWT_SECRET_KEY").map(|text| text.to_string())
    }

    #[test]
    fn only_the_named_lines_change_and_new_lines_stand_beside_them() {
        let text = "# a comment\nDOMAIN=a\nexport JWT_SECRET_KEY='old' # note\n\n#JWT_PREVIOUS_SECRET_KEYS=\nDEBUG=true";
        let changes = [
            ("JWT_SECRET_KEY", Some("new")),
            ("JWT_NEXT_SECRET_KEY", Some("n@2030-01-31T12:00:00Z")),
            ("JWT_PREVIOUS_SECRET_KEYS", Some("old,x y")),
        ];
        assert_eq!(
            change(text, &changes).unwrap(),
            "# a comment\nDOMAIN=a\nexport JWT_SECRET_KEY=new\nJWT_NEXT_SECRET_KEY=n@2030-01-31T12:00:00Z\n\n\
             #JWT_PREVIOUS_SECRET_KEYS=\nJWT_PREVIOUS_SECRET_KEYS='old,x y'\nDEBUG=true"
        );
    }

    /// The files of the current, the next and the previous secrets, and what finds them.
    fn files(directory: &Path) -> ([PathBuf; 3], KeyFile) {
        use std::os::unix::fs::PermissionsExt as _;
        let files = ["current", "next", "previous"].map(|name| directory.join(name));
        for (file, text) in files.iter().zip(["the current", "the next", "the previous"]) {
            std::fs::write(file, text).unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let names = KeyKind::Tokens.settings().map(|name| format!("{name}_FILE"));
        let named = names.iter().zip(&files).map(|(name, file)| (name.as_str(), file.to_str().unwrap()));
        let variables = named.chain([("ENVIRONMENT", "development")]).collect();
        (files, KeyFile::find(KeyKind::Tokens, &variables).unwrap())
    }

    /// Puts a directory in the place of a file, which then cannot be written.
    fn block(file: &Path) {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    }

    #[test]
    fn of_secrets_that_are_all_replaced_the_current_one_is_written_last() {
        let directory = tempfile::tempdir().unwrap();
        let ([current, next, previous], file) = files(directory.path());
        block(&current);
        let replaced = file.secrets.replaced("other".into(), "new next".into(), OffsetDateTime::UNIX_EPOCH);
        file.write(&replaced).unwrap_err();
        assert!(std::fs::read_to_string(next).unwrap().starts_with("new next@"));
        assert_eq!(std::fs::read_to_string(previous).unwrap(), "");
    }

    #[test]
    fn a_next_secret_is_the_current_one_before_another_one_takes_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let ([current, next, previous], file) = files(directory.path());
        block(&next);
        let life = std::time::Duration::from_secs(1);
        let rotated = file.secrets.rotated("new next".into(), OffsetDateTime::UNIX_EPOCH, life, false);
        file.write(&rotated.unwrap().0).unwrap_err();
        assert_eq!(std::fs::read_to_string(current).unwrap(), "the next");
        assert!(std::fs::read_to_string(previous).unwrap().starts_with("the current@"));
    }

    #[test]
    fn a_variable_without_a_value_loses_its_line() {
        let text = "JWT_SECRET_KEY=a\r\nJWT_NEXT_SECRET_KEY=b\r\nX=1\r\n";
        let changed = change(text, &[("JWT_NEXT_SECRET_KEY", None), ("JWT_SECRET_KEY", Some("b"))]);
        assert_eq!(changed.unwrap(), "JWT_SECRET_KEY=b\r\nX=1\r\n");
    }

    #[test]
    fn a_line_is_added_after_a_last_line_without_an_end() {
        let changed = change("JWT_SECRET_KEY=a", &[("JWT_NEXT_SECRET_KEY", Some("b"))]);
        assert_eq!(changed.unwrap(), "JWT_SECRET_KEY=a\nJWT_NEXT_SECRET_KEY=b\n");
    }

    #[test]
    fn a_text_that_cannot_be_changed_safely_is_refused_without_showing_a_value() {
        for text in [
            "JWT_SECRET_KEY='several\nlines'\nX=1\n",
            "JWT_SECRET_KEY=hidden\nOTHER=${JWT_SECRET_KEY}\n",
            "JWT_SECRET_KEY=hidden\nno assignment\n",
        ] {
            let refused = change(text, &[("JWT_SECRET_KEY", Some("b"))]).unwrap_err();
            assert!(!refused.contains("hidden") && !refused.contains("lines'"), "{refused}");
        }
        let quote = change("JWT_SECRET_KEY=a\n", &[("JWT_PREVIOUS_SECRET_KEYS", Some("it's"))]).unwrap_err();
        assert!(quote.contains("JWT_PREVIOUS_SECRET_KEYS") && !quote.contains("it's"), "{quote}");
    }
}
