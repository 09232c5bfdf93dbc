//! The lines of `top`.

use serde_json::Value;
use time::OffsetDateTime;

use super::figures::{Figures, Minute, Node};
use crate::cli::{harmless::harmless, text_table, time_format::seconds};

/// The columns of nodes, and whether they stand to the right.
const NODES: [(&str, bool); 15] = [
    ("node", false),
    ("version", false),
    ("up", true),
    ("cpu %", true),
    ("MiB", true),
    ("websocket", true),
    ("http stream", true),
    ("sse", true),
    ("users", true),
    ("channels", true),
    ("subscribed", true),
    ("publ/s", true),
    ("deliv/s", true),
    ("hashes waiting", true),
    ("state", false),
];
/// Eighths of a row.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the figures say at this time.
pub(super) fn lines(figures: &Figures, now: OffsetDateTime) -> Vec<String> {
    let mut lines = vec![format!("Portcullis  {}  {}  (q quits)", figures.server, seconds(now))];
    if let Some(problem) = &figures.problem {
        lines.push(format!("! {}", harmless(problem)));
    }
    lines.push(String::new());
    let (titles, right): (Vec<_>, Vec<_>) = NODES.into_iter().unzip();
    let rows: Vec<Vec<String>> = figures.nodes.values().map(node).collect();
    lines.extend(text_table::lines(&titles, &right, &rows, None));
    lines.push(String::new());
    lines.push(format!(
        "all nodes    sessions {}  connections {}  users connected {}",
        gauge(figures, "sessions"),
        gauge(figures, "connections"),
        gauge(figures, "connected_users"),
    ));
    for (series, title) in [
        ("sign_ins", "sign-ins"),
        ("refreshes", "refreshes"),
        ("limits", "limits reached"),
        ("revocations", "revocations"),
        ("sessions_revoked", "sessions revoked"),
    ] {
        lines.push(String::new());
        lines.push(format!("{title:16}   last minute    per second  last hour"));
        let minutes = figures.minutes(series, now);
        if minutes.is_empty() {
            lines.push("  none".to_owned());
        }
        lines.extend(minutes.iter().map(minute));
    }
    lines
}

fn node(node: &Node) -> Vec<String> {
    let Node { answer, deliveries, publications, .. } = node;
    let text = |value: &Value| harmless(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let rate = |rate: &Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let (process, sockets) = (&answer["process"], &answer["connections"]);
    let state = if answer["holds_deliveries"] == true { "holds deliveries" } else { "ok" };
    vec![
        text(&answer["id"]).chars().take(8).collect(),
        text(&answer["version"]),
        duration(answer["uptime_seconds"].as_u64().unwrap_or(0)),
        format!("{:.1}", process["cpu_percent"].as_f64().unwrap_or(0.0)),
        (process["resident_bytes"].as_u64().unwrap_or(0) >> 20).to_string(),
        text(&sockets["websocket"]),
        text(&sockets["http_stream"]),
        text(&sockets["sse"]),
        text(&answer["users"]),
        text(&answer["channels"]),
        text(&answer["subscriptions"]),
        rate(publications),
        rate(deliveries),
        text(&answer["passwords_waiting"]),
        state.to_owned(),
    ]
}

fn gauge(figures: &Figures, series: &str) -> String {
    let point = figures.gauge(series);
    let number = |name: &str| point.and_then(|point| point[name].as_f64());
    match (number("mean"), number("highest")) {
        (Some(mean), Some(highest)) => format!("{mean:.0} (at most {highest:.0})"),
        _ => "-".to_owned(),
    }
}

fn minute(minute: &Minute) -> String {
    let count = minute.last["count"].as_u64().unwrap_or(0);
    let label = if minute.label.is_empty() { "all" } else { &minute.label };
    let millis = |name: &str| minute.last[name].as_f64();
    let took = match (millis("p50_ms"), millis("p99_ms")) {
        (Some(p50), Some(p99)) => format!("  p50 {p50:.1} ms  p99 {p99:.1} ms"),
        _ => String::new(),
    };
    let label = text_table::cut(&harmless(label), 18);
    format!("  {label:18} {count:>9} {:>13.2}  {}{took}", count as f64 / 60.0, bars(&minute.hour))
}

/// A bar for each number. The largest one is full, and only 0 is empty.
fn bars(numbers: &[u64]) -> String {
    let largest = numbers.iter().copied().max().unwrap_or(0);
    let bar = |number: u64| match number.saturating_mul(BARS.len() as u64 - 1).checked_div(largest) {
        _ if number == 0 => ' ',
        Some(height) => BARS[usize::try_from(height).unwrap_or(0).min(BARS.len() - 1)],
        None => ' ',
    };
    numbers.iter().map(|number| bar(*number)).collect()
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bars_grow_with_the_numbers() {
        assert_eq!(bars(&[0, 1, 7, 14]), " ▁▄█");
        assert_eq!(bars(&[0, 0]), "  ");
        assert_eq!(bars(&[u64::MAX, 1]).chars().count(), 2);
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!([59, 3_700, 200_000].map(duration), ["0m 59s", "1h 1m", "2d 7h"]);
    }

    #[test]
    fn a_view_of_nothing_and_of_a_hostile_answer_is_possible() {
        let mut figures = Figures::new("https://a.example".to_owned());
        assert!(lines(&figures, OffsetDateTime::UNIX_EPOCH).len() > 10);
        figures.statistics =
            json!({"series": [{"name": "limits", "labels": [{"label": "\u{1b}[2J", "points": []}]}]});
        figures.note("a \u{1b} problem".to_owned());
        assert!(!lines(&figures, OffsetDateTime::UNIX_EPOCH).iter().any(|line| line.contains('\u{1b}')));
    }
}
