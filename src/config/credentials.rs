//! Systemd credentials (`LoadCredential=`): files in the directory `$CREDENTIALS_DIRECTORY`. Only `ranks` uses this
//! module.
//!
//! A credential with the name of a setting `X`, in upper or lower case, counts like the variable `X_FILE`: the content of the
//! credential is the value. If the setting is itself the path of a file (its name ends in `_FILE`), the value is the path of
//! the credential.

use std::{fs, path::Path};

use super::{names, variables::Variables};

/// Adds the credentials in this directory.
pub(super) fn add(directory: &Path, variables: &mut Variables) {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let problem = format!("CREDENTIALS_DIRECTORY: the directory cannot be read ({})", error.kind());
            variables.problems.push(problem);
            return;
        }
    };
    let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).filter(|path| !path.is_dir()).collect();
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let setting = name.to_ascii_uppercase();
        if names::is_setting(&setting) {
            variables.credentials.entry(setting).or_default().push(path);
            continue;
        }
        // A variable may name a credential by its path. Then the credential may have any name.
        let is_named = variables.names().any(|name| variables.get(name).map(Path::new) == Some(&path));
        if !is_named && let Some(problem) = names::problem(&setting, variables) {
            variables.warnings.push(format!("systemd credential {}: {problem}", path.display()));
        }
    }
}
