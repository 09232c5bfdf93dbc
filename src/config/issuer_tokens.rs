//! `ISSUER_TOKEN_DAYS` for a restore, which refuses tokens of other issuers as long as they may be valid.

use std::time::Duration;

use super::{
    error::ConfigError,
    reader::{Command, Reader},
    table::ISSUER_TOKEN_DAYS,
    variables::Variables,
};

/// The longest life of a token of another issuer, by the rules of `serve`.
///
/// # Errors
/// The setting cannot be read, or is out of its bounds.
pub fn issuer_token_life(variables: &Variables) -> Result<Duration, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    let life = read.duration(&ISSUER_TOKEN_DAYS);
    read.finish(life)
}
