//! A barrier at a known statement: the test holds a lock in the database, so that requests of the server wait when
//! they need it, and continue in the order in which they arrived.
//!
//! So the test decides the order of two requests, independent of their speed.

use futures_util::future;
use store::DatabaseSettings;
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};

use super::{App, eventually};

/// A transaction of the test that holds locks until it is released.
pub(crate) struct Barrier {
    holder: Client,
    /// A separate connection that polls for waiting transactions. Within its transaction, the holder would always see
    /// the same snapshot of them.
    observer: Client,
}

impl Barrier {
    /// Takes the locks of this statement.
    pub(crate) async fn at(database: &DatabaseSettings, lock: &str) -> Self {
        let (holder, observer) = (connect(database).await, connect(database).await);
        holder.batch_execute(&format!("BEGIN; {lock}")).await.expect("the lock");
        Self { holder, observer }
    }

    /// Waits until this many transactions of the server wait for a lock.
    pub(crate) async fn wait_for(&self, waiting: i64) {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let count = async || -> i64 { self.observer.query_one(sql, &[]).await.expect("a number").get(0) };
        eventually("requests wait at the barrier", async || count().await >= waiting).await;
    }

    pub(crate) async fn release(self) {
        self.holder.batch_execute("COMMIT").await.expect("the release of the lock");
    }

    /// Runs two requests that both need the lock, so that the first one gets it first: the second begins when the
    /// first waits, and the lock is released when both wait. Fails if one of them does not wait for the lock.
    pub(crate) async fn in_order<A, B>(
        self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        let (first_waits, begin) = oneshot::channel();
        let second = async {
            begin.await.expect("the first request waits");
            second.await
        };
        let conduct = async {
            self.wait_for(1).await;
            first_waits.send(()).expect("the second request");
            self.wait_for(2).await;
            self.release().await;
        };
        let (first, second, ()) = future::join3(first, second, conduct).await;
        (first, second)
    }
}

impl App {
    /// A barrier at the row of a user, which every change of the user's rights, sessions and factors locks first.
    pub(crate) async fn barrier_at_user(&self, user: protocol::id::UserId) -> Barrier {
        let lock = format!("SELECT FROM users WHERE id = {} FOR NO KEY UPDATE", user.0);
        Barrier::at(self.database(), &lock).await
    }
}

async fn connect(database: &DatabaseSettings) -> Client {
    let (client, connection) = database.config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}
