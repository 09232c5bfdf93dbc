//! A device as its user and operators see it in lists. It has the row without expired trust, and what this node knows about its
//! sessions.

use domain::client::device::Trust;
use store::Device;
use time::OffsetDateTime;

use super::listed_session::ListedSession;

/// A device with what this node knows about it.
#[derive(Clone, Debug)]
pub struct ListedDevice {
    /// The device, without trust that has expired.
    pub device: Device,
    /// The number of working sessions on the device.
    pub sessions: usize,
    /// The number of open sockets of these sessions on this node.
    pub open_connections: usize,
}

impl ListedDevice {
    /// A device at `now`, with those of its user's working `sessions` that are on it.
    pub(crate) fn of(device: Device, sessions: &[ListedSession], now: OffsetDateTime) -> Self {
        let on_it = sessions.iter().filter(|listed| listed.session.device == device.id);
        let (sessions, open_connections) =
            on_it.fold((0, 0), |(count, open), listed| (count + 1, open + listed.open_connections));
        let trust = device.trust.at(device.trusted_until, now);
        let trusted_until = device.trusted_until.filter(|_| trust != Trust::New);
        Self { device: Device { trust, trusted_until, ..device }, sessions, open_connections }
    }
}
