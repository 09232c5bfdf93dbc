//! SIGHUP: the server reads its settings again, applies what can be applied, and keeps its connections.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use jsonwebtoken::Algorithm;
use reqwest::Client;
use serde_json::{Value, json};
use store::DatabaseSettings;

use crate::{
    harness::{
        Answer, Ask as _, Certificates, ClientPair, DatabaseProxy, PASSWORD, Server, Socket, client,
        eventually, fresh_database,
        issuer::{self, now, signed},
        scratch_dir,
    },
    serve::production_on,
};

/// A production server with further settings in a file that the test can change.
struct Installation {
    server: Server,
    directory: tempfile::TempDir,
}

impl Installation {
    fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(&file_of(settings))
    }

    fn start_with(file: &str) -> Self {
        Self::start_on(&fresh_database(), file)
    }

    fn start_on(database: &DatabaseSettings, file: &str) -> Self {
        let directory = scratch_dir();
        std::fs::write(directory.path().join("settings.env"), file).expect("the file");
        let path = directory.path().join("settings.env");
        Self { server: production_on(database, &[&path], &[], &[]), directory }
    }

    /// A server with its data key in the file, and not in the environment, where a reload does not see another one.
    fn with_data_key_in_file(database: &DatabaseSettings, settings: &[(&str, &str)], key: &str) -> Self {
        let directory = scratch_dir();
        let path = directory.path().join("settings.env");
        let file = file_of(&[settings, &[("DATA_ENCRYPTION_KEY", key)]].concat());
        std::fs::write(&path, file).expect("the file");
        Self { server: production_on(database, &[&path], &[], &["DATA_ENCRYPTION_KEY"]), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes other settings to the file and reloads. Returns the line of the log with the result.
    fn reload(&self, settings: &[(&str, &str)]) -> Value {
        self.reload_with(&file_of(settings))
    }

    fn reload_with(&self, file: &str) -> Value {
        std::fs::write(self.path("settings.env"), file).expect("the file");
        self.server.reload()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// A request that the limit `LIMIT_CSRF_ADDRESS` counts, by a proxy for this client.
    async fn csrf_token(&self, forwarded_for: &str) -> Answer {
        let request = rest().get(self.url("/api/v1/auth/csrf-token"));
        request.header("x-forwarded-for", forwarded_for).ask().await
    }

    async fn sign_in(&self) -> String {
        let body = json!({"username": "ann@example.com", "password": PASSWORD});
        let login = rest().post(self.url("/api/v1/auth/jwt/login")).json(&body).ask().await.expect(200);
        login.text_of("access_token")
    }

    /// The ids of the public keys of tokens.
    async fn published(&self) -> Vec<Value> {
        let keys = rest().get(self.url("/.well-known/jwks.json")).ask().await.expect(200);
        let keys = keys.body["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().map(|key| key["kid"].clone()).collect()
    }

    /// Registers a user and opens a socket of that user.
    async fn socket(&self) -> Socket {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        rest().post(self.url("/api/v1/auth/register")).json(&body).ask().await.expect(201);
        let path = format!("/api/v1/ws/chat?token={}", self.sign_in().await);
        self.server.handshake(&path).open().await.expect("the handshake is accepted")
    }
}

fn file_of(settings: &[(&str, &str)]) -> String {
    settings.iter().fold(String::new(), |mut text, (name, value)| {
        writeln!(text, "{name}='{value}'").expect("a text");
        text
    })
}

fn rest() -> Client {
    client().build().expect("a client")
}

fn text<'v>(line: &'v Value, field: &str) -> &'v str {
    line[field].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_reload_changes_limits_and_trusted_proxies() {
    let few = ("LIMIT_CSRF_ADDRESS", "1/3600");
    let installation = Installation::start(&[few]);
    installation.csrf_token("192.0.2.1").await.expect(200);
    installation.csrf_token("192.0.2.2").await.expect(429);

    let result = installation.reload(&[few, ("TRUSTED_PROXIES", "127.0.0.0/8")]);
    assert_eq!(text(&result, "changed"), "TRUSTED_PROXIES from none to 127.0.0.0/8");
    assert_eq!(text(&result, "need_restart"), "nothing");
    installation.csrf_token("192.0.2.1").await.expect(200);
    installation.csrf_token("192.0.2.1").await.expect(429);
    installation.csrf_token("192.0.2.2").await.expect(200);

    let result = installation.reload(&[("LIMIT_CSRF_ADDRESS", "1000/1"), ("TRUSTED_PROXIES", "127.0.0.0/8")]);
    assert_eq!(text(&result, "changed"), "LIMIT_CSRF_ADDRESS from 1/3600 to 1000/1");
    eventually("the new limit", async || installation.csrf_token("192.0.2.1").await.status == 200).await;
    installation.csrf_token("192.0.2.1").await.expect(200);
}

#[tokio::test]
async fn a_reload_changes_channels_for_a_socket_that_stays_open() {
    let directory = scratch_dir();
    let channels = directory.path().join("channels.toml");
    let chat = "[namespaces.chat]\nsubscribe = [\"user\"]\npublish = [\"subscriber\"]\n";
    std::fs::write(&channels, chat).expect("a file");
    let setting = [("CHANNELS_FILE", channels.to_str().expect("a path in UTF-8"))];
    let installation = Installation::start(&setting);
    let mut socket = installation.socket().await;
    socket.subscribe("chat:lobby").await;
    let refused = socket.ask(json!({"subscribe": {"channel": "news:today"}})).await.expect("a reply");
    assert_eq!(refused["error"]["code"], 102, "{refused}");

    let news = "[namespaces.news]\nsubscribe = [\"user\"]\npublish = [\"user\"]\n";
    std::fs::write(&channels, format!("{chat}{news}")).expect("a file");
    let result = installation.reload(&setting);
    assert_eq!(text(&result, "changed"), "CHANNELS_FILE (the content of the file)");
    socket.subscribe("news:today").await;
    socket.publish("news:today", json!("after")).await;
    assert_eq!(socket.pushed().await["pub"]["data"], "after");

    // The right to publish is gone, and the subscription stays.
    let silent = "[namespaces.chat]\nsubscribe = [\"user\"]\n";
    std::fs::write(&channels, format!("{silent}{news}")).expect("a file");
    installation.reload(&setting);
    let refused =
        socket.ask(json!({"publish": {"channel": "chat:lobby", "data": 1}})).await.expect("a reply");
    assert_eq!(refused["error"]["code"], 103, "{refused}");
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn a_reload_replaces_the_keys_of_tokens_and_earlier_tokens_stay_valid() {
    let installation = Installation::start(&[]);
    let mut socket = installation.socket().await;
    let algorithm = |token: &str| jsonwebtoken::decode_header(token).expect("a token").alg;
    let profile = async |token: &str| {
        rest().get(installation.url("/api/v1/profile")).bearer_auth(token).ask().await.status
    };
    let earlier = installation.sign_in().await;
    let published = installation.published().await;
    assert_eq!((published.len(), algorithm(&earlier)), (1, Algorithm::HS256));
    let result = installation.reload(&[("JWT_ALGORITHM", "EdDSA")]);
    assert_eq!(text(&result, "changed"), "JWT_ALGORITHM from HS256 to EdDSA");
    assert_eq!(installation.published().await, published, "other services know the key already");
    let later = installation.sign_in().await;
    assert_eq!(algorithm(&later), Algorithm::EdDSA);
    assert_eq!((profile(&earlier).await, profile(&later).await), (200, 200));
    installation.reload(&[]);
    assert_eq!(installation.published().await, published, "other services still know the key");
    assert_eq!((profile(&earlier).await, profile(&later).await), (200, 200));
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn a_reload_with_another_next_key_of_tokens_publishes_it_and_shows_no_secret() {
    let installation = Installation::start(&[]);
    let mut socket = installation.socket().await;
    let token = installation.sign_in().await;
    let first = installation.published().await;
    let next = "Wb7nQ2xK9cV4mZ1rT6yU3pL8sD5fG0hJ";
    let result = installation.reload(&[("JWT_NEXT_SECRET_KEY", next)]);
    assert_eq!(text(&result, "changed"), "JWT_NEXT_SECRET_KEY");
    let both = installation.published().await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    installation.reload(&[]);
    assert_eq!(installation.published().await, first);
    let profile = rest().get(installation.url("/api/v1/profile")).bearer_auth(&token).ask().await;
    assert_eq!(profile.status, 200);
    assert!(socket.is_undisturbed().await);
    assert!(!installation.server.log().contains(next));
}

/// The data key of the servers of these tests, and another one.
const DATA_KEYS: [&str; 2] = ["m4Nn8Bb2Vv6Cc0Xx4Zz8Ll2Kk6Jj0Hh5", "Wb7nQ2xK9cV4mZ1rT6yU3pL8sD5fG0hJ"];

#[tokio::test]
async fn a_reload_with_a_data_key_that_does_not_open_the_database_is_refused_and_changes_nothing() {
    let [right, wrong] = DATA_KEYS;
    let few = ("LIMIT_CSRF_ADDRESS", "1/3600");
    let installation = Installation::with_data_key_in_file(&fresh_database(), &[few], right);
    installation.csrf_token("192.0.2.1").await.expect(200);
    let more = ("LIMIT_CSRF_ADDRESS", "1000/1");
    let result = installation.reload(&[more, ("DATA_ENCRYPTION_KEY", wrong)]);
    let problems = text(&result, "problems");
    assert_eq!(result["level"], "ERROR");
    assert!(problems.contains("DATA_ENCRYPTION_KEY does not open the lasting keys ("), "{problems}");
    installation.csrf_token("192.0.2.1").await.expect(429);
    // With the right key among the retired ones, the same reload is applied.
    let previous = ("DATA_ENCRYPTION_PREVIOUS_KEYS", right);
    let result = installation.reload(&[more, ("DATA_ENCRYPTION_KEY", wrong), previous]);
    let changed = text(&result, "changed");
    assert!(changed.contains("DATA_ENCRYPTION_KEY") && changed.contains("LIMIT_CSRF_ADDRESS"), "{result}");
    let log = installation.server.log();
    assert!(!log.contains(right) && !log.contains(wrong));
}

#[tokio::test]
async fn a_reload_needs_the_database_only_if_the_secrets_of_data_have_changed() {
    let [right, other] = DATA_KEYS;
    let proxy = DatabaseProxy::to(&fresh_database());
    let installation = Installation::with_data_key_in_file(&proxy.database(), &[], right);
    proxy.cut();
    let key = ("DATA_ENCRYPTION_KEY", right);
    let result = installation.reload(&[key, ("DEBUG", "true")]);
    assert_eq!(text(&result, "changed"), "DEBUG from false to true", "{result}");
    let rotated = [("DATA_ENCRYPTION_KEY", other), ("DATA_ENCRYPTION_PREVIOUS_KEYS", right)];
    let result = installation.reload(&rotated);
    let problems = text(&result, "problems");
    assert!(problems.contains("DATA_ENCRYPTION_KEY") && problems.contains("database"), "{result}");
    proxy.mend();
    eventually("the database is there again", async || {
        text(&installation.reload(&rotated), "changed").contains("DATA_ENCRYPTION_KEY")
    })
    .await;
}

#[tokio::test]
async fn a_reload_adds_and_removes_issuers() {
    let installation = Installation::start(&[]);
    let connect = async || {
        let token = signed(&json!({"sub": "eve", "exp": now() + 600}));
        let mut socket =
            installation.server.handshake("/connection/websocket").open().await.expect("a socket");
        match socket.ask(json!({"connect": {"token": token}})).await {
            Ok(reply) => reply["connect"]["client"].is_string(),
            Err(_) => false,
        }
    };
    assert!(!connect().await);
    let strong = "what corp and the tests of a production server know";
    let issuers = issuer::shared().to_string().replace(issuer::SECRET, strong);
    let result = installation.reload(&[("TOKEN_ISSUERS", &issuers)]);
    assert_eq!(text(&result, "changed"), "TOKEN_ISSUERS");
    assert!(!connect().await, "another secret");
    let connect = async || {
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let token = issuer::signed_with(strong, &header, &json!({"sub": "eve", "exp": now() + 600}));
        let mut socket =
            installation.server.handshake("/connection/websocket").open().await.expect("a socket");
        match socket.ask(json!({"connect": {"token": token}})).await {
            Ok(reply) if reply["connect"]["client"].is_string() => Some(socket),
            _ => None,
        }
    };
    let mut socket = connect().await.expect("the issuer is known");
    installation.reload(&[]);
    assert!(connect().await.is_none(), "the issuer is gone");
    assert!(socket.is_undisturbed().await, "an open socket stays");
    assert!(!installation.server.log().contains(strong));
}

#[tokio::test]
async fn a_reload_changes_the_level_of_the_log() {
    let installation = Installation::start(&[]);
    let is_debug = |line: &str| line.contains("\"DEBUG\"");
    installation.reload(&[]);
    assert!(!installation.server.log().lines().any(is_debug));
    let result = installation.reload(&[("DEBUG", "true")]);
    assert_eq!(text(&result, "changed"), "DEBUG from false to true");
    assert!(installation.server.log().lines().any(is_debug), "{}", installation.server.log());
}

#[tokio::test]
async fn a_reload_with_a_wrong_value_changes_nothing_and_reports_every_problem() {
    let few = ("LIMIT_CSRF_ADDRESS", "1/3600");
    let installation = Installation::start(&[few]);
    installation.csrf_token("192.0.2.1").await.expect(200);
    let result = installation.reload(&[
        ("LIMIT_CSRF_ADDRESS", "1000/1"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("CONNECTIONS", "many"),
        ("CHANNELS_FILE", "/nonexistent/channels.toml"),
        ("LIMIT_LOGN_ADDRESS", "1/1"),
    ]);
    assert_eq!(result["level"], "ERROR");
    for problem in
        ["CONNECTIONS: must be a whole number", "CHANNELS_FILE: ", "LIMIT_LOGN_ADDRESS: there is no such"]
    {
        assert!(text(&result, "problems").contains(problem), "{problem}: {result}");
    }
    installation.csrf_token("192.0.2.2").await.expect(429);
    // The next reload compares with the values that are in use.
    let result = installation.reload(&[few, ("CONNECTIONS_PER_USER", "7")]);
    assert!(text(&result, "changed").starts_with("CONNECTIONS_PER_USER from "), "{result}");
    assert!(!text(&result, "changed").contains("LIMIT"), "{result}");
}

#[tokio::test]
async fn a_reload_names_what_needs_a_restart_until_the_restart_and_shows_no_secret() {
    let installation = Installation::start(&[("API_KEY", "a key of sixteen bytes")]);
    let settings =
        [("API_KEY", "another key of sixteen bytes"), ("SESSIONS_PER_USER", "3"), ("DEBUG", "yes")];
    let result = installation.reload(&settings);
    assert_eq!(text(&result, "changed"), "DEBUG from false to true");
    let need_restart = text(&result, "need_restart").to_owned();
    assert!(need_restart.contains("API_KEY") && need_restart.contains("SESSIONS_PER_USER from "), "{result}");
    let again = installation.reload(&settings);
    assert_eq!(text(&again, "changed"), "nothing");
    assert_eq!(text(&again, "need_restart"), need_restart);
    assert!(!installation.server.log().contains("key of sixteen bytes"));
}

#[tokio::test]
async fn a_reload_can_name_other_files_of_client_certificates_and_cannot_turn_them_off() {
    let [first, second] = [Certificates::new(), Certificates::new()];
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let server = first.server("server", 60);
    let settings = |clients: &[(&str, &str)]| {
        let (certificate, key) = (path(&server.certificate), path(&server.key));
        let tls =
            [("TLS_CERT_FILE", certificate.as_str()), ("TLS_KEY_FILE", key.as_str()), ("TLS_PORT", "0")];
        file_of(&[&tls, clients].concat())
    };
    let [first_root, second_root] = [&first, &second].map(|authority| path(&authority.authority_file()));
    let installation = Installation::start_with(&settings(&[("CLIENT_CA_FILE", &first_root)]));
    let https = installation.server.facts["https"].as_str().expect("TLS").to_owned();
    let url = format!("{}/health", https.replace("127.0.0.1", "localhost"));
    let (of_first, of_second) = (first.client_pair("console"), second.client_pair("console"));
    let accepts = async |pair: &ClientPair| {
        let rest = first.rest().identity(pair.identity()).build().expect("a client");
        rest.get(&url).send().await.is_ok()
    };
    assert!(accepts(&of_first).await && !accepts(&of_second).await);
    let result = installation.reload_with(&settings(&[("CLIENT_CA_FILE", &second_root)]));
    assert!(text(&result, "changed").contains("CLIENT_CA_FILE from "), "{result}");
    assert!(!accepts(&of_first).await && accepts(&of_second).await);
    let list = path(&second.revoke(&[&of_second]));
    let both = [("CLIENT_CA_FILE", second_root.as_str()), ("CLIENT_CRL_FILE", list.as_str())];
    let result = installation.reload_with(&settings(&both));
    assert!(text(&result, "changed").contains("CLIENT_CRL_FILE from "), "{result}");
    assert!(!accepts(&of_second).await, "it is revoked");
    let result = installation.reload_with(&settings(&[]));
    assert!(text(&result, "need_restart").contains("CLIENT_CA_FILE from "), "{result}");
    assert!(!accepts(&of_first).await && !accepts(&of_second).await, "the former files still count");
}

#[tokio::test]
async fn a_reload_can_name_another_certificate() {
    let certificates = Certificates::new();
    let pairs = [certificates.server("first", 60), certificates.server("second", 60)];
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let [first, second] = pairs.each_ref().map(|pair| [path(&pair.certificate), path(&pair.key)]);
    let tls = |[certificate, key]: [&str; 2]| {
        file_of(&[("TLS_CERT_FILE", certificate), ("TLS_KEY_FILE", key), ("TLS_PORT", "0")])
    };
    let installation = Installation::start_with(&tls([&first[0], &first[1]]));
    let https = installation.server.facts["https"].as_str().expect("TLS").to_owned();
    let address = https.strip_prefix("https://").expect("an address").parse().expect("an address");
    let served = async || certificates.served_at(address).await;
    let result = installation.reload_with(&tls([&second[0], &second[1]]));
    assert!(text(&result, "changed").contains("TLS_CERT_FILE from "), "{result}");
    let expected = std::fs::read(&pairs[1].certificate).expect("a certificate");
    assert_eq!(served().await, certificates.der(&expected));
    // A pair that does not fit together is refused, and the former certificate is still served.
    let result = installation.reload_with(&tls([&first[0], &second[1]]));
    assert!(text(&result, "problems").contains("does not belong to the certificate"), "{result}");
    assert_eq!(served().await, certificates.der(&expected));
    let result = installation.reload(&[]);
    assert!(text(&result, "need_restart").contains("TLS_CERT_FILE from "), "{result}");
    assert_eq!(served().await, certificates.der(&expected));
}
