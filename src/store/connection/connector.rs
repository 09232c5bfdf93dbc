//! Opens one connection to the first server of the list that fits. The other files of the store get their connections from a
//! [`Connector`].

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;
use tokio_postgres::{
    Client, Config, Connection, SimpleQueryMessage, Socket,
    config::{LoadBalanceHosts, SslMode},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use super::{
    endpoint::{Endpoint, Way},
    refusal::{concerns_encryption, reason},
};
use crate::{
    error::StoreError,
    session_target::{SERVER_STATE, ServerState, SessionTarget},
    settings::DatabaseSettings,
    tls::TlsSource,
    tls_mode::TlsMode,
};

/// The other half of a [`Client`]: it must be polled as long as the client is used.
pub(crate) type Link = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Opens connections to one database. Clones share the memory of the server that answered last.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    /// The parameters of the driver, without the servers.
    parameters: Config,
    endpoints: Vec<Endpoint>,
    shuffled: bool,
    target: SessionTarget,
    mode: TlsMode,
    identified: bool,
    tls: TlsSource,
    limit: Duration,
    /// The index of the server that fitted last. It is tried first: otherwise each connection would first wait for a server
    /// that is down.
    last: AtomicUsize,
}

impl Connector {
    /// # Errors
    /// A file of certificates or the key of the client cannot be used.
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let identity = settings.identity.as_ref().filter(|_| settings.tls != TlsMode::Disable);
        Ok(Self(Arc::new(Inner {
            parameters: without_servers(&settings.config),
            endpoints: Endpoint::all(&settings.config),
            shuffled: settings.config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            target: settings.target,
            mode: settings.tls.clone(),
            identified: identity.is_some(),
            tls: TlsSource::new(&settings.tls, identity)?,
            limit: settings.connect_timeout(),
            last: AtomicUsize::new(0),
        })))
    }

    /// Opens a connection. Each address has the time of `connect_timeout`, from the first packet to the end of the sign-in.
    ///
    /// # Errors
    /// `Unavailable` if no server fits, with the reason of each, or if a file of certificates cannot be used
    /// now.
    pub(crate) async fn connect(&self) -> Result<(Client, Link), StoreError> {
        let inner = &self.0;
        // A file that is being replaced can be used a moment later.
        let tls = inner.tls.connector().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut failures = Vec::new();
        for target in inner.target.rounds() {
            failures.clear();
            for index in inner.order() {
                let Some(endpoint) = inner.endpoints.get(index) else { continue };
                match inner.reach(endpoint, *target, &tls).await {
                    Ok(connected) => {
                        inner.last.store(index, Ordering::Relaxed);
                        return Ok(connected);
                    }
                    Err(reason) => failures.push((endpoint, reason)),
                }
            }
        }
        Err(StoreError::Unavailable(match failures.as_slice() {
            [(_, reason)] => reason.clone(),
            _ => failures
                .iter()
                .map(|(endpoint, reason)| format!("{endpoint}: {reason}"))
                .collect::<Vec<_>>()
                .join("; "),
        }))
    }
}

impl Inner {
    /// The servers in the order of the attempts.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.endpoints.len()).collect();
        if self.shuffled {
            let mut random = Uuid::new_v4().as_u128();
            for left in (1..order.len()).rev() {
                let choices = left as u128 + 1;
                order.swap(left, usize::try_from(random % choices).unwrap_or(0));
                random /= choices;
            }
        } else if let Some(place) = order.iter().position(|index| *index == self.last.load(Ordering::Relaxed))
        {
            let last = order.remove(place);
            order.insert(0, last);
        }
        order
    }

    /// Connects to one server over the first of its addresses that fits.
    async fn reach(
        &self,
        endpoint: &Endpoint,
        target: SessionTarget,
        tls: &MakeRustlsConnect,
    ) -> Result<(Client, Link), String> {
        let ways = match timeout(self.limit, endpoint.ways()).await {
            Ok(Ok(ways)) => ways,
            Ok(Err(error)) => return Err(format!("the name of the host has no address: {error}")),
            Err(_) => return Err("the name of the host was not looked up in time".to_owned()),
        };
        let mut reason = "the name of the host has no address".to_owned();
        for way in ways {
            let attempt = self.attempt(&way, endpoint.port(), target, tls);
            match timeout(self.limit, attempt).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(refused)) => reason = refused,
                Err(_) => {
                    reason = format!("no connection within {} s (connect_timeout)", self.limit.as_secs());
                }
            }
        }
        Err(reason)
    }

    async fn attempt(
        &self,
        way: &Way,
        port: u16,
        target: SessionTarget,
        tls: &MakeRustlsConnect,
    ) -> Result<(Client, Link), String> {
        let mut config = self.parameters.clone();
        config.port(port);
        let encrypted = match way {
            Way::Directory(directory) => {
                config.host_path(directory);
                SslMode::Disable
            }
            Way::Address { address, name } => {
                config.host(name).hostaddr(*address);
                config.get_ssl_mode()
            }
        };
        config.ssl_mode(encrypted);
        let mut answer = config.connect(tls.clone()).await;
        if let Err(error) = &answer
            && encrypted == SslMode::Prefer
            && self.mode == TlsMode::Prefer
            && concerns_encryption(error)
        {
            answer = config.ssl_mode(SslMode::Disable).connect(tls.clone()).await;
        }
        let offered = self.identified && encrypted != SslMode::Disable;
        let (client, mut link) = answer.map_err(|error| reason(&error, offered))?;
        if target != SessionTarget::Any {
            let server = state(&client, &mut link).await.map_err(|error| reason(&error, offered))?;
            if let Some(misfit) = target.misfit(server) {
                return Err(format!("{misfit} (target_session_attrs={})", target.as_str()));
            }
        }
        Ok((client, link))
    }
}

/// Asks the server for its state. Nothing else polls the connection yet.
async fn state(client: &Client, link: &mut Link) -> Result<ServerState, tokio_postgres::Error> {
    let sql = format!("SELECT {SERVER_STATE}");
    let mut question = pin!(client.simple_query(&sql));
    let answer = tokio::select! {
        answer = &mut question => answer?,
        ended = &mut *link => {
            ended?;
            // The connection ended without an error; the question fails with the same meaning.
            question.await?
        }
    };
    let is_true = |column| {
        answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get(column).ok().flatten() == Some("true"),
            _ => false,
        })
    };
    Ok(ServerState { standby: is_true("standby"), read_only: is_true("read_only") })
}

/// A copy of the configuration without hosts, addresses and ports. The driver cannot remove them.
fn without_servers(config: &Config) -> Config {
    let mut copy = Config::new();
    if let Some(user) = config.get_user() {
        copy.user(user);
    }
    if let Some(password) = config.get_password() {
        copy.password(password);
    }
    if let Some(name) = config.get_dbname() {
        copy.dbname(name);
    }
    if let Some(options) = config.get_options() {
        copy.options(options);
    }
    if let Some(name) = config.get_application_name() {
        copy.application_name(name);
    }
    if let Some(limit) = config.get_connect_timeout() {
        copy.connect_timeout(*limit);
    }
    if let Some(limit) = config.get_tcp_user_timeout() {
        copy.tcp_user_timeout(*limit);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        copy.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        copy.keepalives_retries(retries);
    }
    copy.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .channel_binding(config.get_channel_binding())
        .ssl_mode(config.get_ssl_mode());
    copy
}
