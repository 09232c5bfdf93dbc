//! Logging of the steps of jobs.

use crate::core::failure::Failure;

/// Logs the failure of a step. An unavailable database is logged elsewhere, so here it is logged for debugging only.
pub(crate) fn logged(step: &str, done: Result<(), Failure>) -> Result<(), Failure> {
    match &done {
        Ok(()) => {}
        Err(Failure::Unavailable { .. }) => tracing::debug!(step, "a step of upkeep will be retried"),
        Err(error) => tracing::warn!(step, %error, "a step of upkeep failed"),
    }
    done
}
