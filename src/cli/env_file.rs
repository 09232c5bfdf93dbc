//! The file `.env` with variables, in the working directory or in a directory above it.

use std::path::PathBuf;

/// Loads the file, if there is one. A file that cannot be used must not be ignored.
///
/// # Errors
/// The file, and the line that cannot be read. The value of that line is not shown.
pub(super) fn load() -> Result<(), String> {
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(error) => {
            let path = path().unwrap_or_else(|| PathBuf::from(".env"));
            Err(format!("{} cannot be used: {}", path.display(), reason(&error, &path)))
        }
    }
}

fn path() -> Option<PathBuf> {
    let directory = std::env::current_dir().ok()?;
    directory.ancestors().map(|step| step.join(".env")).find(|file| file.is_file())
}

fn reason(error: &dotenvy::Error, path: &std::path::Path) -> String {
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            place(&text, line)
        }
        dotenvy::Error::Io(error) => error.kind().to_string(),
        _ => "a line is not of the form NAME=value".to_owned(),
    }
}

/// The number of `line` in the file, and the name that the line sets.
fn place(text: &str, line: &str) -> String {
    let at = text.find(line).map(|start| 1 + text[..start].matches('\n').count());
    let at = at.map_or_else(|| "a line".to_owned(), |number| format!("line {number}"));
    let name = line.split('=').next().unwrap_or_default().trim().trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if line.contains('=') && is_name {
        format!("{at}: the value of {name} has a wrong or missing quotation mark")
    } else {
        format!("{at} is not of the form NAME=value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_reported_with_its_number_and_its_variable() {
        let text = "A=1\nB='open secret\nC=3\n";
        assert_eq!(
            place(text, "B='open secret"),
            "line 2: the value of B has a wrong or missing quotation mark"
        );
        assert_eq!(place("A=1\n\nno assignment\n", "no assignment"), "line 3 is not of the form NAME=value");
        assert!(!place(text, "B='open secret").contains("secret"));
    }
}
