//! The table of `web/vendor/README.md` names each file of others with the hash of its content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web/vendor")
}

/// File and hash of each row.
fn table() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("README.md")).expect("the table");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect());
    cells.map(|cells: Vec<String>| (cells[1].clone(), cells[5].clone())).collect()
}

fn hashes(directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            hashes(&path, found);
        } else if path != root().join("README.md") {
            let content = fs::read(&path).expect("a file");
            let hash = digest::digest(&digest::SHA256, &content);
            let hash = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let name = path.strip_prefix(root()).expect("a path below the folder").display().to_string();
            found.insert(name, hash);
        }
    }
}

#[test]
fn each_file_of_others_is_in_the_table_with_its_hash() {
    let mut found = BTreeMap::new();
    hashes(&root(), &mut found);
    assert_eq!(found, table());
}

#[test]
fn each_package_has_its_licence() {
    for package in fs::read_dir(root()).expect("a directory").flatten().filter(|entry| entry.path().is_dir())
    {
        assert!(package.path().join("LICENSE.txt").is_file(), "{}", package.path().display());
    }
}

/// The template layer is in the first view of each page.
#[test]
fn the_template_library_is_small() {
    let size = fs::metadata(root().join("lit-html/lit-html.js")).expect("the library").len();
    assert!(size <= 10 * 1024, "{size} bytes");
}
