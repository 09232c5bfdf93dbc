//! Reads one file of variables, such as `.env`: each line is `NAME=value`. `ranks` uses this module, and
//! `key_file`, which changes such a file.
//!
//! The values are parsed by dotenvy. This module adds what dotenvy does not say: the number of the line of each variable, and
//! every wrong line instead of the first one. A message never shows the value of a line.

use std::{
    cell::Cell,
    collections::BTreeMap,
    env,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::names;

/// The longest file that is accepted, in bytes. A longer file is not a file of settings.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// The content of a file of variables.
#[derive(Default)]
pub(super) struct EnvFile {
    /// The variables in the order of their lines: name, value, number of the line. If a name occurs twice, only the first line
    /// counts.
    pub(super) variables: Vec<(String, String, usize)>,
    /// The permissions of the file; 0 if it is not a regular file (for example, a pipe).
    pub(super) mode: u32,
    /// The user id of the owner.
    pub(super) owner: u32,
    /// One sentence per mistake. It begins with the path of the file.
    pub(super) problems: Vec<String>,
}

/// Reads the file. If the file or a line cannot be used, the result has a problem that says why.
pub(super) fn read(path: &Path) -> EnvFile {
    let refused = |reason: String| EnvFile {
        problems: vec![format!("{}: {reason}", path.display())],
        ..EnvFile::default()
    };
    match content(path) {
        Err(error) => refused(format!("the file cannot be read ({})", error.kind())),
        Ok((bytes, ..)) if bytes.len() as u64 > MAX_BYTES => {
            refused(format!("the file has more than {MAX_BYTES} bytes"))
        }
        Ok((bytes, mode, owner)) => match String::from_utf8(bytes) {
            Err(error) => {
                let line = 1 + newlines(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
                refused(format!("line {line} is not in UTF-8"))
            }
            Ok(text) => {
                let (variables, mistakes) = parse(text.strip_prefix('\u{feff}').unwrap_or(&text));
                let problems = mistakes.into_iter().map(|mistake| format!("{}: {mistake}", path.display()));
                EnvFile { variables, mode, owner, problems: problems.collect() }
            }
        },
    }
}

/// The bytes of the file, its permissions and its owner.
fn content(path: &Path) -> io::Result<(Vec<u8>, u32, u32)> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes, if found.is_file() { found.mode() & 0o777 } else { 0 }, found.uid()))
}

/// The variables with the numbers of their lines, and the mistakes.
pub(super) fn parse(text: &str) -> (Vec<(String, String, usize)>, Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let read = Cell::new(0);
    let mut items = dotenvy::from_read_iter(Lines { rest: text.as_bytes(), read: &read });
    let (mut variables, mut mistakes) = (Vec::new(), Vec::new());
    let mut first_lines: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let before = read.get();
        let Some(item) = items.next() else { break };
        let skipped = lines[before.min(lines.len())..].iter().take_while(|line| is_without_variable(line));
        let index = before + skipped.count();
        let line = index + 1;
        match item {
            Err(_) => mistakes.push(mistake(line, lines.get(index).copied().unwrap_or_default())),
            Ok((name, _))
                if names::gives_setting(&name) && loses_dollar(&lines[index..read.get()], &variables) =>
            {
                let advice = "a `$` that names no variable: put the value in single quotes";
                mistakes.push(format!("line {line}: the value of {name} has {advice}"));
            }
            Ok((name, value)) => match first_lines.get(&name) {
                // Variables of other programs may be repeated: these programs decide what that means.
                Some(first) if names::gives_setting(&name) => {
                    mistakes.push(format!("line {line}: {name} is already given in line {first}"));
                }
                Some(_) => {}
                None => {
                    first_lines.insert(name.clone(), line);
                    variables.push((name, value, line));
                }
            },
        }
    }
    (variables, mistakes)
}

/// Whether the parser would remove a `$` and a name after it from the value in these lines, because no variable has that name.
/// In this way, a password would be cut without notice. `above` are the variables of earlier lines.
fn loses_dollar(lines: &[&str], above: &[(String, String, usize)]) -> bool {
    let text = lines.join("\n");
    let value = text.split_once('=').map_or("", |(_, value)| value);
    let (mut single, mut double, mut escaped) = (false, false, false);
    for (at, c) in value.char_indices() {
        let before = value[..at].chars().next_back();
        match c {
            _ if escaped => escaped = false,
            '\'' if !double => single = !single,
            _ if single => {}
            '"' => double = !double,
            '\\' => escaped = true,
            '#' if !double && before.is_none_or(char::is_whitespace) => return false,
            '$' => {
                let rest = &value[at + 1..];
                let name = match rest.strip_prefix('{') {
                    Some(braced) => braced.split('}').next().unwrap_or_default(),
                    None => &rest[..rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())],
                };
                if !above.iter().any(|(known, ..)| known == name) && env::var_os(name).is_none() {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn is_without_variable(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

/// What is wrong with `line`, the line with this number.
fn mistake(number: usize, line: &str) -> String {
    let name = line.split('=').next().unwrap_or_default().trim().trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if line.contains('=') && is_name {
        format!("line {number}: the value of {name} needs quotation marks, or has a wrong one")
    } else {
        format!("line {number} is not of the form NAME=value")
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Gives at most one line per read, and counts the lines. The parser reads a line only when it needs the line, so the count is
/// the number of the last line of the variable that the parser returned.
struct Lines<'a> {
    rest: &'a [u8],
    read: &'a Cell<usize>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (part, rest) = self.rest.split_at(end.min(buffer.len()));
        buffer[..part.len()].copy_from_slice(part);
        self.rest = rest;
        if part.ends_with(b"\n") || (rest.is_empty() && !part.is_empty()) {
            self.read.set(self.read.get() + 1);
        }
        Ok(part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_has_the_number_of_its_first_line() {
        let long = "x".repeat(20_000);
        let text =
            format!("# a\n\nA=1\n  # b\nexport B='two\nlines' # c\nLONG={long}\r\nC=\"x y\"\n\nD=$A\nE=last");
        let (variables, mistakes) = parse(&text);
        assert_eq!(mistakes, [""; 0]);
        let found: Vec<_> = variables.iter().map(|(name, _, line)| (name.as_str(), *line)).collect();
        assert_eq!(found, [("A", 3), ("B", 5), ("LONG", 7), ("C", 8), ("D", 10), ("E", 11)]);
        let values: Vec<_> = variables.iter().map(|(_, value, _)| value.as_str()).collect();
        assert_eq!(values, ["1", "two\nlines", &long, "x y", "1", "last"]);
    }

    #[test]
    fn every_wrong_line_is_reported_without_its_value() {
        let (variables, mistakes) =
            parse("A=1\n\nno assignment\nB='a' secret\nDOMAIN=a\nDOMAIN=b\nX=1\nX=2\nC='open secret\nD=3\n");
        assert_eq!(
            mistakes,
            [
                "line 3 is not of the form NAME=value",
                "line 4: the value of B needs quotation marks, or has a wrong one",
                "line 6: DOMAIN is already given in line 5",
                "line 9: the value of C needs quotation marks, or has a wrong one",
            ]
        );
        let names: Vec<_> = variables.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["A", "DOMAIN", "X"]);
    }

    #[test]
    fn a_dollar_that_names_no_variable_is_reported_and_others_are_replaced() {
        for value in ["pa$word", "pa$$", "\"pa${NO_SUCH}\"", "$", "x # c\nDOMAIN=a$b # c"] {
            let (_, mistakes) = parse(&format!("API_KEY={value}"));
            assert!(mistakes.len() == 1 && mistakes[0].contains("single quotes"), "{value}: {mistakes:?}");
            assert!(!mistakes[0].contains("pa"), "{mistakes:?}");
        }
        for value in ["'pa$word'", "pa\\$word", "\"pa\\$word\"", "$OTHER", "${OTHER}x", "x # $5"] {
            let (_, mistakes) = parse(&format!("OTHER=1\nAPI_KEY={value}\nUNKNOWN=$5"));
            assert_eq!(mistakes, [""; 0], "{value}");
        }
    }

    #[test]
    fn a_file_that_is_not_in_utf_8_is_refused_with_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"A=1\nB=\xff\n").unwrap();
        let read = read(file.path());
        assert!(read.variables.is_empty() && read.problems.len() == 1);
        assert!(read.problems[0].ends_with("line 2 is not in UTF-8"), "{:?}", read.problems);
    }
}
