//! The table of pages: the path of each page, and its shell below `web/`. A page with parts of its own reads the rest of the
//! path itself.

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The path, as a pattern of actix-web.
    pub(super) path: &'static str,
    /// The path of the shell.
    pub(super) shell: &'static str,
    /// Whether the page belongs to the console, which may have a listener of its own.
    pub(super) console: bool,
}

const fn page(path: &'static str, shell: &'static str) -> Page {
    Page { path, shell, console: false }
}

const fn console(path: &'static str) -> Page {
    Page { path, shell: "console/index.html", console: true }
}

/// Every page.
pub(super) const PAGES: &[Page] = &[
    page("/", "sign-in/index.html"),
    page("/register", "register/index.html"),
    page("/verify", "verify/index.html"),
    page("/forgot", "forgot/index.html"),
    page("/reset", "reset/index.html"),
    page("/not-me", "not-me/index.html"),
    page("/account", "account/index.html"),
    page("/account/{section:[a-z-]+}", "account/index.html"),
    page("/chat", "chat/index.html"),
    page("/chat/{channel:.+}", "chat/index.html"),
    console("/console"),
    console("/console/{section:.*}"),
];

/// The shell of the page for a path that does not exist.
pub(super) const NOT_FOUND: &str = "not-found/index.html";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Site;

    #[test]
    fn every_page_has_a_shell() {
        let site = Site::embedded();
        for shell in PAGES.iter().map(|page| page.shell).chain([NOT_FOUND]) {
            assert!(site.file(shell).is_some(), "{shell}");
        }
    }
}
