//! The watch over secrets in logs. It collects every log line of this test process and of the programs that tests start, and
//! every secret that the harness sends or receives. When the process ends, no line may contain a secret.
//!
//! The lines are those of `DEBUG=true`, which include those of production, in the format of production. A secret is noted
//! when the harness sees it, which may be after the server has logged a line; so the lines are searched at the end, in one
//! pass. If a line contains a secret, the process names the kind of the secret and the target of the line, and fails.
//!
//! Codes of six digits and other texts of fewer than ten characters are not searched for: they occur by chance.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aho_corasick::AhoCorasick;
use parking_lot::Mutex;
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, prelude::*};

use super::database;

/// The shortest secret that is searched for, in bytes.
const SHORTEST: usize = 10;
/// Of a longer secret, its last bytes are searched for: the signature of a token, and the random part of a key. The other parts of
/// a token may have contents that are no secrets, such as the id of a session.
const SEARCHED: usize = 20;
/// A text with fewer different bytes occurs by chance.
const DIFFERENT: usize = 6;
/// The most findings that are shown.
const SHOWN: usize = 20;

/// The names of fields with secret values, in bodies of requests and answers, and in commands of sockets.
const FIELDS: [&str; 15] = [
    "access_token",
    "api_key",
    "backup_code",
    "client_secret",
    "codes",
    "csrf_token",
    "current_password",
    "key_secret",
    "new_password",
    "password",
    "refresh_token",
    "secret",
    "ticket",
    "token",
    "uri",
];
/// The cookies with secret values.
const COOKIES: [&str; 5] = ["access_token", "refresh_token", "csrf_token", "device_id", "psid"];
/// The headers with secret values.
const HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-csrf-token"];

static WATCH: LazyLock<Watch> = LazyLock::new(|| {
    let path = database::home().join("watched.log");
    // Functions run at exit in the reverse order of their registration, so this one runs before the directory is removed.
    // SAFETY: `judge` is an `extern "C"` function without arguments. A panic in it ends the process with an error.
    #[expect(
        unsafe_code,
        reason = "there is no other way to fail the process when the test runner has ended"
    )]
    unsafe {
        libc::atexit(judge);
    }
    Watch::in_file(&path).expect("the file of the watched lines")
});

/// Searches the lines of this process, at its end. If a line contains a secret, the process fails.
extern "C" fn judge() {
    let findings = WATCH.findings();
    for Finding { kind, target } in findings.iter().take(SHOWN) {
        eprintln!("secret in a log line: {kind}, logged by {target}");
    }
    if !findings.is_empty() {
        database::end();
        // SAFETY: this ends the process at once. Nothing that still runs has anything to write.
        #[expect(unsafe_code, reason = "the status of the process cannot be changed otherwise when it exits")]
        unsafe {
            libc::_exit(101);
        }
    }
}

/// A secret in a line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Finding {
    /// The kind of the secret.
    pub(crate) kind: String,
    /// The target of the line; for a line without one, the beginning of the line.
    pub(crate) target: String,
}

/// The lines and the secrets.
pub(crate) struct Watch {
    path: PathBuf,
    lines: Mutex<BufWriter<File>>,
    /// What is searched for, and the kind of its secret.
    secrets: Mutex<HashMap<Vec<u8>, String>>,
}

impl Watch {
    pub(crate) fn in_file(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        Ok(Self { path: path.to_owned(), lines: Mutex::new(file), secrets: Mutex::default() })
    }

    /// Notes a secret of this kind.
    pub(crate) fn note(&self, kind: &str, secret: &str) {
        // A text with quotes has another form in JSON, and one with spaces has another form in a query.
        let in_json = Value::from(secret).to_string();
        let in_query: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret, in_json.trim_matches('"'), &in_query] {
            let bytes = form.as_bytes();
            let searched = &bytes[bytes.len().saturating_sub(SEARCHED)..];
            let different: std::collections::HashSet<_> = searched.iter().collect();
            if bytes.len() >= SHORTEST && different.len() >= DIFFERENT {
                self.secrets.lock().entry(searched.to_owned()).or_insert_with(|| kind.to_owned());
            }
        }
    }

    /// Adds log lines.
    pub(crate) fn add(&self, lines: &[u8]) {
        let mut file = self.lines.lock();
        file.write_all(lines).expect("the file of the watched lines");
        if !lines.ends_with(b"\n") {
            file.write_all(b"\n").expect("the file of the watched lines");
        }
    }

    /// Whether this secret is searched for.
    pub(crate) fn searches_for(&self, secret: &str) -> bool {
        let bytes = secret.as_bytes();
        self.secrets.lock().contains_key(&bytes[bytes.len().saturating_sub(SEARCHED)..])
    }

    /// Whether a line so far contains this text.
    pub(crate) fn has_line_with(&self, text: &str) -> bool {
        self.lines.lock().flush().expect("the file of the watched lines");
        let lines = BufReader::new(File::open(&self.path).expect("the watched lines"));
        lines.split(b'\n').any(|line| String::from_utf8_lossy(&line.expect("a line")).contains(text))
    }

    /// Every secret in the lines so far.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let (forms, kinds): (Vec<_>, Vec<_>) = self.secrets.lock().clone().into_iter().unzip();
        let search = AhoCorasick::new(forms).expect("fewer secrets than the search can hold");
        self.lines.lock().flush().expect("the file of the watched lines");
        let lines = BufReader::new(File::open(&self.path).expect("the watched lines"));
        let mut found = Vec::new();
        for line in lines.split(b'\n') {
            let line = line.expect("a line");
            for hit in search.find_iter(&line) {
                let finding =
                    Finding { kind: kinds[hit.pattern().as_usize()].clone(), target: target(&line) };
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
        found
    }
}

/// The target of a line in JSON. The line itself is not shown, because it contains the secret.
fn target(line: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(line).ok();
    let target = parsed.as_ref().and_then(|line| line["target"].as_str());
    target.map_or_else(
        || format!("(text) {}", String::from_utf8_lossy(&line[..line.len().min(40)])),
        str::to_owned,
    )
}

/// Writes the lines of the subscriber to the watch.
struct ToWatch;

impl Write for ToWatch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        WATCH.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for ToWatch {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        Self
    }
}

/// Starts the collection of the lines of this process. With `RUST_LOG`, the lines that it selects are printed, too.
pub(super) fn start() {
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true);
    let watched = json.with_writer(ToWatch).with_filter(EnvFilter::new(portcullis::telemetry::DEBUG_FILTER));
    let printed = EnvFilter::try_from_default_env().ok();
    let printed =
        printed.map(|filter| tracing_subscriber::fmt::layer().with_test_writer().with_filter(filter));
    let started = tracing_subscriber::registry().with(watched).with(printed).try_init();
    started.expect("no other subscriber");
}

/// Notes a secret that the harness has made.
pub(crate) fn note(kind: &str, secret: &str) {
    WATCH.note(kind, secret);
}

/// Notes the secrets in a JSON document.
pub(crate) fn note_json(document: &Value) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if FIELDS.contains(&name.as_str()) => note_field(fields, name, text),
                    Value::Array(texts) if FIELDS.contains(&name.as_str()) => {
                        texts.iter().filter_map(Value::as_str).for_each(|text| note(name, text));
                    }
                    other => note_json(other),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(note_json),
        _ => {}
    }
}

fn note_field(fields: &serde_json::Map<String, Value>, name: &str, text: &str) {
    // Some tests choose the address as the password. An address is no secret.
    let address =
        ["email", "username"].iter().any(|other| fields.get(*other).and_then(Value::as_str) == Some(text));
    if !address {
        note(name, text);
    }
}

/// Notes the secrets in headers: credentials and cookies.
pub(crate) fn note_header(name: &str, value: &str) {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "cookie" => value.split(';').for_each(note_cookie),
        "set-cookie" => note_cookie(value.split(';').next().unwrap_or_default()),
        _ if HEADERS.contains(&name.as_str()) => note(&name, value),
        _ => {}
    }
}

fn note_cookie(pair: &str) {
    if let Some((name, value)) = pair.trim().split_once('=')
        && COOKIES.contains(&name.trim_start_matches("__Host-"))
    {
        note(&format!("cookie {name}"), value);
    }
}

/// Notes the secrets in the query of a path.
pub(crate) fn note_path(path: &str) {
    for (name, value) in
        form_urlencoded::parse(path.split_once('?').map_or("", |(_, query)| query).as_bytes())
    {
        if FIELDS.contains(&&*name) {
            note(&name, &value);
        } else if let Ok(document) = serde_json::from_str(&value) {
            note_json(&document);
        }
    }
}

pub(crate) fn note_headers(headers: &HeaderMap) {
    for (name, value) in headers {
        note_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
}

/// Notes the lines of a private key in PEM.
pub(crate) fn note_private_key(file: &Path) {
    let pem = std::fs::read_to_string(file).expect("a private key");
    pem.lines().filter(|line| !line.starts_with('-')).for_each(|line| note("private key", line));
}

/// Notes the secrets in a request.
pub(crate) fn note_request(request: &RequestBuilder) {
    let Some(Ok(request)) = request.try_clone().map(RequestBuilder::build) else { return };
    note_path(request.url().as_str());
    note_headers(request.headers());
    let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
    match serde_json::from_slice(body) {
        Ok(document) => note_json(&document),
        Err(_) => note_path(&format!("?{}", String::from_utf8_lossy(body))),
    }
}

/// Notes the secrets in the variables of a program: keys, passwords, and the password in a URL of a database.
pub(crate) fn note_variable(name: &str, value: &str) {
    if name.ends_with("_KEY") || name.ends_with("PASSWORD") || name.ends_with("_KEYS") {
        value.split(',').for_each(|secret| note(name, secret));
    }
    if let Some((userinfo, _)) = value.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'))
        && let Some((_, password)) = userinfo.split_once(':')
    {
        note(&format!("password in {name}"), password);
    }
}

/// Adds the lines that a program has logged.
pub(crate) fn add_lines(lines: &[u8]) {
    WATCH.add(lines);
}

/// The watch of this process.
pub(crate) fn watch() -> &'static Watch {
    &WATCH
}
