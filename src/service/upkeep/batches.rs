//! Work in batches: after each batch there is a pause of the same length, so that the database can do other work.

use std::time::Instant;

use crate::core::failure::Failure;

/// Runs batches one after another. A batch returns `false` if it was the last.
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
