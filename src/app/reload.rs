//! [`Reloader`]: reads the settings again while the server runs, and replaces what can be replaced. `cli` calls it at SIGHUP.

use std::sync::Arc;

use actors::runtime::Live;
use parking_lot::Mutex;
use service::{Keys, LastingKeysError, Services};
use tokio::runtime::Handle;

use super::{
    files::{open_files, tls_files},
    wiring::{effective_settings, keys_of, live_settings},
};
use crate::{
    config::{Changes, ConfigError, SettingValues, Settings, Variables},
    telemetry,
    tls::{ReadTls, ServerTls},
};

/// The parts of a running server that a reload changes.
pub struct Reloader {
    pub(super) live: Live,
    pub(super) services: Services,
    /// The runtime that waits for the database.
    pub(super) runtime: Handle,
    /// The number of sockets that the limit of open files allows.
    pub(super) sockets: usize,
    pub(super) has_unix_socket: bool,
    pub(super) tls: Option<Arc<ServerTls>>,
    /// The values in use.
    pub(super) values: Mutex<SettingValues>,
}

impl Reloader {
    /// Reads the settings from these variables and replaces the reloadable ones, all of them or none. Returns what has changed,
    /// and the warnings about the settings. Must not run on a thread that serves requests, because it reads files.
    ///
    /// # Errors
    /// Everything that is wrong with the settings. Then nothing has changed.
    pub fn reload(&self, variables: &Variables) -> Result<(Changes, Vec<String>), ConfigError> {
        let settings = open_files(Settings::read(variables)).finish()?;
        let tls = self.read_tls(&settings)?;
        let keys = self.runtime.block_on(keys_of(&self.services, &settings.secrets));
        let keys = keys.map_err(|error| ConfigError {
            problems: vec![match error {
                LastingKeysError::Store(error) => format!(
                    "the secrets of DATA_ENCRYPTION_KEY have changed, and its keys cannot be read from the database: {error}"
                ),
                unopened @ LastingKeysError::Unopened { .. } => unopened.to_string(),
            }],
        })?;
        let values = SettingValues::of(variables, &settings);
        let is_fixed = |name: &str| self.is_fixed(name, &settings);
        let mut in_use = self.values.lock();
        let changes = in_use.changes(&values, is_fixed);
        in_use.take_applied(values, is_fixed);
        self.services.operators.settings.take_applied(effective_settings(&settings), is_fixed);
        self.apply(&settings, tls, keys);
        Ok((changes, settings.warnings))
    }

    /// Replaces what can be replaced. Nothing here can fail, so a reload is never half done. What can fail is prepared before, in
    /// [`Self::reload`].
    fn apply(&self, settings: &Settings, tls: Option<ReadTls>, keys: Keys) {
        let mut live = live_settings(settings, self.sockets, self.has_unix_socket);
        let former = self.live.load();
        if live.namespaces() == former.namespaces() {
            // The shards look at their channels only if there is another table of namespaces.
            Arc::make_mut(&mut live.client).namespaces = Arc::clone(former.namespaces());
        }
        self.live.replace(live);
        if let (Some(served), Some(read)) = (&self.tls, tls) {
            served.adopt(read);
        }
        self.services.access.keys.replace(keys);
        telemetry::set_debug(settings.debug);
    }

    fn read_tls(&self, settings: &Settings) -> Result<Option<ReadTls>, ConfigError> {
        let (Some(served), Some(files)) = (&self.tls, tls_files(&settings.listen)) else { return Ok(None) };
        let read = served.read(&files);
        // The files were read a moment ago, so this error means that they changed just now.
        let problem =
            |error| ConfigError { problems: vec![format!("the files of TLS cannot be used: {error}")] };
        read.map(Some).map_err(problem)
    }

    /// Whether the certificate was given by files of the operator.
    fn has_given_certificate(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.certificate().is_ordered())
    }

    /// Whether a reload cannot apply this setting, although it is reloadable: TLS and client certificates cannot be turned on or
    /// off while the server runs.
    fn is_fixed(&self, name: &str, settings: &Settings) -> bool {
        let listen = &settings.listen;
        let has_clients = self.tls.as_ref().is_some_and(|tls| tls.clients().is_some());
        let is_tls = name.starts_with("TLS_");
        let is_clients = name.starts_with("CLIENT_");
        (is_tls && self.has_given_certificate() != listen.certificate.is_some())
            || (is_clients && has_clients != listen.client_ca.is_some())
    }
}
