//! `drill`, `receipt show` and `receipt verify` on a server: the answers in the form of the commands on the database.

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::Value;

use super::{http_client::Request, server_args::ServerArgs, signed_in::SignedIn};
use crate::cli::{
    drill::Answers,
    error::CliError,
    receipt::{self, Verify},
};

/// The key that verifies the checkpoints of the server.
const KEY: &str = "/api/v1/audit/key";

/// Shows the drill of the server that has answered.
///
/// # Errors
/// `Failure` if a door was not shut in time.
pub(super) fn drilled(server: &SignedIn, answer: Value, as_json: bool) -> Result<(), CliError> {
    let answers = Answers::of_server(serde_json::from_value(answer).map_err(|_| unknown(server))?);
    answers.print(as_json);
    answers.verdict()
}

/// Shows a receipt, or writes it into the file of `--out`.
pub(super) async fn show(
    server: &SignedIn,
    request: &Request,
    matches: &ArgMatches,
    as_json: bool,
) -> Result<(), CliError> {
    let answer = server.call(request).await?;
    let signed = serde_json::from_value(answer).map_err(|_| unknown(server))?;
    let out = matches.get_one::<std::path::PathBuf>("out");
    receipt::hand_out(&signed, as_json, out.map(std::path::PathBuf::as_path))
}

/// Verifies a receipt with the keys of the command line, or else with the one that the server publishes. With keys of the command
/// line, no server is asked.
pub(super) async fn verify(args: &ServerArgs, matches: &ArgMatches) -> Result<(), CliError> {
    let verify = Verify::from_arg_matches(matches).map_err(|error| CliError::Usage(error.to_string()))?;
    if verify.has_keys() {
        return verify.run(None);
    }
    let server = SignedIn::open(args)?;
    let key = server.stream(&Request::get(KEY)).await?.finish().await?.body;
    let key = String::from_utf8(key).map_err(|_| unknown(&server))?;
    verify.run(Some((&server.server(), key.trim_end())))
}

fn unknown(server: &SignedIn) -> CliError {
    CliError::Failure(format!("{} answered with something that this program does not know", server.server()))
}
