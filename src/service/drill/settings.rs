//! The settings of drills.

use std::time::Duration;

/// When drills run by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrillSettings {
    /// How often this node drills; `None`: only on demand.
    pub interval: Option<Duration>,
}
