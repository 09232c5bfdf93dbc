//! The files that the settings name and that stay open in memory: the databases of places.

use service::geo::{Database, Geo};

use crate::config::{ConfigError, Draft, Settings};

/// Opens the databases of places that the settings name, and finishes the settings.
///
/// # Errors
/// One error that lists every problem, those of the files included.
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
