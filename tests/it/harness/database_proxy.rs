//! A proxy between a server and PostgreSQL. A test can cut the connections through it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use store::DatabaseSettings;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy},
    net::{UnixListener, UnixStream},
    sync::watch,
};
use tokio_postgres::config::Host;

use super::scratch_dir;

/// The proxy. A cut closes its connections. While the proxy is cut, it closes new connections at once.
pub(crate) struct DatabaseProxy {
    /// `false` while the proxy is cut.
    whole: watch::Sender<bool>,
    directory: tempfile::TempDir,
    database: DatabaseSettings,
    carried: Arc<AtomicUsize>,
}

impl DatabaseProxy {
    /// A proxy to this database. At first it is not cut.
    pub(crate) fn to(database: &DatabaseSettings) -> Self {
        let Some(Host::Unix(target)) = database.config.get_hosts().first() else {
            panic!("no socket directory")
        };
        let target = target.join(".s.PGSQL.5432");
        let directory = scratch_dir();
        let (whole, state) = watch::channel(true);
        let entrance = directory.path().join(".s.PGSQL.5432");
        let listener = std::os::unix::net::UnixListener::bind(entrance).expect("a socket");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let carried: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&carried);
        // The proxy runs on a separate thread. The test may block its own thread until the server has started, and the server
        // needs the database for that.
        thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || run(listener, &target, &state, &counter))
            .expect("a thread");
        Self { whole, directory, database: database.clone(), carried }
    }

    /// The settings of a server that reaches the database through the proxy.
    pub(crate) fn database(&self) -> DatabaseSettings {
        let name = self.database.config.get_dbname().expect("a name");
        DatabaseSettings::embedded(self.directory.path(), name)
    }

    /// The number of bytes that the database has sent through the proxy.
    pub(crate) fn carried(&self) -> usize {
        self.carried.load(Ordering::SeqCst)
    }

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(
    listener: std::os::unix::net::UnixListener,
    target: &Path,
    state: &watch::Receiver<bool>,
    carried: &Arc<AtomicUsize>,
) {
    let listener = UnixListener::from_std(listener).expect("a listener");
    let links = async {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(carry(near, target.to_owned(), state.clone(), Arc::clone(carried)));
        }
    };
    let mut life = state.clone();
    tokio::select! {
        () = links => {}
        // The proxy was dropped, because the test is over.
        _ = async { while life.changed().await.is_ok() {} } => {}
    }
}

async fn carry(
    mut near: UnixStream,
    target: PathBuf,
    mut state: watch::Receiver<bool>,
    carried: Arc<AtomicUsize>,
) {
    if !*state.borrow() {
        return;
    }
    let Ok(mut far) = UnixStream::connect(target).await else {
        return;
    };
    let ((mut asking, mut answered), (mut answers, mut questions)) = (near.split(), far.split());
    let there = async {
        copy(&mut asking, &mut questions).await?;
        questions.shutdown().await
    };
    let both = async { tokio::try_join!(there, count(&mut answers, &mut answered, &carried)) };
    tokio::select! {
        _ = both => {}
        _ = state.wait_for(|whole| !whole) => {}
    }
}

/// Copies all bytes, and counts them.
async fn count(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    carried: &AtomicUsize,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        carried.fetch_add(read, Ordering::SeqCst);
        to.write_all(&buffer[..read]).await?;
    }
}
