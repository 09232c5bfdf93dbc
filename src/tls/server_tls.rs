//! [`ServerTls`]: the TLS settings of the TLS port. They change while the server runs: when files change, and when a reload names
//! other files.
//!
//! `app` loads it and applies reloads, and `lifecycle` calls [`ServerTls::reload_if_changed`] every second.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::{
    client_authority::{ClientAuthority, ClientFiles, ReadAuthority},
    error::TlsError,
    server_certificate::{ReadCertificate, ServerCertificate},
};

/// The files of the TLS port.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The name of the certificate, if it comes from ACME. Then `certificate` and `key` are the same file.
    pub ordered_for: Option<String>,
    /// The files of client certificates; `None` if clients are not asked for certificates.
    pub clients: Option<ClientFiles>,
}

/// The certificate of the TLS port, and the authorities of its clients.
pub struct ServerTls {
    certificate: Arc<ServerCertificate>,
    clients: Option<Arc<ClientAuthority>>,
    config: Arc<ArcSwap<ServerConfig>>,
    /// Locked from the choice of the authorities for a new `config` until the store of this `config`, so that no earlier
    /// authorities come back.
    changing: Mutex<()>,
}

/// What [`ServerTls::reload_if_changed`] has found.
pub struct Renewals {
    /// Whether there is another certificate.
    pub certificate: Result<bool, TlsError>,
    /// Whether the authorities or the lists of revoked certificates have changed.
    pub clients: Result<bool, TlsError>,
}

/// Files that were read, and that [`ServerTls::adopt`] can take into use.
pub struct ReadTls {
    /// `None` if the certificate is ordered by ACME: then its file does not change with the settings.
    certificate: Option<ReadCertificate>,
    clients: Option<ReadAuthority>,
    config: Option<ServerConfig>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let certificate = match &files.ordered_for {
            Some(name) => ServerCertificate::ordered(&files.certificate, name)?,
            None => ServerCertificate::load(&files.certificate, &files.key)?,
        };
        let clients = files.clients.clone().map(ClientAuthority::load).transpose()?.map(Arc::new);
        let verifier = clients.as_ref().map(|clients| clients.current().verifier());
        let config = Arc::new(ArcSwap::from_pointee(certificate.config(verifier)?));
        Ok(Self { certificate, clients, config, changing: Mutex::default() })
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Arc<ServerCertificate> {
        &self.certificate
    }

    /// The authorities of clients.
    #[must_use]
    pub fn clients(&self) -> Option<&Arc<ClientAuthority>> {
        self.clients.as_ref()
    }

    /// The place of the settings for new connections of the listener.
    #[must_use]
    pub fn config(&self) -> &Arc<ArcSwap<ServerConfig>> {
        &self.config
    }

    /// Reads files again that have changed. New connections use what was read; open ones stay.
    #[must_use]
    pub fn reload_if_changed(&self) -> Renewals {
        Renewals { certificate: self.certificate.reload_if_changed(), clients: self.reload_clients() }
    }

    fn reload_clients(&self) -> Result<bool, TlsError> {
        let Some(clients) = &self.clients else { return Ok(false) };
        let changed = clients.reload_if_changed()?;
        if changed {
            let _changing = self.changing.lock();
            // New settings also forget the TLS sessions, so none of them is resumed past the change.
            self.config.store(Arc::new(self.certificate.config(Some(clients.current().verifier()))?));
        }
        Ok(changed)
    }

    /// Reads other files, or the same files again, for [`Self::adopt`]. Nothing is changed yet. Client certificates can neither
    /// be turned on nor off. So if there were no authorities at the start, the authorities of `files` do not count.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(&self, files: &TlsFiles) -> Result<ReadTls, TlsError> {
        let is_given = !self.certificate.is_ordered() && files.ordered_for.is_none();
        let certificate =
            is_given.then(|| ReadCertificate::read(&files.certificate, &files.key)).transpose()?;
        let clients = files.clients.clone().filter(|_| self.clients.is_some());
        let clients = clients.map(ReadAuthority::read).transpose()?;
        let verifier = clients.as_ref().map(ReadAuthority::verifier);
        let config = verifier.map(|verifier| self.certificate.config(Some(verifier))).transpose()?;
        Ok(ReadTls { certificate, clients, config })
    }

    /// Takes files into use that were read.
    pub fn adopt(&self, ReadTls { certificate, clients, config }: ReadTls) {
        if let Some(certificate) = certificate {
            self.certificate.adopt(certificate);
        }
        if let (Some(own), Some(clients), Some(config)) = (&self.clients, clients, config) {
            let _changing = self.changing.lock();
            own.adopt(clients);
            self.config.store(Arc::new(config));
        }
    }
}
