//! `audit tail` on a server: the newest entries of the audit log, and new ones as they come.

use std::time::Duration;

use clap::ArgMatches;
use serde_json::Value;

use super::{
    column::{Cell, shown},
    http_client::Request,
    listing::Listing,
    noun::Verb,
    order::{self, Values},
    output,
    signed_in::SignedIn,
};
use crate::cli::error::CliError;

/// The longest event of a stream, in bytes.
const LONGEST: usize = 4 << 20;
/// The entries of the log.
const EVENTS: &str = "/api/v1/admin/audit/events";
/// The stream of new entries.
const STREAM: &str = "/api/v1/admin/audit/events/stream";
/// How long the next stream waits after one that has sent something.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long the next stream waits at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Prints the newest entries, the oldest of them first, and with `--follow` further ones.
pub(super) async fn tail(
    server: &SignedIn,
    verb: &Verb,
    values: &Values,
    request: &Request,
    matches: &ArgMatches,
) -> Result<(), CliError> {
    let as_json = matches.get_flag("json");
    let number = |id: &str| values.get(id).and_then(|texts| texts.first()?.parse::<usize>().ok());
    let lines = number("lines").unwrap_or(20);
    let follow = values.contains_key("follow");
    if follow && let Some(id) = ["since", "until"].into_iter().find(|id| values.contains_key(id)) {
        return Err(CliError::Usage(format!("--{id} and --follow exclude each other on a server")));
    }
    // The end of the log is read before the entries that are shown. So an entry that comes meanwhile is among these, or after the
    // place where following begins, even if the filter lets no entry pass yet.
    let end = if follow { end_of_log(server).await? } else { 0 };
    let mut newest = Listing::read(server, request, "events", Some(lines.max(1)), None).await?.entries;
    let shown = newest.first().and_then(|entry| entry["index"].as_u64()).map_or(0, |index| index + 1);
    newest.truncate(lines);
    for entry in newest.iter().rev() {
        print(entry, as_json)?;
    }
    if !follow {
        return Ok(());
    }
    let mut follower = Follower { server, verb, values, as_json, next: end.max(shown), received: false };
    let mut pause = FIRST_PAUSE;
    loop {
        // A server that starts again is away for a while, and its entries continue where they ended.
        if let Err(error) = follower.follow().await {
            let CliError::Unreachable(text) = error else { return Err(error) };
            eprintln!("portcullis: {text}");
        }
        pause = if follower.received { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

/// The number of the next entry of the log.
async fn end_of_log(server: &SignedIn) -> Result<u64, CliError> {
    let newest = Listing::read(server, &Request::get(EVENTS), "events", Some(1), None).await?.entries;
    Ok(newest.first().and_then(|entry| entry["index"].as_u64()).map_or(0, |index| index + 1))
}

/// Follows the log over one stream after the other.
struct Follower<'a> {
    server: &'a SignedIn,
    verb: &'a Verb,
    values: &'a Values,
    as_json: bool,
    /// The number after the last entry that was printed. The next stream begins there.
    next: u64,
    /// Whether the last stream has sent anything.
    received: bool,
}

impl Follower<'_> {
    /// Prints the entries of one stream, which the server ends after some minutes.
    ///
    /// # Errors
    /// `Unreachable` if the server is away, or goes away.
    async fn follow(&mut self) -> Result<(), CliError> {
        self.received = false;
        let filters = order::request(self.verb, self.values, time::OffsetDateTime::now_utc())?;
        let query = filters.path.split_once('?').map_or("", |(_, query)| query);
        let joint = if query.is_empty() { "" } else { "&" };
        let request = Request::get(&format!("{STREAM}?{query}{joint}from={}", self.next));
        let (mut stream, mut buffer) = (self.server.stream(&request).await?, Vec::new());
        while let Some(part) = stream.next().await? {
            self.received = true;
            buffer.extend_from_slice(&part);
            while let Some(entry) = take_event(&mut buffer) {
                if let Some(entry) = entry {
                    self.print(&entry)?;
                }
            }
            if buffer.len() > LONGEST {
                let server = self.server.server();
                return Err(CliError::Failure(format!("{server} sent an event without an end")));
            }
        }
        Ok(())
    }

    /// Prints an entry, unless it was printed before.
    fn print(&mut self, entry: &Value) -> Result<(), CliError> {
        let index = entry["index"].as_u64();
        if index.is_some_and(|index| index < self.next) {
            return Ok(());
        }
        print(entry, self.as_json)?;
        self.next = index.map_or(self.next, |index| index + 1);
        Ok(())
    }
}

/// Takes the first whole event of a stream (HTML Living Standard, section 9.2). `Some(None)` is an event without an entry, such as
/// a comment.
fn take_event(buffer: &mut Vec<u8>) -> Option<Option<Value>> {
    let end = buffer.windows(2).position(|two| two == b"\n\n")?;
    let event: Vec<u8> = buffer.drain(..end + 2).collect();
    let text = String::from_utf8_lossy(&event);
    let data: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    Some(serde_json::from_str(&data.join("\n")).ok())
}

/// An entry, in the form of `audit tail` on the database.
fn print(entry: &Value, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return output::json(entry, true);
    }
    let text = |pointers: &[&str], cell: Cell| {
        let found =
            pointers.iter().filter_map(|pointer| entry.pointer(pointer)).find(|value| !value.is_null());
        found.map(|value| shown(value, cell)).unwrap_or_default()
    };
    let erased = entry["erased"] == true;
    let address = match text(&["/address"], Cell::Text) {
        address if address.is_empty() && erased => "(erased)".to_owned(),
        address => address,
    };
    output::line(&format!(
        "{:>8}  {}  {:7}  {:28}  {:>8}  {address:15}  {}",
        text(&["/index"], Cell::Text),
        text(&["/at"], Cell::Text),
        text(&["/outcome"], Cell::Text),
        text(&["/event"], Cell::Text),
        text(&["/subject", "/user"], Cell::Text),
        text(&["/detail"], Cell::Json),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_one_by_one_however_they_arrive() {
        let stream =
            b": no new entries\n\nid: 3\nevent: entry\ndata: {\"index\":3}\n\nid: 4\ndata: {\"index\":4}\n\n";
        for size in 1..stream.len() {
            let (mut buffer, mut found) = (Vec::new(), Vec::new());
            for part in stream.chunks(size) {
                buffer.extend_from_slice(part);
                while let Some(event) = take_event(&mut buffer) {
                    found.extend(event.and_then(|entry| entry["index"].as_u64()));
                }
            }
            assert_eq!(found, [3, 4], "parts of {size}");
        }
    }
}
