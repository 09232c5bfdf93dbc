//! The metrics that the code records, the page that explains them, and the alerts that use them.

use std::{collections::BTreeSet, fs};

use super::workspace::{File, Workspace, root};

/// The page with a row for each metric.
const PAGE: &str = "docs/operation/monitoring.md";
/// The rules of alerts for Prometheus.
const ALERTS: &str = "docker/prometheus/alerts.yml";
/// The dashboard for Grafana.
const DASHBOARD: &str = "docker/grafana/portcullis.json";
/// The functions, operators and variables in expressions of alerts and of the dashboard.
const LANGUAGE: [&str; 15] = [
    "sum",
    "min",
    "max",
    "rate",
    "increase",
    "time",
    "by",
    "or",
    "unless",
    "offset",
    "histogram_quantile",
    "label_values",
    "le",
    "instance",
    "up",
];

/// The tests of the alerts.
const ALERT_TESTS: &str = "docker/prometheus/alerts_test.yml";

/// Alerts without a row on the page or without a test.
pub(crate) fn alerts_unexplained(workspace: &Workspace) -> Vec<String> {
    let page = workspace.pages.iter().find(|(path, _)| path == PAGE).map_or("", |(_, text)| text);
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let (alerts, tests) = (read(ALERTS), read(ALERT_TESTS));
    let names: Vec<&str> =
        alerts.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: ")).collect();
    let on_page = |name: &&str| !page.contains(&format!("| `{name}` |"));
    let tested = |name: &&str| !tests.contains(&format!("alertname: {name}\n"));
    let missing =
        names.iter().filter(|name| on_page(name)).map(|name| format!("{PAGE}: no row for `{name}`"));
    let untested = names.iter().filter(|name| tested(name)).map(|name| format!("{ALERT_TESTS}: no {name}"));
    let empty = names.is_empty().then(|| format!("{ALERTS}: no alerts found"));
    missing.chain(untested).chain(empty).collect()
}

/// Metrics that the page does not have, rows of the page without a metric, and names in the alerts that are no metrics.
pub(crate) fn undocumented(workspace: &Workspace) -> Vec<String> {
    let recorded: BTreeSet<String> = workspace.files.iter().flat_map(recorded_in).collect();
    let page = workspace.pages.iter().find(|(path, _)| path == PAGE).map_or("", |(_, text)| text);
    let rows: BTreeSet<String> = page.lines().flat_map(names_of_row).collect();
    let alerts = fs::read_to_string(root().join(ALERTS)).unwrap_or_default();
    let dashboard = fs::read_to_string(root().join(DASHBOARD)).unwrap_or_default();
    let used = BTreeSet::from_iter(expressions_of_alerts(&alerts).iter().flat_map(|line| names_in(line)));
    let shown =
        BTreeSet::from_iter(expressions_of_dashboard(&dashboard).iter().flat_map(|line| names_in(line)));
    let missing = recorded.difference(&rows).map(|name| format!("{PAGE}: no row for `{name}`"));
    let dead = rows.difference(&recorded).map(|name| format!("{PAGE}: `{name}` is not recorded"));
    let wrong = used.difference(&recorded).map(|name| format!("{ALERTS}: `{name}` is no metric"));
    let wrong_panels = shown.difference(&recorded).map(|name| format!("{DASHBOARD}: `{name}` is no metric"));
    let empty = [(recorded.len(), "src"), (used.len(), ALERTS), (shown.len(), DASHBOARD)];
    let empty =
        empty.iter().filter(|(found, _)| *found < 5).map(|(_, place)| format!("{place}: no metrics found"));
    missing.chain(dead).chain(wrong).chain(wrong_panels).chain(empty).collect()
}

/// The names in `counter!("…")`, `gauge!("…")` and `histogram!("…")`.
fn recorded_in(file: &File) -> Vec<String> {
    if file.test || !(file.path.starts_with("src/") || file.path.starts_with("actors/src/")) {
        return Vec::new();
    }
    let text = &file.source.text;
    let mut names = Vec::new();
    for call in ["counter!(", "gauge!(", "histogram!("] {
        for (at, _) in text.match_indices(call) {
            let rest = text[at + call.len()..].trim_start();
            names.extend(rest.strip_prefix('"').and_then(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    names
}

/// The names in the first column of a row of the table of metrics.
fn names_of_row(line: &str) -> Vec<String> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let is_metric = cells.get(2).is_some_and(|kind| ["counter", "gauge", "histogram"].contains(kind));
    let names = is_metric.then(|| cells[1].split('`').skip(1).step_by(2).map(str::to_owned));
    names.into_iter().flatten().collect()
}

/// The expressions of a file of alerts. An expression may have several lines, up to the next key.
fn expressions_of_alerts(text: &str) -> Vec<String> {
    let mut expressions: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let key = line.split(": ").next().filter(|key| ["for", "labels", "annotations"].contains(key));
        if let Some(first) = line.strip_prefix("expr:") {
            expressions.push(first.to_owned());
            inside = true;
        } else if key.is_some() || line.starts_with("- alert:") {
            inside = false;
        } else if let Some(last) = expressions.last_mut().filter(|_| inside) {
            last.push_str(line);
        }
    }
    expressions
}

/// The expressions of the panels and variables of a dashboard.
fn expressions_of_dashboard(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let line = line.trim();
        let value = line.strip_prefix("\"expr\": \"").or(line.strip_prefix("\"definition\": \""))?;
        Some(value.trim_end_matches(',').trim_end_matches('"').replace("\\\"", "\""))
    };
    text.lines().filter_map(of_line).collect()
}

/// The names of metrics in an expression: every word that is not a label, a duration, a number or a word of the language.
fn names_in(expression: &str) -> Vec<String> {
    let mut text = String::new();
    // Selectors and ranges have labels and durations.
    let mut depth = 0_u32;
    for c in expression.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    // The labels after `by` are in parentheses.
    let groups: Vec<&str> = text.split(" by (").collect();
    let outside = groups.iter().enumerate().map(|(index, group)| match group.split_once(')') {
        Some((_, rest)) if index > 0 => rest,
        _ => group,
    });
    let words = outside.flat_map(|part| part.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')));
    let is_name =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase()) && !LANGUAGE.contains(word);
    // A histogram has its name in front of `_bucket` and `_count`.
    let bare =
        |word: &str| word.strip_suffix("_bucket").or(word.strip_suffix("_count")).unwrap_or(word).to_owned();
    words.filter(is_name).map(bare).collect()
}

#[test]
fn a_row_names_each_of_its_metrics() {
    let row = "| `job_runs_total`, `job_failures_total` | counter | `job` | runs |";
    assert_eq!(names_of_row(row), ["job_runs_total", "job_failures_total"]);
    assert_eq!(names_of_row("| goal | `http_requests_total` |"), Vec::<String>::new());
}

#[test]
fn an_expression_names_its_metrics() {
    let ratio =
        "sum by (instance) (rate(http_requests_total{status=~\"5..\"}[5m])) / tls_certificate_seconds_left";
    assert_eq!(names_in(ratio), ["http_requests_total", "tls_certificate_seconds_left"]);
    let quantile =
        "histogram_quantile(0.99, sum by (le, lane) (rate(lane_wait_seconds_bucket[10m]))) > 14 * 86400";
    assert_eq!(names_in(quantile), ["lane_wait_seconds"]);
}

#[test]
fn each_expression_of_a_file_is_found() {
    let alerts = "- alert: A\n  expr: >-\n    one_total\n    / two_total\n  for: 2m\n  labels: {}\n- alert: B\n  expr: three_total > 1";
    assert_eq!(expressions_of_alerts(alerts), [" >-one_total/ two_total", " three_total > 1"]);
    let dashboard = " \"expr\": \"sum(connections{a=~\\\"$b\\\"})\",\n \"title\": \"x\"";
    assert_eq!(expressions_of_dashboard(dashboard), ["sum(connections{a=~\"$b\"})"]);
}
