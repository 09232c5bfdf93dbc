//! What the use cases know about a request, for every entrance of the server.

use std::net::IpAddr;

use protocol::id::DeviceId;

/// What the use cases know about a request.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// The id of the request, for logs and audit events.
    pub request_id: String,
    /// The client's address.
    pub address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The fingerprint of the request's headers.
    pub fingerprint: String,
    /// The device that a genuine device cookie names.
    pub device: Option<DeviceId>,
    /// Whether the request came from a browser.
    pub browser: bool,
}
