//! Makes the keys and settings of each part of the server from the settings as a whole, and starts the actors. `server`
//! and the tools of the command line use it.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use actors::{Realtime, runtime::Ports};
use domain::{
    abuse::throttle::ThrottleKeys,
    client::{device::DeviceCookies, origin::Origins},
    factors::{
        backup_code::BackupCodeKeys,
        passkey::{Decoys, origin_fits},
        totp::TotpSealer,
    },
    tokens::{access_token::AccessKeys, csrf::CsrfKeys, refresh_token::RefreshKeys},
};
use service::{Keys, RelyingParty, ServiceSettings};
use store::Store;

use super::{error::StartError, store_ports::StorePorts};
use crate::{
    config::{Environment, Settings},
    http::HttpSettings,
    lifecycle::{Shutdown, Stop},
};

/// The keys of tokens, cookies and hashes, derived from the secrets.
pub(crate) fn keys(settings: &Settings) -> Keys {
    let (secrets, domain) = (&settings.secrets, &settings.web.domain);
    Keys {
        access: AccessKeys::new(&secrets.jwt, &secrets.jwt_previous, domain, domain),
        refresh: RefreshKeys::new(&secrets.jwt, &secrets.jwt_previous),
        csrf: CsrfKeys::new(&secrets.csrf),
        cookies: DeviceCookies::new(&secrets.csrf),
        throttle: ThrottleKeys::new(&secrets.data_encryption),
        totp: TotpSealer::new(&secrets.data_encryption, &secrets.data_encryption_previous),
        backup_codes: BackupCodeKeys::new(&secrets.data_encryption, &secrets.data_encryption_previous),
        decoys: Decoys::new(&secrets.data_encryption),
    }
}

/// The settings of the use cases; `bound` are the origins of the server itself.
///
/// # Errors
/// The id and the origins of the relying party of passkeys do not fit together.
pub(crate) fn service_settings(settings: &Settings, bound: &[String]) -> Result<ServiceSettings, StartError> {
    let mut names = settings.passkeys.clone();
    names.origins.extend(bound.iter().filter(|origin| origin_fits(origin, &names.id)).cloned());
    Ok(ServiceSettings {
        sessions: settings.sessions,
        registration_open: settings.registration_open,
        require_email_verification: settings.require_email_verification,
        development: settings.environment == Environment::Development,
        address_limit_factor: settings.address_limit_factor,
        geo: settings.geo.clone(),
        risk: settings.risk,
        attempts_kept: settings.attempts_kept,
        kept: settings.kept,
        issuer_tokens: settings.issuer_tokens,
        limits: settings.limits.clone(),
        ban: settings.ban,
        on_stale: settings.on_stale,
        password_queue: settings.password_queue,
        api_key: settings.api_key.clone(),
        relying_party: RelyingParty::new(&names).map_err(StartError::Passkeys)?,
        issuers: settings.issuers.clone(),
    })
}

/// The configured origins; in development also the origins of the server itself.
pub(super) fn origins(settings: &Settings, http: Option<SocketAddr>, https: Option<SocketAddr>) -> Origins {
    let configured = settings.web.allowed_origins.iter().cloned();
    Origins::new(configured.chain(own_origins(settings, http, https)).collect())
}

/// The origins of the server itself, in development only.
pub(super) fn own_origins(
    settings: &Settings,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
) -> Vec<String> {
    let mut origins = Vec::new();
    if settings.environment == Environment::Development {
        for (scheme, address) in [("http", http), ("https", https)] {
            let Some(address) = address else { continue };
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                origins.push(format!("{scheme}://{host}:{}", address.port()));
            }
            origins.push(format!("{scheme}://{address}"));
        }
    }
    origins
}

/// Starts the actors over this store.
///
/// # Errors
/// The audit spill file cannot be opened.
pub(crate) fn start_realtime(settings: &Settings, store: &Store, shutdown: Shutdown) -> io::Result<Realtime> {
    if let Some(directory) = settings.realtime.spill_file.parent().filter(|path| *path != Path::new("")) {
        std::fs::create_dir_all(directory)?;
    }
    let ports = Ports {
        audit: Arc::new(StorePorts(store.clone())),
        devices: Arc::new(StorePorts(store.clone())),
        journal: Arc::new(StorePorts(store.clone())),
        escalate: Box::new(move || shutdown.begin(Stop::Failed("actors died too often"))),
    };
    Realtime::start(settings.realtime.clone(), ports)
}

pub(super) fn http_settings(settings: &Settings, origins: Origins) -> HttpSettings {
    HttpSettings {
        development: settings.environment == Environment::Development,
        domain: settings.web.domain.clone(),
        cookie_domain: settings.web.cookie_domain.clone(),
        allowed_headers: settings.web.allowed_headers.clone(),
        access_cookie_readable: settings.web.access_cookie_readable,
        origins,
        trusted_proxies: settings.web.trusted_proxies.clone(),
        security_headers: settings.web.security_headers,
    }
}
