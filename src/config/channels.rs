//! `CHANNELS_FILE`: which channels exist and what they allow, from a TOML file.
//!
//! The file is read at the start and by each reload; `docs/channels.md` says what each option means. The mistakes are
//! reported together, each with its line and the path of the option. An unknown option is a mistake, too: if a misspelt
//! `publish` were ignored, the channel would have its default without notice.

use std::{fs, ops::Range, path::Path, sync::Arc, time::Duration};

use logic::namespace::{DataKind, Namespaces, Offer, Options, RecoveryMode, Right, Rights};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{error::ConfigError, reader::Reader, table::CHANNELS_FILE};

/// The namespaces in the file that `CHANNELS_FILE` names. `base` if the setting names no file, or if the file is wrong.
pub(super) fn channels(read: &mut Reader<'_>, base: &Arc<Namespaces>) -> Arc<Namespaces> {
    let Some(path) = read.path(&CHANNELS_FILE) else {
        return Arc::clone(base);
    };
    match load(Path::new(&path)) {
        Ok(namespaces) => Arc::new(namespaces),
        Err(mistakes) => {
            for mistake in mistakes {
                read.problem(format!("CHANNELS_FILE: {mistake}"));
            }
            Arc::clone(base)
        }
    }
}

/// Reads only a file of channels, without the other settings.
///
/// # Errors
/// One error that lists every mistake.
pub fn check_channels(path: &Path) -> Result<Namespaces, ConfigError> {
    load(path).map_err(|mistakes| ConfigError {
        problems: mistakes.into_iter().map(|mistake| format!("{}: {mistake}", path.display())).collect(),
    })
}

fn load(path: &Path) -> Result<Namespaces, Vec<String>> {
    let text = fs::read_to_string(path)
        .map_err(|error| vec![format!("the file `{}` cannot be read ({})", path.display(), error.kind())])?;
    parse(&text)
}

/// Reads the text of a file of channels.
///
/// # Errors
/// Every mistake in the text, in the order of the lines. If there are syntax errors, only these are returned. Contradictions
/// between options of a section are found only if all options of the section could be read.
fn parse(text: &str) -> Result<Namespaces, Vec<String>> {
    let mut mistakes = Mistakes { text, found: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        mistakes.add(&error.span().unwrap_or(0..0), error.message().to_owned());
    }
    // After a syntax error parts of the file are missing, which would cause further, misleading mistakes.
    if !errors.is_empty() {
        return Err(mistakes.in_order());
    }
    let namespaces = document_of(document.get_ref(), &mut mistakes);
    if mistakes.found.is_empty() { Ok(namespaces) } else { Err(mistakes.in_order()) }
}

/// The mistakes, each with its line in the text.
struct Mistakes<'a> {
    text: &'a str,
    found: Vec<(usize, String)>,
}

impl Mistakes<'_> {
    fn add(&mut self, at: &Range<usize>, what: String) {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.found.push((line, what));
    }

    fn in_order(mut self) -> Vec<String> {
        self.found.sort();
        self.found.into_iter().map(|(line, what)| format!("line {line}: {what}")).collect()
    }
}

fn document_of(document: &DeTable<'_>, mistakes: &mut Mistakes<'_>) -> Namespaces {
    let mut namespaces = Namespaces::empty();
    let mut personal = None;
    for (key, value) in document {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("personal", DeValue::String(namespace)) => personal = Some((namespace.as_ref(), value.span())),
            ("personal", other) => {
                mistakes.add(&value.span(), format!("personal: {}", expected("a text", other)));
            }
            ("without_namespace", _) => {
                let options = section("without_namespace", &key.span(), value, mistakes);
                namespaces = namespaces.with_nameless(options);
            }
            ("namespaces", DeValue::Table(table)) => {
                for (name, section_of) in table {
                    let path = format!("namespaces.{}", name.get_ref());
                    if !is_namespace(name.get_ref()) {
                        let rule =
                            "the name of a namespace has 1 to 64 characters: a-z, A-Z, 0-9, `_`, `-` and `.`";
                        mistakes.add(&name.span(), format!("{path}: {rule}"));
                    }
                    let options = section(&path, &name.span(), section_of, mistakes);
                    namespaces = namespaces.with(name.get_ref(), options);
                }
            }
            ("namespaces", other) => {
                mistakes.add(&value.span(), format!("namespaces: {}", expected("a table", other)));
            }
            (unknown, _) => mistakes.add(&key.span(), format!("{unknown}: unknown option")),
        }
    }
    if let Some((namespace, at)) = personal {
        if namespaces.iter().all(|(name, _)| name != namespace) {
            mistakes.add(&at, format!("personal: there is no namespace `{namespace}`"));
        }
        namespaces = namespaces.with_personal(namespace);
    }
    namespaces
}

fn is_namespace(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// The options of one section. An option that cannot be read keeps its default. The mistake is recorded, so the file is
/// refused.
fn section(
    path: &str,
    header: &Range<usize>,
    value: &Spanned<DeValue<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Options {
    let mut options = Options::default();
    let DeValue::Table(table) = value.get_ref() else {
        mistakes.add(&value.span(), format!("{path}: {}", expected("a table", value.get_ref())));
        return options;
    };
    let mut read_all = true;
    for (key, value) in table {
        if let Err(wrong) = set(&mut options, key.get_ref(), value.get_ref()) {
            let at = if wrong == UNKNOWN { key.span() } else { value.span() };
            mistakes.add(&at, format!("{path}.{}: {wrong}", key.get_ref()));
            read_all = false;
        }
    }
    // The options are checked against each other only if all of them could be read.
    for problem in options.problems().into_iter().filter(|_| read_all) {
        let name = problem.split(':').next().unwrap_or_default();
        let at = table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, _)| key.span());
        mistakes.add(&at.unwrap_or_else(|| header.clone()), format!("{path}.{problem}"));
    }
    options
}

const UNKNOWN: &str = "unknown option";

fn set(options: &mut Options, key: &str, value: &DeValue<'_>) -> Result<(), String> {
    match key {
        "subscribe" => options.subscribe = rights(value)?,
        "publish" => options.publish = rights(value)?,
        "presence" => options.presence = rights(value)?,
        "history" => options.history = rights(value)?,
        "presence_enabled" => options.presence_enabled = flag(value)?,
        "join_leave" => options.join_leave = flag(value)?,
        "force_join_leave" => options.force_join_leave = flag(value)?,
        "history_size" => options.history_size = number(value)?,
        "history_ttl" => options.history_ttl = duration(value)?,
        "history_meta_ttl" => options.history_meta_ttl = duration(value)?,
        "positioning" => options.positioning = offer(value)?,
        "recovery" => options.recovery = offer(value)?,
        "recovery_mode" => {
            options.recovery_mode =
                word(value, &[("stream", RecoveryMode::Stream), ("cache", RecoveryMode::Cache)])?;
        }
        "delta" => options.delta = flag(value)?,
        "durable" => options.durable = flag(value)?,
        "max_subscribers" => options.max_subscribers = number(value)?,
        "data" => {
            options.data = word(
                value,
                &[("json", DataKind::Json), ("any", DataKind::Any), ("binary", DataKind::Binary)],
            )?;
        }
        "max_publication_bytes" => options.max_publication_bytes = number(value)?,
        _ => return Err(UNKNOWN.to_owned()),
    }
    Ok(())
}

fn expected(what: &str, found: &DeValue<'_>) -> String {
    format!("must be {what}, not {}", found.type_str())
}

fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("true or false", value))
}

fn number(value: &DeValue<'_>) -> Result<usize, String> {
    let number = value.as_integer().ok_or_else(|| expected("a whole number", value))?;
    usize::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| "must be 0 or more, and not too large".to_owned())
}

fn text<'v>(value: &'v DeValue<'_>, what: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected(what, value))
}

fn word<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let found = text(value, "a text")?;
    words.iter().find(|(word, _)| *word == found).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("`{found}` is none of {}", known.join(", "))
    })
}

fn offer(value: &DeValue<'_>) -> Result<Offer, String> {
    word(value, &[("off", Offer::Off), ("allowed", Offer::Allowed), ("forced", Offer::Forced)])
}

fn rights(value: &DeValue<'_>) -> Result<Rights, String> {
    let list = value.as_array().ok_or_else(|| expected("a list of rights", value))?;
    let words = Right::ALL.map(|right| (right.as_str(), right));
    let rights: Result<Vec<_>, _> = list.iter().map(|item| word(item.get_ref(), &words)).collect();
    rights.map(|rights| Rights::of(&rights))
}

/// A whole number and a unit: `90s`, `15m`, `12h`, `7d`.
fn duration(value: &DeValue<'_>) -> Result<Duration, String> {
    let form = "a time such as `90s`, `15m`, `12h` or `7d`";
    let found = text(value, form)?;
    let wrong = || format!("`{found}` is not {form}");
    let (number, unit) = found.split_at_checked(found.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1_u64,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits).ok_or_else(wrong)?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
#[path = "channels_tests.rs"]
mod tests;
