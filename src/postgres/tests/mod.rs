//! Tests of the private server with the real binaries of this machine. The functions that the tests share are here.

mod attach;
mod kill;
mod owner_process;
mod start;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    process::{Signal, effective_uid, send},
    *,
};

/// A data directory that the operating-system account of PostgreSQL can enter, even if this process runs as root.
fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

/// Runs one statement in a session of its own and returns the first column of its first row.
fn query(socket_dir: &Path, sql: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host_path(socket_dir).user(USER).dbname(DATABASE);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        let rows = client.simple_query(sql).await;
        drop(client);
        let _ = connection.await;
        Ok(rows?.into_iter().find_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    })
}

/// Calls `get` until it returns a value.
fn eventually<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = get() {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "not in 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn exists(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, after)| !after.trim_start().starts_with('Z'))
}

/// Writes ten rows, each acknowledged by the server.
fn write_rows(socket_dir: &Path) {
    query(socket_dir, "CREATE TABLE IF NOT EXISTS kept (n int)").unwrap();
    for n in 0..10 {
        query(socket_dir, &format!("INSERT INTO kept VALUES ({n})")).unwrap();
    }
}

fn count_rows(socket_dir: &Path) -> Option<String> {
    query(socket_dir, "SELECT count(*) FROM kept").ok().flatten()
}
