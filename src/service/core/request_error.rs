//! The text of the errors of HTTP requests that the server makes.

use std::error::Error;

/// The text of the error with its causes, without the URL, which may contain a secret.
pub(crate) fn request_error(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
