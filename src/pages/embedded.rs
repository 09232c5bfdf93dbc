//! The files of `web/` that the program contains. Used by `site` only.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;

use super::file::{File, hash_of};

/// Path and content of each file; `build.rs` makes this list.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// The files, made ready to be served.
pub(super) struct EmbeddedFiles {
    /// The version in the addresses: a hash of all paths and contents.
    pub(super) version: String,
    /// By path, such as `lib/rest.js`.
    pub(super) files: HashMap<&'static str, File>,
}

/// The files. Their compression takes some tens of milliseconds, once per process.
pub(super) static EMBEDDED: LazyLock<EmbeddedFiles> = LazyLock::new(|| {
    let version = version_of(FILES);
    let prepared = FILES
        .iter()
        .map(|(path, content)| (*path, File::new(path, Bytes::from_static(content), &version).compressed()));
    EmbeddedFiles { files: prepared.collect(), version }
});

fn version_of(files: &[(&str, &[u8])]) -> String {
    let hashes: Vec<String> =
        files.iter().map(|(path, content)| format!("{path} {}\n", hash_of(content))).collect();
    hash_of(hashes.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_contains_the_shells_and_modules_and_not_the_notes_of_developers() {
        let has = |path: &str| FILES.iter().any(|(name, _)| *name == path);
        assert!(has("sign-in/index.html") && has("lib/rest.js") && has("styles/tokens.css"));
        assert!(FILES.iter().all(|(name, _)| !name.ends_with(".md") && !name.ends_with(".d.ts")));
    }

    #[test]
    fn another_content_or_another_name_is_another_version() {
        let version = version_of(&[("a.js", b"1")]);
        assert_eq!(version, version_of(&[("a.js", b"1")]));
        assert_ne!(version, version_of(&[("a.js", b"2")]));
        assert_ne!(version, version_of(&[("b.js", b"1")]));
    }
}
