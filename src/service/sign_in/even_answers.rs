//! Answers of one kind that all come as late as its successes, so that the time of an answer does not tell what was found.
//!
//! Used by the sign-in with a password and by registration. `answer_timing` has the rule; here it is measured and waited, on a
//! timer that holds neither a thread nor a permit to hash.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::answer_timing::AnswerTiming;

/// Delays the answers of one use case.
#[derive(Debug, Default)]
pub(crate) struct EvenAnswers(Mutex<AnswerTiming>);

impl EvenAnswers {
    /// Waits until an answer is due for which the work began at this moment. Only successes show how long that work takes.
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
