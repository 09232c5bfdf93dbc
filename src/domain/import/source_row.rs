//! One row of the older system, as the database gives it in JSON: numbers, texts, times as ISO texts, bytes as `\x…`.

use std::net::IpAddr;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    columns::{ID, Names, USER_ID},
    finding::{Effect, Finding, Reason},
};

/// The endings of enumeration names, in lower case. `UserStatus.ACTIVE` begins with such a name; `billing.admin` does not.
const ENUMERATIONS: [&str; 6] = ["status", "role", "type", "method", "outcome", "enum"];

/// A row of the source. Its values may be secret, so it has no `Debug`.
#[derive(Clone)]
pub struct SourceRow {
    table: &'static str,
    values: Map<String, Value>,
}

impl SourceRow {
    /// A row of this table.
    #[must_use]
    pub fn new(table: &'static str, values: Map<String, Value>) -> Self {
        Self { table, values }
    }

    /// The key of the row in the report: its id, or the id of its account.
    #[must_use]
    pub fn key(&self) -> String {
        self.text(ID).or_else(|| self.text(USER_ID)).unwrap_or_default()
    }

    /// The id of the account that the row belongs to.
    #[must_use]
    pub fn owner(&self) -> Option<i64> {
        self.number(USER_ID)
    }

    /// The finding that the row is not taken.
    #[must_use]
    pub fn refused(&self, reason: Reason, detail: impl Into<String>) -> Finding {
        self.finding(Effect::Refused, reason, detail)
    }

    /// The finding that the row is taken in another form.
    #[must_use]
    pub fn changed(&self, reason: Reason, detail: impl Into<String>) -> Finding {
        self.finding(Effect::Changed, reason, detail)
    }

    fn finding(&self, effect: Effect, reason: Reason, detail: impl Into<String>) -> Finding {
        Finding { table: self.table, row: self.key(), effect, reason, detail: detail.into() }
    }

    /// Whether the table has one of the columns.
    pub(super) fn has(&self, names: Names) -> bool {
        names.iter().any(|name| self.values.contains_key(*name))
    }

    /// The first value in these columns that is not null.
    pub(super) fn value(&self, names: Names) -> Option<&Value> {
        names.iter().filter_map(|name| self.values.get(*name)).find(|value| !value.is_null())
    }

    /// A text that is not blank, or a number as text.
    pub(super) fn text(&self, names: Names) -> Option<String> {
        let text = match self.value(names)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }

    /// A word of a closed vocabulary, in lower case. An enumeration of Python may be stored with its name in front
    /// (`UserStatus.ACTIVE`).
    pub(super) fn word(&self, names: Names) -> Option<String> {
        let text = self.text(names)?.trim().to_lowercase();
        let word = match text.rsplit_once('.') {
            Some((class, word)) if ENUMERATIONS.iter().any(|end| class.ends_with(end)) => word,
            _ => &text,
        };
        Some(word.to_owned())
    }

    /// A whole number.
    pub(super) fn number(&self, names: Names) -> Option<i64> {
        match self.value(names)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A number.
    pub(super) fn real(&self, names: Names) -> Option<f64> {
        match self.value(names)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|real: &f64| real.is_finite())
    }

    /// Yes or no. Empty text and words such as `false`, `no` and `off` mean no. Any other text means yes, for example the time
    /// when something was switched on.
    pub(super) fn flag(&self, names: Names) -> Option<bool> {
        Some(match self.value(names)? {
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => {
                !matches!(text.trim().to_lowercase().as_str(), "" | "f" | "false" | "n" | "no" | "off" | "0")
            }
            Value::Null => return None,
            Value::Array(_) | Value::Object(_) => true,
        })
    }

    /// Yes or no in a column that decides about rights. Any other value is refused, because it is neither a clear yes nor a
    /// clear no.
    pub(super) fn decision(&self, names: Names) -> Result<Option<bool>, Finding> {
        let Some(value) = self.value(names) else { return Ok(None) };
        let word = match value {
            Value::Bool(flag) => return Ok(Some(*flag)),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_lowercase(),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        };
        match word.as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Ok(Some(true)),
            "f" | "false" | "n" | "no" | "off" | "0" => Ok(Some(false)),
            _ => Err(self
                .refused(Reason::InvalidValue, format!("`{}` is neither yes nor no", names.join("` or `")))),
        }
    }

    /// A time. A time without a zone is in UTC, as the older system wrote it.
    pub(super) fn time(&self, names: Names) -> Option<OffsetDateTime> {
        let text = self.value(names)?.as_str()?;
        let parsed = OffsetDateTime::parse(text, &Rfc3339);
        let time = parsed.or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339)).ok()?;
        Some(time.to_offset(time::UtcOffset::UTC))
    }

    /// Bytes: a column of bytes, or a text in Base64 or base64url, with or without padding.
    pub(super) fn bytes(&self, names: Names) -> Option<Vec<u8>> {
        let text = self.value(names)?.as_str()?.trim();
        if let Some(hex) = text.strip_prefix("\\x") {
            return HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        }
        let text = text.trim_end_matches('=').as_bytes();
        BASE64URL_NOPAD.decode(text).or_else(|_| BASE64_NOPAD.decode(text)).ok()
    }

    /// A UUID, as text or as sixteen bytes.
    pub(super) fn uuid(&self, names: Names) -> Option<Uuid> {
        let text = self.value(names)?.as_str()?.trim();
        let bytes = || Uuid::from_slice(&self.bytes(names)?).ok();
        Uuid::try_parse(text).ok().or_else(bytes)
    }

    /// An IP address. A network prefix (`/24`) after the address is ignored.
    pub(super) fn address(&self, names: Names) -> Option<IpAddr> {
        let text = self.text(names)?;
        let address = text.trim().split('/').next()?;
        address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }

    /// A list of words: a JSON array, or a text with a JSON array or with commas.
    pub(super) fn words(&self, names: Names) -> Vec<String> {
        let own = |list: &[Value]| list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
        match self.value(names) {
            Some(Value::Array(list)) => own(list),
            Some(Value::String(text)) => match serde_json::from_str::<Vec<Value>>(text) {
                Ok(list) => own(&list),
                Err(_) => text
                    .split(',')
                    .map(|one| one.trim_matches(|c: char| c.is_whitespace() || "{}\"'[]".contains(c)))
                    .filter(|one| !one.is_empty())
                    .map(str::to_owned)
                    .collect(),
            },
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the values are made in place")]
    fn row(value: Value) -> SourceRow {
        SourceRow::new("users", json!({ "x": value }).as_object().expect("an object").clone())
    }

    const X: Names = &["w", "x"];

    #[test]
    fn values_are_read_in_every_form_that_a_column_may_have() {
        assert_eq!(row(json!("UserStatus.ACTIVE")).word(X).as_deref(), Some("active"));
        assert_eq!(row(json!(7)).text(X).as_deref(), Some("7"));
        assert_eq!(row(json!(" 7 ")).number(X), Some(7));
        assert_eq!(row(json!("  ")).text(X), None);
        for yes in [json!(true), json!(1), json!("t"), json!("2024-01-01T00:00:00")] {
            assert_eq!(row(yes).flag(X), Some(true));
        }
        for no in [json!(false), json!(0), json!("false"), json!("f"), json!("N")] {
            assert_eq!(row(no).flag(X), Some(false));
        }
        assert_eq!(row(json!("Y")).decision(X).unwrap(), Some(true));
        assert_eq!(row(json!("n")).decision(X).unwrap(), Some(false));
        assert!(row(json!("perhaps")).decision(X).is_err() && row(json!("")).decision(X).is_err());
        assert_eq!(row(json!("billing.admin")).word(X).as_deref(), Some("billing.admin"));
        assert_eq!((row(json!(null)).flag(X), row(json!(null)).has(X)), (None, true));
        for bytes in [json!("\\xfbef01"), json!("--8B"), json!("++8B"), json!("--8B=")] {
            assert_eq!(row(bytes).bytes(X), Some(vec![0xfb, 0xef, 0x01]));
        }
        for list in
            [json!(["usb", "nfc"]), json!("[\"usb\", \"nfc\"]"), json!("usb, nfc"), json!("{usb,nfc}")]
        {
            assert_eq!(row(list).words(X), ["usb", "nfc"]);
        }
    }

    #[test]
    fn a_time_without_a_zone_is_in_utc() {
        let expected = OffsetDateTime::from_unix_timestamp(1_714_564_800).ok();
        for text in ["2024-05-01T12:00:00", "2024-05-01T12:00:00+00:00", "2024-05-01T14:00:00.000+02:00"] {
            assert_eq!(row(json!(text)).time(X), expected);
        }
        assert_eq!(row(json!("infinity")).time(X), None);
    }

    #[test]
    fn an_address_is_read_in_canonical_form_and_without_its_network_prefix() {
        for text in ["192.0.2.1", "192.0.2.1/32", "::ffff:192.0.2.1"] {
            assert_eq!(row(json!(text)).address(X), Some(IpAddr::from([192, 0, 2, 1])));
        }
        assert_eq!(row(json!("unknown")).address(X), None);
    }
}
