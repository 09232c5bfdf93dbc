//! A database with the tables of the older system, and imports of this database.

use std::process::Output;

use serde_json::{Value, json};
use store::DatabaseSettings;
use tokio_postgres::{Client, NoTls, config::Host};

use crate::harness::{App, PasskeyAuthenticator, fresh_database, portcullis};

/// Hashes of `harness::PASSWORD` that bcrypt 4.0, argon2-cffi, passlib and Django have computed.
pub(super) const HASHES: [&str; 13] = [
    "$2b$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
    "$2y$04$yso0NA1aXUDZG3a/ooBM0e7a920kJAXBXgGEGt6yWg.RpwuNu39cq",
    "$2a$04$cxRFMUKL8ayKIOOBbS.cjueUVQBPhXFbr9Rim/2SzdTwYf0bp6TKC",
    "bcrypt$$2b$04$qm96TWyzr6LKnsqDoVhff.agAOZDYlIwx1gfdueS8vGF4Q/p/xsI.",
    "$argon2i$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$EMyeDHwqqOJqHqMd/wFtnw",
    "$argon2d$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$1jqMNZlcMi1x+OgEtMGnIA",
    "$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$CvPTqV0elNa7m4+m+GBebg",
    "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$9Z4NaTcTMdnPTU4aDq397EqpB1G9tklDvGfznvRWaPY",
    "$pbkdf2-sha256$1000$9f5/b.39vzemNAYA4LzX.g$dZdRgD4uYWQSyBrt.4x35jHLfjlDFa99tn23RQXxQf4",
    "$pbkdf2-sha512$1000$6R1DiJHSujcGYKwV4nwvxQ$M9p0ETUN5ZtVtof.ne2fbfPxFVgsIYPfjNYMbzgSYCYeHoJjgRjoJQW2OsN56FEc2bEkkxVq14s.9TCYkBLv3w",
    "$pbkdf2$1000$uffe.7.XEsL4HyMkJCQkZA$A.HulowDAdG.m7CgRzJbnDjyx2Y",
    "pbkdf2_sha256$1000$seasalt$/IncROOfvtLAfstJtUcdBIm0aQkODMiiP26T+Qep0K4=",
    "pbkdf2_sha1$1000$seasalt$HZ8/8nQ1yXN26U9GOVCE6Ym5lrg=",
];

/// The ids of the accounts of [`OlderDatabase::with_accounts`] begin after this number.
pub(super) const ID_BASE: i64 = 1_000;

const TABLES: &str = "
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public;
    CREATE TABLE users (
        id serial PRIMARY KEY, email varchar(320), hashed_password varchar(1024), display_name varchar,
        role varchar DEFAULT 'user', status varchar, is_active boolean NOT NULL DEFAULT true,
        is_superuser boolean NOT NULL DEFAULT false, created_at timestamp, updated_at timestamp, last_login_at timestamp,
        shoe_size integer);
    CREATE TABLE registered_devices (
        id serial PRIMARY KEY, user_id integer, device_fingerprint varchar(64), device_name varchar, user_agent text,
        ip_address varchar(45), is_trusted boolean DEFAULT true, is_active boolean DEFAULT true,
        first_seen_at timestamp DEFAULT '2024-01-02 03:04:05', last_seen_at timestamp DEFAULT '2024-03-02 03:04:05');
    CREATE TABLE user_two_factor (
        id serial PRIMARY KEY, user_id integer, secret varchar, is_enabled boolean DEFAULT true, backup_codes jsonb,
        created_at timestamp DEFAULT '2024-01-02 03:04:05', last_used_at timestamp);
    CREATE TABLE passkey_credentials (
        id serial PRIMARY KEY, user_id integer, credential_id bytea, public_key bytea, sign_count bigint DEFAULT 0,
        transports jsonb DEFAULT '[\"internal\", \"hybrid\"]', aaguid varchar, name varchar,
        created_at timestamp DEFAULT '2024-01-02 03:04:05', last_used_at timestamp);
    CREATE TABLE device_login_attempts (
        id serial PRIMARY KEY, user_id integer, device_id integer, ip_address varchar(45), user_agent text,
        success boolean, failure_reason varchar, attempted_at timestamp);
    CREATE TABLE sessions (id serial PRIMARY KEY, user_id integer);
    CREATE TABLE invoices (id serial PRIMARY KEY);
    CREATE TABLE alembic_version (version_num varchar);
    INSERT INTO invoices DEFAULT VALUES";

/// The database of the older system.
pub(super) struct OlderDatabase {
    pub(super) rows: Client,
    settings: DatabaseSettings,
}

impl OlderDatabase {
    /// A database without accounts.
    pub(super) async fn empty() -> Self {
        let settings = fresh_database();
        let rows = connect(&settings).await;
        rows.batch_execute(TABLES).await.expect("the tables");
        Self { rows, settings }
    }

    /// A database with this many accounts. Every third has an authenticator app, every fifth a passkey, and all have two devices
    /// and three attempts.
    pub(super) async fn with_accounts(accounts: i64, public_key: &[u8]) -> Self {
        let older = Self::empty().await;
        let hashes: Vec<&str> = HASHES.to_vec();
        let sql = "INSERT INTO users (id, email, hashed_password, display_name, status, created_at, updated_at, last_login_at)
                   SELECT $3::bigint + i, 'Older' || i || '@Example.com', ($2::text[])[1 + (i % 13)::int], 'Older ' || i,
                          CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'ACTIVE' ELSE 'active' END,
                          '2024-01-01'::timestamp + i * interval '1 minute', '2024-02-01', '2024-03-01'
                   FROM generate_series(1, $1::bigint) i";
        older.rows.execute(sql, &[&accounts, &hashes, &ID_BASE]).await.expect("accounts");
        let sql = "INSERT INTO passkey_credentials (user_id, credential_id, public_key, name)
                   SELECT id, decode(md5(id::text), 'hex'), $1, 'Key ' || id FROM users WHERE id % 5 = 0";
        older.rows.execute(sql, &[&public_key]).await.expect("passkeys");
        // The digits of an MD5 in the alphabet of Base32: a secret of 160 bits.
        older
            .rows
            .batch_execute(
                "INSERT INTO user_two_factor (user_id, secret, backup_codes)
                 SELECT id, translate(upper(md5(id::text)), '0189', 'WXYZ'), '[\"0123-4567-89ab\"]' FROM users WHERE id % 3 = 0;
                 INSERT INTO registered_devices (user_id, device_fingerprint, device_name, user_agent, ip_address)
                 SELECT id, md5(id::text || d), 'Device ' || d, 'Mozilla/5.0', '192.0.2.' || d
                 FROM users, generate_series(1, 2) d;
                 INSERT INTO device_login_attempts (user_id, device_id, ip_address, user_agent, success, failure_reason, attempted_at)
                 SELECT u.id, d.id, '192.0.2.1', 'Mozilla/5.0', true, NULL, '2024-03-01 10:00:00'::timestamp FROM users u
                 JOIN registered_devices d ON d.user_id = u.id
                 UNION ALL
                 SELECT u.id, NULL, '198.51.100.1', 'curl', false, 'invalid_credentials', '2024-03-01 11:00:00'::timestamp FROM users u;
                 INSERT INTO sessions (user_id) SELECT id FROM users",
            )
            .await
            .expect("factors, devices and attempts");
        older
    }

    /// Registers a passkey of this account in the older system. The user handle of the passkey is the account's id as text.
    pub(super) async fn add_passkey(&self, user: i64, authenticator: &mut PasskeyAuthenticator) {
        use base64::Engine as _;
        let handle = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(user.to_string());
        let options = json!({"rp": {"id": "localhost"}, "user": {"id": handle}, "challenge": "AAAA", "excludeCredentials": []});
        authenticator.register(&options);
        let key = authenticator.keys.last().expect("a passkey");
        let sql = "INSERT INTO passkey_credentials (user_id, credential_id, public_key, sign_count) VALUES ($1, $2, $3, $4)";
        let user = i32::try_from(user).expect("a small id");
        self.rows
            .execute(sql, &[&user, &key.id, &key.stored_public(), &i64::from(key.counter)])
            .await
            .expect("a passkey");
    }

    /// The secret of the authenticator app of this account.
    pub(super) async fn secret(&self, user: i64) -> String {
        let sql = "SELECT secret FROM user_two_factor WHERE user_id = $1::bigint";
        self.rows.query_one(sql, &[&user]).await.expect("a secret").get(0)
    }

    pub(super) fn url(&self) -> String {
        url(&self.settings)
    }

    /// The arguments of an import from the database with the URL `from`. `shoe_size`, a column that an import does not know, is left out.
    pub(super) fn command<'a>(&self, options: &[&'a str], from: &'a str) -> Vec<&'a str> {
        [&["import", "--from", from, "--leave-out", "users.shoe_size"], options].concat()
    }

    /// Runs an import from this database into `target`.
    pub(super) fn import(&self, target: &DatabaseSettings, options: &[&str]) -> Output {
        let (from, target) = (self.url(), url(target));
        portcullis(&self.command(options, &from), &environment(&target))
    }

    /// As [`Self::import`], but it must succeed. Returns what it prints.
    pub(super) fn imported(&self, target: &DatabaseSettings, options: &[&str]) -> String {
        let output = self.import(target, options);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        out.into_owned()
    }

    /// As [`Self::imported`], and returns the lines of the report.
    pub(super) fn reported(&self, target: &DatabaseSettings, options: &[&str]) -> (String, Vec<Value>) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("a path in UTF-8");
        let printed = self.imported(target, &[options, &["--report", path]].concat());
        let text = std::fs::read_to_string(path).expect("a report");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        (printed, lines.collect())
    }
}

/// The environment variables of an import into the database with the URL `target`.
pub(super) fn environment(target: &str) -> [(&str, &str); 3] {
    [
        ("DATABASE_URL", target),
        ("DATA_ENCRYPTION_KEY", "data key of a server that only tests know"),
        ("ENVIRONMENT", "development"),
    ]
}

pub(super) fn url(settings: &DatabaseSettings) -> String {
    let config = &settings.config;
    let Some(Host::Unix(directory)) = config.get_hosts().first() else { panic!("no socket directory") };
    let host = directory.to_str().expect("a path in UTF-8").replace('/', "%2F");
    format!("postgresql://postgres@{host}/{}", config.get_dbname().expect("a name"))
}

pub(super) async fn connect(settings: &DatabaseSettings) -> Client {
    let (client, link) = settings.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    client
}

/// The public key of a new passkey.
pub(super) fn public_key(app: &App) -> Vec<u8> {
    let mut authenticator = PasskeyAuthenticator::of(app);
    let options = json!({"rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA", "excludeCredentials": []});
    authenticator.register(&options);
    authenticator.keys[0].stored_public()
}

/// The tables that an import writes.
pub(super) const WRITTEN: [&str; 6] = [
    "users",
    "registered_devices",
    "user_two_factor",
    "backup_codes",
    "passkey_credentials",
    "device_login_attempts",
];

/// All rows of the tables that an import writes, its audit events, and the last account id, in a fixed order.
pub(super) async fn all_rows(rows: &Client) -> Vec<String> {
    let mut all = Vec::new();
    for table in WRITTEN {
        let sql = format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1");
        all.extend(
            rows.query(&sql, &[])
                .await
                .expect("rows")
                .iter()
                .map(|row| format!("{table} {}", row.get::<_, String>(0))),
        );
    }
    let sql =
        "SELECT event || ' ' || detail::text FROM audit_events WHERE event = 'accounts.imported' ORDER BY 1";
    all.extend(rows.query(sql, &[]).await.expect("events").iter().map(|row| row.get::<_, String>(0)));
    let sql = "SELECT last_value::text FROM users_id_seq";
    all.push(rows.query_one(sql, &[]).await.expect("the sequence").get(0));
    all
}
