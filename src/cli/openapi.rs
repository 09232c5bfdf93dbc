//! `portcullis openapi`: prints the OpenAPI document of this version. It needs no settings, no database and no running server.

use std::io::{self, Write};

use clap::Args;

use super::error::CliError;
use crate::http::readable_openapi_document;

/// Prints the description of the REST interface and of the server API (OpenAPI 3.1, in JSON).
#[derive(Debug, Args)]
pub(super) struct OpenApi {}

impl OpenApi {
    /// Prints the document. A reader that closes the pipe ends the output, and is no failure.
    pub(super) fn run(self) -> Result<(), CliError> {
        match writeln!(io::stdout().lock(), "{}", readable_openapi_document()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::Failure(format!("the document cannot be written ({error})")))
            }
            _ => Ok(()),
        }
    }
}
