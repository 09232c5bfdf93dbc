//! Opens the files that the settings name and that the server keeps in memory: the location databases.

use service::geo::{Database, Geo};

use crate::config::{ConfigError, Draft, Settings};

/// Opens the location databases that the settings name, and completes the settings.
///
/// # Errors
/// One error that lists every problem of the settings and of the files.
pub fn open_files(mut draft: Draft) -> Result<Settings, ConfigError> {
    let mut databases = Vec::new();
    for (name, path) in draft.settings.geo_files.clone().named() {
        match Database::open(path) {
            Ok(database) => databases.push(database),
            Err(error) => draft.problem(format!("{name}: {error}")),
        }
    }
    if !databases.is_empty() {
        draft.settings.geo = Geo::new(databases);
    }
    draft.finish()
}
