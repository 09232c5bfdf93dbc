//! Equal answer times for all answers of one use case, so that the time of an answer does not reveal the result.
//!
//! The sign-in with a password and registration use this file. The rule is in `answer_timing`; this file measures and waits. A
//! waiting answer holds neither a thread nor a permit to hash.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::answer_timing::AnswerTiming;

/// Delays the answers of one use case.
#[derive(Debug, Default)]
pub(crate) struct EvenAnswers(Mutex<AnswerTiming>);

impl EvenAnswers {
    /// Waits until an answer is due. `began` is the time when the work for successes and failures began to differ. Only the
    /// times of successes become samples.
    pub(crate) async fn wait(&self, began: Instant, success: bool) {
        let due = {
            let mut timing = self.0.lock();
            if success {
                timing.note(began.elapsed());
            }
            timing.due()
        };
        tokio::time::sleep_until(began + due).await;
    }
}
