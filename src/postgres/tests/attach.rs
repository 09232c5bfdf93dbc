//! Tests of a second process on the same data directory.

use super::{owner_process::OwnerProcess, *};

#[test]
fn attach_finds_nothing_and_reports_no_error_if_no_server_runs() {
    let data = data();
    assert_eq!(attach(&data.path().join("none")).unwrap(), None);
    drop(Cluster::start(data.path(), Durability::Throwaway).unwrap());
    assert_eq!(attach(data.path()).unwrap(), None);
}

#[test]
fn a_second_process_attaches_to_the_running_server() {
    let data = data();
    let owner = OwnerProcess::start(data.path());
    let access = attach_or_start(data.path(), Durability::Durable).unwrap();
    assert!(matches!(&access, Access::Attached(attached) if attached.socket_dir == owner.socket_dir));
    assert_eq!(query(access.socket_dir(), "SELECT current_database()").unwrap().unwrap(), access.database());
}

#[test]
fn if_no_server_runs_a_server_is_started_for_the_time_of_the_command() {
    let data = data();
    let access = attach_or_start(data.path(), Durability::Throwaway).unwrap();
    let Access::Started(running) = &access else { panic!("no other process runs a server") };
    let postmaster = running.pid();
    drop(access);
    assert!(!exists(postmaster));
}
