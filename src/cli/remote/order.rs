//! The request that a command makes of its arguments.

use std::collections::BTreeMap;

use clap::{ArgMatches, parser::ValueSource};
use form_urlencoded::Serializer;
use reqwest::Method as HttpMethod;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    http_client::Request,
    noun::{Form, Kind, Method, Parameter, Part, Verb},
};
use crate::cli::error::CliError;

/// The values of the parameters, by their ids.
pub(super) type Values = BTreeMap<&'static str, Vec<String>>;

/// The prefix of the paths of operators.
const PREFIX: &str = "/api/v1/admin";

/// The texts that the command line gives for the parameters of the verb. Defaults count, empty ones do not.
pub(super) fn given(verb: &'static Verb, matches: &ArgMatches) -> Values {
    let texts = |parameter: &'static Parameter| {
        let raw = matches.try_get_raw(parameter.id).ok().flatten()?;
        let texts: Vec<String> = raw.map(|text| text.to_string_lossy().into_owned()).collect();
        let typed = matches.value_source(parameter.id) != Some(ValueSource::DefaultValue);
        let counts = match parameter.form {
            Form::Flag => texts.first().is_some_and(|text| text == "true"),
            _ => typed || texts.iter().any(|text| !text.is_empty()),
        };
        counts.then_some((parameter.id, texts))
    };
    verb.parameters.iter().filter_map(texts).collect()
}

/// The request of the verb with these values, in which accounts are numbers.
///
/// # Errors
/// `Usage` for a value of a wrong form.
pub(super) fn request(verb: &Verb, values: &Values, now: OffsetDateTime) -> Result<Request, CliError> {
    let mut path =
        if verb.path.starts_with("/api/") { verb.path.to_owned() } else { format!("{PREFIX}{}", verb.path) };
    let (mut query, mut body) = (Serializer::new(String::new()), Map::new());
    let mut has_query = false;
    for parameter in verb.parameters {
        let texts = values.get(parameter.id);
        let value = match (parameter.value, texts) {
            (Kind::NotTrue, None) => Some(Value::Bool(true)),
            (Kind::NotTrue, Some(_)) | (_, None) => None,
            (_, Some(texts)) => Some(value(parameter, texts, now)?),
        };
        let Some(value) = value else { continue };
        match parameter.part {
            Part::Program => {}
            Part::Path => path = path.replace(&format!("{{{}}}", parameter.id), &encoded(&text(&value))),
            Part::Query(name) => {
                has_query = true;
                let by_id = parameter.value == Kind::Entry && Uuid::try_parse(&text(&value)).is_ok();
                query.append_pair(if by_id { "id" } else { name }, &text(&value));
            }
            Part::Body(name) => drop(body.insert(name.to_owned(), value)),
        }
    }
    if has_query {
        path = format!("{path}?{}", query.finish());
    }
    let (method, key) = match verb.method {
        Method::Get => (HttpMethod::GET, None),
        Method::Post => (HttpMethod::POST, None),
        Method::Create => (HttpMethod::POST, Some(Uuid::new_v4().to_string())),
        Method::Patch => (HttpMethod::PATCH, None),
        Method::Delete => (HttpMethod::DELETE, None),
    };
    let body = (!body.is_empty()).then_some(Value::Object(body));
    Ok(Request { repeatable: method == HttpMethod::GET || key.is_some(), method, path, body, key })
}

/// The value of these texts, of which there is at least one.
fn value(parameter: &Parameter, texts: &[String], now: OffsetDateTime) -> Result<Value, CliError> {
    let first = texts.first().map(String::as_str).unwrap_or_default();
    let usage =
        |what: &str| CliError::Usage(format!("--{}: `{first}` is {what}", parameter.id.replace('_', "-")));
    let number = |text: &str| text.parse::<i64>().map_err(|_| usage("no whole number"));
    let later = |length: fn(i64) -> Duration| {
        let at = now.checked_add(length(number(first)?)).and_then(|at| at.replace_nanosecond(0).ok());
        let text = at.and_then(|at| at.format(&Rfc3339).ok());
        text.map(Value::String).ok_or_else(|| usage("too long"))
    };
    match parameter.value {
        Kind::Number | Kind::User => number(first).map(Value::from),
        Kind::Users => texts.iter().map(|text| number(text).map(Value::from)).collect(),
        Kind::Texts => Ok(json!(texts)),
        Kind::Joined => Ok(Value::String(texts.join(","))),
        Kind::True | Kind::NotTrue => Ok(Value::Bool(true)),
        Kind::MinutesFromNow => later(Duration::minutes),
        Kind::DaysFromNow => later(Duration::days),
        Kind::Entry if first.parse::<u64>().is_err() && Uuid::try_parse(first).is_err() => {
            Err(usage("neither the number of an entry nor the id of an event"))
        }
        _ => Ok(Value::String(first.to_owned())),
    }
}

/// A value in a path or a query.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text as one part of a path.
fn encoded(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => part.push(byte.into()),
            // `.` is escaped, because a part `..` would leave the path.
            byte => part.push_str(&format!("%{byte:02X}")),
        }
    }
    part
}

/// The path with another limit and cursor.
pub(super) fn page(path: &str, limit: usize, cursor: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::{
        super::nouns::{NOUNS, noun},
        *,
    };

    fn ordered(noun_name: &str, verb: &str, values: &[(&'static str, &str)]) -> Result<Request, CliError> {
        let verb = noun(noun_name).expect(noun_name).verb(verb).expect(verb);
        let values =
            values.iter().map(|(id, text)| (*id, text.split(',').map(str::to_owned).collect())).collect();
        request(verb, &values, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn values_go_to_their_part_of_the_request() {
        let request = ordered("user", "set-role", &[("user", "7"), ("role", "admin"), ("reason", "a, b")])
            .expect("a request");
        assert_eq!((request.method, request.path.as_str()), (HttpMethod::PATCH, "/api/v1/admin/users/7"));
        assert_eq!(request.body, Some(json!({"role": "admin", "reason": "a"})));
        let request = ordered("session", "list", &[("user", "7"), ("client", "a&b")]).expect("a request");
        assert_eq!(request.path, "/api/v1/admin/sessions?user=7&active=true&client=a%26b");
        let request = ordered("session", "list", &[("ended", "true")]).expect("a request");
        assert_eq!(request.path, "/api/v1/admin/sessions");
        let request = ordered("ban", "add", &[("address", "192.0.2.1"), ("minutes", "60"), ("reason", "x")])
            .expect("a request");
        assert_eq!(
            request.body,
            Some(json!({"network": "192.0.2.1", "until": "1970-01-01T01:00:00Z", "reason": "x"}))
        );
        assert!(request.key.is_some() && request.repeatable);
        let request =
            ordered("revocation", "make", &[("users", "7,8"), ("lock_password", "true")]).expect("a request");
        assert_eq!(request.body, Some(json!({"users": [7, 8], "lock_password": true})));
        let request = ordered("webhook", "test", &[("webhook", "../a b")]).expect("a request");
        assert_eq!(
            (request.path.as_str(), request.body),
            ("/api/v1/admin/webhooks/%2E%2E%2Fa%20b/test", None)
        );
    }

    #[test]
    fn an_entry_is_a_number_or_an_id() {
        let path = |entry: &str| ordered("audit", "prove", &[("entry", entry)]).map(|request| request.path);
        assert!(path("17").expect("a path").ends_with("?index=17"));
        let id = Uuid::nil().to_string();
        assert!(path(&id).expect("a path").ends_with(&format!("?id={id}")));
        path("x").expect_err("neither");
    }

    #[test]
    fn pages_keep_the_filters() {
        assert_eq!(page("/a", 5, None), "/a?limit=5");
        assert_eq!(page("/a?b=c", 5, Some("x+y")), "/a?b=c&limit=5&cursor=x%2By");
    }

    #[test]
    fn every_part_of_a_path_has_a_parameter() {
        for noun in NOUNS {
            for verb in noun.verbs {
                let names = verb.path.split('{').skip(1).filter_map(|part| part.split('}').next());
                for name in names {
                    let found = verb.parameters.iter().find(|parameter| parameter.id == name);
                    let of_path = found.is_some_and(|parameter| parameter.part == Part::Path);
                    assert!(of_path, "{} {}: {name}", noun.name, verb.name);
                }
            }
        }
    }
}
