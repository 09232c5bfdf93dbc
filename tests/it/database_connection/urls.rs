//! Tries the addresses of `table` with real servers.

use std::net::TcpListener;

use portcullis::config::{Variables, database_from};
use secrecy::SecretString;
use store::{DatabaseSettings, ImportSource, SessionTarget, Store, StoreError};

use super::table::{Expected, PARTS, URLS};
use crate::harness::{Certificates, DatabaseServer, ROLES, ServerTls, eventually};

/// The servers, and the values of the words in braces.
struct Scene {
    main: DatabaseServer,
    _others: [DatabaseServer; 3],
    _closed: TcpListener,
    _files: [Certificates; 2],
    words: Vec<(&'static str, String)>,
    has_ipv6: bool,
}

impl Scene {
    fn start() -> Self {
        let (own, other) = (Certificates::new(), Certificates::new());
        let tls = |pair| ServerTls { pair, authority: own.authority_file() };
        let valid = tls(own.server("database", 5));
        let main = DatabaseServer::start(Some(&valid));
        let plain = DatabaseServer::start(None);
        let expired = DatabaseServer::start(Some(&tls(own.expired_server("expired"))));
        let standby = DatabaseServer::standby(Some(&valid));
        // A port on which nothing listens at the address of `localhost`.
        let closed = TcpListener::bind("127.0.0.2:0").expect("a port");
        let (client, foreign) = (own.client_files("by_certificate"), other.client_files("by_certificate"));
        let open = own.path().join("open.key");
        std::fs::copy(&client.key, &open).expect("a copy");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&open, mode).expect("its permissions");
        let path = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
        let directory = path(&main.socket_dir());
        let words = vec![
            ("{main}", main.port().to_string()),
            ("{plain}", plain.port().to_string()),
            ("{expired}", expired.port().to_string()),
            ("{standby}", standby.port().to_string()),
            ("{closed}", closed.local_addr().expect("an address").port().to_string()),
            ("{ca}", path(&own.authority_file())),
            ("{other_ca}", path(&other.authority_file())),
            ("{cert}", path(&client.certificate)),
            ("{key}", path(&client.key)),
            ("{other_cert}", path(&foreign.certificate)),
            ("{other_key}", path(&foreign.key)),
            ("{open_key}", path(&open)),
            ("{socket}", directory.replace('/', "%2F")),
            ("{directory}", directory),
        ];
        let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
        let others = [plain, expired, standby];
        Self { main, _others: others, _closed: closed, _files: [own, other], words, has_ipv6 }
    }

    fn filled(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// Tries these settings. `Err` has the difference from what is expected.
    async fn try_row(&self, row: usize, given: &[(&str, &str)], expected: Expected) -> Result<(), String> {
        let variables: Variables = given.iter().map(|(name, value)| (*name, self.filled(value))).collect();
        // The connection must be open while the sessions of the servers are read.
        let mut kept = None;
        let found = match database_from(&variables) {
            Ok(Some(mut settings)) => {
                settings.config.application_name(format!("row {row}"));
                connect(&settings).await.map(|store| {
                    kept = Some(store);
                    format!("row {row}")
                })
            }
            Ok(None) => Err(("refused", "nothing names a database".to_owned())),
            Err(error) => Err(("refused", error.to_string())),
        };
        let answer = match (found, expected) {
            (Ok(name), Expected::Encrypted | Expected::Plain | Expected::Identified(_)) => {
                let sql =
                    "SELECT ssl, coalesce(client_dn, '') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                           WHERE application_name = $1";
                let mut seen = None;
                for server in [&self.main].into_iter().chain(&self._others) {
                    let rows = server.admin().await.query(sql, &[&name]).await.expect("the sessions");
                    seen = seen.or(rows.first().map(|row| (row.get::<_, bool>(0), row.get::<_, String>(1))));
                }
                let as_expected = match (&seen, expected) {
                    (Some((true, _)), Expected::Encrypted) | (Some((false, _)), Expected::Plain) => true,
                    (Some((true, subject)), Expected::Identified(name)) => subject.contains(name),
                    _ => false,
                };
                if as_expected { Ok(()) } else { Err(format!("the session is {seen:?}")) }
            }
            (Err(("refused", text)), Expected::Refused(part))
            | (Err(("failed", text)), Expected::Fails(part)) => {
                let mut secrets =
                    ROLES.iter().map(|(_, password)| *password).filter(|password| password.len() > 3);
                let leaked = secrets.find(|password| text.contains(password));
                if let Some(leaked) = leaked {
                    return Err(format!("the message shows the password {leaked}: {text}"));
                }
                if text.contains(&self.filled(part)) {
                    Ok(())
                } else {
                    Err(format!("the message is: {text}"))
                }
            }
            (found, _) => Err(format!("it is {found:?}")),
        };
        drop(kept);
        answer
    }
}

/// Connects as the server does.
async fn connect(settings: &DatabaseSettings) -> Result<Store, (&'static str, String)> {
    let failed = |error: StoreError| match error {
        StoreError::Unavailable(reason) | StoreError::Internal(reason) => ("failed", reason),
        other => ("failed", other.to_string()),
    };
    let store = Store::connect(settings).map_err(failed)?;
    store.ping().await.map_err(failed)?;
    Ok(store)
}

/// Every difference is reported, not only the first one.
#[tokio::test]
async fn every_address_of_a_database_leads_to_its_connection_or_its_message() {
    let scene = Scene::start();
    let mut wrong = Vec::new();
    let (mut row, mut tried) = (0, 0);
    for (url, expected) in URLS {
        row += 1;
        if url.contains("[::1]") && !scene.has_ipv6 {
            continue;
        }
        tried += 1;
        if let Err(difference) = scene.try_row(row, &[("DATABASE_URL", url)], *expected).await {
            wrong.push(format!("{url}: expected {expected:?}, but {difference}"));
        }
    }
    for (given, expected) in PARTS {
        row += 1;
        let is_named = |name: &str| given.iter().any(|(given, _)| *given == name);
        if given.iter().any(|(_, value)| value.contains("::1")) && !scene.has_ipv6 {
            continue;
        }
        tried += 1;
        let defaults =
            [("POSTGRES_PORT", "{main}"), ("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter2")];
        let defaults = defaults.into_iter().filter(|(name, _)| !is_named(name));
        let all: Vec<(&str, &str)> = given.iter().copied().chain(defaults).collect();
        if let Err(difference) = scene.try_row(row, &all, *expected).await {
            wrong.push(format!("{given:?}: expected {expected:?}, but {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} addresses:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried >= 80, "{tried}");
}

/// The source of an import is only read, so it may be a standby.
#[tokio::test]
async fn an_import_reads_from_the_kind_of_server_that_its_url_wants() {
    let main = DatabaseServer::start(None);
    let standby = DatabaseServer::standby(None);
    let servers = format!("localhost:{},localhost:{}", main.port(), standby.port());
    for (user, target, is_standby) in [
        ("app", SessionTarget::Any, Some(false)),
        ("app", SessionTarget::ReadWrite, Some(false)),
        ("app", SessionTarget::Primary, Some(false)),
        ("app", SessionTarget::ReadOnly, Some(true)),
        ("app", SessionTarget::Standby, Some(true)),
        ("app", SessionTarget::PreferStandby, Some(true)),
        ("reader", SessionTarget::ReadOnly, Some(false)),
        ("reader", SessionTarget::ReadWrite, None),
    ] {
        let name = format!("{user} {}", target.as_str());
        let url = format!(
            "postgres://{user}:hunter2@{servers}/portcullis?target_session_attrs={}&application_name={name}",
            target.as_str()
        );
        let settings = DatabaseSettings::parse(&SecretString::from(url)).expect("a URL");
        assert_eq!(settings.target, target);
        let source = ImportSource::open(&settings).await;
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        let mut found = None;
        for (server, standby) in [(&main, false), (&standby, true)] {
            let row = server.admin().await.query_one(sql, &[&name]).await.expect("a number");
            if row.get::<_, i64>(0) > 0 {
                found = Some(standby);
            }
        }
        assert_eq!(found, is_standby, "{name}: {:?}", source.err());
    }
}

#[tokio::test]
async fn a_client_certificate_that_was_replaced_is_used_for_the_next_connection() {
    let (own, other) = (Certificates::new(), Certificates::new());
    let tls = ServerTls { pair: own.server("database", 5), authority: own.authority_file() };
    let server = DatabaseServer::start(Some(&tls));
    let used = own.client_files("by_certificate");
    let (valid, foreign) = (own.client_files("renewed/by_certificate"), other.client_files("by_certificate"));
    let url = format!(
        "postgres://by_certificate@localhost:{}/portcullis?sslmode=require&sslcert={}&sslkey={}",
        server.port(),
        used.certificate.display(),
        used.key.display()
    );
    let store = Store::connect(&DatabaseSettings::parse(&SecretString::from(url)).expect("a URL")).unwrap();
    store.ping().await.expect("a connection");
    let admin = server.admin().await;
    for (pair, accepted) in [(&foreign, false), (&valid, true)] {
        std::fs::copy(&pair.certificate, &used.certificate).expect("a copy");
        std::fs::copy(&pair.key, &used.key).expect("a copy");
        let sql =
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'by_certificate'";
        admin.execute(sql, &[]).await.expect("the end of the connections");
        eventually("the next connection uses the new certificate", async || {
            let ping = store.ping().await;
            match (accepted, &ping) {
                (true, Ok(())) => true,
                (false, Err(error)) => error.to_string().contains("certificate of this client"),
                _ => false,
            }
        })
        .await;
    }
}
