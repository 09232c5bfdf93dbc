//! `portcullis config show`: every setting with its effective value and its source, for people or as JSON.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use crate::config::{Settings, ShownSetting, Source, Variables};

/// The width of the columns of names and values. A longer value moves its source to the right.
const COLUMNS: (usize, usize) = (30, 34);

/// Prints every setting with its effective value and the source of this value.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Prints only the settings whose value is not the default.
    #[arg(long)]
    changed: bool,
}

impl Show {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let mut draft = Settings::read(variables);
        let mut settings = std::mem::take(&mut draft.settings.shown);
        settings.retain(|setting| !self.changed || setting.is_changed());
        let text = if self.json {
            let files: Vec<_> = variables.files().iter().map(|file| file.display().to_string()).collect();
            let settings: Vec<_> = settings.iter().map(ShownSetting::to_json).collect();
            format!("{:#}\n", json!({"files": files, "settings": settings}))
        } else {
            lines(variables, &settings)
        };
        std::io::stdout().write_all(text.as_bytes())?;
        // This message goes to standard error, so that programs can read the output.
        if let Err(wrong) = draft.finish() {
            let count = wrong.problems.len();
            eprintln!(
                "portcullis: the settings have problems ({count}); `portcullis config check` lists them"
            );
        }
        Ok(())
    }
}

fn lines(variables: &Variables, settings: &[ShownSetting]) -> String {
    let mut lines: Vec<_> =
        variables.files().iter().map(|file| format!("# read: {}", file.display())).collect();
    let mut section = "";
    for setting in settings {
        if setting.section != section {
            section = setting.section;
            lines.push(format!("\n# {section}"));
        }
        let value = match (&setting.value, setting.redacted) {
            (Some(value), _) => value.replace('\n', "\\n"),
            (None, true) => "(secret)".to_owned(),
            (None, false) => "-".to_owned(),
        };
        let source = setting.source.as_ref();
        let source = source.map_or_else(|| "default".to_owned(), |source| in_words(&setting.name, source));
        let (name_width, value_width) = COLUMNS;
        lines.push(format!("{:name_width$}  {value:value_width$}  {source}", setting.name));
        lines.extend(setting.problem.iter().map(|problem| format!("{:name_width$}  ! {problem}", "")));
    }
    lines.join("\n") + "\n"
}

/// The source in words.
fn in_words(name: &str, source: &Source) -> String {
    match source {
        Source::Variable(assignment) => assignment.to_string(),
        Source::File { path, named_in } => format!("file {} ({name}_FILE: {named_in})", path.display()),
        Source::Credential(path) => format!("systemd credential {}", path.display()),
    }
}
