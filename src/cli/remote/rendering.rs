//! Answers as texts for people.

use serde_json::{Value, json};

use super::column::{Cell, Column, at, number, shown, text};
use crate::cli::text_table;

/// The columns of statistics, whose rows [`statistics`] makes.
pub(super) const STATISTICS: &[Column] = &[
    text("series", &["/series"]),
    text("label", &["/label"]),
    at("from", &["/at"]),
    number("count", &["/count"]),
    number("mean", &["/mean"]),
    number("highest", &["/highest"]),
    number("p50 ms", &["/p50_ms"]),
    number("p99 ms", &["/p99_ms"]),
];

/// The entries as a table. Columns without any value are left out, if there is another one.
pub(super) fn table(entries: &[Value], columns: &[Column], width: Option<usize>) -> Vec<String> {
    let cells: Vec<Vec<String>> =
        entries.iter().map(|entry| columns.iter().map(|column| column.of(entry)).collect()).collect();
    let used: Vec<usize> = (0..columns.len())
        .filter(|at| *at == 0 || cells.is_empty() || cells.iter().any(|row| !row[*at].is_empty()))
        .collect();
    let titles: Vec<&str> = used.iter().map(|at| columns[*at].title).collect();
    let right: Vec<bool> = used.iter().map(|at| columns[*at].is_right()).collect();
    let rows: Vec<Vec<String>> =
        cells.iter().map(|row| used.iter().map(|at| row[*at].clone()).collect()).collect();
    text_table::lines(&titles, &right, &rows, width)
}

/// The points of statistics, each with its series and label.
pub(super) fn statistics(answer: &Value) -> Vec<Value> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for series in list(answer, "series") {
        for label in list(&series, "labels") {
            for point in list(&label, "points") {
                let mut row = json!({"series": series["name"], "label": label["label"]});
                if let (Some(row), Value::Object(point)) = (row.as_object_mut(), point) {
                    row.extend(point);
                }
                rows.push(row);
            }
        }
    }
    rows
}

/// The fields of an object, one on each line. Fields of inner objects have the names of both.
pub(super) fn fields(answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(answer, "", &mut found);
    let width = found.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    found.into_iter().map(|(name, value)| format!("{name:width$}  {value}").trim_end().to_owned()).collect()
}

fn collect(value: &Value, name: &str, found: &mut Vec<(String, String)>) {
    let inner = |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") };
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(field, value)| collect(value, &inner(field), found));
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().enumerate().for_each(|(at, value)| collect(value, &inner(&at.to_string()), found));
        }
        Value::Null => found.push((super::column::shown(&json!(name), Cell::Text), String::new())),
        value => found.push((shown(&json!(name), Cell::Text), shown(value, Cell::Time))),
    }
}

/// A proof of the audit log, in the form that the command on the database prints.
pub(super) fn proof(answer: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(leaf) = answer["leaf"].as_str() {
        lines.push(leaf.to_owned());
    }
    let text = |name: &str| shown(&answer[name], Cell::Text);
    if answer["from"].is_null() {
        lines.extend([
            format!("index {}", text("index")),
            format!("size {}", text("size")),
            format!("root {}", text("root")),
        ]);
    } else {
        lines.push(format!("from {} {}", text("from"), text("from_root")));
        lines.push(format!("to {} {}", text("to"), text("to_root")));
    }
    lines.extend(answer["hashes"].as_array().into_iter().flatten().map(|hash| shown(hash, Cell::Text)));
    if let Some(checkpoint) = answer["checkpoint"].as_str() {
        lines.push(String::new());
        lines.extend(checkpoint.lines().map(str::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_fields_have_the_names_of_both() {
        let answer = json!({"id": 7, "factors": {"totp": true}, "nodes": [{"state": "closed"}], "scopes": ["a", "b"], "none": null});
        assert_eq!(
            fields(&answer),
            ["factors.totp   yes", "id             7", "nodes.0.state  closed", "none", "scopes         a b"]
        );
    }

    #[test]
    fn columns_without_values_are_left_out() {
        let columns = [number("id", &["/id"]), text("name", &["/name"]), text("other", &["/other"])];
        let entries = [json!({"id": 7, "name": "a"}), json!({"id": 8, "name": null})];
        assert_eq!(table(&entries, &columns, None), ["id  name", " 7  a", " 8"]);
        assert_eq!(table(&[], &columns, None), ["id  name  other"]);
    }

    #[test]
    fn each_point_of_statistics_becomes_a_row() {
        let answer = json!({"series": [{"name": "sign_ins", "labels": [{"label": "success", "points": [{"at": "x", "count": 2}]}]}]});
        assert_eq!(
            statistics(&answer),
            [json!({"series": "sign_ins", "label": "success", "at": "x", "count": 2})]
        );
    }
}
