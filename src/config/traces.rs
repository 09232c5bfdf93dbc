//! Where traces are exported to, and how many: the variables that OpenTelemetry has standardised.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    reader::Reader,
    table::{
        OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER_ARG,
    },
};

/// The receiver of traces.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The URL that receives the spans: `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces`.
    pub url: String,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: names and values.
    pub headers: Vec<(String, SecretString)>,
    /// `OTEL_TRACES_SAMPLER_ARG`: the share of traces that are exported, from 0 to 1.
    pub share: f64,
    /// `OTEL_SERVICE_NAME`.
    pub service: String,
}

/// The receiver of traces; `None` if no setting names one.
pub(super) fn traces(read: &mut Reader<'_>) -> Option<TraceSettings> {
    let share = share(read);
    let headers = headers(read);
    let service = read.text(&OTEL_SERVICE_NAME).unwrap_or_default();
    let endpoint = read.text(&OTEL_EXPORTER_OTLP_ENDPOINT)?;
    let valid = Url::parse(&endpoint).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.query().is_none()
    });
    if !valid {
        read.problem(
            "OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL with `http://` or `https://`, without a user, a password or a query",
        );
    }
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    Some(TraceSettings { url, headers, share, service })
}

fn share(read: &mut Reader<'_>) -> f64 {
    let text = read.text(&OTEL_TRACES_SAMPLER_ARG).unwrap_or_default();
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.unwrap_or_else(|| {
        read.problem(format!("OTEL_TRACES_SAMPLER_ARG: `{text}` is not a number from 0 to 1"));
        0.0
    })
}

/// The headers `name=value`, separated by commas.
fn headers(read: &mut Reader<'_>) -> Vec<(String, SecretString)> {
    let Some(given) = read.secret(&OTEL_EXPORTER_OTLP_HEADERS) else { return Vec::new() };
    let parts = given.expose_secret().split(',').map(str::trim).filter(|part| !part.is_empty());
    let pairs: Option<Vec<_>> = parts.map(header).collect();
    pairs.unwrap_or_else(|| {
        read.problem("OTEL_EXPORTER_OTLP_HEADERS: must have the form `name=value,name=value`");
        Vec::new()
    })
}

/// A header with a name that is a token (RFC 9110, 5.6.2) and a value of visible ASCII text.
fn header(text: &str) -> Option<(String, SecretString)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_value = |byte: u8| (b' '..=b'~').contains(&byte);
    let valid = !name.is_empty() && name.bytes().all(is_name) && value.bytes().all(is_value);
    valid.then(|| (name.to_ascii_lowercase(), SecretString::from(value.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{reader::Command, variables::Variables};

    fn read(pairs: &[(&str, &str)]) -> (Option<TraceSettings>, Vec<String>) {
        let variables: Variables = pairs.iter().copied().collect();
        let mut read = Reader::new(&variables, Command::Serve);
        let found = traces(&mut read);
        (found, read.into_findings().0)
    }

    #[test]
    fn nothing_is_exported_without_an_endpoint() {
        let (found, problems) = read(&[]);
        assert!(found.is_none() && problems.is_empty());
    }

    #[test]
    fn an_endpoint_gets_the_path_of_traces() {
        let given = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://traces.example.com:4318/in/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic abc==, x-team=chat"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ];
        let (found, problems) = read(&given);
        let found = found.expect("settings");
        assert_eq!(problems, [""; 0]);
        assert_eq!(found.url, "https://traces.example.com:4318/in/v1/traces");
        assert_eq!((found.share, found.service.as_str()), (0.25, "portcullis"));
        let headers: Vec<_> =
            found.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(headers, [("authorization", "Basic abc=="), ("x-team", "chat")]);
    }

    #[test]
    fn wrong_values_are_named_and_no_secret_is_shown() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        for (pairs, wrong) in [
            (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")], "OTEL_EXPORTER_OTLP_ENDPOINT: "),
            (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:hunter2@b")], "OTEL_EXPORTER_OTLP_ENDPOINT: "),
            (vec![endpoint, ("OTEL_TRACES_SAMPLER_ARG", "1.5")], "OTEL_TRACES_SAMPLER_ARG: `1.5`"),
            (vec![endpoint, ("OTEL_TRACES_SAMPLER_ARG", "NaN")], "OTEL_TRACES_SAMPLER_ARG: `NaN`"),
            (vec![endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")], "OTEL_EXPORTER_OTLP_HEADERS: "),
            (vec![endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hunter2")], "OTEL_EXPORTER_OTLP_HEADERS: "),
        ] {
            let problems = read(&pairs).1;
            assert!(problems.len() == 1 && problems[0].starts_with(wrong), "{wrong}: {problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }
}
