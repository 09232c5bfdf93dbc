//! One private, temporary PostgreSQL cluster for the test process. Every test has a separate database in it, cloned
//! from a migrated template.
//!
//! The cluster is in memory-backed storage if there is enough space. It is removed when the process ends; the next process
//! removes the files of a process that was killed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

use portcullis::postgres::{Cluster, Durability};
use store::{DatabaseSettings, MigrateOrder, SERVER_ROLE, Store};
use tokio_postgres::{Client, NoTls, config::Host};

const PREFIX: &str = "portcullis-it-";
const TEMPLATE: &str = "template_it";
/// The cluster is in memory-backed storage only if that storage has this many free bytes.
const SPACE_NEEDED: u64 = 1 << 30;

/// Set to `None` at exit, because statics are not dropped.
static RUNNING: Mutex<Option<Cluster>> = Mutex::new(None);

static DATABASES: OnceLock<Databases> = OnceLock::new();

/// The name of a wanted database, the template to clone, and the channel that reports its creation.
type CloneRequest = (String, String, mpsc::Sender<()>);

struct Databases {
    socket_dir: PathBuf,
    clones: Mutex<mpsc::Sender<CloneRequest>>,
}

/// A migrated database for one test alone. The settings are those of the owner of its tables; the role of the server has its rights.
pub(crate) fn fresh_database() -> DatabaseSettings {
    cloned_database(TEMPLATE)
}

/// A database without tables, for one test alone.
pub(crate) fn empty_database() -> DatabaseSettings {
    cloned_database("template0")
}

/// A copy of this database, which must have no connections.
pub(crate) fn cloned_database(template: &str) -> DatabaseSettings {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let databases = DATABASES.get_or_init(start);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let (done, made) = mpsc::channel();
    let request = (name.clone(), template.to_owned(), done);
    databases.clones.lock().unwrap().send(request).expect("the thread that makes databases");
    made.recv().expect("a database");
    DatabaseSettings::embedded(&databases.socket_dir, &name)
}

/// Whether this database is in the cluster of all tests. A test stops or cuts off only a cluster of its own, or a proxy.
pub(crate) fn is_shared(database: &DatabaseSettings) -> bool {
    let shared = DATABASES.get().map(|databases| Host::Unix(databases.socket_dir.clone()));
    shared.is_some() && database.config.get_hosts().first() == shared.as_ref()
}

/// A cluster for one test alone. The test may stop or kill the cluster.
pub(crate) struct OwnCluster {
    pub(crate) running: Cluster,
    _directory: tempfile::TempDir,
}

impl OwnCluster {
    /// A cluster that does not lose acknowledged commits in a crash, as in production.
    pub(crate) fn start() -> Self {
        let directory = super::scratch_dir();
        let running = Cluster::start(directory.path(), Durability::Durable).expect("a cluster");
        Self { running, _directory: directory }
    }

    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings::embedded(self.running.socket_dir(), self.running.database())
    }
}

/// The directory of this test process, which is removed when the process ends.
pub(super) fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let parent = if free_bytes(memory) >= SPACE_NEEDED { memory.to_owned() } else { target_tmp() };
        sweep(&parent);
        let home = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&home).expect("a directory for the test process");
        // SAFETY: `end` is an `extern "C"` function without arguments that does not unwind: its failures are ignored.
        #[expect(unsafe_code, reason = "there is no other way to clean up when the test runner exits")]
        unsafe {
            libc::atexit(end);
        }
        home
    })
}

/// Stops the cluster and removes the directory of this process. It is called at the end of the process.
pub(super) extern "C" fn end() {
    if let Ok(mut running) = RUNNING.lock() {
        drop(running.take());
    }
    let _ = fs::remove_dir_all(home());
}

fn target_tmp() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn free_bytes(path: &Path) -> u64 {
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) else {
        return 0;
    };
    let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is a C string, and `facts` has the size that the call writes.
    #[expect(unsafe_code, reason = "the standard library cannot query the free space")]
    let known = unsafe { libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) } == 0;
    if !known {
        return 0;
    }
    // SAFETY: the call succeeded, so it has filled `facts` completely.
    #[expect(unsafe_code, reason = "filled in by the call above")]
    let facts = unsafe { facts.assume_init() };
    facts.f_bavail.saturating_mul(facts.f_frsize)
}

/// Removes the directories of test processes that were killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn start() -> Databases {
    let (clones, wanted) = mpsc::channel();
    let (report, ready) = mpsc::channel();
    // The databases are made on a thread with its own runtime, because the runtime of the first test ends with that test.
    thread::Builder::new()
        .name("databases".to_owned())
        .spawn(move || make_clones(&report, &wanted))
        .expect("a thread");
    Databases { socket_dir: ready.recv().expect("a cluster"), clones: Mutex::new(clones) }
}

fn make_clones(report: &mpsc::Sender<PathBuf>, wanted: &mpsc::Receiver<CloneRequest>) {
    let running = Cluster::start(&home().join("cluster"), Durability::Throwaway).expect("a cluster");
    let socket_dir = running.socket_dir().to_owned();
    *RUNNING.lock().unwrap() = Some(running);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let admin = connect(&socket_dir, "postgres").await;
        make_template(&admin, &socket_dir).await;
        report.send(socket_dir).unwrap();
        while let Ok((name, template, done)) = tokio::task::block_in_place(|| wanted.recv()) {
            let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
            admin.batch_execute(&sql).await.expect("a clone of the template");
            let _ = done.send(());
        }
    });
}

async fn connect(socket_dir: &Path, database: &str) -> Client {
    let settings = DatabaseSettings::embedded(socket_dir, database);
    let (client, link) = settings.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(link);
    client
}

async fn make_template(admin: &Client, socket_dir: &Path) {
    admin.batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).await.expect("the template");
    let store = Store::connect(&DatabaseSettings::embedded(socket_dir, TEMPLATE)).expect("a store");
    let order = MigrateOrder {
        server_role: Some(SERVER_ROLE.to_owned()),
        create_role: true,
        ..MigrateOrder::default()
    };
    store.migrate_with(order).await.expect("the migrations");
    drop(store);
    // A database with open connections cannot be cloned.
    let close = format!(
        "ALTER DATABASE {TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false;
         SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'"
    );
    admin.batch_execute(&close).await.expect("the template without connections");
}
