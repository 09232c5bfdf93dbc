//! What is said of a journal that does not answer: counted every time, logged now and then.
//!
//! During an outage every call fails, thousands in a second; the first says it all.

use std::{
    fmt::Display,
    mem,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How often it is logged, by all shards together.
const EVERY: Duration = Duration::from_secs(10);

static COMPLAINTS: Mutex<Complaints> = Mutex::new(Complaints { said: None, unsaid: 0 });

/// A call failed.
pub(crate) fn complain(call: &'static str, error: &dyn Display) {
    metrics::counter!("journal_failures_total", "call" => call).increment(1);
    if let Some(unsaid) = COMPLAINTS.lock().due(Instant::now()) {
        tracing::warn!(call, %error, unsaid, "the journal did not answer");
    }
}

struct Complaints {
    said: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Whether it is to be said now; with how many that were not, since it last was.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            self.unsaid += 1;
            return None;
        }
        self.said = Some(now);
        Some(mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_once_and_then_now_and_then_with_how_much_was_kept_back() {
        let (mut complaints, began) = (Complaints { said: None, unsaid: 0 }, Instant::now());
        assert_eq!(complaints.due(began), Some(0));
        for millisecond in 0..3 {
            assert_eq!(complaints.due(began + Duration::from_millis(millisecond)), None);
        }
        assert_eq!(complaints.due(began + EVERY), Some(3));
        assert_eq!(complaints.due(began + EVERY), None);
    }
}
