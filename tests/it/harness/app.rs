//! The real server, assembled by the same code as for the command line, on free ports. Its database is a new one, or one that
//! the test names.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Once, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use actors::Realtime;
use domain::account::role::Role;
use portcullis::{
    config::{Secrets, Settings},
    lifecycle::{Shutdown, Stop},
    socket::SocketContext,
    tls,
};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use service::Services;
use store::{DatabaseSettings, SERVER_ROLE, Store};

use super::{
    Ask, Handshake, Person, TlsStream, database, person::PASSWORD, scratch_dir, secret_watch, tls_connection,
};

/// How long a server is current after its last look at the revocations, if no test can cut it off from its database. A busy
/// machine may stop a process for longer than a second.
const PATIENT: Duration = Duration::from_secs(5);

/// The owner of the tables in the databases of the harness.
const OWNER: &str = "postgres";

/// A running server, which all clones share. It stops when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    database: DatabaseSettings,
    rest: Client,
    people: AtomicU32,
    store: OnceLock<Store>,
}

struct Parts {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    console: Option<SocketAddr>,
    services: Services,
    realtime: Realtime,
    sockets: Arc<SocketContext>,
    shutdown: Shutdown,
    /// The directory of the TLS certificate.
    directory: std::path::PathBuf,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.parts.shutdown.begin(Stop::Asked("the test is over"));
    }
}

impl App {
    /// A server with development settings.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// A server with settings that `change` modifies.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(database::fresh_database(), change)
    }

    /// A server that also speaks TLS.
    pub(crate) fn with_tls(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with(|settings| {
            settings.listen.https = Some(([127, 0, 0, 1], 0).into());
            change(settings);
        })
    }

    /// A server over this database. If the settings name the owner of the tables, the server connects with its own role, and only
    /// the tests use the owner.
    pub(crate) fn over(database: DatabaseSettings, change: impl FnOnce(&mut Settings)) -> Self {
        match Self::try_over(database, change) {
            Ok(app) => app,
            Err(error) => panic!("the server does not start: {error}"),
        }
    }

    /// As [`Self::over`], but returns the error if the server does not start.
    pub(crate) fn try_over(
        database: DatabaseSettings,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, String> {
        prepare();
        // The role of a server, which cannot change the audit log. The owner migrates the database first.
        let is_superuser = database.role() == Some(OWNER);
        let of_server = if is_superuser { database.clone().as_role(SERVER_ROLE) } else { database.clone() };
        let mut settings = Settings::development(of_server, secrets(), 0, None);
        settings.database_owner = Some(database.clone()).filter(|_| is_superuser);
        settings.listen.workers = 1;
        settings.database.pool_size = 8;
        settings.drain = Duration::ZERO;
        if database::is_shared(&database) {
            settings.current_for = PATIENT;
        }
        // Tests read the inbox. Tests of the log turn its jobs on, or run them.
        settings.audit_log.sequencing = false;
        let directory = scratch_dir();
        settings.realtime.spill_file = directory.path().join("audit.spill");
        change(&mut settings);
        let (built, parts) = mpsc::channel();
        thread::Builder::new()
            .name("app".to_owned())
            .spawn(move || serve(settings, &directory, &built))
            .expect("a thread");
        let parts = parts.recv().expect("the server's thread ended")?;
        let rest = client().build().expect("a client");
        Ok(Self(Arc::new(Inner { parts, database, rest, people: AtomicU32::new(0), store: OnceLock::new() })))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.parts.http.expect("plain HTTP")
    }

    /// The address of the TLS listener, which the settings must have enabled.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.0.parts.https.expect("the settings asked for TLS")
    }

    /// A TLS connection that trusts the server's certificate and nothing else.
    pub(crate) async fn connect_tls(&self) -> TlsStream {
        tls_connection::connect_tls(self.tls_address(), &tls::dev_certificate_path(&self.0.parts.directory))
            .await
    }

    /// A REST client for the TLS listener. It trusts only the server's certificate.
    pub(crate) fn tls_client(&self) -> Client {
        let pem = std::fs::read(tls::dev_certificate_path(&self.0.parts.directory)).expect("the certificate");
        let certificate = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        client().tls_certs_only([certificate]).build().expect("a client")
    }

    /// The services of the server, for the harness only. Tests call the methods of `operations` instead.
    pub(super) fn services(&self) -> &Services {
        &self.0.parts.services
    }

    pub(crate) fn realtime(&self) -> &Realtime {
        &self.0.parts.realtime
    }

    pub(crate) fn database(&self) -> &DatabaseSettings {
        &self.0.database
    }

    /// A second store on the server's database, as the owner of the tables. The harness uses it, for example, to create sessions
    /// and challenges faster than the server does.
    pub(super) fn store(&self) -> &Store {
        self.0.store.get_or_init(|| Store::connect(&self.0.database).expect("a store"))
    }

    /// The address of the listener of the metrics, if there is one.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.0.parts.metrics
    }

    /// The address of the console's own listener, which the settings must have enabled.
    pub(crate) fn console_address(&self) -> SocketAddr {
        self.0.parts.console.expect("the settings asked for a console")
    }

    /// The metrics of this process, which all servers of the tests share.
    pub(crate) fn metrics(&self) -> String {
        portcullis::telemetry::metrics().render()
    }

    /// The number of open sockets.
    pub(crate) fn open_sockets(&self) -> usize {
        self.0.parts.sockets.open_sockets()
    }

    /// Starts the shutdown of the server, as a signal does.
    pub(crate) fn stop(&self) {
        self.0.parts.shutdown.begin(Stop::Asked("a test"));
    }

    /// A request without credentials or cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.0.rest.request(method, self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// A handshake at this path, which may contain a query.
    pub(crate) fn handshake(&self, path: &str) -> Handshake {
        Handshake::new(self.address(), path)
    }

    /// A new user, registered over REST.
    pub(crate) async fn register(&self) -> Person {
        let email = self.new_email();
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        let answer = self.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
        Person::new(self, email, answer.body["id"].as_i64().expect("an id"))
    }

    /// The user with this id, as a client of this server. The e-mail address is left empty.
    pub(crate) fn person(&self, id: i64) -> Person {
        Person::new(self, String::new(), id)
    }

    /// Registers a user, and gives the account this role.
    pub(crate) async fn appoint(&self, role: Role) -> Person {
        let person = self.register().await;
        person.set_role(role).await;
        person
    }

    /// An e-mail address without an account.
    pub(crate) fn new_email(&self) -> String {
        format!("person{}@example.com", self.0.people.fetch_add(1, Ordering::Relaxed))
    }

    /// A separate connection to the database, as the owner of the tables, for reading and changing rows.
    pub(crate) async fn rows(&self) -> tokio_postgres::Client {
        let (client, link) =
            self.0.database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(link);
        client
    }

    /// The number that this statement returns.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.rows().await.query_one(sql, &[]).await.expect("a number").get(0)
    }
}

/// The keys of every test server.
pub(crate) fn secrets() -> Secrets {
    let secret = |name: &str| SecretString::from(format!("{name} of a server that only tests know"));
    Secrets::new(secret("token key"), secret("csrf key"), secret("data key"))
}

/// A client that uses no proxy and stores no cookies.
pub(crate) fn client() -> reqwest::ClientBuilder {
    prepare();
    Client::builder().no_proxy().timeout(super::PATIENCE)
}

/// The initialisation that a process needs once.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        secret_watch::start();
        let Secrets { jwt, csrf, data_encryption, .. } = secrets();
        for (kind, secret) in [("token key", jwt), ("CSRF key", csrf), ("data key", data_encryption)] {
            secret_watch::note(kind, secret.current.expose_secret());
        }
        secret_watch::note("key of the server API", super::server_api::API_KEY);
        secret_watch::note("key of another issuer", super::issuer::SECRET);
        secret_watch::note("password", PASSWORD);
    });
}

fn serve(mut settings: Settings, directory: &tempfile::TempDir, built: &mpsc::Sender<Result<Parts, String>>) {
    actix_web::rt::System::new().block_on(async {
        if settings.listen.https.is_some() && settings.listen.certificate.is_none() {
            let pair = tls::dev_certificate(directory.path()).expect("a certificate");
            secret_watch::note_private_key(&pair.key);
            settings.listen.certificate = Some((pair.certificate, pair.key));
        }
        let app = match portcullis::app::App::build(settings).await {
            Ok(app) => app,
            Err(error) => return drop(built.send(Err(error.to_string()))),
        };
        let parts = Parts {
            http: app.http(),
            https: app.https(),
            metrics: app.metrics(),
            console: app.console(),
            services: app.services().clone(),
            realtime: app.realtime().clone(),
            sockets: Arc::clone(app.sockets()),
            shutdown: app.shutdown(),
            directory: directory.path().to_owned(),
        };
        if built.send(Ok(parts)).is_ok() {
            let _ = app.run().await;
        }
    });
}
