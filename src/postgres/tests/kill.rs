//! Tests that kill the server, its owner (the process that started it), or both. Acknowledged data is not lost, and the
//! remaining files do not prevent a start.

use super::{owner_process::OwnerProcess, *};

#[test]
fn a_killed_postmaster_is_started_again_with_every_acknowledged_row() {
    let data = data();
    let running = Cluster::start(data.path(), Durability::Durable).unwrap();
    for round in 1..=2 {
        write_rows(running.socket_dir());
        let killed = running.pid();
        send(killed, Signal::Kill).unwrap();
        eventually("a new postmaster", || (running.pid() != killed).then_some(()));
        let rows = eventually("an answer", || count_rows(running.socket_dir()));
        assert_eq!(rows, (round * 10).to_string());
    }
}

#[test]
fn the_server_stops_by_itself_when_its_owner_is_killed() {
    let data = data();
    let mut owner = OwnerProcess::start(data.path());
    owner.kill();
    eventually("the end of the postmaster", || (!exists(owner.postmaster)).then_some(()));
}

#[test]
fn after_a_kill_of_the_owner_a_start_finds_every_acknowledged_row() {
    let data = data();
    let mut owner = OwnerProcess::start(data.path());
    write_rows(&owner.socket_dir);
    owner.kill();
    let running = Cluster::start(data.path(), Durability::Durable).unwrap();
    assert_eq!(count_rows(running.socket_dir()).unwrap(), "10");
}

#[test]
fn after_a_kill_of_owner_and_postmaster_a_start_finds_every_acknowledged_row() {
    let data = data();
    let mut owner = OwnerProcess::start(data.path());
    write_rows(&owner.socket_dir);
    // In this order neither process can clean up after the other.
    send(owner.postmaster, Signal::Kill).unwrap();
    owner.kill();
    let running = Cluster::start(data.path(), Durability::Durable).unwrap();
    assert_eq!(count_rows(running.socket_dir()).unwrap(), "10");
}

#[test]
fn a_reused_process_id_in_the_pid_file_does_not_prevent_a_start() {
    let data = data();
    drop(Cluster::start(data.path(), Durability::Durable).unwrap());
    let paths = paths::ClusterPaths::of(data.path()).unwrap();
    paths.make_socket_dir().unwrap();
    // PostgreSQL's own check considers only processes of its own user, so this process has that user.
    let mut stranger = command::command(Path::new("/bin/sleep"), &paths.account).arg("60").spawn().unwrap();
    let stale = format!("{}\n{}\n1700000000\n5432\n", stranger.id(), paths.location.display());
    std::fs::write(paths.location.join("postmaster.pid"), &stale).unwrap();
    std::fs::write(paths.socket_dir.join(".s.PGSQL.5432.lock"), &stale).unwrap();
    let outcome = Cluster::start(data.path(), Durability::Durable);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(query(outcome.unwrap().socket_dir(), "SELECT 1").unwrap().unwrap(), "1");
}
