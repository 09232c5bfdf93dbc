//! [`Problem`]: a refusal of the server (RFC 9457), and the sentence and exit code that follow from it.

use serde::Deserialize;

use crate::cli::{error::CliError, harmless::harmless};

/// The parts of a problem document that the command line uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) status: u16,
    /// The stable word of the problem.
    pub(super) code: String,
    /// A sentence.
    pub(super) detail: String,
    pub(super) request_id: String,
    /// With `step_up_required`: the proofs that the account has.
    pub(super) methods: Vec<String>,
}

impl Problem {
    /// The problem in this answer. A body that is no problem document, for example of a proxy, gives only the status.
    pub(super) fn of(status: u16, body: &[u8]) -> Self {
        let read: Self = serde_json::from_slice(body).unwrap_or_default();
        Self { status, ..read }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// What the command reports.
    pub(super) fn into_error(self, server: &str) -> CliError {
        let Self { status, code, detail, request_id, .. } = self;
        if code.is_empty() {
            let text =
                format!("{server} answered with the status {status}, which is no answer of Portcullis");
            return match status {
                502..=504 => CliError::Unreachable(text),
                _ => CliError::Failure(text),
            };
        }
        let request = if request_id.is_empty() {
            String::new()
        } else {
            format!(", request {}", harmless(&request_id))
        };
        let text = format!("{} ({}{request})", harmless(&detail), harmless(&code));
        match status {
            401 => CliError::SignIn(format!("{text}: sign in with `portcullis login`")),
            403 if matches!(code.as_str(), "step_up_required" | "sign_in_required") => CliError::SignIn(text),
            502..=504 => CliError::Unreachable(text),
            _ => CliError::Failure(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_exit_code() {
        let error = |status: u16, code: &str| {
            let body = serde_json::json!({"status": status, "code": code, "detail": "A \u{1b}[31msentence."});
            Problem::of(status, body.to_string().as_bytes()).into_error("https://a.example")
        };
        assert!(matches!(error(401, "invalid_token"), CliError::SignIn(_)));
        assert!(matches!(error(403, "step_up_required"), CliError::SignIn(_)));
        assert!(matches!(error(403, "not_permitted"), CliError::Failure(_)));
        assert!(matches!(error(422, "invalid_limit"), CliError::Failure(_)));
        assert!(matches!(error(503, "unavailable"), CliError::Unreachable(_)));
        assert!(!error(403, "not_permitted").to_string().contains('\u{1b}'));
        let foreign = Problem::of(502, b"<html>bad gateway</html>").into_error("https://a.example");
        assert!(matches!(&foreign, CliError::Unreachable(text) if text.contains("502")), "{foreign}");
    }
}
