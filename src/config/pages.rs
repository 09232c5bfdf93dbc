//! [`PageSettings`]: whether the server has pages, and where their files come from.

use std::path::PathBuf;

use super::{
    reader::Reader,
    table::{CONSOLE_ADDR, PAGES, PORTCULLIS_ASSETS_DIR},
};

/// The pages of the server.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// `PAGES`.
    pub on: bool,
    /// `PORTCULLIS_ASSETS_DIR`: the directory with the files. Without it, the files in the program are served.
    pub directory: Option<PathBuf>,
}

pub(super) fn pages(read: &mut Reader<'_>) -> PageSettings {
    let on = read.word(&PAGES) == "on";
    let directory = read.path(&PORTCULLIS_ASSETS_DIR).map(PathBuf::from);
    if !on && read.text(&CONSOLE_ADDR).is_some() {
        read.problem("CONSOLE_ADDR: with PAGES=off there is no console to serve: remove one of the two");
    }
    if directory.is_some() && read.production {
        read.problem("PORTCULLIS_ASSETS_DIR: in production the pages in the program are served: remove it");
    }
    PageSettings { on, directory }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
