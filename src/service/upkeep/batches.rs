//! Work in batches: after each there is a pause of the same length, so that other work of the database goes on.

use std::time::Instant;

use crate::core::failure::Failure;

/// Runs a batch after the other, until one says that it was the last (`false`).
///
/// # Errors
/// The first failure.
pub(crate) async fn in_batches<F>(batch: impl Fn() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<bool, Failure>>,
{
    loop {
        let began = Instant::now();
        if !batch().await? {
            return Ok(());
        }
        tokio::time::sleep(began.elapsed()).await;
    }
}
