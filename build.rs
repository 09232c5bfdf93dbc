//! Lists the files of `web/`, so that the program contains them (`src/pages/embedded.rs`). The build needs no other program.
//!
//! Written by hand, because a macro is not run again when a file is added. `README.md` files, types and settings of tools are
//! not served, so they are left out.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The endings of served files. `pages::file` has the media type of each.
const SERVED: [&str; 5] = ["css", "html", "js", "svg", "txt"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("web");
    let mut paths = Vec::new();
    collect(&root, &mut paths)?;
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths {
        let name = path.strip_prefix(&root)?.to_str().ok_or("a name that is not UTF-8")?;
        let file = path.to_str().ok_or("a path that is not UTF-8")?;
        writeln!(list, "    ({name:?}, include_bytes!({file:?}).as_slice()),")?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("web_files.rs"), list)?;
    Ok(())
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !hidden && !path.ends_with("node_modules") {
                collect(&path, paths)?;
            }
        } else if !hidden && SERVED.contains(&ending) {
            paths.push(path);
        }
    }
    Ok(())
}
