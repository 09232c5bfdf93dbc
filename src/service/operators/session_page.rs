//! The filter of session lists.

use protocol::id::{DeviceId, UserId};

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only sessions of this user.
    pub user: Option<UserId>,
    /// Only sessions of this device.
    pub device: Option<DeviceId>,
    /// Only sessions that are neither revoked nor past their absolute end.
    pub active_only: bool,
    /// The most sessions of a page.
    pub limit: u32,
    /// The cursor that the page before returned.
    pub cursor: Option<String>,
}
