//! What is wrong with templates of mails.

use std::path::PathBuf;

/// Why the templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file or the directory cannot be read.
    #[error("{} cannot be read ({})", .path.display(), .error.kind())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// A file has a name that is not one of a template.
    #[error(
        "{0}: the names are `<language>.toml`, `mail.html`, `mail.txt`, and those with the name of a kind of mail"
    )]
    UnknownFile(String),
    /// A file of a language has a wrong form.
    #[error("{file}: {reason}")]
    Language {
        /// The name of the file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A template is malformed, or uses a name that there is not.
    #[error("{template}: {reason}")]
    Template {
        /// The name of the template.
        template: String,
        /// What is wrong.
        reason: String,
    },
}

impl TemplateError {
    /// The error of the template engine. Its text names the line, and no value.
    pub(crate) fn of_engine(template: &str, error: &minijinja::Error) -> Self {
        let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
        let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
        Self::Template { template: template.to_owned(), reason: format!("{}{line}{detail}", error.kind()) }
    }
}
