//! The templates: those in the program, and those of a directory that replace them.
//!
//! A directory may have `mail.html` and `mail.txt` (the frame of all mails), `<language>.toml` (the texts of a language, also of
//! one that the program does not have), and `<kind>.html`, `<kind>.txt`, `<kind>.<language>.html` and `<kind>.<language>.txt` for
//! one kind of mail. All templates are tried at the start, so that a mistake is found before the first mail.

use std::{collections::BTreeMap, path::Path};

use domain::mail::{kind::MailKind, language::Language};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::{language_file::LanguageFile, template_error::TemplateError};

/// The files in the program.
const EMBEDDED: [(&str, &str); 4] = [
    ("mail.html", include_str!("templates/mail.html")),
    ("mail.txt", include_str!("templates/mail.txt")),
    ("en.toml", include_str!("templates/en.toml")),
    ("de.toml", include_str!("templates/de.toml")),
];

/// The largest file of a directory, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The form of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Text,
}

impl Form {
    fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "txt",
        }
    }
}

/// All templates.
#[derive(Clone, Debug)]
pub struct Templates {
    pub(crate) engine: Environment<'static>,
    pub(crate) languages: BTreeMap<Language, LanguageFile>,
    names: Vec<String>,
}

impl Templates {
    /// The templates in the program, with those of the directory if there is one.
    ///
    /// # Errors
    /// The first mistake in a file of the directory.
    pub fn load(directory: Option<&Path>) -> Result<Self, TemplateError> {
        let mut files: BTreeMap<String, String> =
            EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        if let Some(directory) = directory {
            files.extend(read(directory)?);
        }
        let mut templates = Self { engine: engine(), languages: BTreeMap::new(), names: Vec::new() };
        for (name, text) in files {
            templates.add(&name, text)?;
        }
        Ok(templates)
    }

    /// The languages, English first.
    #[must_use]
    pub fn languages(&self) -> Vec<Language> {
        let mut languages: Vec<_> = self.languages.keys().copied().collect();
        languages.sort_by_key(|language| (*language != Language::ENGLISH, *language));
        languages
    }

    fn add(&mut self, name: &str, text: String) -> Result<(), TemplateError> {
        if let Some(language) = name.strip_suffix(".toml") {
            let language = language.parse().map_err(|_| TemplateError::UnknownFile(name.to_owned()))?;
            let wrong = |reason| TemplateError::Language { file: name.to_owned(), reason };
            self.languages.insert(language, LanguageFile::parse(&text).map_err(wrong)?);
            return Ok(());
        }
        if !is_template(name) {
            return Err(TemplateError::UnknownFile(name.to_owned()));
        }
        self.engine
            .add_template_owned(name.to_owned(), text)
            .map_err(|error| TemplateError::of_engine(name, &error))?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// The name of the template for this kind of mail, in this language and form.
    pub(crate) fn name(&self, kind: MailKind, language: Language, form: Form) -> String {
        let extension = form.extension();
        let candidates = [format!("{kind}.{language}.{extension}"), format!("{kind}.{extension}")];
        let found = candidates.into_iter().find(|name| self.names.contains(name));
        found.unwrap_or_else(|| format!("mail.{extension}"))
    }
}

/// Without a loader and without functions: a template reads only what the mail says. A name that there is not is a mistake.
fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    engine
}

/// Whether this is a name of a template: `mail` or a kind of mail, perhaps a language, and the extension of a form.
fn is_template(name: &str) -> bool {
    let mut parts = name.split('.');
    let subject = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let is_form = |extension: &str| matches!(extension, "html" | "txt");
    match rest.as_slice() {
        [extension] => is_form(extension) && (subject == "mail" || subject.parse::<MailKind>().is_ok()),
        [language, extension] => {
            is_form(extension) && subject.parse::<MailKind>().is_ok() && language.parse::<Language>().is_ok()
        }
        _ => false,
    }
}

fn read(directory: &Path) -> Result<BTreeMap<String, String>, TemplateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| TemplateError::Unreadable { path, error }
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Editors and mounted volumes leave such files.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let size = std::fs::metadata(&path).map_err(unreadable(&path))?.len();
        if size > LARGEST {
            let reason = format!("the file has more than {LARGEST} bytes");
            return Err(TemplateError::Template { template: name, reason });
        }
        files.insert(name, std::fs::read_to_string(&path).map_err(unreadable(&path))?);
    }
    Ok(files)
}
