//! `audit tail` on a server: the newest entries of the audit log, and new ones as they come.

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
/// The stream of new entries.
const STREAM: &str = "/api/v1/admin/audit/events/stream";

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
    // One more entry than is wanted: with `-n 0 --follow`, it says where the new entries begin.
    let mut newest = Listing::read(server, request, "events", Some(lines.max(1)), None).await?.entries;
    let mut next = newest.first().and_then(|entry| entry["index"].as_u64()).map(|index| index + 1);
    newest.truncate(lines);
    for entry in newest.iter().rev() {
        print(entry, as_json)?;
    }
    if !follow {
        return Ok(());
    }
    loop {
        next = follow_from(server, verb, values, next, as_json).await?;
    }
}

/// Prints the entries of one stream, which the server ends after some minutes. Returns the number of the entry after the last.
async fn follow_from(
    server: &SignedIn,
    verb: &Verb,
    values: &Values,
    from: Option<u64>,
    as_json: bool,
) -> Result<Option<u64>, CliError> {
    let filters = order::request(verb, values, time::OffsetDateTime::now_utc())?;
    let query = filters.path.split_once('?').map_or("", |(_, query)| query);
    let from_here = from.map(|from| format!("from={from}")).unwrap_or_default();
    let parts: Vec<&str> = [query, from_here.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    let request = Request::get(&format!("{STREAM}?{}", parts.join("&")));
    let (mut stream, mut next, mut buffer) = (server.stream(&request).await?, from, Vec::new());
    loop {
        match stream.next().await {
            Ok(Some(part)) => buffer.extend_from_slice(&part),
            Ok(None) => return Ok(next),
            Err(CliError::Unreachable(text)) => {
                eprintln!("portcullis: {text}");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                return Ok(next);
            }
            Err(error) => return Err(error),
        }
        while let Some(entry) = take_event(&mut buffer) {
            if let Some(entry) = entry {
                next = entry["index"].as_u64().map(|index| index + 1).or(next);
                print(&entry, as_json)?;
            }
        }
        if buffer.len() > LONGEST {
            return Err(CliError::Failure(format!("{} sent an event without an end", server.server())));
        }
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
