//! The source of the value of one setting. `reader` reads the value there, and `shown` names the source.

use std::path::PathBuf;

use super::{assignment::Assignment, names, variables::Variables};

/// The source of the value of a setting. The default has no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable of this name has the value.
    Variable(Assignment),
    /// `X_FILE` names a file with the value.
    File {
        /// The path of the file with the value.
        path: PathBuf,
        /// Where `X_FILE` was given.
        named_in: Assignment,
    },
    /// A credential of systemd.
    Credential(PathBuf),
}

/// The one source of this setting; `None` if no source gives it.
///
/// # Errors
/// A problem, if several sources give the setting.
pub(super) fn source_of(name: &str, variables: &Variables) -> Result<Option<Source>, String> {
    let mut found = Vec::new();
    let given = |name: &str| Some((variables.get(name)?, variables.assignment(name)?.clone()));
    if let Some((_, assignment)) = given(name) {
        found.push((name.to_owned(), Source::Variable(assignment)));
    }
    // If the name of a setting ends in `_FILE`, its value is itself a path. Such a setting has no other form.
    if let Some(other) = names::other_form(name)
        && let Some((path, named_in)) = given(&other)
    {
        found.push((other, Source::File { path: PathBuf::from(path), named_in }));
    }
    for path in variables.credentials(name) {
        found.push((format!("systemd credential {}", path.display()), Source::Credential(path.clone())));
    }
    match found.as_slice() {
        [] => Ok(None),
        [(_, source)] => Ok(Some(source.clone())),
        [(first, _), rest @ ..] => {
            let others: Vec<_> = rest.iter().map(|(label, _)| label.as_str()).collect();
            let also = others.join(" and ");
            Err(if first == name {
                format!("{name}: given twice, also as {also}")
            } else {
                format!("{name}: given twice, as {first} and {also}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_from_two_sources_is_a_problem_that_names_both() {
        let with_credential = |pairs: &[(&str, &str)]| {
            let mut variables: Variables = pairs.iter().copied().collect();
            variables.credentials.insert("API_KEY".to_owned(), vec![PathBuf::from("/run/c/api_key")]);
            source_of("API_KEY", &variables)
        };
        assert_eq!(with_credential(&[]), Ok(Some(Source::Credential(PathBuf::from("/run/c/api_key")))));
        assert_eq!(
            with_credential(&[("API_KEY", "1")]),
            Err("API_KEY: given twice, also as systemd credential /run/c/api_key".to_owned())
        );
        assert_eq!(
            with_credential(&[("API_KEY_FILE", "/k")]),
            Err("API_KEY: given twice, as API_KEY_FILE and systemd credential /run/c/api_key".to_owned())
        );
        let both = [("API_KEY", "1"), ("API_KEY_FILE", "/k")].into_iter().collect();
        assert_eq!(source_of("API_KEY", &both), Err("API_KEY: given twice, also as API_KEY_FILE".to_owned()));
    }
}
