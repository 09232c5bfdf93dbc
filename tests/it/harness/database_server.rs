//! PostgreSQL servers on TCP with TLS, as in production. The cluster of the other tests listens only on a Unix socket, where
//! PostgreSQL has no TLS.
//!
//! All servers are copies of one prepared data directory, with the migrated database and the roles of [`ROLES`]. So two servers
//! have the same data until a test changes one of them.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use portcullis::{
    postgres::{Cluster, Durability},
    tls::PairPaths,
};
use store::{DatabaseSettings, Store};
use tokio_postgres::{Client, NoTls};

use super::{PATIENCE, eventually, lasting_port, scratch_dir};

/// Roles and their passwords. `app` may do everything.
pub(crate) const ROLES: [(&str, &str); 18] = [
    ("app", "hunter2"),
    ("question", "p?w"),
    ("at", "p@w"),
    ("percent", "p%41w"),
    ("hash", "p#w"),
    ("space", "p w"),
    ("unicode", "pässwörd→😀"),
    ("slash", "p/w"),
    ("colon", "p:w"),
    ("quote", "p'w\"\\"),
    ("ampersand", "p&w=x"),
    ("plus", "p+w"),
    ("reader", "hunter2"),
    ("plain_only", "hunter2"),
    ("tls_only", "hunter2"),
    ("with_certificate", "hunter2"),
    ("by_certificate", "hunter2"),
    ("weak", "hunter2"),
];

/// Which connections each role may make.
const ACCESS: &str = "
    local     all postgres         trust
    local     replication postgres trust
    local     all all              scram-sha-256
    hostnossl all plain_only       all scram-sha-256
    hostssl   all plain_only       all reject
    hostssl   all tls_only         all scram-sha-256
    hostnossl all tls_only         all reject
    hostssl   all with_certificate all scram-sha-256 clientcert=verify-ca
    hostssl   all by_certificate   all cert
    host      all weak             all md5
    host      all all              all scram-sha-256
";

/// How often a free port is chosen anew, because another process took it before the server did.
const PORT_ATTEMPTS: usize = 5;

/// The certificate of a server in the handshake, and the authority of its clients.
pub(crate) struct ServerTls {
    pub(crate) pair: PairPaths,
    pub(crate) authority: PathBuf,
}

/// A running server. Dropping it stops the server.
pub(crate) struct DatabaseServer {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

/// A data directory to copy, the program that made it, and the user that runs the program.
struct Prepared {
    data: PathBuf,
    program: PathBuf,
    user: u32,
    group: u32,
}

impl DatabaseServer {
    /// A server that accepts writes. Without `tls` it has no TLS.
    pub(crate) fn start(tls: Option<&ServerTls>) -> Self {
        Self::start_as(tls, None)
    }

    /// A standby, which waits for the end of its primary.
    pub(crate) fn standby(tls: Option<&ServerTls>) -> Self {
        Self::start_as(tls, Some(""))
    }

    /// A standby that has every commit of this server, which confirms a commit only then. The server must not have changed
    /// anything before.
    pub(crate) async fn synchronous_standby(&self, tls: Option<&ServerTls>) -> Self {
        let source = format!("host={} port={} user=postgres", self.socket_dir().display(), self.port);
        let standby = Self::start_as(tls, Some(&source));
        let admin = self.admin().await;
        admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.expect("the setting");
        admin.batch_execute("SELECT pg_reload_conf()").await.expect("a reload");
        let sql = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        eventually("the standby follows", async || {
            admin.query_one(sql, &[]).await.expect("a number").get::<_, i64>(0) == 1
        })
        .await;
        standby
    }

    /// Commits no longer wait for the standby, and do not reach it.
    pub(crate) async fn leave_behind(&self, standby: &Self) {
        let (own, other) = (self.admin().await, standby.admin().await);
        for (admin, sql) in [
            (&own, "ALTER SYSTEM SET synchronous_standby_names = ''"),
            (&own, "SELECT pg_reload_conf()"),
            (&other, "ALTER SYSTEM SET primary_conninfo = ''"),
            (&other, "SELECT pg_reload_conf()"),
        ] {
            admin.batch_execute(sql).await.expect("the setting");
        }
        let sql = "SELECT count(*) FROM pg_stat_replication";
        eventually("the standby is behind", async || {
            own.query_one(sql, &[]).await.expect("a number").get::<_, i64>(0) == 0
        })
        .await;
    }

    /// `source` is the server that a standby follows; empty if it follows none. `None` for a server that accepts writes.
    fn start_as(tls: Option<&ServerTls>, source: Option<&str>) -> Self {
        let prepared = prepared();
        let directory = scratch_dir();
        let data = directory.path().join("data");
        let copied = Command::new("cp").arg("-a").arg(&prepared.data).arg(&data).status().expect("cp runs");
        assert!(copied.success(), "a copy of the data directory");
        if let Some(source) = source {
            // Not on the command line, so that the setting can be changed.
            prepared.give(&data.join("postgresql.auto.conf"), &format!("primary_conninfo = '{source}'\n"));
            prepared.give(&data.join("standby.signal"), "");
        }
        prepared.give(&data.join("access.conf"), ACCESS);
        fs::create_dir(directory.path().join("socket")).expect("a directory");
        prepared.own(&directory.path().join("socket"));
        if let Some(tls) = tls {
            let read = |path: &Path| fs::read_to_string(path).expect("a file in PEM form");
            prepared.give(&data.join("server.crt"), &read(&tls.pair.certificate));
            prepared.give(&data.join("server.key"), &read(&tls.pair.key));
            prepared.give(&data.join("clients.crt"), &read(&tls.authority));
        }
        for _ in 0..PORT_ATTEMPTS {
            let port = lasting_port();
            let mut child = prepared.spawn(directory.path(), port, tls.is_some());
            if is_ready(&mut child, directory.path()) {
                return Self { child, port, directory };
            }
        }
        panic!("the database server does not start: {}", log(directory.path()))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the Unix socket.
    pub(crate) fn socket_dir(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// A connection of the superuser.
    pub(crate) async fn admin(&self) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.socket_dir()).port(self.port).user("postgres").dbname("portcullis");
        let (client, link) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(link);
        client
    }

    /// Makes the server accept writes, or refuse them, also on open connections.
    pub(crate) async fn set_read_only(&self, read_only: bool) {
        let admin = self.admin().await;
        let value = if read_only { "on" } else { "off" };
        admin
            .batch_execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"))
            .await
            .expect("the setting");
        admin.batch_execute("SELECT pg_reload_conf()").await.expect("a reload");
    }

    /// Makes a primary of a standby.
    pub(crate) async fn promote(&self) {
        let promoted = self.admin().await.query_one("SELECT pg_promote()", &[]).await.expect("an answer");
        assert!(promoted.get::<_, bool>(0), "the server is now a primary");
    }

    /// Stops the server at once, as in a crash.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // With SIGKILL, the server would leave its shared memory behind.
        let _ = Command::new("kill").arg("-QUIT").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Prepared {
    fn own(&self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.user), Some(self.group)).expect("another owner");
    }

    /// Writes a file that only the user of the server can read.
    fn give(&self, path: &Path, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its permissions");
        self.own(path);
    }

    fn spawn(&self, directory: &Path, port: u16, tls: bool) -> Child {
        let data = directory.join("data");
        let mut settings = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1,::1".to_owned(),
            format!("unix_socket_directories={}", directory.join("socket").display()),
            format!("hba_file={}", data.join("access.conf").display()),
            "fsync=off".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "autovacuum=off".to_owned(),
        ];
        if tls {
            settings.extend(["ssl=on", "ssl_ca_file=clients.crt"].map(str::to_owned));
        }
        let log = fs::File::create(directory.join("log")).expect("a log");
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(&data).current_dir("/").stdin(Stdio::null());
        command.stdout(log.try_clone().expect("the same file")).stderr(log);
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(self.user).gid(self.group);
        }
        command.spawn().expect("the database server runs")
    }
}

/// Waits until the server accepts connections: line 8 of `postmaster.pid` says so. `false` if the server ended.
fn is_ready(child: &mut Child, directory: &Path) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let text = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        let is_own = lines.next() == Some(child.id().to_string().as_str());
        if is_own && lines.nth(6).is_some_and(|status| ["ready", "standby"].contains(&status.trim())) {
            return true;
        }
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the database server is not ready: {}", log(directory))
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}

fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    // The caller may be inside a runtime, which cannot wait for another one.
    PREPARED.get_or_init(|| thread::spawn(prepare).join().expect("a prepared data directory"))
}

fn prepare() -> Prepared {
    // The directory is removed with the home of this test process.
    let directory = scratch_dir().keep();
    let cluster = Cluster::start(&directory, Durability::Durable).expect("a cluster");
    let program = fs::read_link(format!("/proc/{}/exe", cluster.pid())).expect("the program");
    let settings = DatabaseSettings::embedded(cluster.socket_dir(), cluster.database());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        Store::connect(&settings).expect("a store").migrate().await.expect("the migrations");
        let (client, link) = settings.config.connect(NoTls).await.expect("a connection");
        tokio::spawn(link);
        for (role, password) in ROLES {
            let method = if role == "weak" { "md5" } else { "scram-sha-256" };
            let quoted = password.replace('\'', "''");
            let sql = format!(
                "SET password_encryption = '{method}'; SET standard_conforming_strings = on;
                 CREATE ROLE {role} LOGIN PASSWORD '{quoted}'"
            );
            client.batch_execute(&sql).await.expect("a role");
        }
        let rights = "ALTER ROLE app SUPERUSER; ALTER ROLE reader SET default_transaction_read_only = on";
        client.batch_execute(rights).await.expect("rights");
    });
    let data = cluster.location().to_owned();
    let owner = fs::metadata(&data).expect("the data directory");
    // The server stops here, so that its files can be copied.
    drop(cluster);
    Prepared { data, program, user: owner.uid(), group: owner.gid() }
}
