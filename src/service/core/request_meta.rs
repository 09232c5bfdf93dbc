//! What the use cases know about a request, whichever entrance it came through.

use std::net::IpAddr;

use protocol::id::DeviceId;

/// What the use cases know about a request.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// Its id, for logs and audit events.
    pub request_id: String,
    /// The client's address.
    pub address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The fingerprint of its headers.
    pub fingerprint: String,
    /// The device that a genuine device cookie names.
    pub device: Option<DeviceId>,
    /// Whether it came from a browser.
    pub browser: bool,
}
