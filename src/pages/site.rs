//! [`Site`]: the files of the pages, from the program or, in development, from a directory.

use std::{
    borrow::Cow,
    fs,
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

use super::{embedded::EMBEDDED, file::File};

/// The version in the addresses of files that are served from a directory.
const LIVE: &str = "live";

/// Where the files of the pages come from.
#[derive(Clone, Debug)]
pub struct Site {
    /// The directory that is served instead of the files in the program.
    directory: Option<PathBuf>,
}

impl Site {
    /// The files in the program. They are compressed in the background, so that the first request does not wait.
    #[must_use]
    pub fn embedded() -> Self {
        std::thread::spawn(|| {
            LazyLock::force(&EMBEDDED);
        });
        Self { directory: None }
    }

    /// The files of a directory like `web/`, read with each request. For development.
    #[must_use]
    pub fn directory(path: PathBuf) -> Self {
        Self { directory: Some(path) }
    }

    /// Whether a file with the address of this version never changes.
    pub(super) fn is_lasting(&self, version: &str) -> bool {
        self.directory.is_none() && version == EMBEDDED.version
    }

    /// The file at this path below `web/`; `None` if there is none.
    pub(super) fn file(&self, path: &str) -> Option<Cow<'static, File>> {
        match &self.directory {
            None => EMBEDDED.files.get(path).map(Cow::Borrowed),
            Some(directory) => read(directory, path).map(Cow::Owned),
        }
    }
}

/// Reads a file of the directory. Paths that lead out of the directory name no file.
fn read(directory: &Path, path: &str) -> Option<File> {
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let content = fs::read(directory.join(path)).ok().filter(|_| inside)?;
    Some(File::new(path, content.into(), LIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_anew_and_not_left() {
        let root = tempfile::tempdir().expect("a directory");
        let web = root.path().join("web");
        fs::create_dir(&web).expect("a directory");
        fs::write(root.path().join("secret.txt"), "secret").expect("a file");
        let site = Site::directory(web.clone());
        for content in ["one", "two"] {
            fs::write(web.join("a.js"), content).expect("a file");
            assert_eq!(site.file("a.js").expect("the file").content, content);
        }
        for path in ["../secret.txt", "/etc/passwd", "b.js", ""] {
            assert!(site.file(path).is_none(), "{path}");
        }
    }
}
