//! Logs the steps of jobs.

use crate::core::failure::Failure;

/// Logs the failure of a step. Other parts log that the database is unavailable, so here that is a debug message.
pub(crate) fn logged(step: &str, done: Result<(), Failure>) -> Result<(), Failure> {
    match &done {
        Ok(()) => {}
        Err(Failure::Unavailable { .. }) => tracing::debug!(step, "a step of upkeep will be retried"),
        Err(error) => tracing::warn!(step, %error, "a step of upkeep failed"),
    }
    done
}
