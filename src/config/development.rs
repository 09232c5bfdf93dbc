//! The settings of a development server, which is also that of the tests: loopback, everything generated.

use std::{net::SocketAddr, time::Duration};

use actors::runtime::RealtimeSettings;

use super::{
    ATTEMPTS_KEPT, Environment, Listen, Secrets, Settings, Surface,
    sections::{BAN, PASSWORD_QUEUE, cores},
};
use crate::socket::{ConnectionLimits, SocketSettings};
use domain::{
    abuse::throttle::Limits, factors::passkey::RelyingPartyNames, risk::Thresholds, session::SessionLimits,
};
use service::geo::Geo;
use store::DatabaseSettings;

impl Settings {
    /// The settings of `portcullis dev` and of tests: loopback, everything generated.
    #[must_use]
    pub fn development(database: DatabaseSettings, secrets: Secrets, http: u16, https: Option<u16>) -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            environment: Environment::Development,
            debug: false,
            listen: Listen {
                http: Some(loopback(http)),
                https: https.map(loopback),
                certificate: None,
                workers: cores(),
            },
            database,
            secrets,
            surface: Surface {
                domain: "localhost".to_owned(),
                // A proxy in front; the server's own origins are added once it is bound.
                allowed_origins: vec!["https://localhost".to_owned(), "http://localhost".to_owned()],
                cookie_domain: None,
                access_cookie_readable: false,
                security_headers: true,
                trusted_proxies: Vec::new(),
            },
            passkeys: RelyingPartyNames {
                id: "localhost".to_owned(),
                name: "Portcullis".to_owned(),
                origins: vec!["https://localhost".to_owned(), "http://localhost".to_owned()],
            },
            sessions: SessionLimits::default(),
            registration_open: true,
            require_email_verification: false,
            geo: Geo::default(),
            risk: Thresholds::default(),
            attempts_kept: ATTEMPTS_KEPT,
            // Everything comes from one address here.
            address_limit_factor: 1_000,
            limits: Limits::default(),
            ban: BAN,
            password_queue: PASSWORD_QUEUE,
            issuers: Vec::new(),
            allow_anonymous: false,
            api_key: None,
            socket: SocketSettings {
                limits: ConnectionLimits {
                    per_address: 20_000,
                    per_user: 1_000,
                    ..ConnectionLimits::default()
                },
                ..SocketSettings::default()
            },
            realtime: RealtimeSettings { connections_per_session: 1_000, ..RealtimeSettings::default() },
            drain: Duration::from_secs(1),
        }
    }
}
