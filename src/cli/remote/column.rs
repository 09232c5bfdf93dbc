//! [`Column`]: a column of a table, and how the value of an entry is written in it.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::cli::{harmless::harmless, time_format::seconds};

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(super) title: &'static str,
    /// Where the value is in an entry (RFC 6901). Of several, the first that exists counts.
    pub(super) pointers: &'static [&'static str],
    pub(super) cell: Cell,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// As it is.
    Text,
    /// As a number, to the right.
    Number,
    /// A time of RFC 3339, in UTC to the second.
    Time,
    /// A time in milliseconds since 1970.
    Millis,
    /// The elements of a list.
    List,
    /// The names of the fields of an object.
    Names,
    /// JSON in one line.
    Json,
}

/// A column with a text.
pub(super) const fn text(title: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { title, pointers, cell: Cell::Text }
}

/// A column with a number.
pub(super) const fn number(title: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { title, pointers, cell: Cell::Number }
}

/// A column with a time.
pub(super) const fn at(title: &'static str, pointers: &'static [&'static str]) -> Column {
    Column { title, pointers, cell: Cell::Time }
}

/// A column with another kind of value.
pub(super) const fn of(title: &'static str, cell: Cell, pointers: &'static [&'static str]) -> Column {
    Column { title, pointers, cell }
}

impl Column {
    /// Whether the values stand to the right.
    pub(super) fn is_right(&self) -> bool {
        self.cell == Cell::Number
    }

    /// The cell of this entry, without characters that a terminal would obey.
    pub(super) fn of(&self, entry: &Value) -> String {
        let found =
            self.pointers.iter().filter_map(|pointer| entry.pointer(pointer)).find(|value| !value.is_null());
        found.map(|value| shown(value, self.cell)).unwrap_or_default()
    }
}

/// A value in words.
pub(super) fn shown(value: &Value, cell: Cell) -> String {
    let text = match (cell, value) {
        (Cell::Time, Value::String(text)) => OffsetDateTime::parse(text, &Rfc3339)
            .map_or_else(|_| text.clone(), |at| seconds(at.to_offset(time::UtcOffset::UTC))),
        (Cell::Millis, Value::Number(millis)) => {
            let at = millis
                .as_i64()
                .and_then(|millis| OffsetDateTime::from_unix_timestamp(millis.div_euclid(1_000)).ok());
            at.map_or_else(|| millis.to_string(), seconds)
        }
        (Cell::Names, Value::Object(fields)) => fields.keys().cloned().collect::<Vec<_>>().join(" "),
        (Cell::Number, Value::Number(number)) if !number.is_i64() && !number.is_u64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        (Cell::Json, value) => value.to_string(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(list)) => {
            list.iter().map(|one| shown(one, Cell::Text)).collect::<Vec<_>>().join(" ")
        }
        (_, Value::Bool(true)) => "yes".to_owned(),
        (_, Value::Bool(false)) => "no".to_owned(),
        (_, value) => value.to_string(),
    };
    harmless(&text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_in_the_form_of_their_column() {
        let entry = json!({"at": "2026-11-29T20:03:11.5+01:00", "ms": 1_500, "list": ["a", "b"], "names": {"x": 1, "y": 2},
            "share": 1.26, "yes": true, "null": null, "bad": "a\u{1b}[1m"});
        let cell = |cell, pointer| Column { title: "", pointers: pointer, cell }.of(&entry);
        assert_eq!(cell(Cell::Time, &["/at"]), "2026-11-29 19:03:11Z");
        assert_eq!(cell(Cell::Millis, &["/ms"]), "1970-01-01 00:00:01Z");
        assert_eq!(cell(Cell::List, &["/list"]), "a b");
        assert_eq!(cell(Cell::Names, &["/names"]), "x y");
        assert_eq!(cell(Cell::Number, &["/share"]), "1.3");
        assert_eq!(cell(Cell::Text, &["/null", "/yes"]), "yes");
        assert_eq!(cell(Cell::Text, &["/missing"]), "");
        assert_eq!(cell(Cell::Text, &["/bad"]), "a\\u{1b}[1m");
    }
}
