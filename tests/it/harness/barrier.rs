//! A barrier at a known statement: the test holds a lock in the database. Requests of the server that need this lock wait. When
//! the test releases the lock, they continue in the order of their arrival.
//!
//! So the test decides the order of two requests, however fast each of them is.

use futures_util::future;
use store::DatabaseSettings;
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};

use super::{App, eventually};

/// A transaction of the test. It holds locks until the test releases them.
pub(crate) struct Barrier {
    holder: Client,
    /// A separate connection that polls for waiting transactions. `holder` cannot do this: in its open transaction,
    /// `pg_stat_activity` always shows the same snapshot.
    observer: Client,
}

impl Barrier {
    /// Takes the locks of this statement.
    pub(crate) async fn at(database: &DatabaseSettings, lock: &str) -> Self {
        let (holder, observer) = (connect(database).await, connect(database).await);
        holder.batch_execute(&format!("BEGIN; {lock}")).await.expect("the lock");
        Self { holder, observer }
    }

    /// Waits until at least this many transactions in the database wait for a lock.
    pub(crate) async fn wait_for(&self, waiting: i64) {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let count = async || -> i64 { self.observer.query_one(sql, &[]).await.expect("a number").get(0) };
        eventually("requests wait at the barrier", async || count().await >= waiting).await;
    }

    pub(crate) async fn release(self) {
        self.holder.batch_execute("COMMIT").await.expect("the release of the lock");
    }

    /// Runs two requests that both need the lock. The second request begins when the first one waits, and the lock is released
    /// when both wait. So the first request gets the lock first. Fails if one of the requests does not wait for the lock.
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
    /// A barrier at the row of a user. Every change of the user's rights, sessions and factors locks this row first.
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
