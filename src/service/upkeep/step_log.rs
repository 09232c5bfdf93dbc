//! Logs the steps of jobs.

use crate::core::failure::Failure;

/// Logs the failure of a step, and returns `done` unchanged. Other parts log that the database is unavailable, so `Unavailable`
/// is only a debug message here.
pub(crate) fn logged(step: &str, done: Result<(), Failure>) -> Result<(), Failure> {
    match &done {
        Ok(()) => {}
        Err(Failure::Unavailable { .. }) => tracing::debug!(step, "a step of upkeep will be retried"),
        Err(error) => tracing::warn!(step, %error, "a step of upkeep failed"),
    }
    done
}
