//! The filter of session lists.

use protocol::id::{DeviceId, UserId};

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those that are neither revoked nor past their absolute end.
    pub active_only: bool,
    /// The most sessions of a page.
    pub limit: u32,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}
