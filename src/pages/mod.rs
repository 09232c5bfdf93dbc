//! The pages: sign-in, account, chat and console, which are clients of the REST interface in the user's browser.
//!
//! The room contains only what serves the files of `web/`. It knows no sessions and no data: the scripts of the pages get all of
//! that from REST, with the rights of the user. The composition root makes one [`Site`] per server, and adds its routes with
//! [`configure`] beside those of `http`.
//!
//! - [`site`]: where the files come from; [`embedded`], [`mod@file`]: the files in the program, and one file as it is served
//! - [`page_table`]: the path of each page
//! - [`answers`]: the requests; [`policy`]: the headers of pages
//!
//! Files have the address `/assets/<version>/<path>`, where the version is a hash of all files. So relative imports between
//! modules work, and caches may keep a file for a year.

mod answers;
mod embedded;
mod file;
mod page_table;
mod policy;
mod site;
#[cfg(test)]
mod vendored_tests;

pub use answers::{ConsoleListener, PageRoutes, configure};
pub use site::Site;
