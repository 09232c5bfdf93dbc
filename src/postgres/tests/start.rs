//! Tests of first and later starts, and of starts that must be refused.

use std::os::unix::fs::MetadataExt;

use super::*;

#[test]
fn a_first_start_makes_the_cluster_and_its_database() {
    let data = data();
    let running = Cluster::start(&data.path().join("new"), Durability::Durable).unwrap();
    assert_eq!(query(running.socket_dir(), "SELECT current_database()").unwrap().unwrap(), DATABASE);
    assert_eq!(running.location(), data.path().canonicalize().unwrap().join("new/postgres"));
    assert_eq!(query(running.socket_dir(), "SHOW data_checksums").unwrap().unwrap(), "on");
    assert_eq!(query(running.socket_dir(), "SHOW server_encoding").unwrap().unwrap(), "UTF8");
    assert_eq!(query(running.socket_dir(), "SHOW fsync").unwrap().unwrap(), "on");
}

#[test]
fn the_server_listens_only_on_a_private_socket() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    assert_eq!(query(running.socket_dir(), "SHOW listen_addresses").unwrap().unwrap(), "");
    assert_eq!(std::fs::metadata(running.socket_dir()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_throwaway_cluster_does_not_wait_for_the_disk() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    assert_eq!(query(running.socket_dir(), "SHOW fsync").unwrap().unwrap(), "off");
}

#[test]
fn the_server_never_runs_as_root() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    let user = std::fs::metadata(format!("/proc/{}", running.pid())).unwrap().uid();
    assert_ne!(user, 0);
    assert!(effective_uid() == 0 || user == effective_uid());
}

#[test]
fn a_later_start_finds_the_rows_of_the_earlier_one() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Durable).unwrap();
    write_rows(running.socket_dir());
    let postmaster = running.pid();
    drop(running);
    assert!(!exists(postmaster));
    let running = Cluster::start(data.path(), Durability::Durable).unwrap();
    assert_eq!(count_rows(running.socket_dir()).unwrap(), "10");
}

#[test]
fn a_dropped_database_is_made_again_at_the_next_start() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host_path(running.socket_dir()).user(USER).dbname("postgres");
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.simple_query(&format!("DROP DATABASE {DATABASE}")).await.unwrap();
    });
    drop(running);
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    assert_eq!(query(running.socket_dir(), "SELECT 1").unwrap().unwrap(), "1");
}

#[test]
fn a_second_start_on_the_same_directory_is_refused_with_the_process_that_runs_the_first() {
    let data = data();
    let _running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    let refusal = Cluster::start(data.path(), Durability::Throwaway).unwrap_err();
    let expected = format!("is already in use by process {}", std::process::id());
    assert!(refusal.to_string().contains(&expected), "{refusal}");
}

#[test]
fn the_start_after_an_interrupted_first_start_creates_the_cluster_anew() {
    let data = data();
    std::fs::create_dir(data.path().join("postgres.init")).unwrap();
    std::fs::write(data.path().join("postgres.init/PG_VERSION"), "15\n").unwrap();
    let running = Cluster::start(data.path(), Durability::Throwaway).unwrap();
    assert_eq!(query(running.socket_dir(), "SELECT 1").unwrap().unwrap(), "1");
    assert!(!data.path().join("postgres.init").exists());
}

#[test]
fn a_directory_that_is_not_a_cluster_is_refused_and_stays_unchanged() {
    let data = data();
    let letters = data.path().join("postgres/letters.txt");
    std::fs::create_dir(data.path().join("postgres")).unwrap();
    std::fs::write(&letters, "dear").unwrap();
    let refusal = Cluster::start(data.path(), Durability::Throwaway).unwrap_err();
    assert!(matches!(refusal, StartError::NotACluster(_)), "{refusal}");
    assert_eq!(std::fs::read_to_string(letters).unwrap(), "dear");
}

#[test]
fn a_cluster_of_another_major_version_is_refused_with_both_versions() {
    let data = data();
    drop(Cluster::start(data.path(), Durability::Throwaway).unwrap());
    std::fs::write(data.path().join("postgres/PG_VERSION"), "12\n").unwrap();
    let refusal = Cluster::start(data.path(), Durability::Throwaway).unwrap_err();
    assert!(
        refusal.to_string().contains("was made by PostgreSQL 12, but this machine has PostgreSQL"),
        "{refusal}"
    );
}

#[test]
fn the_error_of_a_failed_start_shows_the_end_of_the_servers_log() {
    let data = data();
    drop(Cluster::start(data.path(), Durability::Throwaway).unwrap());
    let settings = data.path().join("postgres/postgresql.conf");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text + "\nno_such_setting = 1\n").unwrap();
    let refusal = Cluster::start(data.path(), Durability::Throwaway).unwrap_err();
    assert!(refusal.to_string().contains("no_such_setting"), "{refusal}");
}
