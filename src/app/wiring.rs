//! Makes the keys and settings of each part of the server from the settings as a whole, and starts the actors. `server`
//! and the tools of the command line use this module.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use actors::{
    Realtime,
    runtime::{Live, LiveSettings, Ports, WallClock},
};
use domain::{
    abuse::throttle::ThrottleKeys,
    client::{address::UNIX_PEER, device::DeviceCookies, origin::Origins},
    crypto::{
        lasting_keys::{LastingKeySealer, LastingKeys},
        seal::Sealer,
    },
    events::SEALED_RECEIVERS,
    factors::{
        backup_code::BackupCodeKeys,
        passkey::{Decoys, origin_fits},
        totp::TotpSealer,
    },
    mail::link::LinkKeys,
    tokens::{
        access_token::AccessKeys, csrf::CsrfKeys, event_token::EventTokenKeys, refresh_token::RefreshKeys,
    },
};
use ipnet::IpNet;
use service::{Clock, EffectiveSetting, Keys, LastingKeysError, RelyingParty, ServiceSettings, Services};
use store::Store;

use super::{error::StartError, mail::mail_settings, store_ports::StorePorts};
use crate::{
    config::{Environment, Secrets, Settings, ShownSetting},
    http::{HttpChallenges, HttpSettings},
    lifecycle::{Shutdown, Stop},
};

/// The keys of tokens, cookies and hashes: derived from the secrets, and the lasting keys. `domain` is the issuer and the
/// audience of tokens.
pub(crate) fn keys(secrets: &Secrets, domain: &str, lasting: &LastingKeys) -> Keys {
    Keys {
        access: AccessKeys::new(&secrets.jwt, secrets.algorithm, domain, domain),
        events: EventTokenKeys::new(&secrets.jwt),
        receivers: Sealer::new(&secrets.data_encryption, SEALED_RECEIVERS),
        refresh: RefreshKeys::new(&secrets.jwt),
        csrf: CsrfKeys::new(&secrets.csrf),
        cookies: DeviceCookies::new(&secrets.csrf),
        throttle: ThrottleKeys::new(lasting),
        totp: TotpSealer::new(&secrets.data_encryption),
        backup_codes: BackupCodeKeys::new(lasting, &secrets.data_encryption),
        links: LinkKeys::new(&secrets.data_encryption),
        decoys: Decoys::new(lasting),
        lasting: LastingKeySealer::new(&secrets.data_encryption),
        data_encryption: secrets.data_encryption.clone(),
        opened: lasting.clone(),
    }
}

/// Replaces the keys of a running server by those of other secrets. Requests that have begun finish with the earlier keys, and
/// open sockets stay open. The issuer of tokens stays the same.
///
/// # Errors
/// See [`keys_of`]. Then the keys stay as they were.
pub async fn replace_keys(services: &Services, secrets: &Secrets) -> Result<(), LastingKeysError> {
    let keys = keys_of(services, secrets).await?;
    services.access.keys.replace(keys);
    Ok(())
}

/// The keys of a running server with these secrets. If the database cannot be reached and the secrets of data are the same, the
/// lasting keys stay as they are.
///
/// # Errors
/// With other secrets of data: the lasting keys cannot be read from the database. Or the secrets do not open all of them.
pub(super) async fn keys_of(services: &Services, secrets: &Secrets) -> Result<Keys, LastingKeysError> {
    // The keys are not held while the database works.
    let (issuer, opened) = {
        let live = services.access.keys.live();
        let same = live.data_encryption.has_secrets_of(&secrets.data_encryption);
        (live.access.issuer().to_owned(), same.then(|| live.opened.clone()))
    };
    let read = services.upkeep.lasting_keys(&secrets.data_encryption).await;
    let lasting = match (read, opened) {
        (Err(LastingKeysError::Store(error)), Some(opened)) if error.is_unavailable() => opened,
        (read, _) => read?,
    };
    Ok(keys(secrets, &issuer, &lasting))
}

/// The settings of the use cases; `bound` are the origins of the server itself.
///
/// # Errors
/// The id or the origins of the relying party of passkeys cannot be used, or the templates of mails or the mail server.
pub(crate) fn service_settings(settings: &Settings, bound: &[String]) -> Result<ServiceSettings, StartError> {
    let mut names = settings.passkeys.clone();
    names.origins.extend(bound.iter().filter(|origin| origin_fits(origin, &names.id)).cloned());
    Ok(ServiceSettings {
        sessions: settings.sessions,
        registration_open: settings.registration_open,
        require_email_verification: settings.require_email_verification,
        development: settings.environment == Environment::Development,
        geo: settings.geo.clone(),
        risk: settings.risk,
        attempts_kept: settings.attempts_kept,
        kept: settings.kept,
        erasure: settings.erasure.clone(),
        audit_log: settings.audit_log.clone(),
        issuer_tokens: settings.issuer_tokens,
        events: settings.events,
        mail: mail_settings(settings, bound).map_err(StartError::Mail)?,
        drill: settings.drill,
        ban: settings.ban,
        current_for: settings.current_for,
        on_stale: settings.on_stale,
        password_queue: settings.password_queue,
        api_key: settings.api_key.clone(),
        relying_party: RelyingParty::new(&names).map_err(StartError::Passkeys)?,
    })
}

/// The configured origins; in development also the origins of the server itself. `bound` are its addresses, with their schemes.
pub(super) fn origins(settings: &Settings, bound: &[(&str, SocketAddr)]) -> Origins {
    let configured = settings.web.allowed_origins.iter().cloned();
    Origins::new(configured.chain(own_origins(settings, bound)).collect())
}

/// The origins of the server itself, in development only.
pub(super) fn own_origins(settings: &Settings, bound: &[(&str, SocketAddr)]) -> Vec<String> {
    let mut origins = Vec::new();
    if settings.environment == Environment::Development {
        for (scheme, address) in bound {
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                origins.push(format!("{scheme}://{host}:{}", address.port()));
            }
            origins.push(format!("{scheme}://{address}"));
        }
    }
    origins
}

/// Starts the actors over this store. `sockets` is the number of sockets that the limit of open files allows.
///
/// # Errors
/// The audit spill file cannot be opened, or its directory cannot be created.
pub(crate) fn start_realtime(
    settings: &Settings,
    store: &Store,
    clock: Clock,
    shutdown: Shutdown,
    sockets: usize,
) -> io::Result<Realtime> {
    if let Some(directory) = settings.realtime.spill_file.parent().filter(|path| *path != Path::new("")) {
        std::fs::create_dir_all(directory)?;
    }
    let ports = Ports {
        audit: Arc::new(StorePorts(store.clone())),
        devices: Arc::new(StorePorts(store.clone())),
        journal: Arc::new(StorePorts(store.clone())),
        wall_clock: WallClock::new(move || clock.now_ms()),
        escalate: Box::new(move || shutdown.begin(Stop::Failed("actors failed too often"))),
    };
    let realtime = Realtime::start(settings.realtime.clone(), ports)?;
    realtime.live().replace(live_settings(settings, sockets, settings.listen.socket.is_some()));
    Ok(realtime)
}

/// The settings as operators see them.
pub(super) fn effective_settings(settings: &Settings) -> Vec<EffectiveSetting> {
    let effective = |shown: &ShownSetting| EffectiveSetting {
        name: shown.name.clone(),
        shown: shown.to_json(),
        reloadable: shown.reloadable,
    };
    settings.shown.iter().map(effective).collect()
}

/// The settings that a reload replaces. `sockets` is the number of sockets that the limit of open files allows. With
/// `unix_socket`, a Unix socket is served: its peers count as a trusted proxy.
pub(super) fn live_settings(settings: &Settings, sockets: usize, unix_socket: bool) -> LiveSettings {
    let mut connections = settings.socket.limits;
    connections.total = connections.total.min(sockets);
    let mut client = (*settings.socket.client).clone();
    client.commands = settings.limits.frame_connection;
    client.allow_anonymous = settings.allow_anonymous;
    client.namespaces = Arc::clone(&settings.realtime.namespaces);
    let unix = unix_socket.then(|| IpNet::from(UNIX_PEER));
    LiveSettings {
        client: Arc::new(client),
        connections_per_session: settings.realtime.connections_per_session,
        connections,
        limits: Arc::new(settings.limits.clone()),
        address_limit_factor: settings.address_limit_factor,
        trusted_proxies: settings.web.trusted_proxies.iter().copied().chain(unix).collect(),
        issuers: settings.issuers.clone().into(),
    }
}

pub(super) fn http_settings(
    settings: &Settings,
    origins: Origins,
    live: &Live,
    challenges: HttpChallenges,
) -> HttpSettings {
    HttpSettings {
        development: settings.environment == Environment::Development,
        domain: settings.web.domain.clone(),
        cookie_domain: settings.web.cookie_domain.clone(),
        allowed_headers: settings.web.allowed_headers.clone(),
        access_cookie_readable: settings.web.access_cookie_readable,
        origins,
        live: live.clone(),
        challenges,
        security_headers: settings.web.security_headers,
        client_certificate_required: settings.listen.client_ca.is_some(),
        hsts_subdomains: settings.web.hsts_subdomains,
    }
}

#[cfg(test)]
mod tests {
    use domain::{crypto::secret_ring::SecretRing, tokens::token_key::TokenAlgorithm};
    use secrecy::SecretString;
    use store::DatabaseSettings;

    use super::*;

    #[test]
    fn the_live_settings_are_completed_from_other_settings() {
        let secret = || SecretRing::of(SecretString::from("secret"));
        let secrets = Secrets {
            jwt: secret(),
            csrf: secret(),
            data_encryption: secret(),
            algorithm: TokenAlgorithm::default(),
        };
        let database = DatabaseSettings::embedded(Path::new("/nonexistent"), "test");
        let mut settings = Settings::development(database, secrets, 0, None);
        settings.allow_anonymous = true;
        settings.limits.frame_connection.burst = 7;
        let live = live_settings(&settings, 100, true);
        assert_eq!(live.connections.total, 100);
        assert!(live.client.allow_anonymous);
        assert_eq!(live.client.commands.burst, 7);
        assert_eq!(live.trusted_proxies, [IpNet::from(UNIX_PEER)]);
    }
}
