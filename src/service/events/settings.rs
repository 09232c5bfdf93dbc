//! The settings of events for other systems.

use std::time::Duration;

/// The settings of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// Whether events may be sent to inner addresses, and over plain HTTP.
    pub inner_addresses: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// After this many attempts, an event becomes a dead letter.
    pub max_attempts: u32,
    /// After this time, an event becomes a dead letter.
    pub max_age: Duration,
    /// The most events that wait for one receiver.
    pub backlog: u32,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            inner_addresses: false,
            timeout: Duration::from_secs(10),
            max_attempts: 100,
            max_age: Duration::from_secs(3 * 24 * 60 * 60),
            backlog: 100_000,
        }
    }
}
